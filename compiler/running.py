"""One run of the emitted file, statement by statement: which values Python's variables hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TypeAlias

from netc.compiler.expression import executed, together
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    Net,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.holders import Holders

Place: TypeAlias = tuple[int, int, int]
"""Where a condition stands: the file, the line and the column."""


class Running:
    """Follows the emitted file's variables through one run.

    A value lies in a variable until that is used anew or the function returns; layers of one line
    are one statement. A call needs no hold on its arguments: they lie in variables until after it.

    Attributes:
        over: the outputs that are written in place.
        accounts: those that are told: who holds what without gradients, and with them.
    """

    def __init__(self, over: Set[Wire], accounts: Sequence[Holders]) -> None:
        self.over, self.accounts = over, accounts
        self.conditional: set[Place] = set()

    def run(self, net: Net) -> None:
        """Runs the whole net once."""
        self.conditional = _conditional(net.module)
        for _, wire in net.module.inputs:
            self.hold(wire)
        self._forward(net.module)

    def hold(self, wire: Wire) -> None:
        """One more variable, or call, holds the value."""
        for account in self.accounts:
            account.hold(wire)

    def drop(self, wire: Wire) -> None:
        """One less does."""
        for account in self.accounts:
            account.drop(wire)

    def _forward(self, module: Module) -> None:
        _Function(self, module.steps, [wire for _, wire in module.outputs], module).run()

    def call(self, step: Step) -> None:
        """Runs a step; its output is then held once more."""
        match step:
            case LayerStep():
                size = working(step)
                for account in self.accounts:
                    account.ran(step, size)
            case ParamStep():
                self.hold(step.output)
            case BlockStep():
                self._forward(step.module)
            case RepeatStep(items=steps) | GroupStep(steps=steps) | WhenStep(steps=steps):
                _Function(self, steps, [step.output]).run(fused=isinstance(step, WhenStep))


class _Function:
    """The statements of one `forward`, of an `nn.Sequential`, of a loop or of an `if`."""

    def __init__(
        self,
        running: Running,
        steps: Sequence[Step],
        outputs: Sequence[Wire],
        module: Module | None = None,
    ) -> None:
        self.running, self.outputs = running, outputs
        self.steps = [*_written(executed(steps, outputs), running.conditional)]
        self.readers: dict[Wire, list[int]] = {}
        for place, step in enumerate(self.steps):
            for wire in step.inputs:
                self.readers.setdefault(wire, []).append(place)
        for wire in outputs:
            self.readers.setdefault(wire, []).append(len(self.steps))
        self.ways = dict(module.ways) if module else {}
        self.names = {**self.ways, **dict(module.names)} if module else {}
        self.variables: dict[str, Wire] = {}
        if module:
            self.variables = {"x" if n == "in" else n: wire for n, wire in module.inputs}
        self.own: set[str] = set()  # variables of values made here: the caller holds the others

    def run(self, *, fused: bool = True) -> None:
        """Runs it; afterwards the caller holds its outputs.

        In `nn.Sequential` and in loops each step is a statement: `fused` is False.
        """
        between: Wire | None = None  # a value inside a statement, in no variable
        text = ""  # the statement so far
        for place, step in enumerate(self.steps):
            self.running.call(step)
            if between is not None:
                self.running.drop(between)
            between = None
            if fused and (text := self._goes_on(place, text)):
                between = step.output
                continue
            text = ""
            if step.output not in self.readers:
                self.running.drop(step.output)
            elif place == len(self.steps) - 1 and [*self.outputs] == [step.output]:
                self._put("", step.output)  # returned as it is made
            else:
                self._put(self._variable(place, step), step.output)
        for wire in self.outputs:
            self.running.hold(wire)
        for name in self.own:
            self.running.drop(self.variables[name])

    def _goes_on(self, place: int, text: str) -> str:
        """The statement so far, if the next step is part of it; empty if not."""
        output = self.steps[place].output
        if place + 1 >= len(self.steps) or self.readers.get(output) != [place + 1]:
            return ""
        after = self.steps[place + 1]
        if after.inputs != (output,):
            return ""
        return together(self.steps[place], after, text, self.running.over)

    def _put(self, name: str, wire: Wire) -> None:
        """Puts a value into a variable; what was in it is held once less."""
        if name in self.own:
            self.running.drop(self.variables[name])
        self.variables[name] = wire
        self.own.add(name)

    def _free(self, name: str, place: int) -> bool:
        """Whether no value that is read after this step lies in the variable."""
        held = self.variables.get(name)
        return held is None or self.readers.get(held, [-1])[-1] <= place

    def _variable(self, place: int, step: Step) -> str:
        """The variable for a value: its name if that lasts, else `x` where that is free."""
        if isinstance(step, WhenStep):
            return self._of_condition(place, step)
        wire = step.output
        name = self.names.get(wire)
        if name is not None and self._lasts(place, wire) and self._free(name, place):
            return name
        if self._free("x", place):
            return "x"
        for other in (self._way(wire), name if isinstance(step, ParamStep) else None):
            if other is not None and self._free(other, place):
                return other
        held = self.variables["x"]
        spare = self._spare(self.names.get(held, "skip"), place)
        if "x" in self.own:
            self.running.hold(held)  # `skip = x`
            self._put(spare, held)
        else:
            self.variables[spare] = held
        return "x"

    def _of_condition(self, place: int, step: WhenStep) -> str:
        """`if` leaves its value in the variable of what flows, where nothing else reads that."""
        for name, wire in self.variables.items():
            if wire is step.inputs[0] and self._free(name, place):
                return name
        return self._spare("shortcut", place)

    def _lasts(self, place: int, wire: Wire) -> bool:
        """Whether a value is needed by more than the next statement."""
        after = place + 1
        while after < len(self.steps) and isinstance(self.steps[after], WhenStep):
            after += 1
        return self.readers[wire] != [after]

    def _spare(self, name: str, place: int) -> str:
        chosen, count = "skip" if name == "x" else name, 1
        while chosen == "x" or not self._free(chosen, place - 1):
            count += 1
            chosen = f"{name}{count}"
        return chosen

    def _way(self, wire: Wire) -> str | None:
        """The branch that a value ends up as if every step on the way is its only reader."""
        while wire not in self.ways:
            readers = self.readers.get(wire, [])
            if len(readers) != 1 or readers[0] == len(self.steps):
                return None
            after = self.steps[readers[0]]
            if len(after.inputs) != 1:
                return None
            wire = after.output
        return self.ways[wire]


def _written(steps: Sequence[Step], conditional: Set[Place]) -> Iterator[Step]:
    """The statements: an `if` is one where instances of the class differ, else the lines in it.

    A condition that does not hold is none: what flows in is what flows on.
    """
    for step in steps:
        if not isinstance(step, WhenStep) or (step.taken and _place(step) in conditional):
            yield step
        elif step.taken:
            yield from _written(step.steps, conditional)


def _conditional(root: Module) -> set[Place]:
    """The conditions that hold in some instances of a class and in others not."""
    found: dict[bool, set[Place]] = {True: set(), False: set()}
    waiting: list[Step] = [*root.steps]
    while waiting:
        match waiting.pop():
            case WhenStep(steps=inner) as step:
                found[step.taken].add(_place(step))
                waiting += inner
            case BlockStep(module=module):
                waiting += module.steps
            case RepeatStep(items=inner) | GroupStep(steps=inner):
                waiting += inner
    return found[True] & found[False]


def _place(step: WhenStep) -> Place:
    return id(step.span.source), step.span.line, step.span.column


def working(step: LayerStep) -> int:
    """Bytes that a call needs beside inputs and output while it runs; known where sizes are."""
    found = step.layer.working([w.tensor for w in step.inputs], step.output.tensor)
    assert isinstance(found, int)
    return found
