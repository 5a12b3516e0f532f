"""`forward`: one statement a line, values under the names that the spec gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from msgspec.structs import replace

from netc.compiler.emit.classes import Plan, conditional
from netc.compiler.emit.constructor import Constructor, shortcut_name
from netc.compiler.emit.loops import loop_of
from netc.compiler.emit.statements import Op, Writer
from netc.compiler.expression import (
    counts,
    is_identity,
    layer_text,
    reached,
    short_enough,
    torch_of,
)
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


class Forward:
    """Writes the `forward` of one class."""

    def __init__(self, plan: Plan, constructor: Constructor) -> None:
        self.plan, self.constructor = plan, constructor
        self.first, self.plans = plan.instances[0], constructor.plans
        self.ids: list[dict[Wire, tuple[int, ...]]] = []
        """The numbers of a value in each instance: an argument may be handed in twice."""
        self.names: dict[int, str] = {}
        self.ways: dict[int, str] = {}
        for handed in plan.handed:
            known: dict[Wire, tuple[int, ...]] = {}
            for number, wire in enumerate(handed):
                known[wire] = (*known.get(wire, ()), number)
            self.ids.append(known)
        self.count = len(plan.inputs)

    def write(self) -> None:
        """Fills the plan's forward lines."""
        ops = self._ops({i: m.steps for i, m in enumerate(self.plan.instances)}, "self.")
        for module, ids in zip(self.plan.instances, self.ids, strict=True):
            for known, given in ((self.names, module.names), (self.ways, module.ways)):
                for wire, name in given:
                    if wire in ids:
                        known.setdefault(ids[wire][0], name)
        outputs = [
            self._read({i: m.outputs[n][1] for i, m in enumerate(self.plan.instances)})
            for n in range(len(self.first.outputs))
        ]
        needed = _fused(_needed(ops, outputs), outputs)
        writer = Writer(needed, self.plan.inputs, outputs, self.names, self.ways)
        self.plan.inputs = writer.inputs
        self.plan.forward = writer.lines()

    # -- from steps to operations

    def _ops(self, aligned: dict[int, Sequence[Step]], owner: str) -> list[Op]:
        ops: list[Op] = []
        for position in range(len(next(iter(aligned.values())))):
            ops += self._op({i: steps[position] for i, steps in aligned.items()}, owner)
        return ops

    def _op(self, aligned: dict[int, Step], owner: str) -> list[Op]:
        first = next(iter(aligned.values()))
        if isinstance(first, WhenStep):
            return self._when(cast("dict[int, WhenStep]", aligned), owner)
        if isinstance(first, LayerStep | BlockStep) and first.home is not None:
            return self._called(aligned, self.plans.borrowing.member(self.first, first))
        name = first.name or self.constructor.attributes.get(id(first))
        return self._called(aligned, reached(owner, name) if name else None)

    def _called(self, aligned: dict[int, Step], member: str | None) -> list[Op]:
        """What calls a step's module, or its expression where it has none."""
        first = next(iter(aligned.values()))
        if self.plans.is_dictionary(first):
            lines: dict[int, Sequence[Step]] = {
                i: cast(GroupStep, step).steps for i, step in aligned.items()
            }
            return self._ops(lines, member or "")
        if isinstance(first, RepeatStep) and not self.plans.unary(first):
            return self._repeated(cast("dict[int, RepeatStep]", aligned), member or "")
        if member is None and is_identity(first):
            self._pass(aligned)
            return []
        inputs = self._taken(aligned) if not isinstance(first, ParamStep) else (0,)
        number, comment = self._place(aligned), self._comment(aligned)
        text, inputs = _mentioned(self._text(first, member), inputs)
        block = isinstance(first, BlockStep)
        line, work, learned = first.span.line, counts(first), isinstance(first, ParamStep)
        return [Op(number, inputs, text, line, comment, block=block, counts=work, learned=learned)]

    def _taken(self, aligned: dict[int, Step]) -> tuple[int, ...]:
        """The values that a step is handed."""
        taken = {i: self.plans.takes(step) for i, step in aligned.items()}
        count = len(next(iter(taken.values())))
        return tuple(self._read({i: t[n] for i, t in taken.items()}) for n in range(count))

    def _read(self, wires: dict[int, Wire]) -> int:
        """The value that is this wire in each of the instances."""
        numbers = [self.ids[i][wire] for i, wire in wires.items()]
        return min(set(numbers[0]).intersection(*numbers[1:]))

    def _place(self, aligned: dict[int, Step]) -> int:
        number = self.count
        self.count += 1
        for i, step in aligned.items():
            self.ids[i][step.output] = (number,)
        return number

    def _pass(self, aligned: dict[int, Step]) -> None:
        """What a step gives is what flowed in."""
        for i, step in aligned.items():
            self.ids[i][step.output] = self.ids[i][step.inputs[0]]

    def _comment(self, aligned: dict[int, Step]) -> str:
        shapes = {step.output.tensor.spec_text for step in aligned.values()}
        return shapes.pop() if len(shapes) == 1 else ""

    def _text(self, first: Step, member: str | None) -> str:
        match first:
            case LayerStep():
                return layer_text(torch_of(first, self.plans.over), member)
            case ParamStep():
                sizes = ", ".join(["{0}.shape[0]", *("-1" for _ in first.weight.shape)])
                return f"{member}.expand({sizes})"
        return self.plans.call(first, member or "", self.first)

    def _repeated(self, aligned: dict[int, RepeatStep], member: str) -> list[Op]:
        """A loop over modules, or where they are not handed the same a call of each."""
        loop = loop_of(list(aligned.values()), self.plans, self.first)
        first = next(iter(aligned.values()))
        if loop is not None:
            handed = dict(zip(aligned, loop.handed, strict=True))
            inputs = tuple(
                self._read({i: wires[n] for i, wires in handed.items()})
                for n in range(len(loop.handed[0]))
            )
            number = self._place(cast("dict[int, Step]", aligned))
            comment = self._comment(cast("dict[int, Step]", aligned))
            if comment and not loop.steady:
                comment += " after the loop"
            line, depth = first.span.line, loop.depth
            return [
                Op(number, inputs, loop.text, line, comment, member, depth, counts=counts(first))
            ]
        ops: list[Op] = []
        for number in range(len(first.items)):
            each: dict[int, Step] = {i: step.items[number] for i, step in aligned.items()}
            ops += self._called(each, f"{member}[{number}]")
        return ops

    def _when(self, aligned: dict[int, WhenStep], owner: str) -> list[Op]:
        taken = {i: step.steps for i, step in aligned.items() if step.taken}
        if not taken or all(map(is_identity, next(iter(taken.values())))):
            self._pass(cast("dict[int, Step]", aligned))
            return []
        if not conditional(list(aligned.values())):
            return self._ops(cast("dict[int, Sequence[Step]]", taken), owner)
        first = next(step for step in aligned.values() if step.taken)
        source = self._read({i: s.inputs[0] for i, s in aligned.items()})
        before = [dict(ids) for ids in self.ids]
        inner = self._ops(cast("dict[int, Sequence[Step]]", taken), owner)
        number = self._place(cast("dict[int, Step]", aligned))
        for i, step in aligned.items():
            if not step.taken:
                self.ids[i] = {**before[i], step.output: (number,)}
        flag = self.constructor.attributes.get(id(next(iter(aligned.values()))))
        condition = f"self.{flag or f'{shortcut_name(first.steps)} is not None'}"
        made = {source, *(op.output for op in inner)}
        others = dict.fromkeys(n for op in inner for n in op.inputs if n not in made)
        read = (source, *others)
        work, line = any(op.counts for op in inner), first.span.line
        return [Op(number, read, "", line, condition=condition, inner=tuple(inner), counts=work)]


def _mentioned(text: str, inputs: Sequence[int]) -> tuple[str, tuple[int, ...]]:
    """An expression with the inputs that stand in it: of a value whose size is a number none does.

    >>> _mentioned("{0}[:, :, 1:3] + {2}", (4, 5, 6))
    ('{0}[:, :, 1:3] + {1}', (4, 6))
    """
    found = [n for n in range(len(inputs)) if f"{{{n}}}" in text]
    for place, n in enumerate(found):
        text = text.replace(f"{{{n}}}", f"{{{place}}}")
    return text, tuple(inputs[n] for n in found)


def _needed(ops: Sequence[Op], outputs: Sequence[int]) -> list[Op]:
    """The operations that lead to the outputs, and those that the report counts."""
    needed = set(outputs)
    found: list[Op] = []
    for op in reversed(ops):
        if op.counts or op.output in needed:
            needed.update(op.inputs)
            found.append(op)
    return found[::-1]


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
            text, work = op.text.replace("{0}", last.text), op.counts or last.counts
            found[-1] = replace(op, inputs=last.inputs, text=text, counts=work)
        else:
            found.append(op)
    return found
