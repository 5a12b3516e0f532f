"""The report for other programs: comma-separated values, and a table of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from netc.compiler.columns import chosen
from netc.compiler.graph import Module
from netc.compiler.report import Report
from netc.compiler.table import DEFAULT, cells, lines_of, totals

Nets = Sequence[tuple[Report, Module]]


def csv_text(nets: Nets, depth: int, names: Sequence[str] | None, sort: str | None) -> str:
    """A heading of column names and a line for every line of the report.

    Numbers are whole and without separators, bytes are bytes, shares lie in 0..1; sizes with names
    are text, what is not known is `unknown`. Of several nets the first column names the net. There
    is no line of totals, so that columns can be summed. Raises Unsortable.
    """
    import csv
    from io import StringIO

    wanted = list(names or DEFAULT)
    if len(nets) > 1 and "net" not in wanted:
        wanted.insert(0, "net")
    shown = chosen(wanted)
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(wanted)
    for report, module in nets:
        for entry in lines_of(report, module, depth, sort):
            writer.writerow([column.raw(column.value(entry, report)) for column in shown])
    return file.getvalue()


def markdown_text(nets: Nets, depth: int, names: Sequence[str] | None, sort: str | None) -> str:
    """A table for each net, under its name where there are several. Raises Unsortable."""
    shown = chosen(names or DEFAULT)
    parts: list[str] = []
    for report, module in nets:
        head, *body = cells(report, lines_of(report, module, depth, sort), shown)
        sums = totals(report, shown)
        rule = ["---:" if column.number else "---" for column in shown]
        lines = [head, rule, *body, *([sums] if any(sums) else [])]
        table = "".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in lines)
        parts.append(f"## {_escaped(report.name)}\n\n{table}" if len(nets) > 1 else table)
    return "\n".join(parts)


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: `|` would end a cell, `*` and `_` set words in italics.

    >>> _escaped("conv 2*width, 3x3")
    'conv 2\\\\*width, 3x3'
    """
    return "".join(f"\\{character}" if character in "\\|*_<[`" else character for character in text)
