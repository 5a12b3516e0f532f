"""Activation memory of one example, from the graph: at inference, and with what autograd keeps.

Both are what PyTorch holds when it runs the emitted file, line by line, as Python does. Weights,
their gradients and the optimizer's state are not activations and are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

from msgspec import Struct

from netc.compiler.gradients import Gradients
from netc.compiler.graph import LayerStep, Net, ParamStep, Wire, walk
from netc.compiler.layers.base import Kept
from netc.compiler.running import Recording, Running

BYTES = {"float": 4, "int": 8}
"""float32, and int64 as PyTorch's embeddings take it."""

Steps = Sequence[LayerStep | ParamStep]


class Peaks(Struct, frozen=True, eq=False):
    """Bytes for one example; None where they are unknown.

    Attributes:
        why: what is unknown, in a few words.
        least: the least that both are, where only a part of them is unknown.
    """

    inference: int | None
    training: int | None
    why: str = ""
    least: tuple[int, int] | None = None


def peaks(net: Net, over: Set[Wire]) -> Peaks:
    """The most activation memory in use at once, for one example.

    Args:
        net: the net.
        over: the outputs that are written in place (`in_place`).

    Inference: what `Running` says. Training: every value that autograd keeps for the backward pass
    lives until its layer's turn there; gradients are freed once used. Or, if that is more, what a
    call of the forward pass holds for itself beside what was kept until then. A view (`flatten`) is
    no copy, nor is what a layer writes over its input. Unknown where sizes have names, and with an
    LSTM: oneDNN holds several times its values beside them. Then what else there is, is the least.
    """
    steps = [placed.step for placed in walk(net.module)]
    wires = [w for _, w in net.module.inputs] + [step.output for step in steps]
    sizes: dict[Wire, int] = {}
    for wire in wires:
        elements = wire.tensor.elements
        if not isinstance(elements, int):
            return Peaks(None, None, f"the sizes of {wire.tensor} have names")
        sizes[wire] = elements * BYTES[wire.tensor.dtype]
    kept = {step.output: _kept(step, over) for step in steps}
    roots: dict[Wire, Wire] = {}
    for wire in wires:
        roots[wire] = wire
    for step in steps:
        if step.inputs and (kept[step.output].view or step.output in over):
            roots[step.output] = roots[step.inputs[0]]
    training = _training(net, steps, sizes, roots, kept, over)
    for step in steps:
        if step.inputs and (kept[step.output].view or step.output in over or _at_rest(step)):
            roots[step.output] = roots[step.inputs[0]]
    inference = Running(_in_memory(steps, sizes), roots, over).peak(net)
    why = ", ".join(dict.fromkeys(one.unknown for one in kept.values() if one.unknown))
    return Peaks(None, None, why, (inference, training)) if why else Peaks(inference, training)


def _at_rest(step: LayerStep | ParamStep) -> bool:
    return isinstance(step, LayerStep) and step.layer.at_rest


def learning(steps: Steps) -> set[Wire]:
    """The values that learned numbers lead to: autograd keeps nothing for the others."""
    found: set[Wire] = set()
    for step in steps:
        weights = (step.weight,) if isinstance(step, ParamStep) else step.weights
        if any(not w.buffer for w in weights) or any(wire in found for wire in step.sources):
            found.add(step.output)
    return found


def _kept(step: LayerStep | ParamStep, over: Set[Wire]) -> Kept:
    if isinstance(step, ParamStep):
        return Kept()
    kept = step.layer.kept([w.tensor for w in step.inputs], step.output.tensor)
    return kept.over if kept.over is not None and step.output in over else kept


def _training(
    net: Net,
    steps: Steps,
    sizes: dict[Wire, int],
    roots: dict[Wire, Wire],
    kept: dict[Wire, Kept],
    over: Set[Wire],
) -> int:
    """The forward pass as autograd records it, and then the way back."""
    learned = learning(steps)
    saved = {
        step.output: (_saved(step, kept[step.output], roots), _beside(kept[step.output]))
        for step in steps
        if step.output in learned
    }
    held = _in_memory(steps, sizes)
    forward = Recording(held, roots, over, saved).peak(net)
    inputs = {w for _, w in net.module.inputs}
    steps = [step for step in _leading(net, steps) if step.output in learned]
    savers: Counter[Wire] = Counter()
    extra = 0
    for step in steps:
        held_by, beside = saved[step.output]
        savers.update(held_by)
        extra += beside
    always = inputs | {roots[w] for _, w in net.module.outputs}
    live = sum(held[w] for w in always | set(savers)) + extra
    gradients = Gradients(sizes)
    for _, wire in net.module.outputs:
        if wire in learned:
            gradients.arrive(wire, gradients.made(wire, None))
    most = max(live + gradients.live, forward)
    for step in reversed(steps):
        if step.output not in gradients.of:
            continue
        one = kept[step.output]
        assert isinstance(one.early, int)
        most = max(most, live + gradients.live + one.early)
        same = one.view and sizes[step.output] == sizes[step.inputs[0]]  # `last` takes a piece
        shared = step.output if one.passes or same else None
        wanted = [wire for wire in step.sources if wire in learned]
        made = [gradients.made(wire, shared) for wire in wanted]
        back = one.back + one.wider if made else one.back
        assert isinstance(back, int)  # known wherever sizes are
        most = max(most, live + gradients.live + back)
        gradients.leave(step.output)
        held_by, beside = saved[step.output]
        for root in held_by:
            savers[root] -= 1
            if not savers[root] and root not in always:
                live -= held[root]
        live -= beside
        for wire, place in zip(wanted, made, strict=True):  # summed once what was kept is gone
            gradients.most = 0
            gradients.arrive(wire, place)
            most = max(most, live + gradients.most)
    return most


def _in_memory(steps: Steps, sizes: dict[Wire, int]) -> dict[Wire, int]:
    """Bytes of the values that are memory of their own: a learned tensor is the weight itself."""
    weights = {step.output: 0 for step in steps if isinstance(step, ParamStep)}
    return {**sizes, **weights}


def _leading(net: Net, steps: Steps) -> Steps:
    """The steps that outputs depend on; autograd keeps nothing for the others."""
    needed = {wire for _, wire in net.module.outputs}
    found: list[LayerStep | ParamStep] = []
    for step in reversed(steps):
        if step.output in needed:
            needed.update(step.sources)
            found.append(step)
    return found[::-1]


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
