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
from netc.compiler.structure import as_module, splice, stretch
from netc.compiler.tying import is_shared, only_shared

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
    items: list[Step] = []
    rounds: list[Frame] = []
    for number, value in enumerate(values):
        item = frame.inner(steps=[], namer=None, repeats=repeats)
        item.env["in"] = frame.current
        if element.variable is not None:
            item.env[element.variable] = value
        inner = _round(elaborator, element, item)
        frame.flow(item.current)
        if not isinstance(item.current, Wire):
            return
        apart = inner.level > item.level
        steps = [as_module(inner, element.body, "layer")] if apart else item.steps
        items += [replace(step, name=str(number)) for step in steps]
        if elaborator.shares:
            rounds.append(inner)
    if rounds and _all_shared(rounds, frame.level):
        for inner in rounds:  # one module, applied again and again: nothing to number
            splice(inner, frame)
        return
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


def _round(elaborator: Elaborator, element: program.Repeat, item: Frame) -> Frame:
    """One round of lines, elaborated; more than a single layer or block with their own names."""
    if _is_alone(element) or not element.body:
        elaborator.body(element.body, item)
        return item
    return stretch(elaborator, element.body, item, "layer") or item


def _all_shared(rounds: Sequence[Frame], level: int) -> bool:
    """Whether all weights of all rounds are those of modules shared around the repeat."""
    steps = [step for item in rounds for step in item.steps]
    if rounds[0].level == level:
        return any(map(is_shared, steps))
    return only_shared(steps)


def _is_alone(element: program.Repeat) -> bool:
    """Whether a round is a single layer or block, which needs no module around it."""
    body = element.body
    only = body[0] if len(body) == 1 else None
    return (
        isinstance(only, program.Flow)
        and only.target is None
        and sum(not isinstance(e, program.ShapeClaim) for e in only.elements) == 1
        and not isinstance(only.elements[0], program.Residual | program.Parallel | program.When)
        and not getattr(only.elements[0], "inline", False)
    )


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
        span, fix = element.count.span, Fix("")
        if isinstance(count, tuple) and span.text.startswith("["):
            fix = rewrite(span.before, "in ", "write `in` before a list")
        elaborator.tell("E0210", span, message, frame, fix)
        return None
    if count > MOST:
        message = f"{count:,} rounds are more than the {MOST:,} layers a net can have"
        elaborator.tell("E0405", element.count.span, message, frame)
        raise Stop
    return range(count)


def _unnamed(step: Step) -> Step:
    return step if isinstance(step, ParamStep) else replace(step, name=None)
