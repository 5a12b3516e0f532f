"""The layers on the way to a value, and other arguments for one of them that give another shape."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from netc.compiler.changing import change_argument
from netc.compiler.edits import Edit, Fix
from netc.compiler.frame import Frame
from netc.compiler.graph import BlockStep, GroupStep, LayerStep, RepeatStep, Step, WhenStep, Wire
from netc.compiler.layers.base import Layer, Tensor, feature_axis
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.sizes import Shape
from netc.compiler.source import Span

MOST_LAYERS = 500
"""How many layers above a join are looked at for an edit."""
MOST_TRIES = 400
"""Changes of arguments tried before no edit is offered."""

STRIDES = (1, 2, 4, 8)
"""Strides in use."""

Changes = Mapping[str, Any]
"""Arguments of a layer by name, with other values."""
Words = Mapping[tuple[str, Any], str]
"""What the text calls an argument's value, by name and value."""


def changed_way(
    wire: Wire,
    wanted: Shape,
    frame: Frame,
    words: Words | None = None,
    fixed: Collection[Wire] = (),
) -> Fix | None:
    """New arguments for one layer on the way to a value, or for a few of them.

    `words` are what values are called here; the layers that make `fixed` values stay as they are.
    """
    changed = steps_changed(wire, wanted, frame, fixed)
    return None if changed is None else as_fix(changed, words=words)


def steps_changed(
    wire: Wire,
    wanted: Shape,
    frame: Frame,
    fixed: Collection[Wire] = (),
    before: Sequence[tuple[LayerStep, Changes]] = (),
) -> list[tuple[LayerStep, Changes]] | None:
    """Layers on the way to a value, with the arguments after which it has the wanted shape.

    The layers that make `fixed` values stay as they are; `before` is what is changed already.
    """
    steps = chain_of(wire, frame)
    known = {step.output: changes for step, changes in before}
    if steps and shape_after(steps, known) == wanted:
        return []
    last = max((n for n, step in enumerate(steps, 1) if step.output in fixed), default=0)
    tries = 0
    for step in reversed(steps[last:]):
        for changes in candidates(step.layer, wanted):
            tries += 1
            if tries > MOST_TRIES:
                return None
            if shape_after(steps, {**known, step.output: changes}) == wanted:
                return [(step, changes)]
    padded = _all_padded(steps[last:], wanted) if not known else None
    return padded or _wide_and_far(steps, steps[last:], wanted, known)


def _wide_and_far(
    steps: Sequence[LayerStep],
    free: Sequence[LayerStep],
    wanted: Shape,
    known: Mapping[Wire, Changes],
) -> list[tuple[LayerStep, Changes]] | None:
    """The last layer that makes features with as many as wanted, and one or all windows changed.

    For shapes that differ in their features and in their sizes: each layer is tried once.
    """
    wide = next(((s, w) for s in reversed(free) for w in _widths(s.layer, wanted)), None)
    if wide is None:
        return None
    maker, width = wide
    if getattr(maker.layer, next(iter(width))) in width.values():
        return None  # it makes as many already, and single changes were tried
    known = {**known, maker.output: width}
    tries = 0
    for step in reversed(free):
        own = known.get(step.output, {})
        for window in _windows(step.layer):
            tries += 1
            if tries > MOST_TRIES:
                return None
            changes = {**own, **window}
            if shape_after(steps, {**known, step.output: changes}) == wanted:
                one = (step, changes)
                return [one] if step is maker else [(maker, width), one]
    same = {"pad": "same"}
    shrinking = [s for s in free if s.weights and _may_be_padded(s) and _shrinks(s)]
    all_: dict[Wire, Changes] = {s.output: {**known.get(s.output, {}), **same} for s in shrinking}
    if shrinking and shape_after(steps, {**known, **all_}) == wanted:
        others = [(s, all_[s.output]) for s in shrinking if s is not maker]
        return [(maker, all_.get(maker.output, width)), *others]
    return None


def padded_way(
    steps: Sequence[LayerStep], wanted: Shape, then: str = "then both fit"
) -> Fix | None:
    """`pad=same` for all convolutions on a way, if its end then has the wanted shape."""
    padded = _all_padded(steps, wanted)
    return None if padded is None else as_fix(padded, then)


