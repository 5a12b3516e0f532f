"""W0307: a dense layer that reads a map from convolutions, and so mixes its columns alone."""

from __future__ import annotations

from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import rewrite
from netc.compiler.graph import LayerStep, Net, Wire, walk
from netc.compiler.sizes import product_of

MAPS = (
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "conv", "conv_transpose",
    "depthwise_conv", "max_pool", "stochastic_pool", "table_conv", "trainable_avg_pool",
)  # fmt: skip
"""Layers whose values are channels first, then positions."""
PASSING = (
    "add", "batch_norm", "concat", "dropout", "elu", "gelu", "group_norm", "instance_norm",
    "leaky_relu", "linear", "local_response_norm", "mul", "prelu", "relu", "relu6", "scale",
    "sigmoid", "silu", "softmax", "tanh",
)  # fmt: skip
"""Layers that leave the axes what they are."""


def lint_maps(net: Net, log: Log) -> None:
    """Warns of the first dense layer behind a map, if only dense layers follow it to an output.

    Where the value goes back into other layers, or where the map has been turned, it is meant so.
    Linear in the number of layers.
    """
    steps = [p.step for p in walk(net.module) if isinstance(p.step, LayerStep)]
    if not any(step.layer.kind == "dense" and _is_map(step) for step in steps):
        return
    makers = {step.output: step for step in steps}
    readers: dict[Wire, list[LayerStep]] = {}
    for step in steps:
        for wire in step.inputs:
            readers.setdefault(wire, []).append(step)
    for step in steps:
        if step.layer.kind == "dense" and _is_map(step):
            source = _source(step.inputs[0], makers)
            if source is not None and _ends(step.output, readers):
                _say(step, source, log)
                return


def _is_map(step: LayerStep) -> bool:
    return len(step.inputs[0].tensor.shape) > 2


def _source(wire: Wire, makers: dict[Wire, LayerStep]) -> LayerStep | None:
    """The layer that made a map, seen through those that leave its axes what they are."""
    while (maker := makers.get(wire)) is not None and maker.layer.kind not in MAPS:
        if maker.layer.kind not in PASSING:
            return None
        wire = maker.inputs[0]
    return maker


def _ends(wire: Wire, readers: dict[Wire, list[LayerStep]]) -> bool:
    """Whether nothing but dense layers and what passes follows."""
    waiting = [wire]
    while waiting:
        for step in readers.get(waiting.pop(), ()):
            if step.layer.kind not in ("dense", *PASSING) or len(step.inputs) > 1:
                return False
            waiting.append(step.output)
    return True


def _say(step: LayerStep, source: LayerStep, log: Log) -> None:
    tensor = step.inputs[0].tensor
    *before, columns = tensor.shape
    message = (
        f"this `dense` reads a map {tensor} along its last axis alone: the {columns} numbers of a "
        f"row, with the same weights for each of {product_of(before):,} rows"
    )
    labels = [Label(source.span, f"`{source.layer.kind}` makes the map")]
    count = product_of(tensor.shape)
    if isinstance(count, int):
        hint = f"write `flatten -> ` before it, so that it reads all {count:,} numbers"
        log.say("W0307", step.span, message, rewrite(step.span.before, "flatten -> ", hint), labels)
    else:
        log.say("W0307", step.span, message, "write `global_avg_pool` before it", labels)
