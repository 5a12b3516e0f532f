"""Which room may import what, names that torch keeps for itself, ids of the coverage table."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY

from netc.compiler.reserved import MODULE_ATTRIBUTES

ROOMS = {
    "torch": {"runtime"},
    "safetensors": {"runtime"},
    "numpy": {"runtime", "src/netc/filtering.py", "src/netc/kernels.py"},
    "sklearn": {"runtime"},
    "PIL": {"runtime", "src/netc/filtering.py"},
    "jinja2": {"compiler/emit"},
    "networkx": {"compiler/graph.py"},
    "lark": {"compiler/parse.py", "compiler/layout.py", "compiler/building.py"},
    "click": {"src/netc"},
    "pygments": {"src/netc/highlight.py"},
    "netc.grammar.textmate": set(),
    "netc.runtime": {"runtime", "src/netc"},
    "netc.cli": {"src/netc"},
    "netc.api": {"src/netc"},
}
FILES = [
    file
    for room in ("compiler", "grammar", "runtime", "src")
    for file in sorted((REPOSITORY / room).rglob("*.py"))
]


def imported(file: Path) -> set[str]:
    """The modules that a file imports when it runs; those for types only are left out."""
    found: set[str] = set()
    module = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for inner in ast.walk(node):
                inner.typing_only = True  # type: ignore[attr-defined]
    for node in ast.walk(module):
        if getattr(node, "typing_only", False):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_each_room_imports_what_it_may(file: Path) -> None:
    place = file.relative_to(REPOSITORY).as_posix()
    for name in imported(file):
        for banned, rooms in ROOMS.items():
            if name == banned or name.startswith(banned + "."):
                assert any(place.startswith(room) for room in rooms), f"{place} imports {name}"


def test_names_that_torch_keeps_are_known() -> None:
    missing = set(dir(torch.nn.Module())) - MODULE_ATTRIBUTES
    assert {name for name in missing if not name.startswith("__")} == set()


@pytest.mark.covers("PR05")
def test_every_coverage_id_taken_on_has_a_test() -> None:
    command = [sys.executable, "-m", "tests.coverage_ids"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
