"""Looks for a line that was left out: like one beside it, with the numbers that the claims ask for.

Its strides and counts are those of the lines like it. Its widths are where the counts of the net,
which grow by their squares and products, come to what is claimed: of one net or of all in a family.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

from netc.compiler.quadratic import Quadratic, independent, measured, whole_roots
from netc.compiler.rebuilding import Counts, Rebuilding
from netc.compiler.supposed import Open, Supposed
from netc.compiler.supposed_siblings import Gap

MOST_WIDTHS = 6
"""Widths of one line that may all be unknown."""

Family: TypeAlias = Sequence[tuple[Rebuilding, Counts]]
"""The nets that a line is part of, each with the counts that are claimed of it."""
Solve: TypeAlias = Callable[[Open], Supposed | None]


def filled(key: str, gap: Gap, family: Family, solve: Solve) -> Iterator[Supposed]:
    """The line of a gap, in a definition, with numbers after which the counts are as claimed."""
    (rebuilding, claimed), *_ = family
    widths = gap.widths
    for values in gap.choices():
        if not widths:
            yield gap.filled(values)
        elif len(widths) == 1:
            found = solve(Open(values[widths[0]], partial(_with, gap, values)))
            if found is not None and found.usual:
                yield found
        elif len(widths) <= MOST_WIDTHS and rebuilding.holds(
            key, gap.filled(values).changes, but=claimed.keys()
        ):
            yield from _several(key, gap, values, family)


def _with(gap: Gap, values: tuple[int, ...], width: int) -> Supposed:
    return gap.filled([width if n in gap.widths else value for n, value in enumerate(values)])


def _several(key: str, gap: Gap, values: tuple[int, ...], family: Family) -> Iterator[Supposed]:
    """The line with several widths where all counts of the family come to what is claimed."""
    axes = len(gap.widths)
    counts: list[Quadratic] = []
    for rebuilding, claimed in family:
        if len(counts) < axes:
            found = measured(partial(_off, key, gap, values, rebuilding, claimed), axes)
            counts += found or ()
            chosen = independent([count.gradient([0.0] * axes) for count in counts])
            counts = [counts[n] for n in chosen]
    for root in whole_roots(counts):
        moved = _moved(gap, values, root)
        one = gap.filled(moved)
        if one.usual and min(moved) > 0:
            yield one


def _moved(gap: Gap, values: Sequence[int], off: Sequence[int]) -> list[int]:
    moved = [*values]
    for place, more in zip(gap.widths, off, strict=True):
        moved[place] += more
    return moved


def _off(
    key: str,
    gap: Gap,
    values: tuple[int, ...],
    rebuilding: Rebuilding,
    claimed: Counts,
    off: tuple[int, ...],
) -> list[int] | None:
    """By how much the counts are off what is claimed, with other widths."""
    counts = rebuilding.counts(key, gap.filled(_moved(gap, values, off)).changes)
    if counts is None or any(name not in counts for name in claimed):
        return None
    return [counts[name] - claimed[name] for name in claimed]
