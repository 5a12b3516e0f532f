"""W0306: weights that begin as 0 where nothing can move them apart (coverage IN01)."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from netc.compiler.diagnostics import Label, Log
from netc.compiler.graph import LayerStep, Net, Wire, walk

DEAD_AT_0 = ("relu", "relu6")
"""Activations whose slope at 0 is 0, as PyTorch has it."""
KEEPS_0 = (
    "adaptive_avg_pool", "adaptive_max_pool", "avg_pool", "batch_norm", "crop", "dropout",
    "flatten", "global_avg_pool", "global_max_pool", "linear", "max_pool", "reshape", "tanh",
    "transpose",
)  # fmt: skip
"""Layers that give 0 for nothing but 0, before training; a norm's shift begins as 0."""
ONE_WAY = (*KEEPS_0, "elu", "gelu", "leaky_relu", "prelu", "sigmoid", "silu", "softmax")
"""Layers whose gradient comes from what follows and from nowhere else."""


def lint_weights(net: Net, log: Log) -> None:
    """Warns of layers that begin as 0 and cannot learn. Linear in the number of layers."""
    steps = [p.step for p in walk(net.module) if isinstance(p.step, LayerStep)]
    zeros = {id(step) for step in steps if _zero(step, net.start[0])}
    if not zeros:
        return
    readers: dict[Wire, list[LayerStep | None]] = {}
    for step in steps:
        for wire in step.inputs:
            readers.setdefault(wire, []).append(step)
    for _, wire in net.module.outputs:
        readers.setdefault(wire, []).append(None)
    for step in steps:
        if id(step) in zeros and not _stuck(step, log):
            _look_ahead(step, readers, zeros, log)


def _zero(step: LayerStep, said: str) -> bool:
    """Whether a layer's weights begin as 0: by its own word, or by the net's."""
    if "std" not in type(step.layer).model_fields or step.layer.kind == "netvlad":
        return False  # netvlad's centers differ, and move its convolution's rows apart
    return (getattr(step.layer, "init", None) or said) == "zeros"


def _stuck(step: LayerStep, log: Log) -> bool:
    """Says it of a layer whose own parts keep each other at 0."""
    kind = step.layer.kind
    if kind == "attention":
        why = "its maps `value` and `out` begin as 0, and each is a factor of the other's gradient"
    elif getattr(step.layer, "layers", 1) > 1:
        why = "its layers begin as 0, and no gradient passes through the weights of one to the next"
    elif kind == "rnn" and getattr(step.layer, "act", "") == "relu":
        why = "it gives 0 only, where the slope of its `relu` is 0"
    else:
        return False
    log.say("W0306", step.span, f"this `{kind}` cannot learn: {why}", "write `init=xavier_normal`")
    return True


def _look_ahead(
    step: LayerStep,
    readers: Mapping[Wire, list[LayerStep | None]],
    begin_as_0: Container[int],
    log: Log,
) -> None:
    zeros = True
    hint = "write `init=he_normal`, or leave `init` out"
    kind = step.layer.kind
    for after in _alone(step.output, readers):
        if zeros and after.layer.kind in DEAD_AT_0:
            message = (
                f"this `{kind}` gives 0 only, and there the slope of `{after.layer.kind}` is 0: no "
                "gradient reaches its weights"
            )
            log.say("W0306", step.span, message, hint, [Label(after.span, "its slope at 0 is 0")])
            return
        if id(after) in begin_as_0:
            message = (
                f"the weights of this `{kind}` begin as 0, and so do those of the next layer: its "
                "units are equal and stay equal"
            )
            log.say("W0306", step.span, message, hint, [Label(after.span, "the next layer")])
            return
        zeros = zeros and after.layer.kind in KEEPS_0


def _alone(wire: Wire, readers: Mapping[Wire, list[LayerStep | None]]) -> Iterator[LayerStep]:
    """The layers that a value goes through with no other reader, up to the next with weights."""
    while len(found := readers.get(wire, [])) == 1 and (step := found[0]) is not None:
        if len(step.inputs) > 1:
            return
        yield step
        if step.layer.kind not in (*ONE_WAY, *DEAD_AT_0):
            return
        wire = step.output
