"""Values that cannot be joined: how each got its shape, and the edit after which they can."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.changing import change_argument
from netc.compiler.diagnostics import Label
from netc.compiler.edits import Edit, Fix, indentation, rewrite
from netc.compiler.frame import Frame, made_by
from netc.compiler.graph import BlockStep, GroupStep, LayerStep, RepeatStep, Step, WhenStep, Wire
from netc.compiler.layers.base import Layer, ShapeError, Tensor, feature_axis
from netc.compiler.sizes import Shape, Size
from netc.compiler.source import Span

MOST_SHAPES = 5
"""Shapes shown on the way to one of the joined values."""
MOST_LAYERS = 500
"""How many layers above a join are looked at for an edit."""
MOST_TRIES = 400
"""Changes of arguments tried before no edit is offered."""
MOST_OFF = 17
"""How far from its size an input is looked for that would make a claim true."""
KERNELS = (1, 2, 3, 5, 7, 11)
"""Kernels in use, tried where a claim is false."""

Changes = Mapping[str, Any]
Words = Mapping[tuple[str, Any], str]


def history(wire: Wire) -> Label:
    """The line that gave a value its shape, the arithmetic, and the shapes on the way there."""
    label = made_by(wire)
    shapes: list[str] = []
    for before in _back(wire.origin()):
        text = str(before.tensor)
        if not shapes or shapes[-1] != text:
            shapes.append(text)
    if len(shapes) < 3:
        return label
    dots = ["…"] if len(shapes) > MOST_SHAPES else []
    way = " → ".join([*dots, *reversed(shapes[:MOST_SHAPES])])
    return replace(label, text=f"{label.text}; on the way: {way}")


def _back(wire: Wire) -> Iterator[Wire]:
    """A value and those before it, as long as each is made of one."""
    yield wire
    while len(wire.read) == 1:
        wire = wire.read[0]
        yield wire


# ------------------------------------------------------------------------------
# Other arguments for the layers of one way


def equal_ways(wires: Sequence[Wire], free: int | None, frame: Frame) -> Fix:
    """New arguments for the layers of one way, so that all fit; the later ways are tried first.

    `free` is the axis along which sizes may differ. Every change is worked out before it is
    offered: the layers' own shape rules say that it fits.
    """
    first, *others = wires
    for wire, other in [*((w, first) for w in others), (first, others[-1])]:
        if len(wire.tensor.shape) == len(other.tensor.shape):
            wanted = [*other.tensor.shape]
            if free is not None:
                wanted[free] = wire.tensor.shape[free]
            fits = all(len(w.tensor.shape) == len(wanted) for w in wires) and all(
                size == w.tensor.shape[axis]
                for w in wires
                if w is not wire
                for axis, size in enumerate(wanted)
                if axis != free
            )
            others_too = set[Wire]().union(*(_all_before(w) for w in wires if w is not wire))
            found = changed_way(wire, tuple(wanted), frame, others_too) if fits else None
            if found is not None:
                return found
    return Fix("")


def _all_before(wire: Wire) -> set[Wire]:
    """The values that one is made from, and itself: the nearest of them."""
    found: set[Wire] = set()
    waiting = [wire]
    while waiting and len(found) < MOST_LAYERS:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += one.read
    return found


def changed_way(
    wire: Wire,
    wanted: Shape,
    frame: Frame,
    fixed: Collection[Wire] = (),
    words: Words | None = None,
) -> Fix | None:
    """New arguments for one layer on the way to a value, or `pad=same` for all of them.

    The layers that make `fixed` values stay as they are. `words` are what values are called here.
    """
    steps = _chain(wire, frame)
    while steps and steps[0].output in fixed:
        steps = steps[1:]
    if any(step.output in fixed for step in steps):
        return None
    tries = 0
    for step in reversed(steps):
        for changes in _candidates(step.layer, wanted):
            tries += 1
            if tries > MOST_TRIES:
                return None
            if _shape_after(steps, {step.output: changes}) == wanted:
                return _as_fix([(step, changes)], words=words)
    return padded_way(steps, wanted)


def claimed_way(wire: Wire, wanted: Shape, frame: Frame, held: Collection[Wire]) -> Fix | None:
    """New arguments for one layer above a claim, after which it is true.

    Layers that lead to a value in `held`, of which a claim is true, stay as they are.
    """
    steps = _chain(wire, frame)
    whole = steps
    last = max((n for n, step in enumerate(steps, 1) if step.output in held), default=0)
    steps = steps[last:]
    tries = 0
    for step in reversed(steps):
        rank = len(step.inputs[0].tensor.shape)
        for changes in (*_candidates(step.layer, wanted), *_other_windows(step.layer, rank - 1)):
            tries += 1
            if tries > MOST_TRIES:
                return None
            fits = _shape_after(steps, {step.output: changes}) == wanted
            if fits and _is_plain(step, changes) and _is_allowed(step.layer, changes):
                fix = _as_fix([(step, changes)], "then the claim is true")
                if frame.calls and any(name not in step.given for name in changes):
                    return _other_input(whole, wanted) or fix  # others use this block as it is
                return fix
    return None


def _other_input(steps: Sequence[LayerStep], wanted: Shape) -> Fix | None:
    """Another size of the net's square input that gives the wanted shape; the nearest one."""
    source = steps[0].inputs[0] if steps else None
    if source is None or source.layer is not None or source.read:
        return None
    shape = source.tensor.shape
    size = shape[-1] if shape else None
    line = source.made.source.line(source.made.line)
    written = line.find(str(source.tensor))
    if written < 0 or len(shape) < 3 or not isinstance(size, int) or set(shape[1:]) != {size}:
        return None
    for off in range(1, MOST_OFF):
        for other in (size + off, size - off):
            tensor = replace(source.tensor, shape=(shape[0], *[other] * (len(shape) - 1)))
            if other > 0 and _shape_after(steps, {}, tensor) == wanted:
                hint = "let the input be `{}`: then the claim is true"
                end = written + 1 + len(str(source.tensor))
                place = replace(source.made, column=written + 1, end_column=end)
                return rewrite(place, str(tensor), hint)
    return None


