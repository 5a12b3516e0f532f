"""README and docs show real output: commands are run, specs compiled, Python executed.

`pytest tests/test_docs.py --rewrite-goldens` writes what the commands print now into the pages. The
pages of errors (docs/errors) and of layers (docs/layers) are written whole, by tests of their own.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from compiling import findings
from layer_page import said

from netc.api import Spec
from netc.cli import main
from netc.compiler import expansion, frame, layout, recipes, training
from netc.compiler.source import Source
from netc.compiler.words import CONSTANTS, LATER, STRUCTURE

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "errors" not in p.parts),
]
_BLOCK = re.compile(r"^```(?P<kind>\w[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"docs/examples/[\w/.]+\.net")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"```{self.kind}\n{self.text}```"


def blocks(text: str) -> list[Block]:
    return [Block(match["kind"], match["text"]) for match in _BLOCK.finditer(text)]


def of_kind(page: Path, kind: str) -> list[str]:
    return [block.text for block in blocks(page.read_text("utf-8")) if block.kind == kind]


def printed(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "netc", f"pages show netc's commands, not {words[0]}"
    result = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    lines = [line.rstrip() for line in result.output.splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def console(block: Block) -> Block:
    """A console block with what its command prints now."""
    command = block.text.splitlines()[0]
    assert command.startswith("$ ")
    return Block("console", f"{command}\n{printed(command[2:])}")


def shown(text: str) -> Iterator[tuple[Block, Path]]:
    """The specs of a page that the command after them reads from docs/examples."""
    before: Block | None = None
    for block in blocks(text):
        if block.kind == "console" and before is not None:
            named = _EXAMPLE.search(block.text.splitlines()[0])
            if named is not None:
                yield before, ROOT / named[0]
        if block.kind in ("net", "net wrong", "console"):
            before = block if block.kind != "console" else None


def wrong(text: str) -> Iterator[tuple[Block, Block]]:
    """The specs of a page that do not compile, each with the block that says why."""
    found = blocks(text)
    for block, after in pairwise(found):
        if block.kind == "net wrong" and after.kind == "text":
            yield block, after


def rewritten(text: str) -> str:
    """A page with what its commands print and its example files hold now."""
    for block, file in shown(text):
        text = text.replace(str(block), str(Block(block.kind, file.read_text("utf-8"))))
    for block in blocks(text):
        if block.kind == "console":
            text = text.replace(str(block), str(console(block)))
    for block, told in wrong(text):
        text = text.replace(f"{block}\n\n{told}", f"{block}\n\n{Block('text', said(block.text))}")
    return text


@every_page
def test_a_page_shows_what_netc_says(
    page: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text = page.read_text("utf-8")
    if pytestconfig.getoption("--rewrite-goldens"):
        page.write_text(rewritten(text), "utf-8")
    else:
        assert rewritten(text) == text


def compiled(text: str) -> Spec:
    """A spec as if it stood in docs/examples, where it may use the others."""
    return Spec(Source(str(EXAMPLES / "page.net"), text), {}, EXAMPLES)


@every_page
def test_specs_on_the_page_compile(page: Path) -> None:
    for block in of_kind(page, "net"):
        spec = compiled(block)
        spec.judge()
        allowed = ("note", "warning") if "layers" in page.parts else ("note",)
        assert not [d for d in spec.diagnostics if d.severity not in allowed], block
    for block in of_kind(page, "net wrong"):
        assert any(d.severity == "error" for d in compiled(block).diagnostics), block


@every_page
def test_python_on_the_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for block in of_kind(page, "python"):
        exec(compile(block, page.name, "exec"), {})


@every_page
def test_code_on_the_page_stands_in_the_code(page: Path) -> None:
    """A block of ```py quotes our own files, paragraph by paragraph."""
    quoted = of_kind(page, "py")
    rooms = ("compiler", "tests") if quoted else ()
    code = "\n".join(f.read_text("utf-8") for room in rooms for f in (ROOT / room).rglob("*.py"))
    for block in quoted:
        for paragraph in block.split("\n\n"):
            assert paragraph.rstrip() in code, paragraph


@every_page
def test_every_block_is_of_a_known_kind(page: Path) -> None:
    """Else a slip in the word behind the fence would let a block go unheld."""
    known = {"console", "net", "net wrong", "python", "py", "text", "sh", "json", "yaml"}
    assert {block.kind for block in blocks(page.read_text("utf-8"))} <= known


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_contributing_is_half_a_page_with_a_worked_example() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert len(text.splitlines()) <= 45
    assert "class Prelu(Layer):" in of_kind(ROOT / "CONTRIBUTING.md", "py")[0]


def test_every_example_is_on_a_page() -> None:
    named = {name for page in PAGES for name in _EXAMPLE.findall(page.read_text("utf-8"))}
    parts = {f"docs/examples/{f.relative_to(EXAMPLES).as_posix()}" for f in EXAMPLES.rglob("*.net")}
    assert named == parts


def words_in(text: str) -> set[str]:
    """The words between backticks."""
    quoted = re.findall(r"`([^`\n]+)`", text)
    return {word for part in quoted for word in re.findall(r"[a-z_]+(?:\.[a-z]+)?", part)}


def test_the_language_page_names_every_word() -> None:
    """What can be written, and what is not built yet: both are said."""
    owed = {
        *STRUCTURE, *CONSTANTS, *LATER, "tune", "padded", "allow",
        *training.CLAUSES, *training.METRICS, *training.LATER,
        *(word for role in recipes.roles() for word in recipes.words(role)),
        *words_in(findings("net A:\n    input x: [2]\n    dense x.weight\n")[0].hint),
    }  # fmt: skip
    said_there = words_in((ROOT / "docs" / "language.md").read_text("utf-8"))
    assert owed <= said_there, owed - said_there


def test_the_language_page_gives_the_limits() -> None:
    page = (ROOT / "docs" / "language.md").read_text("utf-8")
    (limits,) = re.findall(r"^\*\*Limits\.\*\* .*?\n\n", page, re.MULTILINE | re.DOTALL)
    for limit in (expansion.MOST, layout.DEEPEST, frame.DEEPEST):
        assert re.search(rf"\b{limit:,}\b", limits), limit
    assert layout.LARGEST == 2**63 - 1
    assert "2⁶³ − 1" in limits


def test_what_the_language_page_measures_is_measured() -> None:
    text = (ROOT / "docs" / "language.md").read_text("utf-8")
    (paragraph,) = re.findall(r"^`expect` measures .*?\n\n", text, re.MULTILINE | re.DOTALL)
    measures = words_in(paragraph) - {"expect"}
    assert {"params", "macs", "memory.training", "output"} <= measures
    for measure in measures:
        for found in findings(
            f"net A:\n    input x: [2]\n    dense 3\n    expect {measure} == -1\n"
        ):
            assert found.code in ("E0502", "E0503"), found
            assert "nothing that is measured" not in found.message
