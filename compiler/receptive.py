"""The receptive field: how much of the input one element of a value has seen, along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netc.compiler.graph import LayerStep, Net, ParamStep, Wire, walk
from netc.compiler.layers.base import Receptive
from netc.compiler.layers.windows import AXIS_NAMES


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Span1:
    """What the first element along an axis sees: low..high; `jump` is the step to the next."""

    low: int
    high: int
    jump: int

    @property
    def size(self) -> int:
        """How many positions: r = 1 + sum of (extent - 1) * (product of the strides before)."""
        return self.high - self.low + 1


Field: TypeAlias = tuple[Span1, ...] | Literal["unknown"] | None
"""One span per spatial axis; None once a layer saw all; unknown where there is no fixed step."""


def fields(net: Net) -> dict[Wire, Field]:
    """The receptive field of every value. Branches join to the span that covers all of them."""
    found: dict[Wire, Field] = {}
    for _, wire in net.module.inputs:
        axes = max(len(wire.tensor.shape) - 1, 0)
        found[wire] = (Span1(0, 0, 1),) * axes if axes else None
    for placed in walk(net.module):
        step = placed.step
        found[step.output] = None if isinstance(step, ParamStep) else _after(step, found)
    return found


def _after(step: LayerStep, found: dict[Wire, Field]) -> Field:
    joined = _join([found.get(wire) for wire in step.inputs])
    reads: Receptive = step.layer.receptive([wire.tensor for wire in step.inputs])
    if joined is None or reads == "whole":
        return None
    if joined == "unknown" or reads == "unknown":
        return "unknown"
    if reads == "same":
        return joined
    if len(reads) != len(joined):
        return "unknown"
    return tuple(
        Span1(
            span.low - window.pad * span.jump,
            span.high + (window.size - 1 - window.pad) * span.jump,
            span.jump * window.stride,
        )
        for span, window in zip(joined, reads, strict=True)
    )


def _join(ways: Sequence[Field]) -> Field:
    known = [way for way in ways if way is not None]
    if len(known) < len(ways) or not known:
        return None
    plain = [way for way in known if way != "unknown"]
    if len(plain) < len(known) or len({len(way) for way in plain}) > 1:
        return "unknown"
    spans: list[Span1] = []
    for axis in zip(*plain, strict=True):
        if len({span.jump for span in axis}) > 1:
            return "unknown"
        spans.append(Span1(min(s.low for s in axis), max(s.high for s in axis), axis[0].jump))
    return tuple(spans)


FORMULA = "r + (e − 1)·j; j·s"
LETTERS = (
    ("r", "positions seen before"),
    ("e", "elements that a window spans, dilation counted in"),
    ("j", "jump: positions of the input from one element to the next"),
    ("s", "stride"),
)
"""The rule of `_after` in symbols: how much is seen, then the new jump."""


def why(reads: Receptive, ways: Sequence[Field], after: Field) -> str:
    """The arithmetic behind a layer's field, from the fields of its inputs."""
    joined = _join(ways)
    if joined is None:
        return "all of the input was seen before, or it has no spatial axes"
    if after is None:
        return "everything: each number reads the layer's whole input"
    if joined == "unknown" or after == "unknown":
        return "unknown: there is no fixed step from one element to the next"
    names = _names(len(after))
    if isinstance(reads, str):
        if all(_ends(way) == _ends(joined) for way in ways):
            return f"each position alone: stays {' × '.join(str(span.size) for span in joined)}"
        return "the ways together; " + ", ".join(
            f"{name} {_covered(span)}" for name, span in zip(names, after, strict=True)
        )
    axes = list(zip(names, joined, reads, after, strict=True))
    seen = (f"{n} {b.size} + ({w.size} − 1)·{b.jump} = {a.size}" for n, b, w, a in axes)
    jumps = (f"jump along {n} {b.jump}·{w.stride} = {a.jump}" for n, b, w, a in axes)
    return f"{', '.join(seen)}; {', '.join(jumps)}"


def formula(reads: Receptive, after: Field) -> str:
    """The arithmetic in symbols; empty where the layer has no window or the field is not known."""
    return FORMULA if isinstance(reads, tuple) and isinstance(after, tuple) else ""


def _names(count: int) -> Sequence[str]:
    return AXIS_NAMES.get(count) or [f"axis {index}" for index in range(1, count + 1)]


def _ends(way: Field) -> object:
    return [(s.low, s.high) for s in way] if isinstance(way, tuple) else way


def _covered(span: Span1) -> str:
    """How many positions lie from the first to the last: `from -2 to 2: 2 + 2 + 1 = 5`."""
    low = f"− {span.low}" if span.low >= 0 else f"+ {-span.low}"
    return f"from {span.low} to {span.high}: {span.high} {low} + 1 = {span.size}"


def sizes(field: Field) -> tuple[int, ...] | Literal["unknown"] | None:
    """How many positions are seen along each axis."""
    if field is None or field == "unknown":
        return field
    return tuple(span.size for span in field)


def steps(field: Field) -> tuple[int, ...] | Literal["unknown"] | None:
    """From one element to the next, in positions of the input, along each axis."""
    return field if field is None or field == "unknown" else tuple(span.jump for span in field)


def starts(field: Field) -> tuple[int, ...] | Literal["unknown"] | None:
    """The first position that the first element sees; below 0 it lies in the padding."""
    return field if field is None or field == "unknown" else tuple(span.low for span in field)


def of_net(net: Net, found: dict[Wire, Field]) -> tuple[int, ...] | Literal["unknown"] | None:
    """The field of the last value that has not seen everything; None for a net without windows."""
    last: Field = None
    for placed in walk(net.module):
        field = found[placed.step.output]
        if field == "unknown" or (field is not None and any(span.size > 1 for span in field)):
            last = field
    return sizes(last)
