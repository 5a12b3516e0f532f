"""Which layers could make up a difference between a count and what a claim says of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from netc.compiler.diagnostics import Label
from netc.compiler.graph import LayerStep
from netc.compiler.source import Span

if TYPE_CHECKING:
    from netc.compiler.report import Row

MOST_SHOWN = 3
NEAR = 0.25
"""How far off, as a part of the difference, a layer may be and still be shown."""


class Part(Struct, frozen=True):
    """Something of a net that comes to a number: `what` is the words for it."""

    amount: int
    what: str
    span: Span


def could_be(rows: Sequence[Row], difference: int, unit: str) -> tuple[Label, ...]:
    """Labels at the layers that come to a difference (actual less claimed), the nearest first.

    Exact matches are shown alone: a bias, a layer, all layers of a kind, a layer twice, two layers.
    `unit` is `parameters` or `MACs`.
    """
    wanted = abs(difference)
    parts = list(_parts(rows, difference, unit))
    exact = list(_distinct(part for part in parts if part.amount == wanted))
    if exact:
        return tuple(
            Label(part.span, f"{part.what}: {wanted:,} {unit}, just the difference")
            for part in exact[:MOST_SHOWN]
        )
    if pair := _pair(rows, wanted, unit):
        return tuple(
            Label(row.span, f"`{row.path}`: {_count(row, unit):,} of the {wanted:,} {unit}")
            for row in pair
        )
    near = sorted(
        (part for part in parts if abs(part.amount - wanted) <= NEAR * wanted),
        key=lambda part: abs(part.amount - wanted),
    )
    return tuple(
        Label(part.span, f"{part.what}: {part.amount:,} {unit}, {_off(part.amount, wanted)}")
        for part in list(_distinct(near))[:MOST_SHOWN]
    )


def _off(amount: int, wanted: int) -> str:
    way = "more" if amount > wanted else "less"
    return f"{abs(amount - wanted):,} {way} than the difference"


def _count(row: Row, unit: str) -> int:
    if unit == "parameters":
        return row.params
    return row.macs if isinstance(row.macs, int) else 0


def _parts(rows: Sequence[Row], difference: int, unit: str) -> Iterator[Part]:
    """Single tensors, whole layers, all layers or tensors of a kind, and layers counted twice."""
    owning = [row for row in rows if _count(row, unit)]
    if unit == "parameters":
        yield from _tensors(owning)
        yield from _saved(rows, difference)
    yield from (Part(_count(row, unit), f"`{row.path}`", row.span) for row in owning)
    for kind in dict.fromkeys(row.layer for row in owning):
        alike = [row for row in owning if row.layer == kind]
        if len(alike) > 1:
            total = sum(_count(row, unit) for row in alike)
            yield Part(total, f"{_all(len(alike))} `{kind}` together", alike[0].span)
    for row in owning:
        yield Part(2 * _count(row, unit), f"`{row.path}` twice", row.span)
        if _count(row, unit) % 2 == 0:
            yield Part(_count(row, unit) // 2, f"half of `{row.path}`", row.span)


def _tensors(rows: Sequence[Row]) -> Iterator[Part]:
    biases: dict[str, list[Part]] = {}
    for row in rows:
        if not isinstance(row.step, LayerStep):
            continue
        learned = [weight for weight in row.step.weights if not weight.buffer]
        for weight in learned if len(learned) > 1 else ():
            part = Part(weight.count, f"the {weight.name} of `{row.path}`", row.span)
            if weight.name.endswith("bias"):
                biases.setdefault(row.layer, []).append(part)
                yield part
    for kind, parts in biases.items():
        if len(parts) > 1:
            total = sum(part.amount for part in parts)
            yield Part(total, f"the biases of {_all(len(parts))} `{kind}`", parts[0].span)


def _all(count: int) -> str:
    return "both" if count == 2 else f"all {count}"


def _saved(rows: Sequence[Row], difference: int) -> Iterator[Part]:
    """Running statistics: saved with the weights, and often counted among them."""
    saving = [row for row in rows if row.buffers]
    if saving and difference < 0:
        what = "the running statistics, saved but not learned"
        yield Part(sum(row.buffers for row in saving), what, saving[0].span)


def _pair(rows: Sequence[Row], wanted: int, unit: str) -> tuple[Row, Row] | None:
    seen: dict[int, Row] = {}
    for row in rows:
        count = _count(row, unit)
        if count and (other := seen.get(wanted - count)) is not None:
            return other, row
        seen.setdefault(count, row)
    return None


def _distinct(parts: Iterable[Part]) -> Iterator[Part]:
    """Of several that come to one number at one place, the first: the plainest."""
    seen: set[tuple[int, str, int, int]] = set()
    for part in parts:
        key = (part.amount, part.span.source.name, part.span.line, part.span.column)
        if key not in seen:
            seen.add(key)
            yield part
