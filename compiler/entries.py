"""What the report has a line for: single layers, and blocks folded with all that is in them."""

from __future__ import annotations

from collections import Counter
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
from netc.compiler.sizes import Shape
from netc.compiler.visible import visible

MOST_KINDS = 4
"""How many layers of a stretch of lines are named where it is folded; the rest are counted."""


class Entry(Struct, frozen=True, eq=False):
    """One line of the report.

    Attributes:
        path: its key in the state dict; empty for a layer without weights that has no name.
        kind: the layer's word, or what a folded block is: `3 × Bottleneck`.
        what: the layer as written; for a folded block its kind.
        rows: the layers that it stands for, one if it is a layer.
        line: where it stands in the spec.
        folded: whether it stands for a block or a stretch of lines.
    """

    path: str
    kind: str
    what: str
    rows: tuple[Row, ...]
    inputs: tuple[Shape, ...]
    output: Wire
    line: int
    folded: bool = False

    @property
    def reused(self) -> bool:
        """Whether all its weights are those of a line above: a shared layer applied again."""
        weighted = [row for row in self.rows if _weighs(row)]
        return bool(weighted) and not any(row.params or row.buffers for row in weighted)


def folded(report: Report, module: Module, depth: int) -> list[Entry]:
    """The lines of a net in the order of computation, with `depth - 1` levels unfolded."""
    return list(_entries(module.steps, Around(), depth, iter(report.rows)))


def flat(report: Report) -> list[Entry]:
    """A line for every layer, with its full path."""
    return [_layer(row, row.path) for row in report.rows]


def _entries(
    steps: Sequence[Step], around: Around, depth: int, rows: Iterator[Row]
) -> Iterator[Entry]:
    for step in steps:
        path = around.path(step)
        if isinstance(step, LayerStep | ParamStep):
            yield _layer(next(rows), path if step.name else "")
        elif isinstance(step, WhenStep):  # its steps are numbered with those around it
            yield from _entries(step.steps, around, depth, rows)
        elif depth > 1:
            yield from _entries(_inner(step), around.inside(step), depth - 1, rows)
        else:
            kind, inside = folded_kind(step), tuple(_take(step, rows))
            inputs = tuple(wire.tensor.shape for wire in step.inputs)
            yield Entry(path, kind, kind, inside, inputs, step.output, step.span.line, True)


def _layer(row: Row, path: str) -> Entry:
    what = visible(" ".join(row.text.split()))
    return Entry(path, row.layer, what, (row,), row.inputs, row.step.output, row.span.line)


def _take(step: Step, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of a step and of all in it; rows come in the order of `walk`."""
    if isinstance(step, LayerStep | ParamStep):
        yield next(rows)
        return
    for inner in _inner(step):
        yield from _take(inner, rows)


def _inner(step: BlockStep | RepeatStep | GroupStep | WhenStep) -> Sequence[Step]:
    match step:
        case BlockStep():
            return step.module.steps
        case RepeatStep():
            return step.items
        case _:
            return step.steps


def folded_kind(step: Step) -> str:
    """What a folded line stands for: `3 × Bottleneck`, `conv → relu`."""
    match step:
        case LayerStep():
            return step.layer.kind
        case ParamStep():
            return "param"
        case BlockStep() if step.module.word != "body":
            return step.module.name
        case RepeatStep():
            kinds = Counter(folded_kind(item) for item in step.items)
            return ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
        case _:
            found = [kind for inner in _inner(step) if (kind := folded_kind(inner))]
            more = [f"{len(found) - MOST_KINDS} more"] if len(found) > MOST_KINDS + 1 else []
            return " → ".join([*found[:MOST_KINDS], *more] if more else found)


def _weighs(row: Row) -> bool:
    return isinstance(row.step, ParamStep) or bool(row.step.weights)