def _is_plain(step: LayerStep, changes: Changes) -> bool:
    """Whether the arguments to change are numbers in the text: `width` means other ones too."""
    written = [step.given[name].span.text for name in changes if name in step.given]
    return all(re.fullmatch(r"[\d_x(), ]+|same|valid|yes|no", text) for text in written)


def _is_allowed(layer: Layer, changes: Changes) -> bool:
    """Whether a layer may have these arguments together."""
    given = {name: getattr(layer, name) for name in layer.model_fields_set}
    try:
        type(layer)(**{**given, **changes})
    except ValueError:
        return False
    return True


def padded_way(steps: Sequence[LayerStep], wanted: Shape) -> Fix | None:
    """`pad=same` for all convolutions on a way, if its end then has the wanted shape."""
    shrinking = [s for s in steps if "pad" in type(s.layer).model_fields and _shrinks(s)]
    changes: dict[Wire, Changes] = {step.output: {"pad": "same"} for step in shrinking}
    if not shrinking or _shape_after(steps, changes) != wanted:
        return None
    return _as_fix([(step, {"pad": "same"}) for step in shrinking])


def _shrinks(step: LayerStep) -> bool:
    return step.inputs[0].tensor.shape[1:] != step.output.tensor.shape[1:]


def _chain(wire: Wire, frame: Frame) -> list[LayerStep]:
    """The layers on the way to a value, in order, as far back as each takes one value."""
    found: list[LayerStep] = []
    for step in islice(_layers(frame.steps), MOST_LAYERS):
        if step.output is wire:
            if len(step.inputs) != 1:
                break
            found.append(step)
            wire = step.inputs[0]
    return found[::-1]


def _layers(steps: Sequence[Step]) -> Iterator[LayerStep]:
    """The layers of some steps, the last one first."""
    for step in reversed(steps):
        match step:
            case LayerStep():
                yield step
            case GroupStep() | WhenStep():
                yield from _layers(step.steps)
            case RepeatStep():
                yield from _layers(step.items)
            case BlockStep(module=module) if module.word == "body":
                yield from _layers(module.steps)


