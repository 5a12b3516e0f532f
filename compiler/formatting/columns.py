"""What lines up in neighbouring rows: `=`, the bodies of one-line blocks, claims, comments.

A column stands two blanks off the longest text before it, the `=` one; claims stand in column 34 or
further right, also alone. Columns follow from the words, never from blanks that were there: a text
that is in form stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from netc.compiler.formatting.folding import Line
from netc.compiler.formatting.rows import WIDTH, Comment, Entry, Row

NAMES_APART = 3
"""How much longer than the shortest a name may be for their `=` to line up."""
HEADS_APART = 8
"""The same for what stands before the colon of a one-line block."""

CLAIMS, LONG = 33, 60
"""Columns before a claim at the end of a short row; the longest text that moves the claims of the
rows around it."""

_Key = Callable[[Row], object]
"""What must be equal in rows that line up; None for a row that lines up with none."""


def line_up_names(entries: Sequence[Entry]) -> list[Entry]:
    """Puts the `=` of named rows next to each other below each other."""
    found = list(entries)
    for places in _runs(entries, _named, _name_width, NAMES_APART):
        widest = max(_name_width(_at(found, place)) for place in places)
        for place in places:
            row = _at(found, place)
            found[place] = _with_gap(row, 1, 1 + widest - _name_width(row))
    return found


def line_up_bodies(entries: Sequence[Entry]) -> list[Entry]:
    """Puts the bodies of one-line blocks of one kind, next to each other, below each other."""
    found = list(entries)
    for places in _runs(entries, _heading, _head_width, HEADS_APART):
        widths = [_head_width(_at(found, place)) for place in places]
        if min(widths) == max(widths):
            continue
        moved = [
            _with_gap(row, (row.colon or 0) + 1, max(widths) + 2 - width)
            for row, width in zip((_at(found, place) for place in places), widths, strict=True)
        ]
        if all(row.ends[-1] <= WIDTH for row in moved):
            for place, row in zip(places, moved, strict=True):
                found[place] = row
    return found


def line_up_claims(entries: Sequence[Entry]) -> list[Entry]:
    """Puts the shapes at the end of rows below each other, in one block up to an empty line."""
    found = list(entries)
    for places in _paragraphs(entries):
        rows = [_at(found, place) for place in places]
        texts = [row.ends[row.arrows[-1] - 1] for row in rows]
        near = [text for text in texts if text <= LONG]
        longest = max(row.ends[-1] - text - 1 for row, text in zip(rows, texts, strict=True))
        column = max(max(near, default=0) + 2, CLAIMS)
        for place, row, text in zip(places, rows, texts, strict=True):
            gap = max(column - text, 2) if column + longest <= WIDTH else 2
            if row.ends[-1] - 1 + gap <= WIDTH:
                found[place] = _with_gap(row, row.arrows[-1], gap)
    return found


def comment_columns(lines: Sequence[Line]) -> list[int]:
    """The blanks before the comment of each line: those of neighbours stand below each other."""
    found = [2] * len(lines)
    start = 0
    while start < len(lines):
        end = start + 1
        if not _commented(lines[start]):
            start = end
            continue
        while (
            end < len(lines)
            and _commented(lines[end])
            and lines[end].indent == lines[start].indent
            and not lines[end].blank
        ):
            end += 1
        run = lines[start:end]
        widest = max(len(line.text) for line in run)
        if run[0].indent + widest + 2 + max(len(line.comment) for line in run) <= WIDTH:
            found[start:end] = [2 + widest - len(line.text) for line in run]
        start = end
    return found


def _commented(line: Line) -> bool:
    return bool(line.text and line.comment)


# ------------------------------------------------------------------------------


def _at(entries: Sequence[Entry], place: int) -> Row:
    row = entries[place]
    assert isinstance(row, Row)
    return row


def _with_gap(row: Row, place: int, gap: int) -> Row:
    return replace(row, gaps=(*row.gaps[:place], gap, *row.gaps[place + 1 :]))


def _runs(
    entries: Sequence[Entry], key: _Key, width: Callable[[Row], int], apart: int
) -> Iterator[list[int]]:
    """Rows next to each other with equal keys and widths not too far apart, two at least."""
    run: list[int] = []
    low = high = 0
    for place, entry in enumerate(entries):
        if not isinstance(entry, Row) or key(entry) is None:
            yield from _several(run)
            run = []
            continue
        own = width(entry)
        low, high = (min(low, own), max(high, own)) if run else (own, own)
        if run and (entry.blank or key(entry) != key(_at(entries, run[0])) or high - low > apart):
            yield from _several(run)
            run, low, high = [], own, own
        run.append(place)
    yield from _several(run)


def _several(run: list[int]) -> Iterator[list[int]]:
    if len(run) > 1:
        yield run


def _named(row: Row) -> object:
    names = len(row.words) > 1 and row.words[0].kind == "NAME" and row.words[1].text == "="
    return row.depth if names and not row.opens else None


def _name_width(row: Row) -> int:
    return len(row.words[0].text)


def _heading(row: Row) -> object:
    """Depth, whether it has a name, and the word that opens the one-line block."""
    colon = row.colon
    if colon is None or row.opens or not row.fits or (row.arrows and row.arrows[0] < colon):
        return None
    named = row.words[1].text == "="
    return row.depth, named, row.words[2 if named else 0].text


def _head_width(row: Row) -> int:
    return row.ends[row.colon or 0]


def _paragraphs(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """The places of rows with a claim at their end, by block and empty line."""
    open_blocks: list[list[int]] = []
    for place, entry in enumerate(entries):
        kept = 0 if entry.blank else entry.depth + 1
        yield from filter(None, open_blocks[kept:])
        del open_blocks[kept:]
        while len(open_blocks) <= entry.depth:
            open_blocks.append([])
        if not isinstance(entry, Comment) and _ends_in_claim(entry):
            open_blocks[entry.depth].append(place)
    yield from filter(None, open_blocks)


def _ends_in_claim(row: Row) -> bool:
    if not row.arrows or not row.fits or row.opens:
        return False
    place = row.arrows[-1] + 1
    return row.partners.get(place) == len(row.words) - 1 and row.words[place].text == "["
