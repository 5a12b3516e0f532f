"""Empty lines between rows, and one-line blocks that are too long for one line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from netc.compiler.formatting.rows import WIDTH, Entry, Row


def unfold_bodies(entries: Sequence[Entry]) -> list[Entry]:
    """Gives the body of a one-line block a line of its own where the line is too long."""
    found: list[Entry] = []
    for entry in entries:
        while isinstance(entry, Row) and (colon := _splits(entry)):
            words, gaps, after = entry.words, entry.gaps, colon + 1
            head = replace(entry, words=words[:after], gaps=gaps[:after], comment="", opens=True)
            found.append(head)
            depth, rest = entry.depth + 1, (0, *gaps[after + 1 :])
            entry = Row(depth, words[after:], rest, False, entry.comment, False)
        found.append(entry)
    return found


def _splits(row: Row) -> int | None:
    """The colon after which a row is cut. One that opens a block stays: the block has its depth."""
    return row.colon if row.ends[-1] > WIDTH and not row.opens else None


def space_out(entries: Sequence[Entry]) -> list[Entry]:
    """One empty line where the author has some, none at the start of a block, one between
    definitions; a comment right above a definition belongs to it.
    """
    above = _above_definition(entries)
    found = [replace(entry, blank=False) for entry in entries[:1]]
    within = _defines(entries[0]) if entries else False
    for place, (before, entry) in enumerate(pairwise(entries), start=1):
        blank = entry.blank and entry.depth <= before.depth
        if entry.depth == 0:
            held = not isinstance(before, Row) and before.depth == 0
            if not held and (within or above[place]):
                blank = True
            within = _defines(entry) if isinstance(entry, Row) else False
        found.append(replace(entry, blank=blank))
    return found


def _defines(entry: Entry) -> bool:
    """Whether a definition or a `train` block begins here."""
    if not isinstance(entry, Row) or entry.depth:
        return False
    return entry.opens or (entry.colon is not None and entry.words[0].kind == "DEFINE")


def _above_definition(entries: Sequence[Entry]) -> list[bool]:
    """Whether each entry is a definition's first line, or of the comment right above one."""
    found = [False] * len(entries)
    for place in range(len(entries) - 1, -1, -1):
        entry = entries[place]
        follows = place + 1 < len(entries) and not entries[place + 1].blank and found[place + 1]
        found[place] = _defines(entry) or (
            not isinstance(entry, Row) and entry.depth == 0 and follows
        )
    return found
