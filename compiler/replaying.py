"""Values computed again: with other inputs of the net, or with other arguments of its layers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from netc.compiler.graph import Wire
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.source import Span

MOST_VALUES = 2_000
"""Values above a place that are computed again; above more of them no edit is looked for."""

Sources: TypeAlias = Mapping[Wire, Tensor]
"""Inputs of the net, each with what flows in instead."""
Changed: TypeAlias = Mapping[Span, Mapping[str, Any]]
"""Other arguments of calls, by their place: the rounds of a repeat share one."""


def above(ends: Iterable[Wire]) -> list[Wire] | None:
    """The values that some are made from, and these, each after those it reads; None if too many.

    Iterative: a chain may be long.
    """
    found: dict[Wire, None] = {}
    waiting = [(wire, False) for wire in ends]
    while waiting:
        wire, ready = waiting.pop()
        if ready:
            found[wire] = None
        elif wire not in found:
            waiting.append((wire, True))
            waiting += [(read, False) for read in wire.read if read not in found]
            if len(waiting) + len(found) > MOST_VALUES:
                return None
    return [*found]


def replayed(
    values: Iterable[Wire], sources: Sources, changes: Changed, held: Collection[Wire] = ()
) -> dict[Wire, Tensor] | None:
    """What values would be, these in the order of `above`; None if one of them would not be.

    Values in `held`, of which a claim is true, must keep their shape.
    """
    found: dict[Wire, Tensor] = {}
    for wire in values:
        if wire.layer is None:
            tensor: Tensor | None = sources.get(wire, wire.tensor)
        else:
            inputs = [found[read] for read in wire.read]
            other = changes.get(wire.made)
            if other is None and inputs == [read.tensor for read in wire.read]:
                tensor = wire.tensor
            else:
                tensor = _output(wire.layer, other or {}, inputs)
        if tensor is None or (wire in held and tensor.shape != wire.tensor.shape):
            return None
        found[wire] = tensor
    return found


def _output(layer: Layer, other: Mapping[str, Any], inputs: list[Tensor]) -> Tensor | None:
    new = layer.model_copy(update=dict(other)) if other else layer
    if any(left != right for left, right, _ in new.joins(inputs)):
        return None
    try:
        return new.output(inputs)
    except ShapeError:
        return None
