"""The report as a table for people: blocks folded into one line, totals that can be quoted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netc.compiler.columns import (
    Column,
    bytes_text,
    chosen,
    columns,
    fields_text,
    short_count,
)
from netc.compiler.entries import Entry, flat, folded
from netc.compiler.graph import AUTO, Module
from netc.compiler.grid import Style, grid, measure, wrapped
from netc.compiler.report import Report
from netc.compiler.sizes import Size, Symbolic, names_in

DEFAULT = ("path", "what", "output", "params", "share", "macs")
OPTIONAL = ("share", "macs", "what")
"""Of the columns shown without being asked for, those that a narrow terminal does without, the
first of them first."""


class Unsortable(ValueError):
    """Lines cannot be put in order, because a size in them is not a number."""


def table(
    report: Report,
    module: Module,
    depth: int = 1,
    *,
    names: Sequence[str] | None = None,
    sort: str | None = None,
    width: int | None = None,
) -> str:
    """The whole report as text.

    `depth` says how many levels of blocks are unfolded; with `sort` every layer has a line, the
    largest first. `names` are the columns. `width` is that of the terminal in characters; without
    one lines are as long as they need to be. Raises Unsortable.
    """
    entries = lines_of(report, module, depth, sort)
    lines, left_out = _fitting(report, entries, names, width)
    title = wrapped(_title(report), width, indent=len(report.name) + 2)
    below = [line for text in _sentences(report) for line in wrapped(text, width, indent=4)]
    claims = [f"{'✓' if claim.holds else '✗'} {claim.text}" for claim in report.claims]
    below += [line for text in claims for line in wrapped(text, width, indent=2)]
    return "\n".join([*title, "", *lines, *left_out, "", *below]) + "\n"


def _fitting(
    report: Report, entries: Sequence[Entry], names: Sequence[str] | None, width: int | None
) -> tuple[list[str], list[str]]:
    """The lines of the table, and what is said of columns that the terminal has no room for."""
    shown = chosen(names or DEFAULT)
    lines = _grid(report, entries, shown, None)
    if width is None or max(map(measure, lines)) <= width:
        return lines, []
    if names is not None:  # as asked for, whatever room there is
        return _grid(report, entries, shown, width), []
    for count in range(1, len(OPTIONAL) + 1):
        lines = _grid(
            report, entries, [one for one in shown if one.name not in OPTIONAL[:count]], width
        )
        if max(map(measure, lines)) <= width:
            break
    told = {column.name: column.heading for column in shown}
    left_out = ", ".join(told[name] for name in OPTIONAL[:count])
    return lines, wrapped(f"without {left_out}, for lack of room", width, indent=4)


def _grid(
    report: Report, entries: Sequence[Entry], shown: Sequence[Column], width: int | None
) -> list[str]:
    styles = [_style(column) for column in shown]
    return grid(cells(report, entries, shown), totals(report, shown), styles, width)


# ------------------------------------------------------------------------------
# Lines and cells, for every form of the report


def lines_of(report: Report, module: Module, depth: int, sort: str | None) -> list[Entry]:
    """The lines of a report: folded in their order, or sorted and then flat. Raises Unsortable."""
    if sort is None:
        return folded(report, module, depth)
    return sorted(flat(report), key=lambda entry: -_number(entry, report, sort))


def _number(entry: Entry, report: Report, sort: str) -> int:
    """What a line is sorted by: an output by how many numbers it holds."""
    value: object = entry.output.tensor.elements
    if sort != "output":
        value = columns()[sort].value(entry, report)
    if isinstance(value, Symbolic):
        settings = " ".join(f"--set {name}=…" for name in sorted(names_in(value)))
        message = f"{sort} of `{entry.path}` is {value}, and cannot be put in order"
        raise Unsortable(f"{message}; give its sizes numbers: {settings}")
    assert isinstance(value, int)
    return value


def cells(
    report: Report, entries: Sequence[Entry], shown: Sequence[Column]
) -> list[tuple[str, ...]]:
    """The headings, and below them what each column says of each line, as text."""
    head = tuple(column.heading for column in shown)
    return [head, *(tuple(_cell(c, entry, report) for c in shown) for entry in entries)]


def _cell(column: Column, entry: Entry, report: Report) -> str:
    if column.name == "params" and entry.reused:
        return "shared"  # counted where its weights were first used
    return column.text(column.value(entry, report))


def totals(report: Report, shown: Sequence[Column]) -> tuple[str, ...]:
    """What stands below the columns; empty texts where no column has a sum."""
    sums = ["" if c.total is None else c.text(c.total(report)) for c in shown]
    return ("total", *sums[1:]) if any(sums) and shown[0].total is None else tuple(sums)


def _style(column: Column) -> Style:
    if column.name == "what":
        return Style(False, "cut", 0, 12)
    if column.kind == "arithmetic":
        return Style(False, "break", 1, 24)
    if column.kind in ("shape", "shapes"):
        return Style(False, "break", 3, 0)
    if column.kind == "words":
        return Style(False, "never", 9, 0)
    return Style(True, "break" if column.kind == "count" else "never", 2, 0)


# ------------------------------------------------------------------------------
# Above and below


def _title(report: Report) -> str:
    inputs = ", ".join(f"{name} {tensor}" for name, tensor in report.inputs)
    named = [
        f"{tensor}" if name == "output" else f"{name} {tensor}" for name, tensor in report.outputs
    ]
    return f"{report.name}: {inputs} → {', '.join(named)}"


def _sentences(report: Report) -> Iterator[str]:
    """The totals, number first, as people quote them."""
    frozen = f", {report.frozen:,} of them frozen" if report.frozen else ""
    buffers = f"; {report.buffers:,} numbers in buffers" if report.buffers else ""
    yield f"{_quoted(report.params, 'parameters')}{frozen}{buffers}"
    yield f"{_quoted(report.macs, 'MACs')} for one example, of matrix products and convolutions"
    yield f"{_quoted(report.flops, 'FLOPs')}: 2 for each MAC"
    yield f"{bytes_text(report.weights_bytes)} of weights"
    yield _activations(report)
    field = fields_text(report)
    seen = "" if field is None else f"; receptive field {field}"
    yield f"depth {report.depth} (layers with weight matrices){seen}"
    yield from _starts(report)
    yield from (f"condition: {text}" for text in report.conditions)


def _starts(report: Report) -> Iterator[str]:
    """How weights begin: by the net's rule, and where layers say it themselves."""
    told = report.schemes(told=True)
    ruled = report.schemes(told=False)
    parts = []
    if ruled and report.start == AUTO:
        parts.append(f"by the next activation: {_counted(ruled)}")
    elif ruled:
        parts.append(f"by {report.start}: {_layers(ruled[report.start])}")
    elif report.start == "torch":
        parts.append("as PyTorch has it")
    if told:
        parts.append(f"as told: {_counted(told)}")
    if parts:
        yield f"weights begin {'; '.join(parts)}"


def _counted(schemes: Mapping[str, int]) -> str:
    """`he_normal 12 layers, xavier_normal 1`."""
    first, *rest = schemes.items()
    return ", ".join([f"{first[0]} {_layers(first[1])}", *(f"{s} {n}" for s, n in rest)])


def _layers(count: int) -> str:
    return f"{count} layer" if count == 1 else f"{count} layers"


def _quoted(count: Size, unit: str) -> str:
    """`25,557,032 parameters (25.6 M)`."""
    short = short_count(count) if isinstance(count, int) else ""
    return f"{count:,} {unit}" + (f" ({short})" if short else "")


def _activations(report: Report) -> str:
    if report.least_peaks is not None:
        inference, training = map(bytes_text, report.least_peaks)
        return (
            f"at least {inference} of activations for one example at the peak, {training} in "
            f"training; unknown is {report.unknown}"
        )
    if report.inference_peak is None and report.training_peak is None:
        return f"unknown bytes of activations for one example: {report.unknown}"
    inference, training = bytes_text(report.inference_peak), bytes_text(report.training_peak)
    return f"{inference} of activations for one example at the peak, {training} in training"
