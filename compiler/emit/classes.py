"""Which classes the emitted file has: instances of a block that are built alike share one.

Two instances are alike if their lines do the same with the same names; numbers may differ, they
become constructor arguments. A shortcut that only some take is an `if` in the constructor.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct, field

from netc.compiler.emit.borrowing import Borrowing
from netc.compiler.emit.identifiers import BUILTINS, GLOBALS, Names
from netc.compiler.emit.reading import Path, Reading, arguments
from netc.compiler.expression import is_module
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.in_place import in_place


class Parameter(Struct):
    """A constructor argument with its value in each instance."""

    name: str
    values: dict[int, Any]
    default: Any = None
    has_default: bool = False


class Plan(Struct):
    """One class to emit: its name and the instances it serves, then what was written for it.

    `inputs` are the arguments of `forward`; `handed` are their values in each instance. `modules`
    are those after them: modules that are shared around.
    """

    name: str
    instances: list[Module]
    inputs: list[str]
    handed: list[tuple[Wire, ...]] = field(default_factory=list)
    modules: list[str] = field(default_factory=list)
    parameters: list[Parameter] = field(default_factory=list)
    constructor: list[str] = field(default_factory=list)
    forward: list[str] = field(default_factory=list)


class _Fitting(Struct):
    """A class and what is known of the arguments that its lines read."""

    plan: Plan
    read: dict[Path, int]


class Plans:
    """All classes of a net, inner ones first.

    The net has its own name; `helpers`, by what the layers call them, and its blocks give way.
    """

    def __init__(self, root: Module, helpers: Iterable[str], taken: Iterable[str]) -> None:
        self.plans: list[Plan] = []
        self.over = in_place(root)
        self.borrowing = Borrowing()
        self._root = root
        self._of: dict[int, tuple[Plan, int]] = {}
        self._numbers: dict[int, int] = {}
        self._unary: dict[int, bool] = {}
        by_height: dict[int, list[Module]] = {}
        own: set[str] = set()
        for module, height in _modules(root):
            by_height.setdefault(height, []).append(module)
            own.update(module.parameters)  # a constructor's argument would hide the class
        self._names = Names({*taken, *own, *BUILTINS, *GLOBALS, root.name})
        self.helpers = {name: self._names.give(name) for name in helpers}
        for height in sorted(by_height):
            self._group(by_height[height])

    def of(self, module: Module) -> tuple[Plan, int]:
        """The class of an instance, and its place among the class's instances."""
        return self._of[id(module)]

    @property
    def names(self) -> set[str]:
        """The classes written so far and those that ship with netc: no argument is called so."""
        return {*self.helpers.values(), *(plan.name for plan in self.plans)}

    def takes(self, step: Step) -> tuple[Wire, ...]:
        """What a step is handed when it is called, in the order of its arguments."""
        match step:
            case BlockStep():
                plan, place = self.of(step.module)
                return plan.handed[place]
            case RepeatStep(items=inner) | GroupStep(steps=inner) if self.unary(step):
                return self.takes(inner[0])
        return step.inputs

    def call(self, step: Step, member: str, around: Module) -> str:
        """The call of a module, with `{0}`, `{1}` … for the values that it is handed."""
        parts = [f"{{{n}}}" for n in range(len(self.takes(step)))]
        if isinstance(step, BlockStep):
            parts += self.borrowing.given(around, step.module)
        return f"{member}({', '.join(parts)})"

    def unary(self, step: Step) -> bool:
        """Whether a step is one module that takes one value: what `nn.Sequential` can hold."""
        known = self._unary.get(id(step))
        if known is None:
            known = self._unary[id(step)] = self._is_unary(step)
        return known

    def _is_unary(self, step: Step) -> bool:
        match step:
            case LayerStep():
                return is_module(step)
            case BlockStep(module=inner):
                alone = step.home is None and not self.borrowing.handed(inner)
                return alone and len(self.takes(step)) == 1
            case RepeatStep(items=inner) | GroupStep(steps=inner):
                return all(map(self.unary, inner)) and self._linear(inner)
        return False

    def is_dictionary(self, step: Step) -> bool:
        """Whether a step is a named line whose layers are called one by one."""
        return isinstance(step, GroupStep) and not self.unary(step)

    def _linear(self, steps: Sequence[Step]) -> bool:
        """Whether each step takes what the one before gave, and nothing else."""
        return all(self.takes(b) == (a.output,) for a, b in pairwise(steps))

    def _group(self, modules: Sequence[Module]) -> None:
        """Finds the classes of modules that hold none of each other."""
        readings = [
            Reading(module, self.takes, self._numbers, self.borrowing) for module in modules
        ]
        classes: dict[Any, list[_Fitting]] = {}
        for (_, text, whens), family in _families(readings).items():
            found, read = arguments(family)
            known = classes.setdefault((text, whens, len(found)), [])
            for i, reading in enumerate(family):
                handed = tuple(one.wires[i] for one in found)
                plan = self._class(reading, read[i], known, [one.name for one in found])
                self._place(reading.module, plan, handed)

    def _class(
        self,
        reading: Reading,
        read: dict[Path, int],
        known: list[_Fitting],
        inputs: list[str],
    ) -> Plan:
        """The class of which an instance reads the same arguments at the same places."""
        for one in known:
            if all(one.read.get(path, number) == number for path, number in read.items()):
                one.read.update(read)
                return one.plan
        module = reading.module
        name = module.name if module is self._root else self._names.give(module.name)
        plan = Plan(name, [], inputs, modules=[*self.borrowing.names(module).values()])
        known.append(_Fitting(plan, dict(read)))
        self.plans.append(plan)
        return plan

    def _place(self, module: Module, plan: Plan, handed: tuple[Wire, ...]) -> None:
        self._of[id(module)] = (plan, len(plan.instances))
        self._numbers[id(module)] = id(plan)
        plan.instances.append(module)
        plan.handed.append(handed)


def _families(readings: Sequence[Reading]) -> dict[tuple[Any, Any, Any], list[Reading]]:
    """Instances of one text by its place, what it is, and what stands under its conditions."""
    whole: dict[Any, list[Any]] = {}
    for reading in readings:
        known = whole.setdefault(reading.text, [])
        if reading.whens not in known and None not in reading.whens:
            known.append(reading.whens)
    found: dict[tuple[Any, Any, Any], list[Reading]] = {}
    for reading in readings:
        span, whens = reading.module.span, reading.whens
        fitting = next((one for one in whole[reading.text] if _fits(whens, one)), whens)
        place = (id(span.source), span.line, span.column)
        found.setdefault((place, reading.text, fitting), []).append(reading)
    return found


def conditional(steps: Sequence[WhenStep]) -> bool:
    """Whether a shortcut is taken by some instances only."""
    return len({step.taken for step in steps}) == 2


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
