"""A net as a tree of its lines, blocks and repeats, each with the rows of the report in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from netc.compiler.graph import (
    Around,
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.report import Report, Row
from netc.compiler.sizes import Size


class Part(Struct, frozen=True, eq=False):
    """A layer, or what folds to one line: a block, a repeat, a named line of several layers.

    Attributes:
        path: its key in the state dict; that of what stands around it if it has no name.
        rows: the layers in it, in the order of computation; one if it is a layer.
        inner: its own parts; none if it is a layer.
    """

    path: str
    step: Step
    rows: tuple[Row, ...]
    inner: tuple[Part, ...] = ()

    @property
    def params(self) -> int:
        """Numbers that it owns to learn."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> Size:
        """Its multiply-accumulates for one example."""
        total: Size = 0
        for row in self.rows:
            total = total + row.macs
        return total


class Outline(Struct, frozen=True, eq=False):
    """A net with its report.

    Attributes:
        inputs: what flows in, by name.
        parts: its lines, blocks and repeats.
        makers: what every value is called: the layer that made it, or the net's input.
    """

    report: Report
    inputs: tuple[tuple[str, Wire], ...]
    parts: tuple[Part, ...]
    makers: dict[Wire, str]


def outline(report: Report, module: Module) -> Outline:
    """The parts of a net. Recursive over the nesting only, which is bounded."""
    makers = {wire: f"the input {name}" for name, wire in module.inputs}
    makers |= {row.step.output: _called(row) for row in report.rows}
    found = tuple(_parts(module.steps, Around(), iter(report.rows)))
    return Outline(report, module.inputs, found, makers)


def _called(row: Row) -> str:
    """A layer's path; with its line where it owns nothing, since others may have the same."""
    owns = isinstance(row.step, ParamStep) or row.step.weights
    return row.path if owns else f"{row.path} (line {row.span.line})"


def every(found: Sequence[Part]) -> Iterator[Part]:
    """The parts and all in them, the outer before the inner."""
    for part in found:
        yield part
        yield from every(part.inner)


def _parts(steps: Sequence[Step], around: Around, rows: Iterator[Row]) -> Iterator[Part]:
    for step in steps:
        match step:
            case LayerStep() | ParamStep():
                row = next(rows)
                yield Part(row.path, step, (row,))
            case WhenStep():  # its steps are numbered with those around it
                yield from _parts(step.steps, around, rows)
            case BlockStep():
                yield _outer(around, step, step.module.steps, rows)
            case RepeatStep():
                yield _outer(around, step, step.items, rows)
            case GroupStep():
                yield _outer(around, step, step.steps, rows)


def _outer(around: Around, step: Step, steps: Sequence[Step], rows: Iterator[Row]) -> Part:
    inner = tuple(_parts(steps, around.inside(step), rows))
    return Part(around.path(step), step, tuple(row for part in inner for row in part.rows), inner)