def _shape_after(
    steps: Sequence[LayerStep], changes: Mapping[Wire, Changes], source: Tensor | None = None
) -> Shape | None:
    """What the last layer would give with some arguments changed; None if one would not fit.

    `source` flows in, in the place of what does.
    """
    tensor = source or steps[0].inputs[0].tensor
    for step in steps:
        layer: Layer = step.layer.model_copy(update=dict(changes.get(step.output, {})))
        try:
            tensor = layer.output([tensor])
        except ShapeError:
            return None
    return tensor.shape


def _candidates(layer: Layer, wanted: Shape) -> Iterator[Changes]:
    """Changes of a layer's arguments that could give a shape: single ones first, then pairs."""
    fields = type(layer).model_fields
    width: list[Changes] = [
        {name: size}
        for name in ("filters", "units")
        if name in fields and isinstance(size := wanted[feature_axis(len(wanted))], int)
    ]
    window: list[Changes] = []
    if "pad" in fields:
        kernel = getattr(layer, "kernel", 1)
        largest = max(kernel) if isinstance(kernel, tuple) else kernel
        same: list[Changes] = [{"pad": "same"}] if layer.kind != "conv_transpose" else []
        numbers: list[Changes] = [{"pad": pad} for pad in range(min(largest, 8))]
        window += [*numbers, *same] if getattr(layer, "pad", 0) else [*same, *numbers]
        window += [{"stride": stride} for stride in (1, 2, 4, 8)]
    yield from width
    yield from window
    for one, other in product(width, window):
        yield {**one, **other}
    if "pad" in fields and layer.kind != "conv_transpose":
        yield {"pad": "same", "stride": 1}


def _other_windows(layer: Layer, axes: int) -> Iterator[Changes]:
    """Another way of rounding, and other kernels, for a layer with a window."""
    fields = type(layer).model_fields
    if "ceil" in fields:
        yield {"ceil": not getattr(layer, "ceil", False)}
    if "kernel" in fields:
        for kernel in KERNELS:
            yield {"kernel": (kernel,) * axes}


def _as_fix(
    changed: Sequence[tuple[LayerStep, Changes]],
    then: str = "then both fit",
    words: Words | None = None,
) -> Fix:
    called = words or {}
    edits: list[Edit] = []
    said: list[str] = []
    for step, changes in changed:
        texts = {n: called.get((n, value), _text(value)) for n, value in changes.items()}
        listed = " and ".join(f"`{name}={text}`" for name, text in texts.items())
        said.append(f"{listed} for `{step.span.text}`")
        for name, text in texts.items():
            edits += change_argument(step.span, step.given, name, text, "").edits
    return Fix(f"write {', '.join(dict.fromkeys(said))}: {then}", tuple(_merged(edits)))


def _text(value: Any) -> str:
    """A value as the language writes it: `5x5`, `yes`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _merged(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Edits with those at one place as one, and none twice (rounds of a repeat share a line)."""
    places: dict[Span, str] = {}
    for edit in edits:
        before = places.get(edit.span, "")
        places[edit.span] = before if edit.text in before else before + edit.text
    return (Edit(span, text) for span, text in places.items())


# ------------------------------------------------------------------------------
# A residual


def equal_residual(body: Wire, skip: Wire, element: program.Residual, frame: Frame) -> Fix:
    """The edit that makes a residual's two ways equal: padding, or a shortcut that fits."""
    source, wanted = skip.tensor.shape, body.tensor.shape
    steps = _chain(body, frame)
    start = frame.current if element.shortcut is not None else skip
    while steps and start not in [step.inputs[0] for step in steps[:1]]:
        steps = steps[1:]
    if element.shortcut is not None:
        return _equal_shortcut(body, skip, element.shortcut, steps, frame)
    if steps and (padded := padded_way(steps, source)) is not None:
        return padded
    if (line := _shortcut(body, skip, steps)) is not None:
        return Fix(f"add a shortcut: `{line}`", _inserted(element, line))
    if steps and len(source) == len(wanted):
        return changed_way(body, source, frame) or Fix("")
    return Fix("")


