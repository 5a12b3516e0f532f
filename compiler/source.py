"""Text with a name, and places in it."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct


class Source(Struct, frozen=True, dict=True):
    """A spec's text and the file name it is reported under."""

    name: str
    text: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text's lines without their ends, cut where the grammar cuts them."""
        return tuple(line.removesuffix("\r") for line in self.text.split("\n"))

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty past the last line."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


class Span(Struct, frozen=True):
    """A place in a source: lines and columns from 1; the end is one past the last character."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def text(self) -> str:
        """The characters under the span, if it lies in one line."""
        if self.line != self.end_line:
            return self.source.line(self.line)[self.column - 1 :]
        return self.source.line(self.line)[self.column - 1 : self.end_column - 1]

    @property
    def before(self) -> Span:
        """The place right before the span: nothing long."""
        return Span(self.source, self.line, self.column, self.line, self.column)

    @property
    def after(self) -> Span:
        """The place right behind the span: nothing long."""
        return Span(self.source, self.end_line, self.end_column, self.end_line, self.end_column)

    def to(self, last: Span) -> Span:
        """The span from the start of this one to the end of another."""
        return Span(self.source, self.line, self.column, last.end_line, last.end_column)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"
