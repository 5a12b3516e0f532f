"""README and docs show real output: commands are run, specs compiled, Python executed.

`pytest tests/test_docs.py --rewrite-goldens` writes what the commands print now into the pages.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from netc.api import read
from netc.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


def _printed(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "netc", f"pages show netc's commands, not {words[0]}"
    result = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    lines = [line.rstrip() for line in result.output.splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def _rerun(block: str) -> str:
    """A console block with what its command prints now."""
    command = block.splitlines()[0]
    assert command.startswith("$ ")
    return f"{command}\n{_printed(command[2:])}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(
    page: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    text = page.read_text("utf-8")
    rewritten = text
    for block in _blocks(page, "console"):
        rewritten = rewritten.replace(f"```console\n{block}```", f"```console\n{_rerun(block)}```")
    if pytestconfig.getoption("--rewrite-goldens"):
        page.write_text(rewritten, "utf-8")
    else:
        assert rewritten == text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_specs_on_the_page_compile(page: Path) -> None:
    for block in _blocks(page, "net"):
        spec = read(block, {})
        spec.judge()
        assert not [d for d in spec.diagnostics if d.severity != "note"], block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_on_the_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for block in _blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})