def _equal_shortcut(
    body: Wire,
    skip: Wire,
    shortcut: program.Shortcut,
    steps: Sequence[LayerStep],
    frame: Frame,
) -> Fix:
    """Padding for the lines, a condition that holds for a shortcut, or one that fits."""
    if skip is frame.current and shortcut.when is not None:
        line = _shortcut(body, skip, steps)
        found = re.search(r"when=(.+?):", line or "")
        if found:
            hint = "write `{}` as its condition: the shortcut is needed here"
            return rewrite(shortcut.when.span, found[1], hint)
    padded = padded_way(steps, skip.tensor.shape) if steps else None
    fix = padded or changed_way(skip, body.tensor.shape, frame, words=_words(steps))
    return fix or Fix(
        f"make the shortcut give {body.tensor}: its filters and stride must match the lines "
        "above it"
    )


def _words(steps: Sequence[LayerStep]) -> Words:
    """Arguments of layers that are no plain numbers, by name and value: `stride`, `4*width`."""
    return {
        (name, getattr(step.layer, name)): expr.span.text
        for step in steps
        for name, expr in step.given.items()
        if isinstance(expr, tree.Name | tree.Binary)
    }


def _shortcut(body: Wire, skip: Wire, steps: Sequence[LayerStep]) -> str | None:
    """A line that turns what goes past a residual into the shape of what comes out of it."""
    b, s = body.tensor.shape, skip.tensor.shape
    if not b or len(b) != len(s) or skip.tensor.dtype != "float":
        return None
    if len(b) <= 2 and b[:-1] == s[:-1] and isinstance(b[-1], int):
        units = _written(steps, "units", b[-1])
        when = f" when=in.features != {units}" if not units.isdigit() else ""
        return f"shortcut{when}: dense {units}"
    stride = _stride(b[1:], s[1:])
    if stride is None or not isinstance(b[0], int):
        return None
    filters = _written(steps, "filters", b[0])
    strides = [given.span.text for step in steps if (given := step.given.get("stride"))]
    named = [text for text in strides if not text.isdigit()]
    text = named[0] if len(named) == 1 and len(strides) == 1 else str(stride)
    kernel = "x".join("1" * (len(b) - 1))
    conditions = [f"{text} > 1"] if not text.isdigit() else []
    conditions += [f"in.channels != {filters}"] if conditions or not filters.isdigit() else []
    when = f" when={' or '.join(conditions)}" if conditions else ""
    return f"shortcut{when}: conv {filters}, {kernel}" + (f", stride={text}" if text != "1" else "")


def _stride(after: Sequence[Size], before: Sequence[Size]) -> int | None:
    """The stride with which a 1x1 window takes these sizes to those; None if there is none."""
    if tuple(after) == tuple(before):
        return 1
    pairs = list(zip(after, before, strict=True))
    for stride in range(2, 33):
        if all((b - 1) // stride + 1 == a for a, b in pairs):
            return stride
    return None


def _written(steps: Sequence[LayerStep], field: str, value: int) -> str:
    """How the last layer that makes so many features says it: `4*width`; else the number."""
    for step in reversed(steps):
        if getattr(step.layer, field, None) == value:
            expr = step.given.get(field)
            if expr is not None and not isinstance(expr, tree.Number | tree.Choice):
                return expr.span.text
            return str(value)
    return str(value)


def _inserted(element: program.Residual, line: str) -> tuple[Edit, ...]:
    """The edits that put a line at the end of a residual's lines."""
    first, last = element.body[0].span, _last_line(element.body)
    end = Span(first.source, last, (width := len(first.source.line(last))) + 1, last, width + 1)
    if first.line > element.span.end_line:
        return (Edit(end, f"\n{indentation(first)}{line}"),)
    deeper = indentation(element.span) + "    "  # its lines stand behind the colon
    gap = replace(element.span.after, end_line=first.line, end_column=first.column)
    return (Edit(gap, f":\n{deeper}"), Edit(end, f"\n{deeper}{line}"))


def _last_line(body: program.Body) -> int:
    last = body[-1]
    lines = [last.span.end_line]
    for element in last.elements if isinstance(last, program.Flow) else ():
        match element:
            case program.Residual(body=inner, shortcut=shortcut):
                lines += [_last_line(inner)] + ([_last_line(shortcut.body)] if shortcut else [])
            case (
                program.Repeat(body=inner)
                | program.Sequential(body=inner)
                | program.When(body=inner)
            ) if inner:
                lines.append(_last_line(inner))
            case program.Parallel(branches=branches):
                lines += [_last_line(branch.body) for branch in branches if branch.body]
            case _:
                pass
    return max(lines)
