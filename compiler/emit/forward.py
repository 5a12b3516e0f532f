"""`forward`: one statement a line, values under the names that the spec gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.emit.classes import Plan, conditional, places_of, unary
from netc.compiler.emit.constructor import Constructor, is_sequence, shortcut_name
from netc.compiler.emit.format import statement
from netc.compiler.expression import layer_text, short_enough, torch_of
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)

_INDENT = 8


class Op(Struct, frozen=True):
    """One computation: an expression over earlier values, a loop, or a condition around others.

    `text` has `{0}`, `{1}` … for the inputs. `loop` is the list of modules that a loop runs over;
    `condition` and `inner` make an `if`. `block` is a call of one.
    """

    output: int
    inputs: tuple[int, ...]
    text: str
    line: int
    comment: str = ""
    loop: str = ""
    condition: str = ""
    inner: tuple[Op, ...] = ()
    block: bool = False

    @property
    def over(self) -> bool:
        """Whether it is a statement that leaves the output in its first input's variable."""
        return self.text.startswith("{0} += ")


class Forward:
    """Writes the `forward` of one class."""

    def __init__(self, plan: Plan, constructor: Constructor) -> None:
        self.plan, self.constructor = plan, constructor
        self.first = plan.instances[0]
        self.ids: list[dict[Wire, int]] = []
        self.count = 0
        self.names: dict[int, str] = {}
        self.ways: dict[int, str] = {}
        for module in plan.instances:
            self.ids.append(places_of(module))
        self.count = len(self.first.inputs)

    def write(self) -> None:
        """Fills the plan's forward lines."""
        ops = self._ops({i: m.steps for i, m in enumerate(self.plan.instances)}, "self.")
        for module, ids in zip(self.plan.instances, self.ids, strict=True):
            for known, given in ((self.names, module.names), (self.ways, module.ways)):
                for wire, name in given:
                    if wire in ids:
                        known.setdefault(ids[wire], name)
        inputs = [name for name, _ in self.first.inputs]
        outputs = [self.ids[0][wire] for _, wire in self.first.outputs]
        writer = _Writer(_fused(ops, outputs), inputs, outputs, self.names, self.ways)
        self.plan.forward = writer.lines()

    # -- from steps to operations

    def _ops(self, aligned: dict[int, Sequence[Step]], owner: str) -> list[Op]:
        ops: list[Op] = []
        for position in range(len(next(iter(aligned.values())))):
            ops += self._op({i: steps[position] for i, steps in aligned.items()}, owner)
        return ops

    def _op(self, aligned: dict[int, Step], owner: str) -> list[Op]:
        index, first = next(iter(aligned.items()))
        if isinstance(first, WhenStep):
            return self._when(cast("dict[int, WhenStep]", aligned), owner)
        if isinstance(first, GroupStep) and not is_sequence(first):
            inner = _member(owner, first.name or "")
            return self._ops({i: cast(GroupStep, s).steps for i, s in aligned.items()}, f"{inner}.")
        if isinstance(first, RepeatStep) and any(map(_is_dictionary, first.items)):
            return self._rounds(cast("dict[int, RepeatStep]", aligned), owner)
        inputs = tuple(self.ids[index][wire] for wire in first.inputs)
        if isinstance(first, ParamStep):
            inputs = (0,)
        number = self._place(aligned)
        line, comment = first.span.line, self._comment(aligned)
        if isinstance(first, RepeatStep) and not unary(first):
            return [self._loop(first, index, number, comment, owner)]
        text = self._text(aligned, first, owner)
        return [Op(number, inputs, text, line, comment, block=isinstance(first, BlockStep))]

    def _rounds(self, aligned: dict[int, RepeatStep], owner: str) -> list[Op]:
        """Rounds one after the other, where an item is no module that could be called."""
        first = next(iter(aligned.values()))
        ops: list[Op] = []
        for number in range(len(first.items)):
            inner = f"{_member(owner, first.name or '')}[{number}]."
            each = {i: cast(GroupStep, step.items[number]) for i, step in aligned.items()}
            ops += self._ops({i: group.steps for i, group in each.items()}, inner)
        return ops

    def _place(self, aligned: dict[int, Step]) -> int:
        number = self.count
        self.count += 1
        for i, step in aligned.items():
            self.ids[i][step.output] = number
        return number

    def _comment(self, aligned: dict[int, Step]) -> str:
        shapes = {str(step.output.tensor) for step in aligned.values()}
        return shapes.pop() if len(shapes) == 1 else ""

    def _text(self, aligned: dict[int, Step], first: Step, owner: str) -> str:
        match first:
            case LayerStep():
                named = first.name or self.constructor.attributes.get(id(first))
                written = torch_of(first, self.constructor.plans.over)
                return layer_text(written, _member(owner, named) if named else None)
            case ParamStep():
                sizes = ", ".join(["{0}.shape[0]", *("-1" for _ in first.weight.shape)])
                return f"self.{first.name}.expand({sizes})"
        name = first.name or self.constructor.attributes[id(first)]
        places = ", ".join(f"{{{n}}}" for n in range(len(first.inputs)))
        return f"{_member(owner, name)}({places})"

    def _loop(self, step: RepeatStep, index: int, number: int, comment: str, owner: str) -> Op:
        """A loop over modules: each takes what the one before gave, and values from outside."""
        item = step.items[0]
        flowing = next(w for w in item.inputs if w in self.ids[index])
        outer = [w for w in item.inputs if w is not flowing]
        places = {flowing: 0, **{w: n for n, w in enumerate(outer, 1)}}
        if isinstance(item, LayerStep):
            text = torch_of(item).call.replace("{m}", "layer")
            order = [places[w] for w in item.inputs]
            for n, place in enumerate(order):
                text = text.replace(f"{{{n}}}", f"{{<{place}}}")
            text = text.replace("{<", "{")
        else:
            text = f"layer({', '.join(f'{{{places[w]}}}' for w in item.inputs)})"
        inputs = tuple(self.ids[index][w] for w in (flowing, *outer))
        loop = _member(owner, step.name or "")
        return Op(number, inputs, text, step.span.line, comment, loop=loop)

    def _when(self, aligned: dict[int, WhenStep], owner: str) -> list[Op]:
        taken = {i: step.steps for i, step in aligned.items() if step.taken}
        if not taken:  # nobody takes it: the value passes
            for i, step in aligned.items():
                self.ids[i][step.output] = self.ids[i][step.inputs[0]]
            return []
        if not conditional(list(aligned.values())):
            return self._ops(cast("dict[int, Sequence[Step]]", taken), owner)
        index, first = next((i, s) for i, s in aligned.items() if s.taken)
        source = self.ids[index][first.inputs[0]]
        before = [dict(ids) for ids in self.ids]
        inner = self._ops(cast("dict[int, Sequence[Step]]", taken), owner)
        number = self._place(cast("dict[int, Step]", aligned))
        for i, step in aligned.items():
            if not step.taken:
                self.ids[i] = {**before[i], step.output: number}
        flag = self.constructor.attributes.get(id(next(iter(aligned.values()))))
        condition = f"self.{flag or f'{shortcut_name(first.steps)} is not None'}"
        made = {source, *(op.output for op in inner)}
        others = dict.fromkeys(n for op in inner for n in op.inputs if n not in made)
        read = (source, *others)
        return [Op(number, read, "", first.span.line, "", "", condition, tuple(inner))]


