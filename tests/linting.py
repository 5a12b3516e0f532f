"""Lints in tests: the codes of what is found, nets with a train block, and the edits made."""

from __future__ import annotations

from compiling import findings, lines_of

from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import applied
from netc.compiler.source import Source


def warnings(text: str) -> list[str]:
    """The codes of all findings."""
    return [d.code for d in findings(text)]


def of_lines(lines: str, shape: str = "[3, 32, 32]") -> list[str]:
    """The codes of all findings of a net with these lines."""
    return [d.code for d in lines_of(lines, shape).spec.diagnostics]


def recipe(body: str, data: str, loss: str, shape: str = "[8]", batch: int = 32) -> str:
    """A net of one line with a train block."""
    return (
        f"net N:\n    input x: {shape}\n    {body}\n\ntrain N:\n    data {data}\n    loss {loss}\n"
        f"    optimizer adam\n    epochs 1, batch={batch}\n"
    )


def edited(text: str, found: Diagnostic) -> str:
    """The text with the edits of a finding made."""
    return applied(Source("spec.net", text), found.edits)
