"""Pages of specs before and after `netc fmt`.

A page is Markdown. Each case is a heading, prose, a block of ```net as somebody may write it and a
second one, as it is printed. `pytest --rewrite-goldens` writes the second blocks anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from compiling import TESTS

from netc.compiler.formatting import formatted
from netc.compiler.source import Source

_CASE = re.compile(
    r"^## (?P<title>.+?)$(?P<prose>.*?)^```net\n(?P<before>.*?)^```\n\n```net\n(?P<after>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)

UGLY = "net  Net :\n  input x:[4]\n  dense 3# three\n"
PRETTY = "net Net:\n    input x: [4]\n    dense 3  # three\n"
"""A spec out of form, and in form."""


@dataclass(frozen=True)
class Case:
    """One spec of a page, as written and as printed."""

    page: Path
    title: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.title}"


def cases() -> list[Case]:
    """The cases of all pages."""
    return [
        Case(page, match["title"], match["before"], match["after"])
        for page in sorted((TESTS / "fmt").glob("*.md"))
        for match in _CASE.finditer(page.read_text(encoding="utf-8"))
    ]


def printed(text: str) -> str:
    """A spec in form."""
    return formatted(Source("spec.net", text))


def rewrite(page: Path) -> None:
    """Puts what is printed now into a page."""

    def fresh(match: re.Match[str]) -> str:
        before = match[0][: match.start("after") - match.start()]
        return f"{before}{printed(match['before'])}```"

    text = page.read_text(encoding="utf-8")
    page.write_text(_CASE.sub(fresh, text), encoding="utf-8")
