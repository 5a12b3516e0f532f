"""What the page shows, as data: every number and every text of it is made here or in the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from netc.compiler.columns import bytes_text, chosen, fields_text, short_count
from netc.compiler.graph import Module
from netc.compiler.parts import outline
from netc.compiler.report import Report
from netc.compiler.sizes import Size
from netc.compiler.table import DEFAULT, cells, totals
from netc.compiler.view.flow import Box, boxes, family, inside
from netc.compiler.view.plan import to_json

FORMAT = 1
FEW = 40
"""Nets of so many layers open with all their boxes unfolded."""


def content(nets: Sequence[tuple[Report, Module]], file: str) -> dict[str, Any]:
    """The data of a page. `report` of each net is its entry in `netc report --json`, as it is."""
    shown = chosen(DEFAULT)
    return {
        "format": FORMAT,
        "file": file,
        "columns": [{"heading": column.heading, "number": column.number} for column in shown],
        "nets": [_net(report, module) for report, module in nets],
    }


def _net(report: Report, module: Module) -> dict[str, Any]:
    drawn = boxes(outline(report, module), module.outputs)
    shown = chosen(DEFAULT)
    entries = [box.entry for box in drawn if box.entry is not None]
    lines = iter(cells(report, entries, shown)[1:])
    few = len(report.rows) <= FEW
    return {
        "report": report.to_json(),
        "title": _title(report),
        "totals": [list(total) for total in _totals(report)],
        "sums": list(totals(report, shown)),
        "boxes": [_box(drawn, box, report, lines, few) for box in drawn],
    }


def _box(
    drawn: Sequence[Box], box: Box, report: Report, lines: Iterator[tuple[str, ...]], few: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {"role": box.role, "name": box.name}
    if box.value is not None:
        told = dict(report.outputs) if box.role == "output" else {}
        found["shape"] = str(told.get(box.name, box.value))
    if box.entry is not None:
        found |= {"kind": box.entry.kind, "line": box.entry.line, "cells": list(next(lines))}
        source = box.entry.rows[0].span.source if box.row is not None else None
        found |= {"file": source.name} if source is not None else {}
    if box.row is not None:
        row = report.rows[box.row]
        found |= {"layer": box.row, "family": family(row)}
    if box.inner:
        flow = inside(drawn, box)
        found |= {
            "count": 0 if box.entry is None else len(box.entry.rows),
            "named": box.named,
            "open": few or box.role == "net",
            "inner": box.inner,
            "entering": flow.entering,
            "leaving": flow.leaving,
            "edges": [list(edge) for edge in flow.edges],
            "plan": to_json(flow.plan),
        }
    return found


def _title(report: Report) -> str:
    inputs = ", ".join(f"{name} {tensor}" for name, tensor in report.inputs)
    outputs = ", ".join(
        f"{tensor}" if name == "output" else f"{name} {tensor}" for name, tensor in report.outputs
    )
    return f"{inputs} → {outputs}"


def _totals(report: Report) -> Iterator[tuple[str, str, str]]:
    """The net's numbers: what it is, the number, and a short form or a remark."""
    yield "parameters", f"{report.params:,}", _short(report.params)
    if report.buffers:
        yield "in buffers", f"{report.buffers:,}", _short(report.buffers)
    yield "MACs", f"{report.macs:,}", _short(report.macs)
    yield "FLOPs", f"{report.flops:,}", _short(report.flops)
    yield "weights", bytes_text(report.weights_bytes), ""
    peaks = (report.inference_peak, report.training_peak)
    remark = f"at least; unknown is {report.unknown}" if report.least_peaks else report.unknown
    inference, training = map(bytes_text, report.least_peaks or peaks)
    yield "activations, peak", inference, remark
    yield "in training", training, "at least" if report.least_peaks else ""
    if (field := fields_text(report)) is not None:
        yield "receptive field", field, ""
    yield "depth", str(report.depth), ""


def _short(count: Size) -> str:
    return short_count(count) if isinstance(count, int) else ""
