"""Columns of text for a screen of some width: aligned, and broken or cut where they do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Literal

from msgspec import Struct

GAP = "  "
CUT = 6
"""The width below which no text is cut."""
_WORDS = re.compile(r"(?<=[^\s×+−])(?= )")
_FACTORS = re.compile(r"(?<=[^\s×+−])(?= )|(?<=\S)(?=·)")
"""Where a cell may be broken: between words, each sign with what follows it; and before a factor
where even that is too long."""


class Style(Struct, frozen=True):
    """How a column is set.

    Attributes:
        right: whether it stands at the right, as numbers do.
        narrow: how it is made to fit: texts are cut with `…`, sizes are broken into lines.
        order: columns with a lower one give way first.
        least: the width at which it stops giving way, as long as others can.
    """

    right: bool
    narrow: Literal["cut", "break", "never"]
    order: int
    least: int


def grid(
    rows: Sequence[Sequence[str]],
    last: Sequence[str],
    styles: Sequence[Style],
    width: int | None,
) -> list[str]:
    """Lines of a table: a heading, a rule, the rows, and below another rule the last one.

    The last row is broken between the terms of its sums. Linear in the number of rows.
    """
    widths = _fitted(rows, last, styles, width)
    rule = "─" * (sum(widths) + len(GAP) * (len(widths) - 1))
    head, *body = rows
    lines = [*_lines(head, widths, styles), rule]
    for row in body:
        lines += _lines(row, widths, styles)
    return lines + ([rule, *_lines(last, widths, styles)] if any(last) else [])


def wrapped(text: str, width: int | None, indent: int) -> list[str]:
    """A sentence as lines of a screen; those after the first are indented."""
    if width is None or measure(text) <= width:
        return [text]
    first, *rest = _broken(text, max(width, indent + 20))
    shorter = " ".join(rest)
    return [first, *(" " * indent + line for line in _broken(shorter, max(width - indent, 20)))]


def measure(text: str) -> int:
    """How many places a text takes on a screen: wide characters take two, marks above others none.

    >>> measure("conv"), measure("层"), measure("64 × 64")
    (4, 2, 7)
    """
    return len(text) if text.isascii() else _places(text)


@lru_cache(maxsize=4096)  # the cells of a deep net repeat: `64 × 56 × 56`
def _places(text: str) -> int:
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


# ------------------------------------------------------------------------------


def _natural(rows: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(measure, column)) for column in zip(*rows, strict=True)]


def _fitted(
    rows: Sequence[Sequence[str]], last: Sequence[str], styles: Sequence[Style], width: int | None
) -> list[int]:
    """Widths of the columns: they give way in their order, and in the end as far as they can."""
    widths = _natural(rows)
    for place, (cell, style) in enumerate(zip(last, styles, strict=True)):
        least = _least(cell) if style.narrow == "break" else measure(cell)
        widths[place] = max(widths[place], least)
    if width is None:
        return widths
    over = sum(widths) + len(GAP) * (len(widths) - 1) - width
    places = sorted(range(len(styles)), key=lambda place: styles[place].order)
    for narrow, pieces, bound in (
        ("any", _WORDS, True), ("cut", _WORDS, False), ("break", _FACTORS, False)
    ):  # fmt: skip
        for place in places:
            style = styles[place]
            if over <= 0 or style.narrow == "never" or narrow not in ("any", style.narrow):
                continue
            least = style.least if bound else CUT
            if style.narrow == "break":
                column = [row[place] for row in (*rows, last)]
                least = max(least if bound else 0, max(_least(cell, pieces) for cell in column))
            given = max(0, min(over, widths[place] - least))
            widths[place] -= given
            over -= given
    return widths


def _least(text: str, pieces: re.Pattern[str] = _WORDS) -> int:
    """The width of the longest piece."""
    return max(measure(piece.strip()) for piece in pieces.split(text))


def _lines(row: Sequence[str], widths: Sequence[int], styles: Sequence[Style]) -> list[str]:
    """A row as one line, or as many as its tallest cell needs."""
    sizes = [*map(measure, row)]
    if all(size <= width for size, width in zip(sizes, widths, strict=True)):  # nearly every row
        columns = zip(row, sizes, widths, styles, strict=True)
        return [GAP.join(_padded(*column) for column in columns).rstrip()]
    cells = [
        _broken(cell, width) if style.narrow == "break" else [_cut(cell, width)]
        for cell, width, style in zip(row, widths, styles, strict=True)
    ]
    lines = []
    for line in zip_longest(*cells, fillvalue=""):
        padded = [
            _padded(cell, measure(cell), width, style)
            for cell, width, style in zip(line, widths, styles, strict=True)
        ]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _padded(cell: str, size: int, width: int, style: Style) -> str:
    """A cell of some size, filled up to the width of its column."""
    gap = " " * (width - size)
    return gap + cell if style.right else cell + gap


def _cut(text: str, width: int) -> str:
    if measure(text) <= width:
        return text
    while measure(text) >= width:
        text = text[:-1]
    return text.rstrip(" ,") + "…"


def _broken(text: str, width: int) -> list[str]:
    """A text in lines of at most this width, as far as its pieces allow."""
    if measure(text) <= width:
        return [text]
    pieces = _WORDS if _least(text) <= width else _FACTORS
    lines, line = [], ""
    for piece in pieces.split(text):
        if line and measure(line.strip() + piece) > width:
            lines.append(line.strip())
            line = ""
        line += piece
    return [*lines, line.strip()]
