"""Shape claims after the sizes of a net were opened: each with what flows there now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeAlias

from netc.compiler import program
from netc.compiler.edits import Edit, take_out
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Net,
    ParamStep,
    RepeatStep,
    Step,
    Wire,
    walk,
)
from netc.compiler.sizes import shape_spec_text
from netc.compiler.source import Span

Place: TypeAlias = tuple[str, int, int, int, int]


def without_claims(definition: program.Definition, program_: program.Program) -> list[Edit]:
    """Takes the claims of a net and of the blocks of its file out, so that they ask for nothing."""
    return [edit for claim, _, _ in _claims(definition, program_) for edit in _left_out(claim)]


def claims(
    old: Net,
    new: Net,
    gone: Collection[Span],
    definition: program.Definition,
    program_: program.Program,
) -> list[Edit]:
    """The claims of a net with the shapes of `new`, which has the same layers but for those gone.

    A claim that would need different texts at different places, or of which it is not clear what it
    is about, is taken out.
    """
    values = _new_values(old, new, gone)
    made: dict[Place, list[Wire]] = {}
    for step in _steps(old.module.steps):
        made.setdefault(_place(step.span), []).append(step.output)
    found: list[Edit] = []
    for claim, before, owner in _claims(definition, program_):
        wires = made.get(_place(before), []) if before is not None else []
        texts = {shape_spec_text(values[wire].tensor.shape) for wire in wires if wire in values}
        if not wires and owner is not definition:
            continue  # of a block that this net does not use
        if texts == {claim.text}:
            continue
        found += [Edit(claim, texts.pop())] if len(texts) == 1 else _left_out(claim)
    return found


def _new_values(old: Net, new: Net, gone: Collection[Span]) -> dict[Wire, Wire]:
    """The values of the old net in the new one; a layer that is gone hands its value on."""
    pairs = zip(old.module.inputs, new.module.inputs, strict=True)
    found = {before: after for (_, before), (_, after) in pairs}
    rest = walk(new.module)
    for placed in walk(old.module):
        step = placed.step
        if isinstance(step, LayerStep) and step.span in gone:
            found[step.output] = found[step.inputs[0]]
        else:
            found[step.output] = next(rest).step.output
    return found


def _claims(
    definition: program.Definition, program_: program.Program
) -> Iterator[tuple[Span, Span | None, program.Definition]]:
    """The claims of the net and of its file's blocks, each with the element before it and where."""
    source = definition.span.source.name
    for one in program_.definitions.values():
        if one is definition or (one.word == "block" and one.span.source.name == source):
            yield from ((claim, before, one) for claim, before in _in_body(one.body))


def _in_body(body: Iterable[program.Item]) -> Iterator[tuple[Span, Span | None]]:
    for item in body:
        before: Span | None = None
        for element in item.elements if isinstance(item, program.Flow) else ():
            if isinstance(element, program.ShapeClaim):
                yield element.span, before
                continue
            before = element.span
            yield from _in_body(getattr(element, "body", ()))
            for branch in getattr(element, "branches", ()):
                yield from _in_body(branch.body)
            if (shortcut := getattr(element, "shortcut", None)) is not None:
                yield from _in_body(shortcut.body)


def _steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        match step:
            case BlockStep():
                yield from _steps(step.module.steps)
            case RepeatStep():
                yield from _steps(step.items)
            case LayerStep() | ParamStep():
                continue
            case GroupStep() | _:
                yield from _steps(step.steps)


def _left_out(claim: Span) -> tuple[Edit, ...]:
    return take_out(claim, "").edits


def _place(span: Span) -> Place:
    return (span.source.name, span.line, span.column, span.end_line, span.end_column)
