"""Activation memory of one example, from the graph: at inference, and with what autograd keeps.

Weights, their gradients and the optimizer's state are not activations and are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from netc.compiler.graph import LayerStep, Net, ParamStep, Wire, walk
from netc.compiler.layers.base import Kept

BYTES = {"float": 4, "int": 8}
"""float32, and int64 as PyTorch's embeddings take it."""

Steps = Sequence[LayerStep | ParamStep]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Peaks:
    """Bytes for one example; None where symbolic sizes leave them unknown."""

    inference: int | None
    training: int | None


def peaks(net: Net) -> Peaks:
    """The most activation memory in use at once, for one example.

    Inference: a value is freed after its last use; the inputs stay with the caller, the outputs
    live to the end; a view (`flatten`) is no copy. Training: every value that autograd keeps for
    the backward pass lives until its layer's turn there; gradients are freed once used.
    """
    steps = [placed.step for placed in walk(net.module)]
    wires = [w for _, w in net.module.inputs] + [step.output for step in steps]
    sizes: dict[Wire, int] = {}
    for wire in wires:
        elements = wire.tensor.elements
        if not isinstance(elements, int):
            return Peaks(None, None)
        sizes[wire] = elements * BYTES[wire.tensor.dtype]
    kept = {step.output: _kept(step) for step in steps}
    roots: dict[Wire, Wire] = {}
    for wire in wires:
        roots[wire] = wire
    for step in steps:
        if kept[step.output].view and step.inputs:
            roots[step.output] = roots[step.inputs[0]]
    return Peaks(_inference(net, steps, sizes, roots), _training(net, steps, sizes, roots, kept))


def _learning(steps: Steps) -> set[Wire]:
    """The values that learned numbers lead to: autograd keeps nothing for the others."""
    found: set[Wire] = set()
    for step in steps:
        weights = (step.weight,) if isinstance(step, ParamStep) else step.weights
        if any(not w.buffer for w in weights) or any(wire in found for wire in step.inputs):
            found.add(step.output)
    return found


def _kept(step: LayerStep | ParamStep) -> Kept:
    if isinstance(step, ParamStep):
        return Kept()
    return step.layer.kept([w.tensor for w in step.inputs], step.output.tensor)


def _inference(net: Net, steps: Steps, sizes: dict[Wire, int], roots: dict[Wire, Wire]) -> int:
    held = {roots[w] for _, w in (*net.module.inputs, *net.module.outputs)}
    last: dict[Wire, int] = {}
    for number, step in enumerate(steps):
        last[roots[step.output]] = number
        for wire in step.inputs:
            last[roots[wire]] = number
    ends: dict[int, list[Wire]] = {}
    for wire, number in last.items():
        if wire not in held:
            ends.setdefault(number, []).append(wire)
    live = sum(sizes[w] for _, w in net.module.inputs)
    most = live
    for number, step in enumerate(steps):
        if roots[step.output] is step.output:
            live += sizes[step.output]
        most = max(most, live)
        live -= sum(sizes[wire] for wire in ends.get(number, ()))
    return most


def _training(
    net: Net,
    steps: Steps,
    sizes: dict[Wire, int],
    roots: dict[Wire, Wire],
    kept: dict[Wire, Kept],
) -> int:
    inputs = {w for _, w in net.module.inputs}
    learning = _learning(steps)
    steps = [step for step in steps if step.output in learning]
    savers: Counter[Wire] = Counter()
    extra = 0
    for step in steps:
        savers.update(_saved(step, kept[step.output], roots))
        extra += _beside(kept[step.output])
    always = inputs | {roots[w] for _, w in net.module.outputs}
    live = sum(sizes[w] for w in always | set(savers)) + extra
    gradients = {w: sizes[w] for _, w in net.module.outputs if w in learning}
    total = sum(gradients.values())
    most = live + total
    for step in reversed(steps):
        if step.output not in gradients:
            continue
        for wire in step.inputs:
            if wire in gradients or wire not in learning:
                continue
            if kept[step.output].view:  # the same memory in another shape
                gradients[wire], gradients[step.output] = gradients[step.output], 0
            else:
                gradients[wire] = sizes[wire]
                total += sizes[wire]
        most = max(most, live + total)
        total -= gradients[step.output]
        for root in _saved(step, kept[step.output], roots):
            savers[root] -= 1
            if not savers[root] and root not in always:
                live -= sizes[root]
        live -= _beside(kept[step.output])
    return most


def _beside(kept: Kept) -> int:
    """Bytes kept beside inputs and output, for one example; known wherever sizes are."""
    assert isinstance(kept.extra, int)
    return kept.extra + kept.fixed


def _saved(step: LayerStep | ParamStep, kept: Kept, roots: dict[Wire, Wire]) -> set[Wire]:
    """The values, by the memory they live in, that a step keeps for its backward pass."""
    found = {roots[step.inputs[index]] for index in kept.inputs}
    if kept.output:
        found.add(roots[step.output])
    return found
