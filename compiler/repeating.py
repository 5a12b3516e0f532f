"""`repeat`: its rounds as modules under their numbers, or below each other as if written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from netc.compiler import program
from netc.compiler.edits import Fix, rewrite
from netc.compiler.evaluate import UNKNOWN, Unknown, say
from netc.compiler.expansion import MOST
from netc.compiler.frame import Frame, Stop
from netc.compiler.graph import ParamStep, RepeatStep, Step, Wire, has_weights
from netc.compiler.structure import enclosed
from netc.compiler.tying import untied

if TYPE_CHECKING:
    from netc.compiler.elaborate import Elaborator


def repeat(elaborator: Elaborator, element: program.Repeat, frame: Frame) -> None:
    values = _repeated(elaborator, element, frame)
    if values is None or not isinstance(frame.current, Wire):
        if values is not None:
            elaborator.needs_one("repeat", element.span, frame)
        frame.flow(UNKNOWN)
        return
    repeats = frame.repeats * max(len(values), 1)
    if repeats > MOST:
        message = f"the repeats multiply to {repeats:,}; the limit is {MOST:,} layers"
        elaborator.tell("E0405", element.span, message, frame)
        raise Stop
    elaborator.count_rounds(len(values), element.span, frame)
    if element.inline:
        _inline_rounds(elaborator, element, values, frame, repeats)
        return
    source = frame.current
    hint = "write `{}repeat`: its rounds stand below each other, as if written out"
    inline = rewrite(element.span.before, "inline ", hint)
    if frame.namer is None:  # a named line would number the rounds
        inline = Fix("give each of them a line of its own, without a name before the line")
    items: list[Step] = []
    for number, value in enumerate(values):
        item = frame.inner(steps=[], namer=None, repeats=repeats)
        item.env["in"] = frame.current
        if element.variable is not None:
            item.env[element.variable] = value
        items += _repeat_item(elaborator, element, item, str(number), inline)
        frame.flow(item.current)
        if not isinstance(item.current, Wire):
            return
    if elaborator.tied and not untied(items, elaborator.tied):
        frame.steps += [s if s.output in elaborator.tied else _unnamed(s) for s in items]
        return  # one module, applied again and again: nothing to number
    if not any(has_weights(item) for item in items):
        frame.steps += [_unnamed(item) for item in items]
        return
    assert isinstance(frame.current, Wire)
    own = {id(step.output) for step in items}
    inputs = dict.fromkeys(w for s in items for w in s.inputs if id(w) not in own)
    inputs.setdefault(source)
    elaborator.add(
        RepeatStep(tuple(items), tuple(inputs), frame.current, element.span), "repeat", frame
    )


def _inline_rounds(
    elaborator: Elaborator,
    element: program.Repeat,
    values: Sequence[Any],
    frame: Frame,
    repeats: int,
) -> None:
    """The rounds below each other, as if they were written out; named lines take the count."""
    for value in values:
        inner = frame.inner(repeats=repeats, counted=True)
        inner.env["in"] = frame.current
        if element.variable is not None:
            inner.env[element.variable] = value
        elaborator.body(element.body, inner)
        frame.flow(inner.current)
        if not isinstance(inner.current, Wire):
            return


def _repeat_item(
    elaborator: Elaborator, element: program.Repeat, item: Frame, name: str, hint: Fix
) -> list[Step]:
    """One round: a single layer or block is the item itself, more lines are a module."""
    body = element.body
    only = body[0] if len(body) == 1 else None
    plain = (
        isinstance(only, program.Flow)
        and only.target is None
        and sum(not isinstance(e, program.ShapeClaim) for e in only.elements) == 1
        and not isinstance(only.elements[0], program.Residual | program.Parallel | program.When)
        and not getattr(only.elements[0], "inline", False)
    )
    if plain:
        elaborator.body(body, item)
    elif body:
        enclosed(elaborator, body, item, "layer", hint)
    if any(step.output in elaborator.tied for step in item.steps):
        return item.steps
    return [replace(step, name=name) for step in item.steps]


def _repeated(
    elaborator: Elaborator, element: program.Repeat, frame: Frame
) -> Sequence[Any] | None:
    """The values that the rounds run through; None after an error."""
    if element.items is not None:
        listed = elaborator.value(element.items, frame.env, ())
        return listed if isinstance(listed, tuple) else None
    assert element.count is not None
    count = elaborator.value(element.count, frame.env, ())
    if isinstance(count, Unknown):
        return None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        message = f"`repeat` takes a whole number of rounds, and this is {say(count)}"
        elaborator.tell("E0210", element.count.span, message, frame)
        return None
    if count > MOST:
        message = f"{count:,} rounds are more than the {MOST:,} layers a net can have"
        elaborator.tell("E0405", element.count.span, message, frame)
        raise Stop
    return range(count)


def _unnamed(step: Step) -> Step:
    return step if isinstance(step, ParamStep) else replace(step, name=None)
