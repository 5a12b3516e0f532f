"""The report as a table for people: blocks folded into one line, totals that can be quoted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
)
from netc.compiler.report import Report, Row
from netc.compiler.sizes import Size


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    path: str
    layer: str
    output: str
    params: str
    macs: str


def table(report: Report, module: Module, depth: int = 1) -> str:
    """The whole report as text. `depth` says how many levels of blocks are unfolded."""
    rows = {id(row.step): row for row in report.rows}
    lines = list(_lines(module.steps, "", depth, _Rows(report.rows), rows))
    head = Line("layer", "what", "output", "parameters", "MACs")
    total = Line("total", "", "", f"{report.params:,}", _count(report.macs))
    inputs = ", ".join(f"{name} {tensor}" for name, tensor in report.inputs)
    parts = [f"{report.name}: {inputs}", "", *_columns([head, *lines, total])]
    return "\n".join([*parts, "", *_totals(report), *_claims(report)]) + "\n"


class _Rows:
    """The report's rows in the order of `walk`, taken one by one."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = iter(rows)

    def take(self, step: Step) -> list[Row]:
        """The rows of a step and of all in it."""
        match step:
            case LayerStep() | ParamStep():
                return [next(self._rows)]
            case BlockStep():
                inner: Sequence[Step] = step.module.steps
            case RepeatStep():
                inner = step.items
            case GroupStep() | WhenStep():
                inner = step.steps
        return [row for one in inner for row in self.take(one)]


def _lines(
    steps: Sequence[Step], prefix: str, depth: int, rows: _Rows, by_step: dict[int, Row]
) -> Iterator[Line]:
    for step in steps:
        path = prefix if step.name is None else f"{prefix}.{step.name}" if prefix else step.name
        inner = _inner(step)
        if inner is None:
            (row,) = rows.take(step)
            yield _line(row.path if step.name else "", _short(row.text), [row], row.output.shape)
        elif depth <= 1 and not isinstance(step, WhenStep):
            folded = rows.take(step)
            yield _line(path, _folded(step), folded, step.output.tensor.shape)
        else:
            deeper = depth if isinstance(step, WhenStep) else depth - 1
            yield from _lines(inner, path, deeper, rows, by_step)


def _inner(step: Step) -> Sequence[Step] | None:
    match step:
        case BlockStep():
            return step.module.steps
        case RepeatStep():
            return step.items
        case GroupStep() | WhenStep():
            return step.steps
    return None


def _line(path: str, what: str, rows: Sequence[Row], shape: tuple[Size, ...]) -> Line:
    macs: Size = 0
    for row in rows:
        macs = macs + row.macs
    params = sum(row.params for row in rows)
    output = " × ".join(map(str, shape)) or "one number"
    return Line(
        path, what, output, f"{params:,}" if params else "–", _count(macs) if macs != 0 else "–"
    )


def _folded(step: Step) -> str:
    """What a folded line stands for: `3 × Bottleneck`."""
    match step:
        case BlockStep():
            return step.module.name
        case RepeatStep():
            kinds = Counter(_folded(item) for item in step.items)
            return ", ".join(f"{count} × {kind}" for kind, count in kinds.items())
        case GroupStep() | WhenStep():
            return " → ".join(dict.fromkeys(_folded(inner) for inner in step.steps))
        case LayerStep():
            return step.layer.kind
    return "param"


def _short(text: str) -> str:
    return text if len(text) <= 36 else text[:35] + "…"


def _count(size: Size) -> str:
    return f"{size:,}" if isinstance(size, int) else str(size)


def _columns(lines: Sequence[Line]) -> list[str]:
    """Aligned columns: words to the left, numbers to the right, rules around the layers."""
    cells = [(line.path, line.layer, line.output, line.params, line.macs) for line in lines]
    widths = [max(len(row[i]) for row in cells) for i in range(5)]
    shown = [
        "  ".join(
            cell.rjust(width) if i > 2 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    rule = "─" * (sum(widths) + 8)
    return [shown[0], rule, *shown[1:-1], rule, shown[-1]]


def _totals(report: Report) -> list[str]:
    params = (
        f"parameters  {report.params:,} ({report.trainable:,} trainable, {report.frozen:,} frozen)"
    )
    if report.buffers:
        params += f", buffers {report.buffers:,}"
    field = _field(report.receptive_field)
    lines = [
        params,
        f"MACs        {_count(report.macs)} for one example, of matrix products and convolutions",
        f"FLOPs       {_count(report.flops)}: 2 for each MAC",
        f"memory      weights {_bytes(report.weights_bytes)}, activations of one example: "
        f"at the peak {_bytes(report.inference_peak)}, in training {_bytes(report.training_peak)}",
        f"depth       {report.depth} layers with weight matrices, receptive field {field}",
    ]
    return lines + [f"condition   {text}" for text in report.conditions]


def _claims(report: Report) -> list[str]:
    return [f"{'✓' if claim.holds else '✗'} {claim.text}" for claim in report.claims]


def _bytes(count: int | None) -> str:
    """Bytes as people read them, in powers of 1024."""
    if count is None:
        return "unknown"
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    raise AssertionError("unreachable")


def _field(sizes: Sequence[int] | str | None) -> str:
    if sizes is None or isinstance(sizes, str):
        return sizes or "none"
    return " × ".join(map(str, sizes))
