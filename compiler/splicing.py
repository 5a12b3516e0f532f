"""Lines that come in from elsewhere: `inline`, `sequential`, `when`, blocks handed to blocks.

They have no module of their own; their steps stand among those around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.arguments import field_of, need_all
from netc.compiler.diagnostics import Label
from netc.compiler.evaluate import UNKNOWN, Block, Unknown, say
from netc.compiler.frame import Frame
from netc.compiler.graph import LayerStep, Step, WhenStep, Wire, has_weights
from netc.compiler.naming import snake
from netc.compiler.source import Span
from netc.compiler.tying import owns

if TYPE_CHECKING:
    from netc.compiler.elaborate import Elaborator


def block(
    elaborator: Elaborator, use: program.BlockUse, frame: Frame, *, handed: bool = False
) -> None:
    """A block where it is used: a module of its own, or its lines if it is inline."""
    if use.inline:
        _inline(elaborator, use, frame, handed=handed)
        return
    step = elaborator.call_block(use, frame, handed=handed)
    if step is None:
        frame.flow(UNKNOWN)
    else:
        elaborator.add(step, snake(step.module.name), frame)


def _inline(elaborator: Elaborator, use: program.BlockUse, frame: Frame, *, handed: bool) -> None:
    entered = elaborator.enter(use, frame, handed=handed)
    if entered is None:
        frame.flow(UNKNOWN)
        return
    definition, _, inner = entered
    if frame.namer is not None:
        frame.namer.claim(definition.body)
    inner = replace(
        inner,
        steps=frame.steps,
        namer=frame.namer,
        level=frame.level,
        names=frame.names,
        ways=frame.ways,
        counted=frame.counted,
        conditional=frame.conditional,
    )
    elaborator.body(definition.body, inner)
    frame.flow(inner.current)


def handed_block(elaborator: Elaborator, use: program.HandedUse, frame: Frame) -> None:
    """A parameter used as a block, with the arguments given here."""
    found = elaborator.value(use.call.name, frame.env, ())
    if not isinstance(found, Block):
        if not isinstance(found, Unknown):
            message = f"`{use.call.name.text}` is a value and takes no arguments"
            elaborator.tell("E0204", use.span, message, frame)
        frame.flow(UNKNOWN)
        return
    parameters = elaborator.program.definitions[found.key].parameters
    given: dict[str, tree.Expr] = {}
    for argument in use.call.arguments:
        name = field_of(argument, [*parameters], [*parameters], given, use.call, elaborator.log)
        if name is not None:
            given[name] = argument.value
    missing = [n for n, default in parameters.items() if default is None and n not in given]
    need_all(missing, use.call, [*parameters], elaborator.log)
    if missing or len(given) < len(use.call.arguments):
        frame.flow(UNKNOWN)
        return
    known = program.BlockUse(found.key, given, use.span, use.call.name.span, use.inline)
    block(elaborator, known, frame, handed=True)


def sequential(elaborator: Elaborator, element: program.Sequential, frame: Frame) -> None:
    """Layers numbered by their places, as `nn.Sequential` does."""
    from netc.compiler.structure import numbered

    if not isinstance(frame.current, Wire):
        elaborator.needs_one("sequential", element.span, frame)
        frame.flow(UNKNOWN)
        return
    elaborator.count(1, element.span, frame)
    inner = frame.inner(steps=[], namer=None, counted=False)
    elaborator.body(element.body, inner)
    if not isinstance(inner.current, Wire):
        frame.flow(UNKNOWN)
    elif any(map(owns, inner.steps)):
        group = numbered(elaborator, inner.steps, "sequential", element.span)
        elaborator.add(group, "sequential", frame)
    else:
        frame.steps += inner.steps
        frame.flow(inner.current)


def when(elaborator: Elaborator, element: program.When, frame: Frame) -> None:
    """Lines that are there under a condition; where it does not hold, the value passes."""
    source = frame.current
    taken = condition(elaborator, element.condition, frame.env, frame)
    if taken is None or not isinstance(source, Wire):
        if taken is not None:
            elaborator.needs_one("when", element.span, frame)
        frame.flow(UNKNOWN)
        return
    inner = frame.inner(steps=[], conditional=True)
    if taken:
        elaborator.body(element.body, inner)
    output = inner.current
    frame.flow(output)
    spliced = frame.namer is None or frame.conditional or (taken and not inner.steps)
    if spliced or not isinstance(output, Wire) or not _straight(inner.steps, source):
        frame.steps += inner.steps
        return
    own = {id(step.output) for step in inner.steps}
    read = (wire for step in inner.steps for wire in step.inputs if id(wire) not in own)
    inputs = tuple(dict.fromkeys((source, *read)))
    steps = tuple(inner.steps)
    asked = frame.env.get("in")
    frame.steps.append(
        WhenStep(element.condition, taken, steps, inputs, output, element.span, asked=asked)
    )


def condition(elaborator: Elaborator, expr: tree.Expr, env: Any, frame: Frame) -> bool | None:
    """Whether a `when` holds; None after an error."""
    taken = elaborator.value(expr, env, ())
    if isinstance(taken, bool):
        return taken
    if not isinstance(taken, Unknown):
        message = f"`when` is yes or no, and this is {say(taken)}"
        elaborator.tell("E0210", expr.span, message, frame, "compare it: `when … > 1`")
    return None


def _straight(steps: Sequence[Step], source: Wire) -> bool:
    """Whether each step takes first what the one before gave, and else only older values."""
    last, made = source, set[int]()
    for step in steps:
        first, *others = step.inputs or (None,)
        if first is not last or any(id(wire) in made for wire in others):
            return False
        made |= {id(last), id(step.output)}
        last = step.output
    return True


def distinct_names(elaborator: Elaborator, steps: Sequence[Step], frame: Frame) -> None:
    """Refuses two layers of one name where lines of several blocks stand in one module."""
    if frame.namer is None or not frame.namer.mixed:
        return
    seen: dict[str, Span] = {}
    for step in _weighted(steps):
        assert step.name is not None
        if step.name in seen:
            message = f"two lines here are called `{step.name}`: names are keys in the state dict"
            label = Label(seen[step.name], "the first one")
            hint = "take `inline` out: then the block's names have a level of their own"
            elaborator.tell("E0206", step.span, message, frame, hint, [label])
            return
        seen[step.name] = step.span


def _weighted(steps: Sequence[Step]) -> Sequence[Step]:
    found: list[Step] = []
    for step in steps:
        if isinstance(step, WhenStep):
            found += _weighted(step.steps)
        elif step.name is not None and has_weights(step) and not _again(step):
            found.append(step)
    return found


def _again(step: Step) -> bool:
    from netc.compiler.graph import BlockStep

    return isinstance(step, LayerStep | BlockStep) and step.reuse
