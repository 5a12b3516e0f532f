"""A false claim about a shape: the change above it after which it is true."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from math import isqrt

from msgspec.structs import replace

from netc.compiler.edits import Fix, append, rewrite
from netc.compiler.frame import Frame
from netc.compiler.graph import LayerStep, Wire
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.sequences import Last
from netc.compiler.layers.shapes import Flatten
from netc.compiler.sizes import Shape
from netc.compiler.ways import (
    MOST_TRIES,
    Changes,
    as_fix,
    candidates,
    chain_of,
    padded_way,
    shape_after,
)

MOST_OFF = 17
"""How far from its size an input is looked for that would make a claim true."""
KERNELS = (1, 2, 3, 5, 7, 11)
"""Kernels in use, tried where a claim is false."""


def claimed_way(wire: Wire, wanted: Shape, frame: Frame, held: Collection[Wire]) -> Fix | None:
    """New arguments for one layer above a claim, after which it is true.

    Layers that lead to a value in `held`, of which a claim is true, stay as they are.
    """
    steps = chain_of(wire, frame)
    whole = steps
    last = max((n for n, step in enumerate(steps, 1) if step.output in held), default=0)
    steps = steps[last:]
    tries = 0
    for step in reversed(steps):
        rank = len(step.inputs[0].tensor.shape)
        for changes in (*candidates(step.layer, wanted), *_other_windows(step.layer, rank - 1)):
            tries += 1
            if tries > MOST_TRIES:
                break
            fits = shape_after(steps, {step.output: changes}) == wanted
            if fits and _is_plain(step, changes) and _is_allowed(step.layer, changes):
                fix = as_fix([(step, changes)], "then the claim is true")
                if frame.calls and any(name not in step.given for name in changes):
                    return _other_input(whole, wanted) or fix  # others use this block as it is
                return fix
    then = "then the claim is true"
    return padded_way(steps, wanted, then) or _flattened(steps, wanted) or _last(steps, wanted)


def _flattened(steps: Sequence[LayerStep], wanted: Shape) -> Fix | None:
    """`flatten` before a dense layer on the way to a claim."""
    for number, step in enumerate(steps):
        tensor = step.inputs[0].tensor
        if step.layer.kind == "dense" and len(tensor.shape) > 2:
            flat = Flatten().output([tensor])
            if shape_after(steps[number:], {}, flat) == wanted:
                hint = "write `{}" + f"{step.span.text}`: then the claim is true"
                return rewrite(step.span.before, "flatten -> ", hint)
    return None


def _last(steps: Sequence[LayerStep], wanted: Shape) -> Fix | None:
    """`last` on the way to a claim that leaves out the places of a sequence."""
    then = "which takes the last place (`mean` takes the mean of all): then the claim is true"
    for number, step in enumerate(steps):
        tensor = step.inputs[0].tensor
        if len(tensor.shape) != 2 or tensor.dtype != "float":
            continue
        if shape_after(steps[number:], {}, Last().output([tensor])) == wanted:
            hint = f"write `last -> {step.span.text}`, {then}"
            return rewrite(step.span.before, "last -> ", hint)
    end = steps[-1].output if steps else None
    if end is not None and len(end.tensor.shape) == 2 and end.tensor.shape[1:] == wanted:
        return append(end.made, " -> last", f"write `-> last` behind it, {then}")
    return None


def factors(flat: Wire, wanted: Shape) -> str:
    """Which picture a flattened one would be, were a claim true; empty where there is none.

    The channels stay as they are, and the picture is square.
    """
    flat = flat.origin()
    if flat.layer is None or flat.layer.kind != "flatten" or len(wanted) != 1:
        return ""
    before, total = flat.read[0].tensor, wanted[0]
    channels, *sizes = before.shape
    if len(sizes) != 2 or not isinstance(total, int) or not isinstance(channels, int):
        return ""
    side = isqrt(total // channels)
    if channels * side * side != total:
        return ""
    picture = Tensor((channels, side, side))
    return f"{total} is {channels}·{side}·{side}: {picture} before the `flatten`, not {before}"


def _other_input(steps: Sequence[LayerStep], wanted: Shape) -> Fix | None:
    """Another size of the net's square input that gives the wanted shape; the nearest one."""
    source = steps[0].inputs[0] if steps else None
    if source is None or source.layer is not None or source.read:
        return None
    shape = source.tensor.shape
    size = shape[-1] if shape else None
    line = source.made.source.line(source.made.line)
    written = line.find(source.tensor.spec_text)
    if written < 0 or len(shape) < 3 or not isinstance(size, int) or set(shape[1:]) != {size}:
        return None
    for off in range(1, MOST_OFF):
        for other in (size + off, size - off):
            tensor = replace(source.tensor, shape=(shape[0], *[other] * (len(shape) - 1)))
            if other > 0 and shape_after(steps, {}, tensor) == wanted:
                hint = "let the input be `{}`: then the claim is true"
                end = written + 1 + len(source.tensor.spec_text)
                place = replace(source.made, column=written + 1, end_column=end)
                return rewrite(place, tensor.spec_text, hint)
    return None


def _is_plain(step: LayerStep, changes: Changes) -> bool:
    """Whether the arguments to change are numbers in the text: `width` means other ones too."""
    written = [step.given[name].span.text for name in changes if name in step.given]
    return all(re.fullmatch(r"[\d_x(), ]+|same|valid|yes|no", text) for text in written)


def _is_allowed(layer: Layer, changes: Changes) -> bool:
    """Whether a layer may have these arguments together."""
    given = {name: getattr(layer, name) for name in layer.model_fields_set}
    try:
        type(layer)(**{**given, **changes})
    except ValueError:
        return False
    return True


def _other_windows(layer: Layer, axes: int) -> Iterator[Changes]:
    """Another way of rounding, and other kernels, for a layer with a window."""
    fields = type(layer).model_fields
    if "ceil" in fields:
        yield {"ceil": not getattr(layer, "ceil", False)}
    if "kernel" in fields:
        for kernel in KERNELS:
            yield {"kernel": (kernel,) * axes}
