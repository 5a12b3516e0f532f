"""Diagnostics as text for a terminal: the place, the line, what is wrong with it, what to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from netc.compiler.diagnostics import Diagnostic
from netc.compiler.source import Span

_COLORS = {"error": "31", "warning": "33", "note": "36", "hint": "32", "place": "2", "bold": "1"}
MOST_LABELS = 4
MOST_ALIKE = 20


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All diagnostics, each with its source line and carets, separated by empty lines.

    Of one code the first few are shown and the rest are counted; `--json` has them all.
    """
    paint, shown = _Paint(color), []
    counts: Counter[str] = Counter()
    for diagnostic in diagnostics:
        counts[diagnostic.code] += 1
        if counts[diagnostic.code] <= MOST_ALIKE:
            shown.append(_one(diagnostic, paint))
    for code, count in counts.items():
        if count > MOST_ALIKE:
            shown.append(f"… and {count - MOST_ALIKE:,} more {code}\n")
    return "\n".join(shown)


class _Paint:
    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, how: str) -> str:
        return f"\x1b[{_COLORS[how]}m{text}\x1b[0m" if self.color and text else text


def _one(diagnostic: Diagnostic, paint: _Paint) -> str:
    severity = diagnostic.severity
    head = paint(f"{severity}[{diagnostic.code}]", severity)
    lines = [f"{head}: {paint(diagnostic.message, 'bold')}"]
    places: list[tuple[Span, str, str]] = [(diagnostic.span, "", severity)]
    places += [(label.span, label.text, "place") for label in diagnostic.labels[:MOST_LABELS]]
    width = max(len(str(span.line)) for span, _, _ in places)
    for number, (span, text, how) in enumerate(places):
        arrow = "-->" if number == 0 else ":::"
        lines.append(f"{' ' * width}{paint(arrow, 'place')} {span}")
        lines += _excerpt(span, text, how, width, paint)
    if diagnostic.hint:
        lines.append(
            f"{' ' * width} {paint('=', 'place')} {paint('help', 'hint')}: {diagnostic.hint}"
        )
    return "\n".join(lines) + "\n"


def _excerpt(span: Span, text: str, how: str, width: int, paint: _Paint) -> list[str]:
    """The line with carets below it. Tabs are shown as one blank, so that carets stay in place."""
    line = span.source.line(span.line).replace("\t", " ")
    end = span.end_column if span.end_line == span.line else len(line) + 1
    count = max(1, min(end, len(line) + 1) - span.column)
    marks = ("^" if how != "place" else "-") * count
    bar = paint("|", "place")
    below = " " * (span.column - 1) + paint(marks, how) + (f" {text}" if text else "")
    return [f"{span.line:>{width}} {bar} {line}", f"{' ' * width} {bar} {below}"]


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty if there is nothing to count."""
    counts: dict[str, int] = {}
    for diagnostic in diagnostics:
        counts[diagnostic.severity] = counts.get(diagnostic.severity, 0) + 1
    parts = [
        f"{counts[name]} {name}{'s' if counts[name] > 1 else ''}"
        for name in ("error", "warning", "note")
        if name in counts
    ]
    return ", ".join(parts)
