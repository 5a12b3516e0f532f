"""Rows and comments of a spec: its text cut into logical lines, nothing lost.

A row is a statement as far as the end of its line; a chain that goes on in the next line and
brackets that hold line ends belong to one row. Comments on lines of their own stand between rows,
and stay inside a row where they stand inside a chain or brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.formatting.spacing import blanks
from netc.compiler.parse import Word

WIDTH = 100
"""Columns that a line may have."""
STEP = 4
"""Columns of one level of indentation."""

_NO_SUITE = frozenset(("DECLARE", "USE"))
_LAYOUT = frozenset(("_NL", "_INDENT", "_DEDENT"))


class Comment(Struct, frozen=True):
    """A comment on a line of its own; `blank` says whether an empty line stands before it."""

    depth: int
    text: str
    blank: bool


class Row(Struct, frozen=True, dict=True):
    """A logical line.

    Attributes:
        depth: how many blocks it stands in.
        words: its words and marks.
        gaps: the columns left free before each word, where it follows another in its line.
        blank: whether an empty line stands before it.
        comment: the comment at its end, or nothing.
        opens: whether an indented block follows.
    """

    depth: int
    words: tuple[Word, ...]
    gaps: tuple[int, ...]
    blank: bool
    comment: str
    opens: bool

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """In which column each word would end if all stood in one line; 0-based, one past it."""
        lengths = (gap + len(word.text) for gap, word in zip(self.gaps, self.words, strict=True))
        return tuple(accumulate(lengths, initial=STEP * self.depth))[1:]

    @cached_property
    def partners(self) -> dict[int, int]:
        """The places of opening brackets, each with the place of its closing one."""
        found: dict[int, int] = {}
        opened: list[int] = []
        for place, word in enumerate(self.words):
            if word.text in ("(", "["):
                opened.append(place)
            elif word.text in (")", "]"):
                found[opened.pop()] = place
        return found

    @cached_property
    def outside(self) -> tuple[int, ...]:
        """The places of the words outside of all brackets, opening brackets among them."""
        found: list[int] = []
        place = 0
        while place < len(self.words):
            found.append(place)
            place = self.partners.get(place, place) + 1
        return tuple(found)

    @cached_property
    def arrows(self) -> tuple[int, ...]:
        """The places of the arrows outside of brackets."""
        return tuple(place for place in self.outside if self.words[place].text == "->")

    @cached_property
    def broken(self) -> bool:
        """Whether it must take several lines: a comment or a line end of the author is inside."""
        return any("#" in word.gap for word in self.words[1:]) or any(
            "\n" in self.words[place].gap for place in self.arrows
        )

    @property
    def fits(self) -> bool:
        """Whether it can stand in one line."""
        return not self.broken and self.ends[-1] <= WIDTH

    @cached_property
    def colon(self) -> int | None:
        """Where the colon stands after which a body goes on in the same line, if one does."""
        if self.words[0].kind in _NO_SUITE:
            return None
        colons = (place for place in self.outside if self.words[place].text == ":")
        first = next(colons, len(self.words) - 1)
        return first if first < len(self.words) - 1 else None


Entry: TypeAlias = Row | Comment


def read(words: Iterable[Word]) -> list[Entry]:
    """Cuts a stream of words, as `parse.words` gives it, into rows and comments."""
    entries: list[Entry] = []
    row: list[Word] = []
    columns = [0]  # of the blocks that are open, as the author indented them
    depth = 0
    for word in words:
        if word.kind == "_INDENT":
            depth += 1
        elif word.kind == "_DEDENT":
            depth -= 1
        if word.kind in _LAYOUT:
            if row:
                entries.append(_row(row, len(columns) - 1))
                row = []
            continue
        if not row:
            _between(word.gap, entries, columns, depth, last=not word.kind)
        row.append(word)
    return entries


def _row(words: Sequence[Word], depth: int) -> Row:
    blank = _ends_blank(words[0].gap)
    return Row(depth, tuple(words), blanks(words), blank, "", False)


def _between(gap: str, entries: list[Entry], columns: list[int], depth: int, *, last: bool) -> None:
    """Takes in what stands before a row at a depth: the end of the row above it, comments."""
    lines = gap.split("\n")
    if last:
        lines.append("")  # a comment may end the file without a line end
    above = entries[-1] if entries else None
    if isinstance(above, Row):
        opens = depth > above.depth
        comment = lines.pop(0).strip(" \t\r")
        entries[-1] = replace(above, comment=comment, opens=opens)
    blank = False
    for line in lines[:-1]:
        text = line.strip(" \t\r")
        if text:
            column = len(line.expandtabs(STEP)) - len(line.expandtabs(STEP).lstrip(" "))
            entries.append(Comment(_depth(column, columns, depth), text, blank))
        blank = not text
    if depth < len(columns):
        del columns[depth + 1 :]
    else:
        columns.append(len(lines[-1]))


def _depth(column: int, columns: Sequence[int], depth: int) -> int:
    """The block that a comment belongs to, before a row at a depth.

    Where blocks end, a comment stays in the innermost of them that it is indented for.
    """
    for level in range(len(columns) - 1, depth, -1):
        if columns[level] <= column:
            return level
    return depth


def _ends_blank(gap: str) -> bool:
    """Whether the line before a word's line is empty."""
    lines = gap.split("\n")
    return len(lines) > 2 and not lines[-2].strip(" \t\r")
