"""Residuals, branches and named lines: structure that becomes wiring or modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from netc.compiler import program
from netc.compiler.applying import apply, make_layer
from netc.compiler.conditions import equal_when
from netc.compiler.evaluate import (
    UNKNOWN,
    Unknown,
    say,
)
from netc.compiler.frame import Current, Frame
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    Module,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.naming import Namer, camel
from netc.compiler.source import Span
from netc.compiler.splicing import distinct_names
from netc.compiler.tying import is_shared, only_shared, owns, raised

if TYPE_CHECKING:
    from netc.compiler.elaborate import Elaborator


def gather(
    elaborator: Elaborator, elements: Sequence[program.Element], frame: Frame, name: str
) -> list[Step]:
    """The steps of a named line, not yet named. Structure inside becomes a module."""
    steps, namer = frame.steps, frame.namer
    frame.steps, frame.namer = [], None
    try:
        for element in elements:
            if isinstance(element, program.Residual | program.Parallel):
                flow = program.Flow((element,), element.span)
                enclosed(elaborator, (flow,), frame, name)
            else:
                elaborator.element(element, frame)
        return frame.steps
    finally:
        frame.steps, frame.namer = steps, namer


def enclosed(elaborator: Elaborator, body: program.Body, frame: Frame, name: str) -> None:
    """A stretch of lines as a module of its own, with its own names.

    Where all its weights are those of modules shared around it, it is none: its steps stand among
    those around.
    """
    inner = stretch(elaborator, body, frame, name)
    if inner is None:
        return
    if only_shared(inner.steps):
        splice(inner, frame)
    else:
        frame.steps.append(as_module(inner, body, name))


def stretch(elaborator: Elaborator, body: program.Body, frame: Frame, name: str) -> Frame | None:
    """A stretch of lines with its own names, elaborated; None after an error."""
    source = frame.current
    if not isinstance(source, Wire):
        elaborator.needs_one(name, body[0].span, frame)
        frame.flow(UNKNOWN)
        return None
    inner = frame.inner(
        steps=[],
        namer=Namer(body),
        level=frame.level + 1,
        names=[],
        ways=[],
        counted=False,
        conditional=False,
    )
    inner.env["in"] = source
    inner.flow(source)
    elaborator.body(body, inner)
    distinct_names(elaborator, inner.steps, inner)
    if not isinstance(inner.current, Wire):
        frame.flow(UNKNOWN)
        return None
    frame.flow(inner.current)
    return inner


def as_module(inner: Frame, body: program.Body, name: str) -> BlockStep:
    """An elaborated stretch of lines as a module."""
    source, output = inner.env["in"], inner.current
    assert isinstance(output, Wire)
    inputs = _inputs_of(inner.steps, source, output, inner.env.parents)
    module = Module(
        "body",
        camel(name),
        {},
        inputs,
        tuple(inner.steps),
        (("output", output),),
        body[0].span,
        tuple(inner.names),
        tuple(inner.ways),
    )
    return BlockStep(module, tuple(wire for _, wire in inputs), output, {}, body[0].span)


def splice(inner: Frame, frame: Frame) -> None:
    """Puts the steps of lines among those around."""
    if inner.level == frame.level:
        frame.steps += inner.steps
        return
    straight = frame.namer is None or frame.conditional
    frame.steps += raised(inner.steps, straight=straight)
    frame.names += inner.names
    frame.ways += inner.ways


def named(elaborator: Elaborator, steps: list[Step], name: str, span: Span) -> list[Step]:
    """Law 6: one weighted step takes the line's name, several are numbered under it."""
    weighted = [step for step in steps if step.name is None and owns(step)]
    if len(weighted) <= 1:
        return [replace(s, name=name) if weighted and s is weighted[0] else s for s in steps]
    return [replace(numbered(elaborator, steps, name, span), name=name)]


def numbered(elaborator: Elaborator, steps: list[Step], name: str, span: Span) -> GroupStep:
    """Steps under one name, each with weights of its own called by its place."""
    other = next((step for step in steps if step.name is not None and not is_shared(step)), None)
    if other is not None:
        message = (
            f"`{name}` numbers its layers, and `{other.name}` among them has a name of its own"
        )
        hint = f"give `{other.name}` a line of its own"
        elaborator.log.say("E0408", other.span, message, hint)
    places = tuple(
        replace(step, name=str(number)) if owns(step) else step for number, step in enumerate(steps)
    )
    own = {id(step.output) for step in steps}
    inputs = tuple(dict.fromkeys(w for step in steps for w in step.inputs if id(w) not in own))
    return GroupStep(places, inputs, steps[-1].output, span)


def residual(elaborator: Elaborator, element: program.Residual, frame: Frame) -> None:
    source = frame.current
    if not isinstance(source, Wire):
        elaborator.needs_one("residual", element.span, frame)
        frame.flow(UNKNOWN)
        return
    elaborator.count(1, element.span, frame)
    inner = frame.inner()
    inner.env["in"] = source
    inner.flow(source)
    elaborator.body(element.body, inner)
    skip: Current = source
    if element.shortcut is not None:
        skip = _shortcut(elaborator, element.shortcut, source, frame)
    if not isinstance(inner.current, Wire) or not isinstance(skip, Wire):
        frame.flow(UNKNOWN)
        return
    _residual_add(elaborator, element, inner.current, skip, frame)


