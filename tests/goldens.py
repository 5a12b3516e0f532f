"""Golden pages: prose, a spec, and what the compiler prints about it.

A page is Markdown. Each of its cases is a heading, a block of ```net and, after it, a block of
```text that holds what `netc check` prints. `pytest --rewrite-goldens` writes the text blocks anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from compiling import TESTS, findings

from netc.compiler.render import render, summary

_CASE = re.compile(
    r"^## (?P<title>.+?)$(?P<prose>.*?)^```net\n(?P<spec>.*?)^```\n\n```text\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Case:
    """One spec of a page with the output that the page promises."""

    page: Path
    title: str
    spec: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.title}"


def cases(*pages: str) -> list[Case]:
    """The cases of golden pages, by their names; of all pages if none is named."""
    files = [TESTS / "goldens" / f"{page}.md" for page in pages]
    return [
        Case(page, match["title"], match["spec"], match["text"])
        for page in files or sorted((TESTS / "goldens").glob("*.md"))
        for match in _CASE.finditer(page.read_text(encoding="utf-8"))
    ]


def said(spec: str) -> str:
    """What `netc check` prints about a spec."""
    found = findings(spec)
    return render(found) + "\n" + summary(found) + "\n" if found else "nothing to say\n"


def rewrite(page: Path) -> None:
    """Puts what the compiler says now into a page."""

    def fresh(match: re.Match[str]) -> str:
        before = match[0][: match.start("text") - match.start()]
        return f"{before}{said(match['spec'])}```"

    text = page.read_text(encoding="utf-8")
    page.write_text(_CASE.sub(fresh, text), encoding="utf-8")
