"""Compiling text in tests: to a net that must compile, or to the findings of one that must not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from netc.api import NetHandle, Spec
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.graph import LayerStep
from netc.compiler.render import render
from netc.compiler.source import Source
from netc.compiler.table import table

TESTS = Path(__file__).parent
REPOSITORY = TESTS.parent


def spec_of(text: str, /, **values: Any) -> Spec:
    """The compiled and judged spec, errors and all."""
    found = Spec(Source("spec.net", dedent(text)), values, REPOSITORY)
    found.judge()
    return found


def net_of(text: str, name: str | None = None, /, **values: Any) -> NetHandle:
    """A net of a spec that must have no errors."""
    spec = spec_of(text, **values)
    errors = [d for d in spec.diagnostics if d.severity == "error"]
    assert not errors, render(errors)
    return spec.net(name)


def lines_of(text: str, shape: str = "[3, 32, 32]", /, **values: Any) -> NetHandle:
    """A net made of an input of some shape and the lines given."""
    body = "\n".join("    " + line for line in dedent(text).strip().splitlines())
    return net_of(f"net Net:\n    input x: {shape}\n{body}\n", **values)


def findings(text: str, /, **values: Any) -> tuple[Diagnostic, ...]:
    """All that the compiler has to say about a spec."""
    return spec_of(text, **values).diagnostics


def errors_of(text: str, /, **values: Any) -> list[str]:
    """The errors as `line code message`."""
    return [
        f"{d.span.line} {d.code} {d.message}"
        for d in findings(text, **values)
        if d.severity == "error"
    ]


def everything(text: str) -> Spec:
    """Takes text through the whole compiler: findings, their rendering, reports, tables, sources.

    Nothing may raise; a source must be Python.
    """
    spec = Spec(Source("spec.net", text), {}, REPOSITORY)
    spec.judge()
    render(spec.diagnostics, color=True)
    for diagnostic in spec.diagnostics:
        diagnostic.to_json()
    for name in spec.names:
        net = spec.net(name)
        report = net.report()
        report.to_json()
        table(report, net.graph.module, 3)
        compile(net.source(), name, "exec")
    return spec


def state_of(net: NetHandle) -> dict[str, tuple[int, ...]]:
    """The state dict that the report promises: keys in order, with shapes."""
    found: dict[str, tuple[int, ...]] = {}
    for row in net.report().rows:
        if not (row.params or row.buffers):
            continue
        if isinstance(row.step, LayerStep):
            found |= {f"{row.path}.{weight.name}": weight.shape for weight in row.step.weights}
        else:
            found[row.path] = row.step.weight.shape
    return found


def spec_files() -> Iterator[Path]:
    """Every spec that must compile: the shipped ones and those of the tests."""
    yield from sorted((REPOSITORY / "specs").glob("*.net"))
    yield from sorted((TESTS / "nets").glob("*.net"))
