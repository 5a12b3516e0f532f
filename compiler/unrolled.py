"""What the statements of an emitted class are made of: its conditions, named lines and loops.

The classes themselves are found by `emit`, from their texts; here instances of one definition are
taken to be of one class, which is enough to follow what memory they need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeGuard

from netc.compiler.expression import is_module, reached
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


class Unrolled:
    """A net's classes as their statements have them. What was found out of a step is kept.

    Attributes:
        conditional: the conditions that hold in some instances of a class and in others not.
        varying: values whose shapes differ between instances of a class.
    """

    def __init__(self, root: Module) -> None:
        self.conditional, self.varying = _differing(root)
        self._modules: dict[Step, bool] = {}

    def statements(self, steps: Sequence[Step], owner: str = "self.") -> Iterator[tuple[Step, str]]:
        """What statements are made of, each with the text before its module's name.

        An `if` is one where instances of the class differ, else the lines in it. A condition that
        does not hold is none: what flows in is what flows on. A named line is its layers one by one
        where `nn.Sequential` cannot hold them, and so are rounds of such lines.
        """
        for step in steps:
            match step:
                case WhenStep(taken=False):
                    pass
                case WhenStep() if step not in self.conditional:
                    yield from self.statements(step.steps, owner)
                case GroupStep() if not self.is_module(step):
                    yield from self.statements(step.steps, reached(owner, step.name or ""))
                case RepeatStep() if self.is_loop(step) and any(
                    self._is_dictionary(leaf) for leaf in self.leaves(step)
                ):
                    rounds = reached(owner, step.name or "")
                    for number, item in enumerate(step.items):
                        inner = item.steps if self._is_dictionary(item) else (item,)
                        yield from self.statements(inner, f"{rounds}[{number}]")
                case _:
                    yield step, owner

    def is_module(self, step: Step) -> bool:
        """Whether a step is one module that takes one value: what `nn.Sequential` can hold."""
        known = self._modules.get(step)
        if known is None:
            known = self._modules[step] = self._is_module(step)
        return known

    def _is_module(self, step: Step) -> bool:
        match step:
            case LayerStep():
                return is_module(step)
            case BlockStep(module=module):
                borrows = (isinstance(s, LayerStep | BlockStep) and s.home for s in module.steps)
                return step.home is None and len(step.inputs) == 1 and not any(borrows)
            case RepeatStep(items=inner) | GroupStep(steps=inner):
                linear = all(b.inputs == (a.output,) for a, b in pairwise(inner))
                return linear and all(map(self.is_module, inner))
        return False

    def is_expression(self, step: Step) -> bool:
        """Whether a step is one call or one operation: no loop, no condition."""
        if isinstance(step, RepeatStep | GroupStep):
            return self.is_module(step)
        return isinstance(step, LayerStep | BlockStep)

    def is_loop(self, step: Step) -> TypeGuard[RepeatStep]:
        """Whether a step calls its rounds one by one, each with what the one before gave."""
        return isinstance(step, RepeatStep) and bool(step.inputs) and not self.is_module(step)

    def leaves(self, step: RepeatStep) -> Iterator[Step]:
        """What a loop calls, round by round; loops in it are part of it."""
        for item in step.items:
            if isinstance(item, RepeatStep) and not self.is_module(item):
                yield from self.leaves(item)
            else:
                yield item

    def again_read(self, step: Step) -> frozenset[Wire]:
        """The values from outside that rounds of a loop after the first read."""
        if not self.is_loop(step):
            return frozenset()
        first, *rounds = self.leaves(step)
        made = {first.output, *(leaf.output for leaf in rounds)}
        return frozenset(wire for leaf in rounds for wire in leaf.inputs if wire not in made)

    def _is_dictionary(self, step: Step) -> TypeGuard[GroupStep]:
        return isinstance(step, GroupStep) and not self.is_module(step)


def _differing(root: Module) -> tuple[set[WhenStep], set[Wire]]:
    """What instances of one class do not agree on: whether conditions hold, and shapes."""
    instances: dict[object, list[Module]] = {}
    waiting = [root]
    while waiting:
        module = waiting.pop()
        instances.setdefault(_class(module), []).append(module)
        waiting += (step.module for _, step in _inside(module.steps) if isinstance(step, BlockStep))
    whens: set[WhenStep] = set()
    wires: set[Wire] = set()
    for modules in instances.values():
        places: dict[object, list[Step]] = {}
        for module in modules if len(modules) > 1 else ():
            for place, step in _inside(module.steps):
                places.setdefault((place, step.span.line), []).append(step)
        for steps in places.values():
            taken = [step for step in steps if isinstance(step, WhenStep)]
            if len({step.taken for step in taken}) > 1:
                whens.update(taken)
            if len({step.output.tensor for step in steps}) > 1:
                wires.update(step.output for step in steps)
    return whens, wires


def _class(module: Module) -> object:
    """What instances of a class agree on: their definition, and the names of their modules."""
    span = module.span
    names = (step.name for _, step in _inside(module.steps, conditions=False))
    return id(span.source), span.line, span.column, module.word, module.name, *names


def _inside(
    steps: Sequence[Step], around: tuple[int, ...] = (), *, conditions: bool = True
) -> Iterator[tuple[tuple[int, ...], Step]]:
    """The steps of one class, each with its place; with those under conditions, or without."""
    for number, step in enumerate(steps):
        here = (*around, number)
        yield here, step
        match step:
            case GroupStep(steps=inner) | RepeatStep(items=inner):
                yield from _inside(inner, here, conditions=conditions)
            case WhenStep(steps=inner) if conditions:
                yield from _inside(inner, here)
