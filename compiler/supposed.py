"""A change of a spec's text that is tried: its place, how it is said and made, what it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isqrt

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import tree
from netc.compiler.edits import Edit, Fix, rewrite
from netc.compiler.nodes import Changes
from netc.compiler.source import Span

SMALL = 8
"""Up to here a number may be a stride, a padding or a count, on which sizes depend by steps."""


class Supposed(Struct, frozen=True):
    """A change of the text: `place` is where, and `fix` says it and makes it.

    What is not `usual`, 129 filters for 64, is offered only where nothing simple is found.
    """

    place: Span
    fix: Fix
    changes: Changes
    usual: bool = True


class Open(Struct, frozen=True):
    """A change with a number that is not known yet; `value` is the first to try.

    `counted`: with that number the text is as it stands.
    """

    value: int
    at: Callable[[int], Supposed]
    counted: bool = False


def another(number: tree.Number, other: int) -> Supposed:
    """Another whole number in the place of one."""
    hint = "write `{}` for " + f"`{number.span.text}`"
    fix = rewrite(number.span, str(other), hint)
    usual = other <= SMALL or other % SMALL == 0 or other in near(int(number.value))
    changes = ((number, replace(number, value=other)),)
    return Supposed(number.span, fix, changes, usual=usual)


def below(span: Span, text: str, changes: Changes) -> Supposed:
    """A line of text below the one of a span."""
    place = replace(span, line=span.line + 1, column=1, end_line=span.line + 1, end_column=1)
    hint = f"write `{text.strip()}` below line {span.line}"
    return Supposed(span, Fix(hint, (Edit(place, f"{text}\n"),)), changes)


def ahead(span: Span, text: str, changes: Changes) -> Supposed:
    """A line of text above the one of a span."""
    place = replace(span, column=1, end_line=span.line, end_column=1)
    hint = f"write `{text.strip()}` above line {span.line}"
    return Supposed(span, Fix(hint, (Edit(place, f"{text}\n"),)), changes)


def near(value: int) -> tuple[int, ...]:
    """Numbers that are taken for another: one off, twice or four times as much or as little."""
    found = (value - 1, value + 1, value * 2, value // 2, value * 4, value // 4)
    return tuple(other for other in dict.fromkeys(found) if other > 0 and other != value)


def roots(seen: list[int], first: int, wanted: int) -> Iterator[int]:
    """Where a count that depends on a number by a square or a line comes to what is wanted.

    `seen` are the counts at `first`, `first + 1` and `first + 2`.

    >>> list(roots([9, 16, 25], 3, 100)), list(roots([10, 20, 30], 1, 70))
    ([10, -10], [7])
    """
    if len(seen) < 3:
        return
    curve = seen[2] - 2 * seen[1] + seen[0]
    slope = seen[1] - seen[0]
    off = wanted - seen[0]
    if curve == 0:
        if slope and off % slope == 0:
            yield first + off // slope
        return
    # off = slope*n + curve*n*(n - 1)/2
    b = 2 * slope - curve
    under = b * b + 8 * curve * off
    if under < 0 or isqrt(under) ** 2 != under:
        return
    for root in (isqrt(under), -isqrt(under)):
        if (root - b) % (2 * curve) == 0:
            yield first + (root - b) // (2 * curve)
