"""What compiles and is still most likely not meant: warnings, each with its reason."""

from __future__ import annotations

from netc.compiler.diagnostics import Label, Log
from netc.compiler.graph import LayerStep, Net, Placed, Wire, walk

AFFINE = ("conv", "conv_transpose", "dense")
_PASSING = ("dropout", "flatten", "linear", "reshape", "transpose")
SATURATING = ("sigmoid", "tanh")
_DEEP = 5
"""Sigmoids in a row from which on gradients are too small to learn from (0.25^5 < 0.001)."""


def lint(net: Net, log: Log) -> None:
    """Adds warnings (W03xx) about a net that compiles."""
    placed = list(walk(net.module))
    makers = {p.step.output: p for p in placed}
    readers: dict[Wire, int] = {}
    for p in placed:
        for wire in p.step.inputs:
            readers[wire] = readers.get(wire, 0) + 1
    for _, wire in net.module.outputs:
        readers[wire] = readers.get(wire, 0) + 1
    for p in placed:
        if isinstance(p.step, LayerStep):
            _cancelled_bias(p.step, makers, readers, log)
            _two_affine(p.step, makers, readers, log)
            _sigmoid_stack(p.step, makers, log)


def _maker(wire: Wire, makers: dict[Wire, Placed]) -> LayerStep | None:
    found = makers.get(wire)
    return found.step if found and isinstance(found.step, LayerStep) else None


def _cancelled_bias(
    step: LayerStep, makers: dict[Wire, Placed], readers: dict[Wire, int], log: Log
) -> None:
    """Batch norm subtracts the mean, and a bias before it with the mean (coverage NO04)."""
    if step.layer.kind not in ("batch_norm", "instance_norm") or readers[step.inputs[0]] > 1:
        return
    before = _maker(step.inputs[0], makers)
    if (
        before is None
        or before.layer.kind not in AFFINE
        or not getattr(before.layer, "bias", False)
    ):
        return
    if before.layer.kind == "dense" and len(before.output.tensor.shape) > 1:
        return  # there the norm is over other axes than the bias
    count = sum(w.count for w in before.weights if w.name == "bias")
    norm = step.layer.kind.replace("_", " ")
    log.say(
        "W0301",
        before.span,
        f"the bias of this `{before.layer.kind}` has no effect: the {norm} subtracts it again",
        f"write `bias=no`; that saves {count:,} parameters",
        [Label(step.span, f"the {norm}")],
    )


def _two_affine(
    step: LayerStep, makers: dict[Wire, Placed], readers: dict[Wire, int], log: Log
) -> None:
    """Two affine maps in a row are one affine map: W2(W1 x + b1) + b2 (coverage AC06)."""
    if step.layer.kind != "dense":
        return
    wire = step.inputs[0]
    before = _maker(wire, makers)
    while before is not None and before.layer.kind in _PASSING and readers[wire] == 1:
        wire = before.inputs[0]
        before = _maker(wire, makers)
    if before is None or before.layer.kind not in AFFINE or readers[wire] > 1:
        return
    if before.layer.kind == "dense" and _is_bottleneck(before, step):
        return
    log.say(
        "W0302",
        step.span,
        f"this `dense` follows a `{before.layer.kind}` with nothing but affine maps between: "
        "together they can do no more than one of them",
        "put an activation between: `-> relu`",
        [Label(before.span, f"the `{before.layer.kind}` before it")],
    )


def _is_bottleneck(before: LayerStep, step: LayerStep) -> bool:
    """A narrow layer between two wide ones limits the rank on purpose."""
    narrow = before.output.tensor.shape[-1]
    wide = (before.inputs[0].tensor.shape[-1], step.output.tensor.shape[-1])
    return all(isinstance(w, int) and isinstance(narrow, int) and narrow < w for w in wide)


def _sigmoid_stack(step: LayerStep, makers: dict[Wire, Placed], log: Log) -> None:
    """The slope of sigmoid is at most 1/4: deep stacks stop learning (coverage AC09)."""
    if step.layer.kind != "sigmoid":
        return
    count, wire = 1, step.inputs[0]
    while (before := _maker(wire, makers)) is not None and len(before.inputs) == 1:
        if before.layer.kind in ("relu", "tanh", "batch_norm", "layer_norm", "elu", "gelu", "silu"):
            break
        count += before.layer.kind == "sigmoid"
        if count > _DEEP:  # the fifth of the stack has spoken for all
            return
        wire = before.inputs[0]
    if count == _DEEP:
        log.say(
            "W0303",
            step.span,
            f"this is the {_DEEP}th sigmoid in a row; its slope is at most 0.25, so gradients "
            f"shrink to below 0.25^{_DEEP} = {0.25**_DEEP:.4f} on the way back",
            "use `relu` in hidden layers",
        )
