"""The receptive field: how much of the input one element of a value has seen, along each axis.

An element sees every position from the first to the last that it depends on, far from the borders.
Behind a transposed convolution with a stride neighbours may see more or less than one another, in
turn: the field is then that of the element which sees most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Literal, TypeAlias

from msgspec import Struct

from netc.compiler.graph import LayerStep, Net, ParamStep, Wire, walk
from netc.compiler.layers.base import Receptive, Tensor, Turns, Window
from netc.compiler.layers.windows import AXIS_NAMES


class Span1(Struct, frozen=True, eq=False):
    """What elements along an axis see.

    Attributes:
        ends: the first and the last position that the elements 0, 1 … see, in turn; None for one
            that sees nothing. Mostly there is one turn: all elements see alike.
        step: positions of the input from one round of turns to the next.
    """

    ends: tuple[tuple[int, int] | None, ...]
    step: int

    @property
    def widest(self) -> tuple[int, int]:
        """The first and the last position that the element which sees most does."""
        seen = [ends for ends in self.ends if ends is not None]
        return seen[0] if len(seen) == 1 else max(seen, key=lambda ends: ends[1] - ends[0])

    @property
    def size(self) -> int:
        """How many positions: r = 1 + sum of (extent - 1) * (product of the strides before)."""
        low, high = self.widest
        return high - low + 1

    @property
    def start(self) -> int:
        """The first position that the first elements see."""
        return min(ends[0] for ends in self.ends if ends is not None)

    @property
    def jump(self) -> int | str:
        """Positions from one element to the next; `1/2` where two elements share one."""
        whole, count = self.step, len(self.ends)
        if whole % count == 0:
            return whole // count
        shared = gcd(whole, count)
        return f"{whole // shared}/{count // shared}"


Field: TypeAlias = tuple[Span1, ...] | Literal["unknown"] | None
"""One span per spatial axis; None once a layer saw all; unknown where there is no fixed step."""


Sizes: TypeAlias = tuple[int, ...] | Literal["unknown"] | None
"""How many positions an element sees, per spatial axis; None and unknown as in a field."""


def fields(net: Net) -> dict[Wire, Field]:
    """The receptive field of every value. Branches join to the span that covers all of them."""
    found: dict[Wire, Field] = {}
    moved: dict[Wire, Order] = {}
    known = known_sizes(net)
    for _, wire in net.module.inputs:
        axes = max(len(wire.tensor.shape) - 1, 0)
        found[wire] = (Span1(((0, 0),), 1),) * axes if axes else None
    for placed in walk(net.module):
        step = placed.step
        if isinstance(step, ParamStep):
            found[step.output] = None
            continue
        orders = {moved.get(wire) for wire in step.sources}
        found[step.output] = _after(step, found, orders, known)
        may_move = orders != {None} or step.layer.kind in _MOVING
        if may_move and (order := _order(step, orders)) is not None:
            moved[step.output] = order
    return found


Order: TypeAlias = tuple[int, ...]
"""Where the axes of a value were before they were moved; empty where they are others."""
_MOVING = ("reshape", "transpose")


def _order(step: LayerStep, before: set[Order | None]) -> Order | None:
    """How the axes of a step's output are moved; None if each is in its place.

    Of two axes one is that of the positions, wherever it stands.
    """
    (x, *_), order = step.inputs, next(iter(before))
    shape, after = x.tensor.shape, step.output.tensor.shape
    plain = tuple(range(len(shape)))
    if step.layer.kind == "reshape":
        return order if after == shape else ()
    if step.layer.kind == "transpose" and len(shape) > 2 and order != ():
        from netc.compiler.layers.shapes import Transpose

        assert isinstance(step.layer, Transpose)
        order = tuple((order or plain)[axis] for axis in step.layer.order(len(shape)))
    return None if order == plain else order


def known_sizes(net: Net) -> dict[str, tuple[int, int]]:
    """What the net's conditions say of the names in sizes: the period and the only remainder."""
    if not net.asked:
        return {}
    from netc.compiler.conditions import single_remainders

    return single_remainders(net.asked)


