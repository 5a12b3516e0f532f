"""Values that cannot be joined: how each got its shape, and the edit after which they can."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.bridging import Meeting, bridged
from netc.compiler.diagnostics import Label
from netc.compiler.edits import Fix, rewrite
from netc.compiler.frame import Frame, made_by
from netc.compiler.graph import LayerStep, Wire
from netc.compiler.layers.base import Layer, Tensor, feature_axis
from netc.compiler.layers.cropping import Crop
from netc.compiler.layers.joins import Concat, Join
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.program import LayerUse
from netc.compiler.replaying import above, replayed
from netc.compiler.resizing import resized
from netc.compiler.sizes import Shape, Size, evaluate, names_in
from netc.compiler.source import Span
from netc.compiler.ways import Changes, as_fix, steps_changed

FAR = 5040
"""A size by which two with names are compared: large, and a multiple of the usual strides."""
MOST_SHAPES = 5
"""Shapes shown on the way to one of the joined values."""


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


class Place(Struct, frozen=True, eq=False):
    """Where values are joined.

    Attributes:
        use: the join in the text.
        frame: where elaboration stands.
        inputs: the net's inputs by name.
        held: values of which a claim is true; it must stay so.
    """

    use: LayerUse
    frame: Frame
    inputs: Sequence[tuple[str, Wire]]
    held: Collection[Wire]


def mend(layer: Layer, wires: Sequence[Wire], axis: int, place: Place) -> Fix:
    """What makes values fit that differ along an axis: an edit, or else what there is to do."""
    free = layer.free_axis(len(wires[0].tensor.shape)) if isinstance(layer, Join) else None
    if layer.measured:
        return Fix("let what goes be even: another size of the input, or a line less on one way")
    if not isinstance(layer, Join):
        value, gate = wires  # a gate: one number for each channel
        wanted = (value.tensor.shape[0], *gate.tensor.shape[1:])
        changed = steps_changed(gate, wanted, place.frame, above([value]) or ())
        return as_fix(changed) if changed else Fix(f"the gate must give {wanted[0]} numbers")
    if len({len(wire.tensor.shape) for wire in wires}) > 1:
        return bridged(Meeting(place.use, wires, place.frame))
    return (
        equal_ways(wires, free, place)
        or side_by_side(layer, wires, axis, place.use.word)
        or _cropped(wires, place.use, free)
        or _to_do(wires, axis)
    )


def side_by_side(layer: Join, wires: Sequence[Wire], axis: int, word: Span) -> Fix | None:
    """`concat` in the place of `add` or `mul`, where only the numbers of features differ."""
    shapes = [wire.tensor.shape for wire in wires]
    features = feature_axis(len(shapes[0]))
    if layer.kind not in ("add", "mul") or axis != features or (axis and _windows(wires)):
        return None
    if len({_compared(shape, features) for shape in shapes}) > 1:
        return None
    written = re.search(rf"\b{layer.kind}\b", word.text)
    if written is None or word.line != word.end_line:
        return None
    start = word.column + written.start()
    place = replace(word, column=start, end_column=start + len(layer.kind))
    output = Concat().output([wire.tensor for wire in wires])
    hint = (
        f"write `{{}}` for `{layer.kind}`: values side by side may differ here, and give {output}"
    )
    return rewrite(place, "concat", hint)


def _cropped(wires: Sequence[Wire], use: LayerUse, free: int | None) -> Fix | None:
    """A `crop` of the larger of two values that differ by a border, as in a U-Net."""
    if len(wires) != 2 or len(wires[0].tensor.shape) < 3 or free not in (0, None):
        return None
    value, other = (wire.tensor for wire in wires)
    if free is None and value.shape[0] != other.shape[0]:
        return None
    if _has_border(value, other) and len(use.operands) == 1:
        ((_, named),) = use.operands
        hint = f"write `{{}}` before `{use.word.text}`: it keeps the middle of the larger value"
        return rewrite(use.word.before, f"crop to={named.span.text} -> ", hint)
    if _has_border(value, other) or _has_border(other, value):
        return Fix("crop the larger value to the smaller one: `larger -> crop to=smaller`")
    return None


def _has_border(larger: Tensor, smaller: Tensor) -> bool:
    """Whether a crop takes the one to the other, and less than half away along each axis.

    Of a size with a name almost nothing, where that is large: ⌊H/2⌋ is no border around ⌊H/3⌋.
    """
    try:
        Crop(to=1).output((larger, smaller))
    except ShapeError:
        return False
    for before, kept in zip(larger.shape[1:], smaller.shape[1:], strict=True):
        names = dict.fromkeys(names_in(before) | names_in(kept), FAR)
        gone = evaluate(before - kept, names)
        stays = evaluate(10 * kept - (9 if names else 5) * before, names)
        if not isinstance(gone, int) or not isinstance(stays, int) or gone < 0 or stays <= 0:
            return False
    return True


def _windows(wires: Sequence[Wire]) -> bool:
    """Whether a layer with a kernel stands above."""
    return any("kernel" in type(w.layer).model_fields for w in above(wires) or () if w.layer)


def _to_do(wires: Sequence[Wire], axis: int) -> Fix:
    """What is to be made equal, where no edit was found that does it."""
    if axis and _windows(wires):
        ways = "both" if len(wires) == 2 else "all"
        return Fix(
            f"give {ways} ways the same kernel, stride and padding, so that axis {axis} agrees"
        )
    sizes = Counter(wire.tensor.shape[axis] for wire in wires)
    return Fix(f"let axis {axis} be {sizes.most_common(1)[0][0]} in each of them")


def equal_ways(wires: Sequence[Wire], free: int | None, place: Place) -> Fix | None:
    """Another input, or other arguments of the odd ways, after which values fit.

    `free` is the axis along which sizes may differ. Every change is worked out before it is
    offered: the layers' own shape rules say that it fits. The shape of most ways is tried first,
    of two that of the first.
    """
    other = resized(wires, free, place.inputs, place.held)
    if other is not None and other.edits:
        return other
    shapes = Counter(_compared(wire.tensor.shape, free) for wire in wires)
    for shape, count in shapes.most_common():
        changed = _mended(wires, shape, free, place.frame)
        if changed is not None:
            then = "then both fit" if len(wires) == 2 else "then all fit"
            fix = as_fix(changed, then)
            alike = _alike(wires, shape, free) if len(wires) > 2 and count > 1 else ""
            return replace(fix, hint=alike + fix.hint)
    return other


def _compared(shape: Shape, free: int | None) -> tuple[Size | None, ...]:
    """A shape without the size that may differ."""
    return tuple(None if axis == free else size for axis, size in enumerate(shape))


def _alike(wires: Sequence[Wire], shape: tuple[Size | None, ...], free: int | None) -> str:
    """Which ways have a shape, by the lines that gave it to them."""
    right = [wire.origin() for wire in wires if _compared(wire.tensor.shape, free) == shape]
    *lines, last = dict.fromkeys(str(wire.made.line) for wire in right)
    where = f"lines {', '.join(lines)} and {last}" if lines else f"line {last}"
    said = ", ".join("…" if size is None else str(size) for size in shape)
    return f"{len(right)} of {len(wires)} ways give [{said}], those of {where}; "


def _mended(
    wires: Sequence[Wire], shape: tuple[Size | None, ...], free: int | None, frame: Frame
) -> list[tuple[LayerStep, Changes]] | None:
    """New arguments for the odd ways, after which all have one shape; None if none are found.

    Layers that lead to a way that has the shape, or is mended, stay as they are. In the end all
    ways are computed again, for a layer may stand on several of them.
    """
    values = above(wires)
    right = [wire for wire in wires if _compared(wire.tensor.shape, free) == shape]
    fixed = set[Wire](above(right) or ())
    changed: list[tuple[LayerStep, Changes]] = []
    for wire in wires if values is not None else ():
        if wire in right:
            continue
        wanted = tuple(
            own if size is None else size
            for own, size in zip(wire.tensor.shape, shape, strict=True)
        )
        some = steps_changed(wire, wanted, frame, fixed, changed)
        if some is None:
            return None
        changed += some
        fixed |= set(above([wire]) or ())
    places = {step.span: changes for step, changes in changed}
    tensors = replayed(values or (), {}, places)
    if not changed or tensors is None:
        return None
    fits = all(_compared(tensors[wire].shape, free) == shape for wire in wires)
    return changed if fits else None
