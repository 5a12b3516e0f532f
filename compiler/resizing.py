"""Another size of a net's input, where pools and strides lose a rest of the one it has."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.edits import Edit, Fix
from netc.compiler.graph import Wire
from netc.compiler.layers.base import Tensor, Window
from netc.compiler.replaying import above, replayed
from netc.compiler.sizes import spec_text
from netc.compiler.source import Span

MOST_OFF = 17
"""How far from its size an input is looked for whose sizes leave no rest."""


class _Tried(Struct, frozen=True, eq=False):
    """What is computed again: values, the inputs among them, those to be equal, those to stay."""

    values: Sequence[Wire]
    sources: tuple[Wire, ...]
    wires: Sequence[Wire]
    held: Collection[Wire]


_Found: TypeAlias = tuple[Tensor, Mapping[Wire, Tensor]]


def resized(
    wires: Sequence[Wire],
    free: int | None,
    inputs: Sequence[tuple[str, Wire]],
    held: Collection[Wire],
) -> Fix | None:
    """The nearest size of an input with which values fit; None unless a window loses a rest.

    `free` is the axis along which the values may differ; `held` are values that a true claim is of:
    where they would not stay so, and where the size is no number in the text, there is no edit.
    """
    values = above([*wires, *held])
    lost = None if values is None else _lost({wire: wire.tensor for wire in values})
    if values is None or lost is None or not _close(wires, free):
        return None
    fit = "both fit" if len(wires) == 2 else "all fit"
    for kept in (held, ()) if held else (held,):
        for _, source in inputs:
            same = tuple(w for _, w in inputs if w.tensor == source.tensor and w in values)
            tensor = _larger(source.tensor, _Tried(values, same, wires, kept), free)
            if source in same and tensor is not None:
                place = written_shape(source) if kept is held else None
                hint = f"{lost}: let the input be `{tensor.spec_text}`: then {fit}"
                if kept is not held:
                    hint += ", and the claims above follow"
                return Fix(hint, (Edit(place, tensor.spec_text),) if place is not None else ())
    return None


def _close(wires: Sequence[Wire], free: int | None) -> bool:
    """Whether sizes differ by a rest: none is twice another."""
    for axis, sizes in enumerate(zip(*(wire.tensor.shape for wire in wires), strict=True)):
        known = [size for size in sizes if isinstance(size, int)]
        if axis != free and known and max(known) >= 2 * min(known) and len(set(known)) > 1:
            return False
    return True


def _larger(tensor: Tensor, tried: _Tried, free: int | None) -> Tensor | None:
    """The input with another size along each axis but the first; None if one finds none."""
    found: Tensor | None = tensor
    for axis in range(1, len(tensor.shape)):
        found = _along(axis, found, tried, free) if found is not None else None
    return found if found is not None and found != tensor and _fits(found, tried, free) else None


def _fits(tensor: Tensor, tried: _Tried, free: int | None) -> bool:
    """Whether all values agree: an axis of theirs need not come from one of the input's."""
    found = replayed(tried.values, dict.fromkeys(tried.sources, tensor), {}, tried.held)
    if found is None:
        return False
    shapes = [found[wire].shape for wire in tried.wires]
    kept = {tuple(s for axis, s in enumerate(shape) if axis != free) for shape in shapes}
    return len(kept) == 1


def _along(axis: int, tensor: Tensor, tried: _Tried, free: int | None) -> Tensor | None:
    """The input with the nearest size along one axis after which values agree along that one.

    Sizes of which no window loses a rest come first: the joins further down may need them.
    """
    first: Tensor | None = None
    for new, tensors in _fitting(axis, tensor, tried, free):
        if _lost(tensors, axis) is None:
            return new
        first = first or new
    return first


def _fitting(axis: int, tensor: Tensor, tried: _Tried, free: int | None) -> Iterator[_Found]:
    size = tensor.shape[axis]
    for other in _near(size) if isinstance(size, int) else ():
        new = replace(tensor, shape=(*tensor.shape[:axis], other, *tensor.shape[axis + 1 :]))
        found = replayed(tried.values, dict.fromkeys(tried.sources, new), {}, tried.held)
        shapes = [found[wire].shape for wire in tried.wires] if found is not None else []
        if found and (axis == free or len({shape[axis : axis + 1] for shape in shapes}) == 1):
            yield new, found


def _near(size: int) -> Iterator[int]:
    yield size
    for off in range(1, MOST_OFF):
        yield size + off
        if size > 2 * off:
            yield size - off


def _lost(tensors: Mapping[Wire, Tensor], only: int | None = None) -> str | None:
    """The first window that leaves a rest of its input, in words; along one axis, or any."""
    for wire, tensor in tensors.items():
        if wire.layer is None or len(wire.read) != 1:
            continue
        before = tensors[wire.read[0]]
        windows = wire.layer.receptive([before])
        for axis, window in enumerate(windows if isinstance(windows, tuple) else (), 1):
            if not isinstance(window, Window) or window.stride == 1 or only not in (None, axis):
                continue
            size, step = before.shape[axis], window.stride
            if isinstance(size, int) and size % step:
                what = f"`{wire.made.text}` makes {tensor.shape[axis]} of {size}"
                return f"{what}, which is no multiple of {step}"
    return None


def written_shape(source: Wire) -> Span | None:
    """Where an input's sizes stand in the text as numbers."""
    line = source.made.source.line(source.made.line)
    sizes = r"\s*,\s*".join(re.escape(spec_text(size)) for size in source.tensor.shape)
    dtype = "" if source.tensor.dtype == "float" else source.tensor.dtype
    found = re.search(rf"{dtype}\[\s*{sizes}\s*\]", line)
    if found is None:
        return None
    return replace(source.made, column=found.start() + 1, end_column=found.end() + 1)
