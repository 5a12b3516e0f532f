"""Pages of plausible mistakes in the shipped specs, with the first thing that the compiler says.

A page is Markdown. Each case is a heading, a sentence, a block of ```diff against a shipped spec
(its first line `--- specs/lenet5.net`; `@@` parts hunks), a block of ```text with the first
finding, and a last block of ```diff: what its edits make of the mistaken text. A sentence with
"breaks `…`" names the join or claim that a finding may point at in the place of the mistake.
`pytest --rewrite-goldens` writes the last two blocks anew.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from compiling import REPOSITORY, TESTS

from netc.api import Spec
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import applied
from netc.compiler.render import render
from netc.compiler.source import Source, Span

MISTAKES = TESTS / "mistakes"
_CASE = re.compile(
    r"^## (?P<title>[^\n]+)\n(?P<prose>(?:(?!^## ).)*?)"
    r"^```diff\n--- (?P<file>\S+)\n(?P<change>(?:(?!^```).)*?)^```\n\n"
    r"```text\n(?P<text>.*?)^```\n\n"
    r"```diff\n(?P<mended>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Case:
    """A shipped spec with a mistake, and what the page promises to be said of it."""

    page: Path
    title: str
    prose: str
    file: str
    change: str
    text: str
    mended: str

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.title}"

    def shipped(self) -> str:
        """The spec as it is shipped."""
        return (REPOSITORY / self.file).read_text(encoding="utf-8")

    def mistaken(self) -> str:
        """The spec with the mistake. Each hunk's old lines stand in it just once."""
        return _changed(self.shipped(), self.change)[0]

    def places(self) -> frozenset[int]:
        """The numbers of the changed lines; where lines are gone, of those around the gap."""
        return _changed(self.shipped(), self.change)[1]

    def broken(self) -> frozenset[int]:
        """The numbers of the lines with the joins and claims that the prose says are broken."""
        texts = re.findall(r"breaks\s+`([^`]+)`", self.prose)
        lines = self.mistaken().splitlines()
        return frozenset(n for n, line in enumerate(lines, 1) for text in texts if text in line)

    def findings(self) -> tuple[Diagnostic, ...]:
        """All that is said of the mistaken spec."""
        return findings(self.file, self.mistaken())

    def said(self) -> str:
        """The first finding as `netc check` prints it, and how many follow."""
        first, *more = self.findings()
        text = render([first])
        return text + (f"\n… and {len(more)} more\n" if more else "")

    def after_edits(self) -> str:
        """The mistaken text with the first finding's edits made."""
        edits = [e for e in self.findings()[0].edits if e.span.source.name == self.file]
        return applied(Source(self.file, self.mistaken()), edits)

    def is_mended(self) -> bool:
        """Whether these edits lead to a spec without errors, and not by changing a claim alone."""
        text = self.after_edits()
        left = [found for found in findings(self.file, text) if found.severity == "error"]
        return not left and _without_claims(text) != _without_claims(self.mistaken())

    def edited(self) -> str:
        """What the edits changed in the mistaken text: its lines before and after."""
        before, after = self.mistaken().splitlines(), self.after_edits().splitlines()
        lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
        return "".join(f"{line}\n" for line in lines if not line.startswith("@@"))


@cache
def findings(file: str, text: str) -> tuple[Diagnostic, ...]:
    """The errors and warnings of a text in the place of a shipped spec; notes are no findings."""
    spec = Spec(Source(file, text), {}, (REPOSITORY / file).parent)
    spec.judge()
    return tuple(found for found in spec.diagnostics if found.severity != "note")


def lines_of(finding: Diagnostic, file: str) -> frozenset[int]:
    """The numbers of the lines that a finding points at, in one file."""
    spans: list[Span] = [finding.span, *(label.span for label in finding.labels)]
    return frozenset(
        n for s in spans if s.source.name == file for n in range(s.line, s.end_line + 1)
    )


def _without_claims(text: str) -> list[str]:
    lines = [re.sub(r"\s*-> \[[^\]]*\]$", "", line) for line in text.splitlines()]
    return [line for line in lines if not line.lstrip().startswith("expect ")]


def _changed(text: str, change: str) -> tuple[str, frozenset[int]]:
    lines = text.splitlines()
    places: set[int] = set()
    for hunk in change.split("@@\n"):
        marked = [(line[:1] or " ", line[1:]) for line in hunk.splitlines()]
        old = [line for mark, line in marked if mark in " -"]
        new = [(mark, line) for mark, line in marked if mark in " +"]
        starts = [n for n in range(len(lines)) if lines[n : n + len(old)] == old]
        if len(starts) != 1 or not old:
            raise ValueError(f"{len(starts)} places fit, and one should:\n{hunk}")
        start = starts[0]
        lines[start : start + len(old)] = [line for _, line in new]
        added = {start + n for n, (mark, _) in enumerate(new, 1) if mark == "+"}
        gap = start + next(n for n, (mark, _) in enumerate(marked) if mark != " ")
        places |= added or {gap, gap + 1}
    return "\n".join(lines) + "\n", frozenset(places)


def pages() -> list[Path]:
    """Every page of mistakes."""
    return sorted(MISTAKES.glob("*.md"))


def cases() -> list[Case]:
    """The cases of all pages."""
    return [_case(page, match) for page in pages() for match in _matches(page)]


def _matches(page: Path) -> Iterator[re.Match[str]]:
    return _CASE.finditer(page.read_text(encoding="utf-8"))


def _case(page: Path, match: re.Match[str]) -> Case:
    names = ("title", "prose", "file", "change", "text", "mended")
    return Case(page, *(match[name] for name in names))


def rewrite(page: Path) -> None:
    """Puts what the compiler says now, and what its edits do now, into a page."""

    def fresh(match: re.Match[str]) -> str:
        case = _case(page, match)
        before = match[0][: match.start("text") - match.start()]
        return f"{before}{case.said()}```\n\n```diff\n{case.edited()}```"

    page.write_text(_CASE.sub(fresh, page.read_text(encoding="utf-8")), encoding="utf-8")