def read_by(step: LayerStep, known: Mapping[str, tuple[int, int]]) -> Receptive:
    """How a layer reads its input in a net that takes these sizes alone."""
    inputs = [wire.tensor for wire in step.inputs]
    reads: Receptive = step.layer.receptive(inputs)
    if reads != "unknown" or not known:
        return reads
    from netc.compiler.conditions import with_remainders

    return step.layer.receptive(
        [Tensor(tuple(with_remainders(s, known) for s in x.shape), x.dtype) for x in inputs]
    )


def _after(
    step: LayerStep,
    found: dict[Wire, Field],
    orders: set[Order | None],
    known: Mapping[str, tuple[int, int]],
) -> Field:
    joined = _join([found.get(wire) for wire in step.sources])
    reads = read_by(step, known)
    if joined is None or reads == "whole":
        return None
    if joined == "unknown" or reads == "unknown":
        return "unknown"
    if reads == "same":
        return joined if len(orders) == 1 else "unknown"
    if len(reads) != len(joined) or orders != {None}:
        return "unknown"
    after = [_read(span, window) for span, window in zip(joined, reads, strict=True)]
    spans = tuple(span for span in after if span is not None)
    return spans if len(spans) == len(after) else "unknown"


def _read(span: Span1, window: Window | Turns) -> Span1 | None:
    """What is seen through a window; None if that cannot be said."""
    if len(span.ends) > 1 or isinstance(window, Turns) or span.ends[0] is None:
        from netc.compiler.turns import read

        return read(span, window)
    low, high = span.ends[0]
    first, last = low - window.pad * span.step, high + (window.size - 1 - window.pad) * span.step
    return Span1(((first, last),), span.step * window.stride)


def _join(ways: Sequence[Field]) -> Field:
    if len(ways) == 1:  # nearly every layer
        return ways[0]
    known = [way for way in ways if way is not None]
    if len(known) < len(ways) or not known:
        return None
    plain = [way for way in known if way != "unknown"]
    if len(plain) < len(known) or len({len(way) for way in plain}) > 1:
        return "unknown"
    spans: list[Span1] = []
    for axis in zip(*plain, strict=True):
        joined = _together(axis)
        if joined is None:
            return "unknown"
        spans.append(joined)
    return tuple(spans)


def _together(ways: Sequence[Span1]) -> Span1 | None:
    """What is seen along one axis by ways that meet; None if their elements part."""
    first = ways[0]
    if all(way.ends == first.ends and way.step == first.step for way in ways):
        return first
    if len({way.jump for way in ways}) > 1:
        return None
    if any(len(way.ends) > 1 for way in ways):
        from netc.compiler.turns import meet

        return meet(ways)
    known = [way.ends[0] for way in ways if way.ends[0] is not None]
    return Span1(((min(low for low, _ in known), max(high for _, high in known)),), first.step)


FORMULA = "r + (e − 1)·j; j·s"
LETTERS = (
    ("r", "positions seen before"),
    ("e", "elements that a window spans, dilation counted in"),
    ("j", "jump: positions of the input from one element to the next"),
    ("s", "stride"),
)
"""The rule of `_after` in symbols: how much is seen, then the new jump."""


