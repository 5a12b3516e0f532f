"""Diagnostics as text for a terminal: the place, the line, what is wrong with it, what to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from netc.compiler.diagnostics import Diagnostic
from netc.compiler.source import Span
from netc.compiler.visible import visible, visible_lines

_COLORS = {"error": "31", "warning": "33", "note": "36", "hint": "32", "place": "2", "bold": "1"}
MOST_LABELS = 4
MOST_ALIKE = 20
NARROWEST = 40
"""Columns below which wrapping would leave too little of a line to read."""


def render(
    diagnostics: Iterable[Diagnostic], *, color: bool = False, width: int | None = None
) -> str:
    """All diagnostics, each with its source line and carets, separated by empty lines.

    `width` is the terminal's: text is wrapped and source lines are cut to it; None leaves them as
    they are. Of one code the first few are shown and the rest are counted; `--json` has them all.
    """
    page = _Page(color, max(width, NARROWEST) if width else None)
    shown: list[str] = []
    counts: Counter[str] = Counter()
    for diagnostic in diagnostics:
        counts[diagnostic.code] += 1
        if counts[diagnostic.code] <= MOST_ALIKE:
            shown.append(page.entry(diagnostic))
    for code, count in counts.items():
        if count > MOST_ALIKE:
            shown.append(f"… and {count - MOST_ALIKE:,} more {code}\n")
    return "\n".join(shown)


class _Page(Struct, frozen=True):
    """What is written on: with colours or without, so wide or of any width."""

    color: bool
    width: int | None

    def paint(self, text: str, how: str) -> str:
        return f"\x1b[{_COLORS[how]}m{text}\x1b[0m" if self.color and text else text

    def entry(self, diagnostic: Diagnostic) -> str:
        """One diagnostic."""
        severity = diagnostic.severity
        code = f"{severity}[{diagnostic.code}]: "
        first, *more = self.wrapped(visible(diagnostic.message), len(code), 2)
        lines = [f"{self.paint(code[:-2], severity)}: {self.paint(first, 'bold')}"]
        lines += ["  " + self.paint(line, "bold") for line in more]
        places: list[tuple[Span, str, str]] = [(diagnostic.span, "", severity)]
        places += [(label.span, label.text, "place") for label in diagnostic.labels[:MOST_LABELS]]
        margin = max(len(str(span.line)) for span, _, _ in places)
        for number, (span, text, how) in enumerate(places):
            arrow = "-->" if number == 0 else ":::"
            lines.append(f"{' ' * margin}{self.paint(arrow, 'place')} {visible(str(span))}")
            lines += self.excerpt(span, visible(text), how, margin)
        if diagnostic.hint:
            indent = margin + len(" = help: ")
            first, *more = self.wrapped(visible(diagnostic.hint), indent, indent)
            sign = f"{self.paint('=', 'place')} {self.paint('help', 'hint')}"
            lines.append(f"{' ' * margin} {sign}: {first}")
            lines += [" " * indent + line for line in more]
        return "\n".join(lines) + "\n"

    def excerpt(self, span: Span, text: str, how: str, margin: int) -> list[str]:
        """The line with marks below it. A tab is shown as one blank: marks stay in place."""
        line, start, count = _shown(span)
        if self.width is not None:
            line, start, count = _cut(line, start, count, self.width - margin - 3)
        count = max(1, _places(line[start : start + count]))
        start = _places(line[:start].ljust(start))
        bar, blank = self.paint("|", "place"), " " * margin
        marks = self.paint(("^" if how != "place" else "-") * count, how)
        found = [f"{span.line:>{margin}} {bar} {line}", f"{blank} {bar} {' ' * start}{marks}"]
        if not text:
            return found
        beside = start + count + 1
        room = None if self.width is None else self.width - margin - 3 - beside
        if room is None or _places(text) <= room:
            found[1] += f" {text}"
            return found
        indent = min(start, 8)
        rest = self.wrapped(text, margin + 3 + indent, margin + 3 + indent)
        return found + [f"{blank} {bar} {' ' * indent}{part}" for part in rest]

    def wrapped(self, text: str, first: int, others: int) -> Sequence[str]:
        """The text in lines that fit beside so many columns already taken."""
        if self.width is None or first + _places(text) <= self.width:
            return [text]
        lines, line, taken = [], "", first
        for word in text.split(" "):
            if line and taken + _places(f"{line} {word}") > self.width:
                lines.append(line)
                line, taken = word, others
            else:
                line = f"{line} {word}" if line else word
        return [*lines, line]


def _places(text: str) -> int:
    """How many places a text takes on a screen."""
    if text.isascii():
        return len(text)
    from netc.compiler.grid import measure  # its patterns cost more than most pages of findings

    return measure(text)


def _shown(span: Span) -> tuple[str, int, int]:
    """The first line under a span as it can be shown, where its marks start, and how many."""
    line = span.source.line(span.line).replace("\t", " ")
    end = span.end_column if span.end_line == span.line else len(line) + 1
    start, stop = span.column - 1, max(span.column, min(end, len(line) + 1) - 1)
    before = visible(line[:start].ljust(start))  # a place may lie past the end of the line
    return visible(line), len(before), max(1, len(visible(line[start:stop])))


def _cut(line: str, start: int, count: int, room: int) -> tuple[str, int, int]:
    """The part of a long line around its marks, with `…` where it was cut: line, start, count."""
    if _places(line) <= room:
        return line, start, count
    for characters in range(room, 1, -1):  # wide ones take two places each
        cut = _part(line, start, count, characters)
        if _places(cut[0]) <= room:
            break
    return cut


def _part(line: str, start: int, count: int, room: int) -> tuple[str, int, int]:
    """The same, counted in characters."""
    if len(line) <= room:
        return line, start, count
    first = 0 if start + min(count, room // 2) < room - 1 else max(0, start - room // 4)
    shown = line[first : first + room]
    if first:
        shown = "…" + shown[1:]
    if first + room < len(line):
        shown = shown[:-1] + "…"
    return shown, start - first, max(1, min(count, room - 1 - (start - first)))


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`, and how many of them need no author; empty if there are none."""
    counts: Counter[str] = Counter()
    safe = 0
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
        safe += diagnostic.safe
    parts = [
        f"{counts[name]} {name}{'s' if counts[name] > 1 else ''}"
        for name in ("error", "warning", "note")
        if counts[name]
    ]
    return ", ".join(parts) + (f"; `netc check --fix` mends {safe}" if safe else "")


# ------------------------------------------------------------------------------
# GitHub's workflow commands

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def annotation(diagnostic: Diagnostic) -> str:
    """One line that GitHub shows beside the diff: `::error file=…,line=…,title=E0301::message`."""
    span = diagnostic.span
    properties = {
        "file": visible_lines(span.source.name),
        "line": span.line,
        "col": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
        "title": diagnostic.code,
    }
    listed = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in properties.items())
    text = visible_lines(
        diagnostic.message + (f"\nhelp: {diagnostic.hint}" if diagnostic.hint else "")
    )
    return f"::{_LEVELS[diagnostic.severity]} {listed}::{_escaped(text)}"


def _escaped(text: str, also: str = "") -> str:
    """Percent signs, line ends and, in properties, colons and commas as GitHub wants them."""
    for character in "%\r\n" + also:  # the percent sign first: it is what the others become
        text = text.replace(character, f"%{ord(character):02X}")
    return text
