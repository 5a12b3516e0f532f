"""Golden pages: prose, a spec, and what the compiler prints about it.

A page is Markdown. Each of its cases is a heading, a block of ```net and, after it, a block of
```text that holds what `netc check` prints. A case may have further blocks: ```net blocks.net is a
file beside the spec; ```bytes in the place of ```net is a file that is not text, with escapes.
`pytest --rewrite-goldens` writes the text blocks, and the JSON of the catalogue's pages, anew.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compiling import REPOSITORY, TESTS

from netc.api import Spec, text_of
from netc.checking import not_text
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import Edit, applied
from netc.compiler.render import render, summary
from netc.compiler.source import Source

CATALOGUE = REPOSITORY / "docs" / "errors"
"""One page for each code, shown by `netc explain CODE`."""
HOLDING = TESTS / "goldens"
"""Pages of specs that are right, or nearly so."""
_CASE = re.compile(
    r"^## (?P<title>[^\n]+)\n(?P<prose>(?:(?!^## ).)*?)"
    r"^```(?P<kind>net|bytes)\n(?P<spec>(?:(?!^```).)*?)^```\n\n"
    r"```text\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_BESIDE = re.compile(r"^```net (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One spec of a page with the output that the page promises."""

    page: Path
    title: str
    kind: str
    spec: str
    beside: tuple[tuple[str, str], ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.stem}: {self.title}"

    def findings(self) -> tuple[Diagnostic, ...]:
        """All that `netc check` has to say about the spec."""
        if self.kind == "net":
            return found(self.spec, dict(self.beside))
        data = self.spec.strip().encode("latin-1").decode("unicode_escape").encode("latin-1")
        try:
            return found(text_of(data), {})
        except UnicodeDecodeError as error:
            return (not_text("spec.net", error),)

    def said(self) -> str:
        """What `netc check` prints."""
        listed = self.findings()
        if not listed:
            return "nothing to say\n"
        return render(listed) + "\n" + summary(listed) + "\n"

    def with_edits(self, edits: Iterable[Edit]) -> Case:
        """The case with its spec edited."""
        return replace(self, spec=applied(Source("spec.net", self.spec), edits))

    def mended(self) -> Case:
        """The case with the edits of all hints made, again and again while there are any."""
        case = self
        for _ in range(10):
            case = case.with_edits(edit for d in case.findings() for edit in d.edits)
        return case


def found(spec: str, beside: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """The findings about a spec that lies in a folder with some other files."""
    with contextlib.ExitStack() as stack:
        if beside:
            stack.enter_context(contextlib.chdir(stack.enter_context(_folder())))
        for name, text in beside.items():
            Path(name).write_text(text, encoding="utf-8")
        compiled = Spec(Source("spec.net", spec), {}, Path())
        compiled.judge()
    return compiled.diagnostics


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory()


def pages() -> list[Path]:
    """Every golden page: the catalogue's, then those of specs that hold."""
    return [*sorted(CATALOGUE.glob("*.md")), *sorted(HOLDING.glob("*.md"))]


def cases(files: Iterable[Path] | None = None) -> list[Case]:
    """The cases of some golden pages; of all if none are named."""
    return [
        _case(page, match)
        for page in (pages() if files is None else files)
        for match in _CASE.finditer(page.read_text(encoding="utf-8"))
    ]


def _case(page: Path, match: re.Match[str]) -> Case:
    beside = tuple(_BESIDE.findall(match["prose"]))
    return Case(page, match["title"], match["kind"], match["spec"], beside, match["text"])


def rewrite(page: Path) -> None:
    """Puts what the compiler says now into a page, and into its JSON."""

    def fresh(match: re.Match[str]) -> str:
        before = match[0][: match.start("text") - match.start()]
        return f"{before}{_case(page, match).said()}```"

    text = page.read_text(encoding="utf-8")
    page.write_text(_CASE.sub(fresh, text), encoding="utf-8")
    if page.parent == CATALOGUE:
        json_file(page).parent.mkdir(exist_ok=True)
        json_file(page).write_text(as_json(cases([page])), encoding="utf-8")


def json_file(page: Path) -> Path:
    """Where the JSON of a page's cases lies."""
    return HOLDING / "json" / f"{page.stem}.json"


def as_json(listed: Iterable[Case]) -> str:
    """The findings of cases in the form of `netc check --json`, by the cases' titles."""
    content: dict[str, Any] = {
        case.title: [diagnostic.to_json() for diagnostic in case.findings()] for case in listed
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def numbers_of_lines(text: str) -> Iterator[int]:
    """The line numbers in the margin of what `netc check` prints."""
    for line in text.splitlines():
        margin = line.split("|")[0]
        if margin.strip().isdigit() and " | " in line:
            yield int(margin)
