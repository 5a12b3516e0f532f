"""What netc has to say about a spec: errors, warnings and notes, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from netc.compiler.edits import Edit, Fix, listed, nearest
from netc.compiler.source import Span
from netc.compiler.visible import visible

Severity: TypeAlias = Literal["error", "warning", "note"]


class Label(Struct, frozen=True):
    """A second place that a diagnostic points at, with what is to be seen there."""

    span: Span
    text: str


class Diagnostic(Struct, frozen=True):
    """One finding: the fact with its numbers, the place, and the edit that would mend it.

    Codes go by stage: E01 syntax, E02 names and arguments, E03 shapes, E04 the graph, E05 claims,
    E06 training and data; W the same for warnings, N for notes.

    Attributes:
        code: its page is docs/errors/CODE.md, which `netc explain CODE` prints.
        message: the fact.
        span: the place: lines and columns from 1, the end one past the last character.
        hint: what to write instead; may be empty.
        labels: other places that matter, each with a few words.
        edits: the hint as edits of the text, made together; none where it needs the author.
        safe: whether `netc check --fix` may make them; see `Fix`.
    """

    code: str
    message: str
    span: Span
    hint: str = ""
    labels: tuple[Label, ...] = ()
    edits: tuple[Edit, ...] = ()
    safe: bool = False

    @property
    def severity(self) -> Severity:
        """By the code's letter: E is an error, W a warning, N a note."""
        letters: dict[str, Severity] = {"E": "error", "W": "warning", "N": "note"}
        return letters[self.code[0]]

    def to_json(self) -> dict[str, Any]:
        """The form that `netc check --json` prints; documented in docs/json.md."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "file": self.span.source.name,
            **_place(self.span),
            "labels": [
                {"text": label.text, "file": label.span.source.name, **_place(label.span)}
                for label in self.labels
            ],
            "edits": [
                {"text": edit.text, "file": edit.span.source.name, **_place(edit.span)}
                for edit in self.edits
            ],
            "safe": self.safe,
        }


def finding(
    code: str, span: Span, message: str, hint: str | Fix = "", labels: Iterable[Label] = ()
) -> Diagnostic:
    """A diagnostic from its parts; a fix gives its hint and the same as edits."""
    if isinstance(hint, Fix):
        return Diagnostic(code, message, span, hint.hint, tuple(labels), hint.edits, hint.safe)
    return Diagnostic(code, message, span, hint, tuple(labels))


def order(diagnostic: Diagnostic) -> tuple[str, int, int, str]:
    """What findings are sorted by: the text's order."""
    span = diagnostic.span
    return span.source.name, span.line, span.column, diagnostic.code


class CompileError(Exception):
    """A spec that does not compile.

    Attributes:
        diagnostics: everything found, warnings too, in the text's order.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        lines = [f"{d.span}: {d.code} {d.message}" for d in self.diagnostics]
        super().__init__("\n".join(map(visible, lines)))


class Log:
    """Gathers the diagnostics of a run. The same finding at the same place is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int, int], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Keeps a diagnostic, unless this code was already said of this place."""
        self._found.setdefault(_place_of(diagnostic.code, diagnostic.span), diagnostic)

    def put(self, diagnostic: Diagnostic) -> None:
        """Keeps a diagnostic in the place of the one that was said of this place."""
        self._found[_place_of(diagnostic.code, diagnostic.span)] = diagnostic

    def has(self, diagnostic: Diagnostic) -> bool:
        """Whether this code was already said of this place."""
        return _place_of(diagnostic.code, diagnostic.span) in self._found

    def say(
        self,
        code: str,
        span: Span,
        message: str,
        hint: str | Fix = "",
        labels: Iterable[Label] = (),
    ) -> None:
        """Adds a diagnostic from its parts."""
        self.add(finding(code, span, message, hint, labels))

    @property
    def has_errors(self) -> bool:
        """Whether anything found forbids going on."""
        return any(d.code[0] == "E" for d in self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def last(self, count: int) -> list[Diagnostic]:
        """The findings that came last."""
        return list(islice(reversed(self._found.values()), count))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(sorted(self._found.values(), key=order))

    def raise_errors(self) -> None:
        """Raises CompileError if there are errors; the warnings found so far travel along."""
        if self.has_errors:
            raise CompileError(self)


def _place_of(code: str, span: Span) -> tuple[str, str, int, int]:
    return code, span.source.name, span.line, span.column


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a word that stands in no spec (an option's): the nearest known, or all."""
    choices = sorted(set(known))
    near = nearest(word, choices)
    return listed(choices) if near is None else f"did you mean `{near}`?"


def _place(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
