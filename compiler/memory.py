"""Activation memory of one example, from the graph: at inference, and with what autograd keeps.

Both are what PyTorch holds when it runs the emitted file, line by line, as Python does. Weights,
their gradients and the optimizer's state are not activations and are counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from msgspec import Struct

from netc.compiler.gradients import Gradients
from netc.compiler.graph import LayerStep, Net, ParamStep, Wire, walk
from netc.compiler.holders import Holders, Recorded, Saved
from netc.compiler.layers.base import Kept
from netc.compiler.running import Running

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


def peaks(net: Net, over: Set[Wire], learned: Set[Wire]) -> Peaks:
    """The most activation memory in use at once, for one example.

    Args:
        net: the net.
        over: the outputs that are written in place (`in_place`).
        learned: the values that learned numbers lead to (`learning`).

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
    views = {s.output for s in steps if s.inputs and (kept[s.output].view or s.output in over)}
    idle = {step.output for step in steps if _at_rest(step)}
    roots = _roots(wires, steps, views)
    resting = _roots(wires, steps, views | idle) if idle else roots
    saved = {
        step.output: _saved(step, kept[step.output], roots)
        for step in steps
        if step.output in learned
    }
    drawn = {step.output: _beside(kept[step.output]) for step in steps if _at_rest(step)}
    held = _in_memory(steps, sizes)
    inference, forward = Holders(held, resting), Recorded(held, roots, saved, drawn)
    Running(net, over, (inference, forward)).run()
    training = max(forward.most, _backward(net, _Values(sizes, held, roots, kept, saved)))
    why = ", ".join(dict.fromkeys(one.unknown for one in kept.values() if one.unknown))
    if why:
        return Peaks(None, None, why, (inference.most, training))
    return Peaks(inference.most, training)


def _roots(wires: Sequence[Wire], steps: Steps, views: Set[Wire]) -> dict[Wire, Wire]:
    """The values that values are views of, or themselves."""
    roots = dict(zip(wires, wires, strict=True))
    for step in steps:
        if step.output in views:
            roots[step.output] = roots[step.inputs[0]]
    return roots


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


class _Values(Struct, frozen=True, eq=False):
    """What is known of the values of a net.

    Attributes:
        sizes: their bytes.
        held: the bytes of their memory; none where it is a weight.
        roots: the values that they are views of, or themselves.
        kept: what autograd keeps of the step that makes them.
        saved: of learned ones, the memory that the step keeps, and the bytes beside that.
    """

    sizes: dict[Wire, int]
    held: dict[Wire, int]
    roots: dict[Wire, Wire]
    kept: dict[Wire, Kept]
    saved: dict[Wire, Saved]


def _backward(net: Net, values: _Values) -> int:
    """The most on the way back: it begins with all that was kept, and frees it step by step."""
    saved = values.saved
    steps = [step for step in _leading(net) if step.output in saved]
    savers: dict[Wire, int] = {}
    live = 0
    for step in steps:
        roots, beside = saved[step.output]
        live += beside
        for root in roots:
            savers[root] = savers.get(root, 0) + 1
    always = {w for _, w in net.module.inputs} | {values.roots[w] for _, w in net.module.outputs}
    live += sum(values.held[w] for w in always | set(savers))
    gradients = Gradients(values.sizes)
    for _, wire in net.module.outputs:
        if wire in saved:
            gradients.arrive(wire, gradients.made(wire, None))
    most = live + gradients.live
    for step in reversed(steps):
        made = step.output
        if made not in gradients.of:
            continue
        one = values.kept[made]
        assert isinstance(one.early, int)
        most = max(most, live + gradients.live + one.early)
        whole = one.view and values.sizes[made] == values.sizes[step.inputs[0]]  # not so `last`
        shared = made if one.passes or whole else None
        wanted = [wire for wire in step.sources if wire in saved]
        places = [gradients.made(wire, shared) for wire in wanted]
        back = one.back + one.wider if wanted else one.back
        assert isinstance(back, int)  # known wherever sizes are
        most = max(most, live + gradients.live + back)
        gradients.leave(made)
        roots, beside = saved[made]
        for root in roots:
            savers[root] -= 1
            if not savers[root] and root not in always:
                live -= values.held[root]
        live -= beside
        for wire, place in zip(wanted, places, strict=True):  # summed once what was kept is gone
            gradients.most = 0
            gradients.arrive(wire, place)
            most = max(most, live + gradients.most)
    return most


def _in_memory(steps: Steps, sizes: dict[Wire, int]) -> dict[Wire, int]:
    """Bytes of the values that are memory of their own: a learned tensor is the weight itself."""
    weights = {step.output: 0 for step in steps if isinstance(step, ParamStep)}
    return {**sizes, **weights} if weights else sizes


def _leading(net: Net) -> Steps:
    """The steps that outputs depend on; autograd keeps nothing for the others."""
    needed = {wire for _, wire in net.module.outputs}
    found: list[LayerStep | ParamStep] = []
    for step in (placed.step for placed in reversed(walk(net.module))):
        if step.output in needed:
            needed.update(step.sources)
            found.append(step)
    return found[::-1]


def _beside(kept: Kept) -> int:
    """Bytes kept beside inputs and output, for one example; known wherever sizes are."""
    assert isinstance(kept.extra, int)
    return kept.extra + kept.fixed


def _saved(step: LayerStep | ParamStep, kept: Kept, roots: dict[Wire, Wire]) -> Saved:
    """What a step keeps for its backward pass."""
    read = [step.inputs[index] for index in kept.inputs]
    read += [step.output] if kept.output else []
    return (*dict.fromkeys(roots[wire] for wire in read),), _beside(kept)
