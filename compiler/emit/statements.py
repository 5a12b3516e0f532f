"""The statements of `forward`: operations in order, and the variables that their values take."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from netc.compiler.emit.format import statement
from netc.compiler.emit.identifiers import GLOBALS, Names, mentioned

_INDENT = 8


class Op(Struct, frozen=True):
    """One computation: an expression over earlier values, a loop, or a condition around others.

    `text` has `{0}`, `{1}` … for the inputs, `{m}` for the module of a loop. `loop` is the list of
    modules that a loop runs over, `depth` how deep it is nested; `condition` and `inner` make an
    `if`. `block` is a call of one. `counts` says that there is work in it that the report counts,
    `learned` that it is a `param`.
    """

    output: int
    inputs: tuple[int, ...]
    text: str
    line: int
    comment: str = ""
    loop: str = ""
    depth: int = 1
    condition: str = ""
    inner: tuple[Op, ...] = ()
    block: bool = False
    counts: bool = False
    learned: bool = False

    @property
    def over(self) -> bool:
        """Whether it is a statement that leaves the output in its first input's variable."""
        return self.text.startswith("{0} += ")


class Writer:
    """Gives values their variables and writes the statements."""

    def __init__(
        self,
        ops: list[Op],
        inputs: Sequence[str],
        outputs: list[int],
        names: dict[int, str],
        ways: dict[int, str],
    ) -> None:
        self.ops, self.outputs = ops, outputs
        texts = [inner.text for op in ops for inner in (op, *op.inner)]
        self.reserved = {*GLOBALS, *mentioned(texts)}
        given = Names(self.reserved)
        known = {
            n: given.give(n) for n in dict.fromkeys([*inputs, *names.values(), *ways.values()])
        }
        self.inputs = [known[name] for name in inputs]
        self.ways = {number: known[name] for number, name in ways.items()}
        self.names = {**self.ways, **{number: known[name] for number, name in names.items()}}
        depth = max((inner.depth for op in ops for inner in (op, *op.inner)), default=1)
        self.loops = [given.give(name) for name in ("layer", *["layers"] * (depth - 1))]
        self.variables = dict(enumerate(self.inputs))
        self.last: dict[int, int] = {}
        self.readers: dict[int, list[int]] = {}
        for place, op in enumerate(ops):
            for number in op.inputs:
                self.last[number] = place
                self.readers.setdefault(number, []).append(place)
        for number in outputs:
            self.last[number] = len(ops)
        self.text: list[str] = []

    def lines(self) -> list[str]:
        """The body of `forward`."""
        for place, op in enumerate(self.ops):
            whole = place == len(self.ops) - 1 and self.outputs == [op.output]
            if whole and not op.loop and not op.condition and not op.over:
                self._put(f"return {self._filled(op)}", op.comment)
                return self.text
            if op.output not in self.last and not op.loop and not op.condition:
                self._put(self._filled(op))  # nothing reads it
            else:
                self._write(place, op)
            for number in op.inputs:
                if self.last[number] <= place:
                    self.variables.pop(number, None)
        shown = ", ".join(self.variables[number] for number in self.outputs)
        self._put(f"return {shown}")
        return self.text

    def _put(self, text: str, comment: str = "", indent: int = _INDENT) -> None:
        self.text += statement(text, indent, comment)

    def _filled(self, op: Op, flowing: str = "") -> str:
        """The expression; in a loop `flowing` is the variable of what flows."""
        text = op.text.replace("{m}", self.loops[0])
        for n, number in enumerate(op.inputs):
            text = text.replace(
                f"{{{n}}}", flowing if flowing and n == 0 else self.variables[number]
            )
        return text

    def _put_loops(self, op: Op, indent: int) -> int:
        """The heads of loops; gives the indent of what is inside."""
        over = op.loop
        for variable in reversed(self.loops[: op.depth]):
            self._put(f"for {variable} in {over}:", "", indent)
            over, indent = variable, indent + 4
        return indent

    def _write(self, place: int, op: Op) -> None:
        if op.condition:
            self._write_if(place, op)
            return
        source = self.variables[op.inputs[0]]
        if op.over:
            self._put(self._filled(op), op.comment)
            self.variables[op.output] = source
            return
        filled = self._filled(op)  # before a rename: `skip = x` leaves x what it was
        target = self._target(place, op)
        if op.loop:
            if source != target:
                self._put(f"{target} = {source}")
            indent = self._put_loops(op, _INDENT)
            self._put(f"{target} = {self._filled(op, target)}", op.comment, indent)
        else:
            self._put(f"{target} = {filled}", op.comment)
        self.variables[op.output] = target

    def _write_if(self, place: int, op: Op) -> None:
        source = op.inputs[0]
        variable = self.variables[source]
        if self.last[source] > place:
            variable = self._spare("shortcut", place)
            self._put(f"{variable} = {self.variables[source]}")
        self._put(f"if {op.condition}:")
        flowing = {source, *(inner.output for inner in op.inner)}
        for inner in op.inner:
            text = inner.text.replace("{m}", self.loops[0])
            for n, number in enumerate(inner.inputs):
                name = variable if number in flowing else self.variables[number]
                text = text.replace(f"{{{n}}}", name)
            indent = self._put_loops(inner, _INDENT + 4) if inner.loop else _INDENT + 4
            self._put(text if inner.over else f"{variable} = {text}", "", indent)
        self.variables[op.output] = variable

    def _target(self, place: int, op: Op) -> str:
        """The variable for a value: its name if it is needed later, else `x` where that is free."""
        name = self.names.get(op.output)
        if name is not None and self._lasting(place, op) and self._may_take(name, place, op):
            return name
        if self._may_take("x", place, op):
            return "x"
        for other in (self._leads_to(op.output), name if op.learned else None):
            if other is not None and self._may_take(other, place, op):
                return other
        least = place if op.loop else place + 1
        held = next(
            n for n, v in self.variables.items() if v == "x" and self.last.get(n, -1) >= least
        )
        name = self.names.get(held, "skip")
        spare = self._spare("skip" if name == "x" else name, place)
        self._put(f"{spare} = x")
        self.variables[held] = spare
        return "x"

    def _lasting(self, place: int, op: Op) -> bool:
        """Whether a value is needed by more than the next statement."""
        after = place + 1
        while after < len(self.ops) and self.ops[after].condition:
            after += 1
        return self.readers.get(op.output, []) != [after] or self.last[op.output] > after

    def _free(self, variable: str, place: int) -> bool:
        """Whether no value that is still needed after this operation lies in the variable."""
        return not any(
            v == variable and self.last.get(number, -1) > place
            for number, v in self.variables.items()
        )

    def _may_take(self, variable: str, place: int, op: Op) -> bool:
        """Whether an operation may put its value there; a loop reads the others in every round."""
        read = {self.variables[number] for number in op.inputs[1:]} if op.loop else set()
        return variable not in read and self._free(variable, place)

    def _spare(self, name: str, place: int) -> str:
        chosen, count = name, 1
        others = {"x", *self.names.values(), *self.inputs, *self.loops} - {name} | self.reserved
        while chosen in others or not self._free(chosen, place - 1):  # the operation still reads
            count += 1
            chosen = f"{name}{count}"
        return chosen

    def _leads_to(self, number: int) -> str | None:
        """The branch that a value ends up as if every step on the way is its only reader."""
        while number not in self.ways:
            readers = self.readers.get(number, [])
            if len(readers) != 1 or len(self.ops[readers[0]].inputs) != 1:
                return None
            number = self.ops[readers[0]].output
        return self.ways[number]