def _is_dictionary(step: Step) -> bool:
    return isinstance(step, GroupStep) and not is_sequence(step)


def _member(owner: str, name: str) -> str:
    """`self.conv1`, or `self.group["0"]` inside a dictionary of modules."""
    if owner == "self.":
        return f"self.{name}"
    return f'{owner.removesuffix(".")}["{name}"]'


def _fused(ops: list[Op], outputs: Sequence[int]) -> list[Op]:
    """Operations of one line become one expression where it stays short."""
    uses: dict[int, int] = dict.fromkeys(outputs, 1)
    for op in ops:
        for number in op.inputs:
            uses[number] = uses.get(number, 0) + 1
    found: list[Op] = []
    for op in ops:
        last = found[-1] if found else None
        if (
            last is not None
            and len(op.inputs) == 1
            and op.inputs == (last.output,)
            and uses[last.output] == 1
            and op.line == last.line
            and not (op.loop or last.loop or op.condition or last.condition)
            and op.text.count("{0}") == 1
            and len(last.inputs) == 1
            and not (op.block and last.block)
            and short_enough(last.text, op.text, op.comment)
        ):
            found[-1] = replace(op, inputs=last.inputs, text=op.text.replace("{0}", last.text))
        else:
            found.append(op)
    return found


class _Writer:
    """Gives values their variables and writes the statements."""

    def __init__(
        self,
        ops: list[Op],
        inputs: list[str],
        outputs: list[int],
        names: dict[int, str],
        ways: dict[int, str],
    ) -> None:
        self.ops, self.outputs, self.ways = ops, outputs, ways
        self.names = {**ways, **names}
        self.variables = dict(enumerate(inputs))
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
            if whole and not op.loop and not op.condition:
                self._put(f"return {self._filled(op)}", op.comment)
                return self.text
            self._write(place, op)
            for number in op.inputs:
                if self.last[number] <= place:
                    self.variables.pop(number, None)
        shown = ", ".join(self.variables[number] for number in self.outputs)
        self._put(f"return {shown}")
        return self.text

    def _put(self, text: str, comment: str = "", indent: int = _INDENT) -> None:
        self.text += statement(text, indent, comment)

    def _filled(self, op: Op) -> str:
        text = op.text
        for n, number in enumerate(op.inputs):
            text = text.replace(f"{{{n}}}", self.variables[number])
        return text

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
            self._put(f"for layer in {op.loop}:")
            before, self.variables[op.inputs[0]] = self.variables[op.inputs[0]], target
            self._put(f"{target} = {self._filled(op)}", op.comment, _INDENT + 4)
            self.variables[op.inputs[0]] = before
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
            text = inner.text
            for n, number in enumerate(inner.inputs):
                name = variable if number in flowing else self.variables[number]
                text = text.replace(f"{{{n}}}", name)
            if inner.loop:
                self._put(f"for layer in {inner.loop}:", "", _INDENT + 4)
            self._put(f"{variable} = {text}", "", _INDENT + (8 if inner.loop else 4))
        self.variables[op.output] = variable

    def _target(self, place: int, op: Op) -> str:
        """The variable for a value: its name if it is needed later, else `x` where that is free."""
        name = self.names.get(op.output)
        if name is not None and self._lasting(place, op) and self._may_take(name, place, op):
            return name
        if self._may_take("x", place, op):
            return "x"
        name = self._leads_to(op.output)
        if name is not None and self._may_take(name, place, op):
            return name
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
        others = {"x", *self.names.values()} - {name}
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