def why(reads: Receptive, ways: Sequence[Field], after: Field, placed: bool) -> str:
    """The arithmetic behind a layer's field, from the fields of its inputs.

    `placed`: an input of the net with spatial axes leads to the layer.
    """
    joined = _join(ways)
    if joined is None and not placed:
        return "the input has no spatial axes: there are no positions to see"
    if joined is None:
        return "all positions of the input were seen before"
    if after is None:
        return "everything: each number reads the layer's whole input"
    if joined != "unknown" and after == "unknown" and isinstance(reads, tuple):
        return (
            "unknown: its axes are not those of the input, or too many neighbours see differently"
        )
    if joined == "unknown" or after == "unknown":
        return "unknown: there is no fixed step from one element to the next"
    names = _names(len(after))
    if isinstance(reads, str):
        if all(_ends(way) == _ends(joined) for way in ways):
            return f"each position alone: stays {' × '.join(str(span.size) for span in joined)}"
        return "the ways together; " + ", ".join(
            f"{name} {_covered(span)}" for name, span in zip(names, after, strict=True)
        )
    windows = [window for window in reads if isinstance(window, Window)]
    if len(windows) < len(reads) or any(len(span.ends) > 1 for span in joined):
        return _in_turn(names, after)
    axes = list(zip(names, joined, windows, after, strict=True))
    seen = (f"{n} {b.size} + ({w.size} − 1)·{b.jump} = {a.size}" for n, b, w, a in axes)
    jumps = (f"jump along {n} {b.jump}·{w.stride} = {a.jump}" for n, b, w, a in axes)
    return f"{', '.join(seen)}; {', '.join(jumps)}"


def _in_turn(names: Sequence[str], after: Sequence[Span1]) -> str:
    """The arithmetic where neighbours see differently: of the element that sees most."""
    seen = ", ".join(f"{n} {_covered(span)}" for n, span in zip(names, after, strict=True))
    shares = [f"{span.step}/{len(span.ends)}" for span in after]
    jumps = ", ".join(
        f"jump along {n} {share}" + (f" = {span.jump}" if share != span.jump else "")
        for n, share, span in zip(names, shares, after, strict=True)
    )
    turns = max(len(span.ends) for span in after)
    widest = f"the widest of {turns} in turn; " if turns > 1 else ""
    return f"{widest}{seen}; {jumps}"


def formula(reads: Receptive, after: Field) -> str:
    """The arithmetic in symbols; empty where the layer has no window or the field is not known."""
    if not isinstance(reads, tuple) or not isinstance(after, tuple):
        return ""
    plain = all(isinstance(one, Window) for one in reads)
    return FORMULA if plain and all(len(span.ends) == 1 for span in after) else ""


def _names(count: int) -> Sequence[str]:
    return AXIS_NAMES.get(count) or [f"axis {index}" for index in range(1, count + 1)]


def _ends(way: Field) -> object:
    return [(s.ends, s.step) for s in way] if isinstance(way, tuple) else way


def _covered(span: Span1) -> str:
    """How many positions lie from the first to the last: `from -2 to 2: 2 + 2 + 1 = 5`."""
    low, high = span.widest
    less = f"− {low}" if low >= 0 else f"+ {-low}"
    return f"from {low} to {high}: {high} {less} + 1 = {span.size}"


def sizes(field: Field) -> Sizes:
    """How many positions are seen along each axis."""
    if field is None or field == "unknown":
        return field
    return tuple(span.size for span in field)


def steps(field: Field) -> tuple[int | str, ...] | Literal["unknown"] | None:
    """From one element to the next, in positions of the input, along each axis."""
    return field if field is None or field == "unknown" else tuple(span.jump for span in field)


def starts(field: Field) -> Sizes:
    """The first position that the first element sees; below 0 it lies in the padding."""
    return field if field is None or field == "unknown" else tuple(span.start for span in field)


def of_net(net: Net, found: dict[Wire, Field]) -> tuple[Sizes, tuple[tuple[str, Sizes], ...]]:
    """The field of the last value that has not seen everything, and so on the way to each output.

    None where there are no windows.
    """
    order: list[Field] = []
    last: dict[Wire, int] = {}  # by value: the last before it, or itself, by its place in the order
    for number, placed in enumerate(walk(net.module)):
        step = placed.step
        order.append(found[step.output])
        before = max((last.get(wire, -1) for wire in step.sources), default=-1)
        last[step.output] = number if _is_wide(order[-1]) else before
    order.append(None)  # that of the place -1
    outputs = ((name, sizes(order[last.get(wire, -1)])) for name, wire in net.module.outputs)
    return sizes(order[max(last.values(), default=-1)]), tuple(outputs)


def _is_wide(field: Field) -> bool:
    return field == "unknown" or (field is not None and any(span.size > 1 for span in field))
