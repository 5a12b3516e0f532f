"""What is offered where a sequence flows into a layer that cannot take it as it lies.

Ids want another kind of input, channels another order of the axes, and a sequence of any length
has no number of features once it is flat.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from netc.compiler.edits import Fix, rewrite
from netc.compiler.graph import Wire
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.source import Span


def sequence_fix(error: ShapeError, layer: Layer, wires: Sequence[Wire], place: Span) -> Fix | None:
    """The edit that lets a layer take its first value; None if the error is of another kind.

    `place` is the layer's call, before which others may be put.
    """
    wire = wires[0]
    if error.code == "E0304" and layer.kind == "embedding":
        return _ids(wire)
    if error.code != "E0302":
        return None
    return _pooled(wire.origin()) or _turned(layer, [wire.tensor for wire in wires], place)


def _ids(wire: Wire) -> Fix:
    """Ids at the input that was declared as real numbers; a value of a layer has none."""
    if wire.layer is not None or wire.read:
        return Fix("use `dense` for real numbers")
    line = wire.made.source.line(wire.made.line)
    before = wire.tensor.spec_text
    ids = replace(wire.tensor, dtype="int").spec_text
    start = line.find(before, wire.made.end_column - 1)
    if start < 0 or not re.match(r"[ \t]*input\b", line):
        return Fix(f"say `{ids}` at the input, or use `dense` for real numbers")
    end = start + 1 + len(before)
    span = replace(wire.made, column=start + 1, end_column=end)
    return rewrite(span, ids, "say `{}` at the input, or use `dense` for real numbers")


def _pooled(flat: Wire) -> Fix | None:
    """`mean` in the place of a `flatten` of a sequence of any length."""
    if flat.layer is None or flat.layer.kind != "flatten":
        return None
    before = flat.read[0].tensor.shape
    if len(before) != 2 or isinstance(before[0], int) or not isinstance(before[1], int):
        return None
    hint = (
        f"write `{{}}` in the place of `flatten`: it gives {before[1]} numbers for any {before[0]}"
    )
    return rewrite(flat.made, "mean", hint)


def _turned(layer: Layer, inputs: Sequence[Tensor], place: Span) -> Fix | None:
    """A `transpose` before a layer that counts along the axis of any length."""
    tensor, *others = inputs
    if len(tensor.shape) != 2 or re.match(r"[ \t]*share\b", place.source.line(place.line)):
        return None
    turned = replace(tensor, shape=tensor.shape[::-1])
    try:
        layer.output([turned, *others])
        layer.weights([turned, *others])
    except ShapeError:
        return None
    hint = f"write `transpose ->` before `{layer.kind}`: then {turned} flows into it"
    return rewrite(place.before, "transpose -> ", hint)
