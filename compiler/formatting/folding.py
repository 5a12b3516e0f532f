"""One row as lines of at most 100 columns, where the grammar lets a line end.

A chain goes on before an arrow: where the author ended the line, and where it would be too long.
Only where that does not help, brackets are opened: their content goes into lines of its own.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

from msgspec import Struct

from netc.compiler.formatting.rows import STEP, WIDTH, Row


class Line(Struct, frozen=True):
    """A line to print: `text` without indentation, or a comment, or a text and its comment."""

    indent: int
    text: str
    comment: str
    blank: bool


def fold(row: Row) -> list[Line]:
    """The lines of a row."""
    return _Folding(row).lines()


class _Folding:
    """Lines that are done, and the one being written.

    Attributes:
        done: the lines before.
        parts, column: the text of the line being written, and where it has come to.
        indent, blank: its indentation, and whether an empty line stands before it.
        noted: how many words have a comment before them, up to each place.
    """

    def __init__(self, row: Row) -> None:
        self.row = row
        self.done: list[Line] = []
        self.parts: list[str] = []
        self.indent = self.column = STEP * row.depth
        self.blank = row.blank
        self.noted = tuple(accumulate(("#" in w.gap for w in row.words), initial=0))

    def lines(self) -> list[Line]:
        """Writes the row, element by element of its chain."""
        row, base = self.row, self.indent
        beyond = base + (2 * STEP if row.opens else STEP)  # not in line with the block below
        for start, end in pairwise((0, *row.arrows, len(row.words))):
            if start and ("\n" in row.words[start].gap or not self._fits(start, end)):
                self._next_line(start, beyond, beyond, keep_blank=True)
            self._write(start, end)
        self._finish(row.comment)
        return self.done

    def _width(self, start: int, end: int) -> int:
        """Columns of the words from a place to another, with the blanks before them."""
        ends = self.row.ends
        return ends[end - 1] - (ends[start - 1] if start else STEP * self.row.depth)

    def _fits(self, start: int, end: int) -> bool:
        return self.column + self._width(start, end) <= WIDTH

    def _has_comments(self, start: int, end: int) -> bool:
        return self.noted[end] > self.noted[start]

    def _write(self, start: int, end: int) -> None:
        """Writes words, and opens those brackets that do not fit."""
        partners, place = self.row.partners, start
        while place < end:
            self._put(place)
            if (close := partners.get(place)) is not None:
                if self._must_open(place, close, end):
                    self._inside(place + 1, close)
                else:
                    for inner in range(place + 1, close + 1):
                        self._put(inner)
                place = close
            place += 1

    def _must_open(self, opened: int, close: int, end: int) -> bool:
        """Whether what stands in brackets goes into lines of its own."""
        if self._has_comments(opened + 1, close + 1):
            return True
        partners, stop = self.row.partners, close + 1
        while stop < end and stop not in partners:
            stop += 1
        return close > opened + 1 and not self._fits(opened + 1, stop)

    def _inside(self, start: int, close: int) -> None:
        """Writes the content of brackets, as many of its items in a line as fit, and the end."""
        outer = self.indent
        inner = outer + STEP
        for first, after in pairwise(self._items(start, close)):
            apart = first == start or self._has_comments(first, after)
            if apart or not self._fits(first, after):
                self._next_line(first, inner, inner)
            self._write(first, after)
        self._next_line(close, inner, outer)
        self._put(close)

    def _items(self, start: int, close: int) -> list[int]:
        """Where the items begin that brackets hold: after commas, before arrows; and their end."""
        words, partners = self.row.words, self.row.partners
        found, place = [start], start
        while place < close:
            if words[place].text == "->":
                found.append(place)
            elif words[place].text == "," and place + 1 < close:
                found.append(place + 1)
            place = partners.get(place, place) + 1
        return [*found, close] if close > start else []

    def _put(self, place: int) -> None:
        """Writes one word; a comment before it takes the rest of its line."""
        word = self.row.words[place]
        if self.parts:
            if self._has_comments(place, place + 1) and place:
                self._next_line(place, self.indent, self.indent)
            else:
                self.parts.append(" " * self.row.gaps[place])
                self.column += self.row.gaps[place]
        self.parts.append(word.text)
        self.column += len(word.text)

    def _next_line(self, place: int, notes: int, indent: int, *, keep_blank: bool = False) -> None:
        """Ends the line before a word; the comments between get lines indented by `notes`."""
        first, *others = self.row.words[place].gap.split("\n")
        self._finish(first.strip(" \t\r"))
        for line in others[:-1]:
            text = line.strip(" \t\r")
            if text:
                self.done.append(Line(notes, "", text, self.blank))
            self.blank = keep_blank and not text
        self.indent = self.column = indent

    def _finish(self, comment: str) -> None:
        self.done.append(Line(self.indent, "".join(self.parts), comment, self.blank))
        self.parts, self.blank = [], False
