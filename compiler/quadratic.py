"""Counts that depend on some whole numbers by squares and products, and where they are as wanted.

The parameters and multiply-accumulates of a net are such in the widths of a line: a layer's weights
are a product of two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeAlias

from msgspec import Struct

Row: TypeAlias = list[float]

STEPS = 40
"""Steps of Newton's method before no root is found from where it begins."""
NEAR = 1e-6
"""How near a whole number a root must be, and how small a pivot is that counts as none."""


class Quadratic(Struct, frozen=True):
    """`constant + Σ slopes[i]·d[i] + Σ products[i, j]·d[i]·d[j]`, for i ≤ j."""

    constant: int
    slopes: tuple[float, ...]
    products: dict[tuple[int, int], float]

    def at(self, off: Sequence[float]) -> float:
        """The value at an offset from where it was made."""
        lines = sum(slope * d for slope, d in zip(self.slopes, off, strict=True))
        return self.constant + lines + sum(q * off[i] * off[j] for (i, j), q in self._seen)

    def gradient(self, off: Sequence[float]) -> Row:
        """How fast it grows along each axis."""
        found = [*self.slopes]
        for (i, j), q in self._seen:
            found[i] += q * off[j]
            found[j] += q * off[i]
        return found

    @property
    def _seen(self) -> list[tuple[tuple[int, int], float]]:
        return [(pair, q) for pair, q in self.products.items() if q]


Count: TypeAlias = Callable[[tuple[int, ...]], Sequence[int] | None]
"""Several counts at an offset; None where there are none."""


def measured(count: Count, axes: int) -> list[Quadratic] | None:
    """The quadratics that counts are, by their values near an offset of 0.

    >>> measured(lambda d: [(d[0] + 2) * (d[1] + 3)], 2)[0].at([5, 7])
    70.0
    """

    def seen(*steps: int) -> Sequence[int] | None:
        return count(tuple(steps.count(axis) for axis in range(axes)))

    pairs = [*combinations(range(axes), 2)]
    here, ones = seen(), [seen(axis) for axis in range(axes)]
    twos, both = [seen(axis, axis) for axis in range(axes)], [seen(*pair) for pair in pairs]
    if here is None or None in ones or None in twos or None in both:
        return None
    found = []
    for n, constant in enumerate(here):
        one = [values[n] - constant for values in ones if values is not None]
        two = [values[n] - constant for values in twos if values is not None]
        more = [values[n] - constant for values in both if values is not None]
        products = {(i, i): (two[i] - 2 * one[i]) / 2 for i in range(axes)}
        slopes = tuple(one[i] - products[i, i] for i in range(axes))
        crossed = zip(pairs, more, strict=True)
        products |= {(i, j): float(value - one[i] - one[j]) for (i, j), value in crossed}
        found.append(Quadratic(constant, slopes, products))
    return found


def independent(rows: Sequence[Row]) -> list[int]:
    """The places of rows that no sum of those before comes to, as far as they are chosen.

    >>> independent([[1.0, 2.0], [2.0, 4.0], [0.0, 1.0]])
    [0, 2]
    """
    chosen: list[int] = []
    reduced: list[tuple[int, Row]] = []
    for place, row in enumerate(rows):
        largest = max(map(abs, row), default=0.0)
        rest = [*row]
        for axis, other in reduced:
            factor = rest[axis]
            rest = [a - factor * b for a, b in zip(rest, other, strict=True)]
        axis = max(range(len(rest)), key=lambda i: abs(rest[i]), default=0)
        if largest and abs(rest[axis]) > NEAR * largest:
            reduced.append((axis, [a / rest[axis] for a in rest]))
            chosen.append(place)
    return chosen


def whole_roots(counts: Sequence[Quadratic]) -> Iterator[tuple[int, ...]]:
    """Offsets in whole numbers at which all counts are 0, those with few numbers off first.

    Of as many numbers as counts are independent each choice is tried, the others stay as they are;
    Newton's method finds the root that is near.
    """
    if not counts:
        return
    axes = len(counts[0].slopes)
    chosen = independent([quadratic.gradient([0.0] * axes) for quadratic in counts])
    found = dict[tuple[int, ...], None]()
    for free in combinations(range(axes), len(chosen)):
        root = _root([counts[n] for n in chosen], free, axes)
        if root is not None and all(quadratic.at(root) == 0 for quadratic in counts):
            found[root] = None
    yield from sorted(found, key=lambda root: sum(map(bool, root)))


def _root(counts: Sequence[Quadratic], free: Sequence[int], axes: int) -> tuple[int, ...] | None:
    off = [0.0] * axes
    for _ in range(STEPS):
        rows = []
        for quadratic in counts:
            slopes = quadratic.gradient(off)
            rows.append([*(slopes[axis] for axis in free), -quadratic.at(off)])
        step = _solved(rows)
        if step is None:
            return None
        for axis, value in zip(free, step, strict=True):
            off[axis] += value
        if max(map(abs, step)) < NEAR:
            break
    else:
        return None
    whole = tuple(map(round, off))
    return whole if all(abs(a - b) < NEAR * 100 for a, b in zip(whole, off, strict=True)) else None


def _solved(rows: list[Row]) -> Row | None:
    """The solution of linear equations, each its factors and what they come to; None if not one."""
    size = len(rows)
    for axis in range(size):
        pivot = max(range(axis, size), key=lambda n: abs(rows[n][axis]))
        rows[axis], rows[pivot] = rows[pivot], rows[axis]
        head = rows[axis]
        if abs(head[axis]) <= NEAR * max(map(abs, head[:-1]), default=0.0):
            return None
        for n in range(size):
            if n != axis and rows[n][axis]:
                factor = rows[n][axis] / head[axis]
                rows[n] = [a - factor * b for a, b in zip(rows[n], head, strict=True)]
    return [row[-1] / row[axis] for axis, row in enumerate(rows)]
