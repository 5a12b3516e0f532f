"""What errors hide: findings of the net as it would be with the edits that are offered.

A false claim of a shape leaves two nets to look at, the one written and the one meant; a claim of
the whole net is false if it is false of both. A slip leaves one: what its edit makes of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from netc.compiler.diagnostics import Diagnostic, Label, Log
from netc.compiler.edits import Edit
from netc.compiler.source import Source, Span

Judged: TypeAlias = Callable[[Sequence[Edit], bool], Log]
"""What is said of a net after edits; `True` passes over shape claims that are false."""

WHOLE = ("E0502", "E0503")
"""Codes of claims about a whole net, which are judged when it is built."""
SLIPS = ("E0201", "E0202", "E0203", "E0204", "E0205", "E0206", "E0209", "E0210")
"""Codes of words of a net; behind lines and files that could not be read more is unknown."""

MOST_SHOWN = 3
"""Edits that a finding points at."""


def hidden(wrong: Sequence[Diagnostic], source: Source, judged: Judged) -> Iterator[Diagnostic]:
    """The errors of a net that others hide; `wrong` are those, all that the file has.

    Nothing is known where one of them has no edit or one that chooses among meanings, nor behind
    what could not be read.
    """
    claims = [found for found in wrong if found.code == "E0501"]
    slips = [found for found in wrong if found.code != "E0501"]
    edits = [edit for found in wrong for edit in found.edits]
    known = all(d.edits for d in claims) and all(d.safe and d.code in SLIPS for d in slips)
    if not wrong or not known or any(edit.span.source != source for edit in edits):
        return
    places = Lines(source, edits)
    written: dict[tuple[str, int], str] | None = None
    if claims:
        kept = [edit for found in slips for edit in found.edits]
        written = _by_line(judged(kept, True), Lines(source, kept))
    seen = "so it is with the edit offered here"
    labels = [Label(found.edits[0].span, seen) for found in wrong[:MOST_SHOWN]]
    for found in judged(edits, False):
        moved = places.moved(found)
        if found.severity != "error" or moved is None or (claims and found.code not in WHOLE):
            continue
        if written is None:
            yield replace(moved, labels=(*moved.labels, *labels))
        elif (message := written.get((moved.code, moved.span.line))) is not None:
            same = message == moved.message
            yield moved if same else replace(moved, labels=(*moved.labels, *labels))


def _by_line(log: Log, places: Lines) -> dict[tuple[str, int], str] | None:
    """What is said of claims of the whole net; None if it was not built."""
    errors = [found for found in log if found.severity == "error"]
    if any(found.code not in WHOLE for found in errors):
        return None
    moved = filter(None, map(places.moved, errors))
    return {(found.code, found.span.line): found.message for found in moved}


class Lines:
    """Where the lines of an edited text stand in the text before."""

    def __init__(self, source: Source, edits: Sequence[Edit]) -> None:
        self.source = source
        touched = {n for e in edits for n in range(e.span.line, _last(e.span) + 1)}
        added = {e.span.line: 0 for e in edits}
        for edit in edits:
            added[edit.span.line] += edit.text.count("\n") + edit.span.line - edit.span.end_line
        self._before: dict[int, int] = {}
        off = 0
        for number in range(1, len(source.lines) + 1):
            off += added.get(number, 0)
            if number not in touched:
                self._before[number + off] = number

    def moved(self, found: Diagnostic) -> Diagnostic | None:
        """A finding about the edited text at its place in the text before; None if that is edited.

        Labels and edits go with it, as far as their places are not edited.
        """
        span = self._span(found.span)
        if span is None:
            return None
        labels = [(self._span(label.span), label.text) for label in found.labels]
        edits = [(self._span(edit.span), edit.text) for edit in found.edits]
        kept = tuple(Edit(place, text) for place, text in edits if place is not None)
        whole = len(kept) == len(edits)
        return replace(
            found,
            span=span,
            labels=tuple(Label(place, text) for place, text in labels if place is not None),
            edits=kept if whole else (),
            safe=found.safe and whole,
        )

    def _span(self, span: Span) -> Span | None:
        if span.source.name != self.source.name:
            return span
        first, last = self._before.get(span.line), self._before.get(span.end_line)
        if first is None or last is None or last - first != span.end_line - span.line:
            return None
        return replace(span, source=self.source, line=first, end_line=last)


def _last(span: Span) -> int:
    """The last line of which a span has a part; a line with its end is that line alone."""
    whole = span.end_column == 1 and span.end_line > span.line
    return span.end_line - 1 if whole else span.end_line
