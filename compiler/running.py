"""One run of the emitted file, statement by statement: which values Python's variables hold."""

from __future__ import annotations

from collections.abc import Sequence, Set

from netc.compiler.expression import executed, layer_text, reached, short_enough, torch_of
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
from netc.compiler.unrolled import Unrolled


class Running:
    """Follows the emitted file's variables through one run.

    A value lies in a variable until that is used anew or the function returns; layers of one line
    are one statement. A call needs no hold on its arguments: they lie in variables until after it.

    Attributes:
        over: the outputs that are written in place.
        accounts: those that are told: who holds what without gradients, and with them.
    """

    def __init__(self, net: Net, over: Set[Wire], accounts: Sequence[Holders]) -> None:
        self.net, self.over, self.accounts = net, over, accounts
        self.unrolled = Unrolled(net.module)

    def run(self) -> None:
        """Runs the whole net once."""
        for _, wire in self.net.module.inputs:
            self.hold(wire)
        self._forward(self.net.module)

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

    def call(self, step: Step, passed: Wire | None) -> None:
        """Runs a step; its output is then held once more, and what it was passed once less.

        `passed` is in no variable: what is padded before the call is gone during the call.
        """
        copy = copied(step) if passed is not None and isinstance(step, LayerStep) else 0
        if passed is not None and copy:
            for account in self.accounts:
                account.replaced(passed, copy)
        self._run(step)
        if passed is not None:
            for account in self.accounts:
                if copy:
                    account.forget(passed)
                else:
                    account.drop(passed)

    def _run(self, step: Step) -> None:
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
    """The statements of one `forward`, of an `nn.Sequential` or of an `if`."""

    def __init__(
        self,
        running: Running,
        steps: Sequence[Step],
        outputs: Sequence[Wire],
        module: Module | None = None,
    ) -> None:
        self.running, self.outputs, self.unrolled = running, outputs, running.unrolled
        lines = [*self.unrolled.statements(steps)]
        self.steps = executed([step for step, _ in lines], outputs)
        self.owners = {step.output: owner for step, owner in lines}
        self.readers: dict[Wire, list[int]] = {}
        for place, step in enumerate(self.steps):
            again = set(step.inputs[:1]).intersection(self.unrolled.again_read(step))
            for wire in (*step.inputs, *again):  # what flows into a loop may be handed in besides
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

        In `nn.Sequential` each step is a statement: `fused` is False.
        """
        first = 0
        while first < len(self.steps):
            last = self._end(first) if fused else first
            self._statement(first, last)
            first = last + 1
        for wire in self.outputs:
            self.running.hold(wire)
        for name in self.own:
            self.running.drop(self.variables[name])

    def _end(self, place: int) -> int:
        """The last step of the statement that begins here."""
        text = ""
        while text := self._goes_on(place, text):
            place += 1
        return place

    def _statement(self, first: int, last: int) -> None:
        """Runs the steps of one statement, and puts what they give into a variable."""
        *_, step = steps = self.steps[first : last + 1]
        read = step.output in self.readers
        returned = last == len(self.steps) - 1 and [*self.outputs] == [step.output]
        if self.unrolled.is_loop(step):
            self._loop(last, step)
            return
        name = self._variable(first, last) if read and not returned else ""
        between: Wire | None = None  # a value inside the statement, in no variable
        for step in steps:
            self.running.call(step, between)
            between = step.output
        if read:
            self._put(name, step.output)
        else:
            self.running.drop(step.output)

    def _loop(self, place: int, step: RepeatStep) -> None:
        """`for layer in …: x = layer(x)`: each round takes the variable of the one before."""
        name, source = self._variable(place, place), step.inputs[0]
        if self.variables.get(name) is not source:
            self.running.hold(source)  # `x = skip`
            self._put(name, source)
        for item in self.unrolled.leaves(step):
            self.running.call(item, None)
            self._put(name, item.output)

    def _goes_on(self, place: int, text: str) -> str:
        """The statement so far, if the next step is part of it; empty if not.

        Blocks are called one to a line: their names say enough.
        """
        if place + 1 >= len(self.steps):
            return ""
        step, after = self.steps[place : place + 2]
        if step.span.line != after.span.line or after.inputs != (step.output,):
            return ""
        if self.readers.get(step.output) != [place + 1] or len(step.inputs) != 1:
            return ""
        if isinstance(step, BlockStep) and isinstance(after, BlockStep):
            return ""
        if not (self.unrolled.is_expression(step) and self.unrolled.is_expression(after)):
            return ""
        first, second = text or self._about(step), self._about(after)
        varies = after.output in self.unrolled.varying
        if not short_enough(first, second, "" if varies else after.output.tensor.spec_text):
            return ""
        return second.replace("{0}", first)

    def _about(self, step: Step) -> str:
        """The expression; a module that is named only when it is written has a likely name."""
        owner = self.owners[step.output]
        if not isinstance(step, LayerStep):
            likely = step.module.name if isinstance(step, BlockStep) else "repeat1"
            return f"{reached(owner, step.name or likely)}({{0}})"
        torch = torch_of(step, self.running.over)
        if step.name is None and torch.inline is not None:
            return layer_text(torch, None)
        return layer_text(torch, reached(owner, step.name or step.layer.kind))

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

    def _may_take(self, name: str, place: int, step: Step) -> bool:
        """Whether a step may put its value there; a loop reads the others in every round."""
        again = self.unrolled.again_read(step)
        return self.variables.get(name) not in again and self._free(name, place)

    def _variable(self, first: int, place: int) -> str:
        """The variable for what a statement gives: its name if that lasts, else `x`.

        What lies in `x` and is read later goes to another before the statement: `skip = x`.
        """
        step = self.steps[place]
        if isinstance(step, WhenStep):
            return self._of_condition(place, step)
        wire = step.output
        if isinstance(step, LayerStep) and wire in self.running.over and torch_of(step).over:
            return next((n for n, held in self.variables.items() if held is step.inputs[0]), "x")
        name = self.names.get(wire)
        if name is not None and self._lasts(place, wire) and self._may_take(name, place, step):
            return name
        if self._may_take("x", place, step):
            return "x"
        for other in (self._way(wire), name if isinstance(step, ParamStep) else None):
            if other is not None and self._may_take(other, place, step):
                return other
        held = self.variables["x"]
        spare = self._spare(self.names.get(held, "skip"), first)
        if "x" in self.own:
            self.running.hold(held)
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
        return self.readers.get(wire) != [after]

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


def working(step: LayerStep) -> int:
    """Bytes that a call needs beside inputs and output while it runs; known where sizes are."""
    found = step.layer.working([w.tensor for w in step.inputs], step.output.tensor)
    assert isinstance(found, int)
    return found


def copied(step: LayerStep) -> int:
    """Bytes of the copy of the input that the call reads in its stead."""
    found = step.layer.copied([w.tensor for w in step.inputs])
    assert isinstance(found, int)
    return found
