"""Which classes the emitted file has: instances of a block that are built alike share one.

Two instances are alike if their lines do the same with the same names; numbers may differ, they
become constructor arguments. A shortcut that only some take is an `if` in the constructor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct, field

from netc.compiler.expression import torch_of
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.in_place import in_place
from netc.compiler.layers.base import Given, Torch


class Parameter(Struct):
    """A constructor argument with its value in each instance."""

    name: str
    values: dict[int, Any]
    default: Any = None
    has_default: bool = False


class Plan(Struct):
    """One class to emit: its name and the instances it serves, then what was written for it."""

    name: str
    instances: list[Module]
    parameters: list[Parameter] = field(default_factory=list)
    constructor: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)


class Plans:
    """All classes of a net, inner ones first."""

    def __init__(self, root: Module, taken: frozenset[str]) -> None:
        self.plans: list[Plan] = []
        self.over = in_place(root)
        self._of: dict[int, tuple[Plan, int]] = {}
        self._names = set(taken)
        self._numbers: dict[int, int] = {}
        self._number = 0
        by_height: dict[int, list[Module]] = {}
        for module, height in _modules(root):
            by_height.setdefault(height, []).append(module)
        for height in sorted(by_height):
            self._group(by_height[height])

    def of(self, module: Module) -> tuple[Plan, int]:
        """The class of an instance, and its place among the class's instances."""
        return self._of[id(module)]

    def _group(self, modules: Sequence[Module]) -> None:
        inners: dict[Any, list[Any]] = {}
        signatures = [(module, *self._signature(module)) for module in modules]
        for _, outer, inner in signatures:
            known = inners.setdefault(outer, [])
            if inner not in known and None not in inner:
                known.append(inner)
        plans: dict[Any, Plan] = {}
        for module, outer, inner in signatures:
            known = inners[outer]
            fitting = next((k for k in known if _fits(inner, k)), inner)
            plan = plans.get((outer, fitting))
            if plan is None:
                plan = plans[(outer, fitting)] = Plan(self._fresh(module.name), [])
                self.plans.append(plan)
            self._of[id(module)] = (plan, len(plan.instances))
            self._numbers[id(module)] = self.plans.index(plan)
            plan.instances.append(module)

    def _fresh(self, name: str) -> str:
        chosen, number = name, 1
        while chosen in self._names:
            number += 1
            chosen = f"{name}{number}"
        self._names.add(chosen)
        return chosen

    def _signature(self, module: Module) -> tuple[Any, tuple[Any, ...]]:
        """What makes instances alike: (all but conditional shortcuts, each shortcut or None)."""
        self._number = len(module.inputs)
        places = places_of(module)
        whens: list[Any] = []
        steps = tuple(self._steps(module.steps, places, whens))
        outputs = tuple(places.get(wire) for _, wire in module.outputs)
        return (module.word, module.name, steps, outputs), tuple(whens)

    def _steps(
        self, steps: Sequence[Step], places: dict[Wire, Any], whens: list[Any]
    ) -> Iterator[Any]:
        for step in steps:
            yield self._step(step, places, whens)

    def _step(self, step: Step, places: dict[Wire, Any], whens: list[Any]) -> Any:
        refs = tuple(places.get(wire) for wire in step.inputs)
        shown: Any
        match step:
            case LayerStep():
                shown = (step.layer.kind, step.name, refs, step.reuse, _alike(torch_of(step)))
            case BlockStep():
                shown = (self._numbers[id(step.module)], step.name, refs, step.reuse)
            case ParamStep():
                shown = ("param", step.name, step.weight.shape, step.start)
            case RepeatStep():
                shown = ("repeat", step.name, refs, tuple(self._steps(step.items, places, whens)))
            case GroupStep():
                shown = ("group", step.name, refs, tuple(self._steps(step.steps, places, whens)))
            case WhenStep():
                place = (step.span.line, step.span.column)
                before = self._number
                nested: list[Any] = []  # conditions within conditions are no `if`: all agree
                inner = tuple(self._steps(step.steps, dict(places), nested)) if step.taken else None
                self._number = before  # a way that only some take must not shift what follows
                whens.append(None if inner is None else (inner, tuple(nested)))
                shown = ("when", place, refs[:1])
        places[step.output] = self._number
        self._number += 1
        return shown


def places_of(module: Module) -> dict[Wire, int]:
    """The places of what flows into a module; the first, where one value is handed in twice."""
    return {wire: place for place, (_, wire) in reversed([*enumerate(module.inputs)])}


def unary(step: Step) -> bool:
    """Whether a step is one module that takes one value: what `nn.Sequential` can hold."""
    match step:
        case LayerStep():
            torch = torch_of(step)
            return torch.module is not None and torch.call == "{m}({0})" and len(step.inputs) == 1
        case BlockStep():
            return len(step.inputs) == 1 and not step.reuse
        case RepeatStep():
            return linear(step.items) and all(unary(item) for item in step.items)
        case GroupStep():
            return linear(step.steps) and all(unary(inner) for inner in step.steps)
    return False


def linear(steps: Sequence[Step]) -> bool:
    """Whether each step takes what the one before gave, and nothing else."""
    return all(later.inputs == (earlier.output,) for earlier, later in pairwise(steps))


def conditional(steps: Sequence[WhenStep]) -> bool:
    """Whether a shortcut is taken by some instances only."""
    return len({step.taken for step in steps}) == 2


def _alike(torch: Torch) -> Any:
    """The part of a layer's text that no constructor argument can vary."""
    if torch.module is None:
        return (None, torch.inline)
    fixed = tuple(k for k, value in torch.module.keywords if not isinstance(value, Given))
    return (torch.module.function, torch.call, fixed)


def _fits(inner: tuple[Any, ...], known: tuple[Any, ...]) -> bool:
    return all(a is None or a == b for a, b in zip(inner, known, strict=True))


def _modules(root: Module) -> list[tuple[Module, int]]:
    """Every module of a net with its height: 0 for one that holds no other."""
    found: list[tuple[Module, int]] = []

    def visit(module: Module) -> int:
        height = 0
        for inner in _held(module.steps):
            height = max(height, visit(inner) + 1)
        found.append((module, height))
        return height

    visit(root)
    return found


def _held(steps: Sequence[Step]) -> Iterator[Module]:
    for step in steps:
        match step:
            case BlockStep():
                yield step.module
            case RepeatStep():
                yield from _held(step.items)
            case GroupStep() | WhenStep():
                yield from _held(step.steps)
            case _:
                pass