def _all_padded(
    steps: Sequence[LayerStep], wanted: Shape
) -> list[tuple[LayerStep, Changes]] | None:
    """The convolutions of a way that shrink, or else all windows that do, with `pad=same`."""
    shrinking = [s for s in steps if _may_be_padded(s) and _shrinks(s)]
    for some in ([s for s in shrinking if s.weights], shrinking):
        changes: dict[Wire, Changes] = {step.output: {"pad": "same"} for step in some}
        if some and shape_after(steps, changes) == wanted:
            return [(step, {"pad": "same"}) for step in some]
    return None


def _may_be_padded(step: LayerStep) -> bool:
    return "pad" in type(step.layer).model_fields and step.layer.kind != "conv_transpose"


def _shrinks(step: LayerStep) -> bool:
    return step.inputs[0].tensor.shape[1:] != step.output.tensor.shape[1:]


def chain_of(wire: Wire, frame: Frame) -> list[LayerStep]:
    """The layers on the way to a value, in order, as far back as each takes one value."""
    found: list[LayerStep] = []
    for step in islice(layers_of(frame.steps), MOST_LAYERS):
        if step.output is wire:
            if len(step.inputs) != 1:
                break
            found.append(step)
            wire = step.inputs[0]
    return found[::-1]


def layers_of(steps: Sequence[Step]) -> Iterator[LayerStep]:
    """The layers of some steps, the last one first."""
    for step in reversed(steps):
        match step:
            case LayerStep():
                yield step
            case GroupStep() | WhenStep():
                yield from layers_of(step.steps)
            case RepeatStep():
                yield from layers_of(step.items)
            case BlockStep(module=module) if module.word == "body":
                yield from layers_of(module.steps)


def shape_after(
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


def candidates(layer: Layer, wanted: Shape) -> Iterator[Changes]:
    """Changes of a layer's arguments that could give a shape: single ones first, then pairs."""
    width, window = [*_widths(layer, wanted)], [*_windows(layer)]
    yield from width
    yield from window
    for one, other in product(width, window):
        yield {**one, **other}


def _widths(layer: Layer, wanted: Shape) -> Iterator[Changes]:
    """The number of features that a shape has."""
    for name in ("filters", "units", "dim") if wanted else ():
        size = wanted[feature_axis(len(wanted))] if name in type(layer).model_fields else None
        if isinstance(size, int):
            yield {name: size}


def _windows(layer: Layer) -> Iterator[Changes]:
    """Other paddings and strides of a window, and for those that enlarge what goes with them."""
    if "pad" not in type(layer).model_fields:
        return
    kernel = getattr(layer, "kernel", 1)
    largest = max(kernel) if isinstance(kernel, tuple) else kernel
    same: list[Changes] = [{"pad": "same"}] if layer.kind != "conv_transpose" else []
    numbers: list[Changes] = [{"pad": pad} for pad in range(min(largest, 8))]
    yield from [*numbers, *same] if getattr(layer, "pad", 0) else [*same, *numbers]
    yield from ({"stride": stride} for stride in STRIDES)
    if same:
        yield {"pad": "same", "stride": 1}
        if getattr(layer, "stride", 1) is None:  # as large as the kernel
            yield from ({"kernel": _like(kernel, other)} for other in STRIDES[1:])
        return
    stride, pad = getattr(layer, "stride", 1), getattr(layer, "pad", 0)
    if isinstance(stride, int) and isinstance(pad, int):
        yield {"kernel": _like(kernel, stride)}
        cuts = range(pad, min(largest, 8))
        pairs = product(cuts, range(1, min(stride, 8)))  # `more` is at most `cut`
        for cut, more in pairs:
            if more <= cut:  # only what was cut off is there to be added
                yield {"output_pad": more} if cut == pad else {"pad": cut, "output_pad": more}
    yield from ({"kernel": _like(kernel, other), "stride": other} for other in STRIDES[1:])


def _like(kernel: int | tuple[int, ...], size: int) -> int | tuple[int, ...]:
    """A kernel of another size, along as many axes as one."""
    return (size,) * len(kernel) if isinstance(kernel, tuple) else size


def as_fix(
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
