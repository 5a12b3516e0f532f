"""What a sum gives before training: a way whose weights begin as 0 leaves the other as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from netc.compiler.graph import LayerStep, Wire
from netc.compiler.lint_weights import KEEPS_0
from netc.compiler.report import Row

Makers: TypeAlias = Mapping[Wire, LayerStep]

_FARTHEST = 10
"""Layers behind one that begins as 0 which are followed."""


def makers(rows: Iterable[Row]) -> Makers:
    """The layer that makes each value."""
    return {row.step.output: row.step for row in rows if isinstance(row.step, LayerStep)}


def at_first(step: LayerStep, by: Makers, names: Mapping[Wire, str]) -> str:
    """What an `add` gives while one of its two values is 0, to be said behind what it does.

    With W = 0 in a residual block the output is its input (coverage N039, BL03).
    """
    if step.layer.kind != "add" or len(step.inputs) != 2:
        return ""
    zero = [wire for wire in step.inputs if _begins_as_0(wire, by)]
    if len(zero) != 1:
        return ""
    (other,) = [wire for wire in step.inputs if wire not in zero]
    return f"; {names[zero[0]]} begins as 0, so before training it gives {names[other]} as it is"


def _begins_as_0(wire: Wire, by: Makers) -> bool:
    for _ in range(_FARTHEST):
        step = by.get(wire)
        if step is None:
            return False
        if getattr(step.layer, "init", None) == "zeros":
            return True
        if step.layer.kind not in (*KEEPS_0, "relu") or len(step.inputs) != 1:
            return False
        wire = step.inputs[0]
    return False