def _residual_add(
    elaborator: Elaborator, element: program.Residual, body: Wire, skip: Wire, frame: Frame
) -> None:
    from netc.compiler.layers.joins import Add

    if len(body.tensor.shape) == len(skip.tensor.shape):
        pairs = list(zip(body.tensor.shape, skip.tensor.shape, strict=True))
        differ = [i for i, (a, b) in enumerate(pairs) if a != b and not equal_when(a, b)]
    else:
        differ = [-1]
    if differ:
        elaborator.differ(skip.tensor.shape, body.tensor.shape)
        from netc.compiler.joining import history
        from netc.compiler.shortcuts import equal_residual

        message = (
            f"the residual's lines give {body.tensor}, and past them goes {skip.tensor}: "
            "they cannot be added"
        )
        labels = [history(body), history(skip)]
        fix = equal_residual(body, skip, element, frame)
        elaborator.tell("E0310", element.span, message, frame, fix, labels)
        frame.flow(UNKNOWN)
        return
    use = program.LayerUse(Add, {}, (), element.span, element.span)
    step = apply(elaborator, Add(), use, (body, skip), frame)
    if step is None:
        frame.flow(UNKNOWN)
    else:
        elaborator.add(step, "add", frame)


def _shortcut(
    elaborator: Elaborator, shortcut: program.Shortcut, source: Wire, frame: Frame
) -> Current:
    taken: Any = True
    if shortcut.when is not None:
        inner = frame.inner()
        inner.env["in"] = source
        taken = elaborator.value(shortcut.when, inner.env, ())
    if isinstance(taken, Unknown):
        return UNKNOWN
    if not isinstance(taken, bool):
        assert shortcut.when is not None
        message = f"`when` is yes or no, and this is {say(taken)}"
        elaborator.tell(
            "E0210", shortcut.when.span, message, frame, "compare it: `when=stride > 1`"
        )
        return UNKNOWN
    name = frame.key(shortcut.name) if shortcut.name is not None else None
    if name is None and frame.namer is not None:
        name = frame.namer.next("shortcut")
    steps: list[Step] = []
    output: Current = source
    if taken:
        straight = shortcut.when is not None
        steps, output = way(elaborator, shortcut.body, source, frame, name, straight=straight)
    if shortcut.when is None:
        frame.steps += steps
    elif isinstance(output, Wire):
        own = {id(step.output) for step in steps}
        read = (wire for step in steps for wire in step.inputs if id(wire) not in own)
        inputs = tuple(dict.fromkeys((source, *read)))
        frame.steps.append(
            WhenStep(shortcut.when, taken, tuple(steps), inputs, output, shortcut.span)
        )
    return output


def way(
    elaborator: Elaborator,
    body: program.Body,
    source: Wire,
    frame: Frame,
    name: str | None,
    *,
    straight: bool = False,
) -> tuple[list[Step], Current]:
    """A named way around or through: its lines from `source`, under its name.

    `straight` wants each step to take what the one before gave; else it is a module of its own.
    """
    inner = frame.inner(steps=[], namer=frame.namer, conditional=frame.conditional or straight)
    inner.env["in"] = source
    inner.flow(source)
    flows = [item for item in body if isinstance(item, program.Flow)]
    if name is None:
        elaborator.body(body, inner)
        return inner.steps, inner.current
    elements = [element for flow in flows for element in flow.elements]
    jumps = straight and len(elements) > 1 and any(map(_jumps, elements))
    if len(flows) == len(body) and all(flow.target is None for flow in flows) and not jumps:
        steps = gather(elaborator, elements, inner, name)
    else:
        inner.namer = None
        enclosed(elaborator, body, inner, name)
        steps = inner.steps
    return named(elaborator, steps, name, body[0].span), inner.current


def _jumps(element: program.Element) -> bool:
    """Whether an element takes values by name."""
    return isinstance(element, program.ValueUse | program.BlockUse | program.HandedUse) or (
        isinstance(element, program.LayerUse) and bool(element.operands)
    )


def parallel(elaborator: Elaborator, element: program.Parallel, frame: Frame) -> None:
    source = frame.current
    if not isinstance(source, Wire):
        elaborator.needs_one("parallel", element.span, frame)
        frame.flow(UNKNOWN)
        return
    elaborator.count(1, element.span, frame)
    ends: list[Current] = []
    for number, branch in enumerate(element.branches, 1):
        name = frame.key(branch.name) if branch.name is not None else None
        steps, end = way(elaborator, branch.body, source, frame, name)
        frame.steps += steps
        ends.append(end)
        if isinstance(end, Wire) and end is not source:
            frame.ways.append((end, branch.name or f"branch{number}"))
    if not all(isinstance(end, Wire) for end in ends):
        frame.flow(UNKNOWN)
        return
    wires = tuple(end for end in ends if isinstance(end, Wire))
    use = replace(element.join)
    layer = make_layer(elaborator, use, {}, frame)
    step = apply(elaborator, layer, use, wires, frame) if layer is not None else None
    if step is None:
        frame.flow(UNKNOWN)
    else:
        elaborator.add(step, use.layer.kind, frame)


def _inputs_of(
    steps: Sequence[Step], source: Wire, result: Wire, env: Mapping[str, Any]
) -> tuple[tuple[str, Wire], ...]:
    """What a stretch of lines takes from around it: what flows in first, then values by name."""
    names = {
        value: name
        for name, value in env.items()
        if isinstance(value, Wire) and name not in ("in", "out")
    }
    made: set[Wire] = set()
    found = {source: ("x", source)}
    for read, output in [*((step.inputs, step.output) for step in steps), ((result,), result)]:
        for wire in read:
            if wire not in made and wire not in found:
                found[wire] = (names.get(wire, "skip"), wire)
        made.add(output)
    return tuple(found.values())
