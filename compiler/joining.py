"""Values that cannot be joined: how each got its shape, and the edit after which they can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from netc.compiler.diagnostics import Label
from netc.compiler.edits import Fix
from netc.compiler.frame import Frame, made_by
from netc.compiler.graph import Wire
from netc.compiler.ways import MOST_LAYERS, changed_way

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
