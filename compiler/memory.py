"""Activation memory of one example, from the graph: at inference, and with what autograd keeps.

Both are what PyTorch holds when it runs the emitted file, line by line, as Python does. Weights,
their gradients and the optimizer's state are not activations and are counted apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set

from msgspec import Struct

from netc.compiler.expression import executed, together
from netc.compiler.gradients import Gradients
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    Net,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
    walk,
)
from netc.compiler.layers.base import Kept

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

    Inference: what `_Running` says. Training: every value that autograd keeps for the backward pass
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
    training = _training(net, steps, sizes, roots, kept)
    for step in steps:
        if step.inputs and (kept[step.output].view or step.output in over or _at_rest(step)):
            roots[step.output] = roots[step.inputs[0]]
    inference = _Running(sizes, roots, over).peak(net)
    why = ", ".join(dict.fromkeys(one.unknown for one in kept.values() if one.unknown))
    return Peaks(None, None, why, (inference, training)) if why else Peaks(inference, training)


def _at_rest(step: LayerStep | ParamStep) -> bool:
    return isinstance(step, LayerStep) and step.layer.at_rest


class _Running:
    """Follows the emitted file's variables through one run without gradients.

    A call holds its arguments until it returns. The running value `x` is freed when the next
    statement is done; a value that is read further down has a variable of its own, and lives until
    that is used anew or the function returns. Layers of one line are one statement.
    """

    def __init__(self, sizes: dict[Wire, int], roots: dict[Wire, Wire], over: Set[Wire]) -> None:
        self.sizes, self.roots, self.over = sizes, roots, over
        self.holders: Counter[Wire] = Counter()
        self.live = self.most = 0

    def peak(self, net: Net) -> int:
        """Bytes at the worst moment."""
        inputs = [wire for _, wire in net.module.inputs]
        for wire in inputs:
            self._hold(wire)
        self._forward(net.module)
        return self.most

    def _hold(self, wire: Wire) -> None:
        root = self.roots[wire]
        self.holders[root] += 1
        if self.holders[root] == 1:
            self.live += self.sizes[root]
            self.most = max(self.most, self.live)

    def _drop(self, wire: Wire) -> None:
        root = self.roots[wire]
        self.holders[root] -= 1
        if not self.holders[root]:
            self.live -= self.sizes[root]

    def _forward(self, module: Module) -> None:
        names = dict((*module.ways, *module.names))
        self._function(module.steps, [wire for _, wire in module.outputs], names)

    def _function(
        self,
        steps: Sequence[Step],
        outputs: Sequence[Wire],
        names: dict[Wire, str],
        *,
        fused: bool = True,
    ) -> None:
        """The statements of one `forward`; afterwards the caller holds its outputs.

        In `nn.Sequential` and in loops each step is a statement: `fused` is False. A condition that
        does not hold is none: what flows in is what flows on.
        """
        steps = [
            step
            for step in executed(steps, outputs)
            if not isinstance(step, WhenStep) or step.taken
        ]
        readers: dict[Wire, list[int]] = {}
        for place, step in enumerate(steps):
            for wire in step.inputs:
                readers.setdefault(wire, []).append(place)
        for wire in outputs:
            readers.setdefault(wire, []).append(len(steps))
        variables: dict[str, Wire] = {}  # those of values that are read further down
        flowing: Wire | None = None  # the value in `x`
        between: Wire | None = None  # a value inside a statement, in no variable
        text = ""  # the statement so far
        for place, step in enumerate(steps):
            self._call(step)
            if between is not None:
                self._drop(between)
            between = None
            if fused and readers.get(step.output) == [place + 1] and place + 1 < len(steps):
                after = steps[place + 1]
                if after.inputs == (step.output,) and (
                    text := together(step, after, text, self.over)
                ):
                    between = step.output
                    continue
            text = ""
            if step.output not in readers:
                self._drop(step.output)
                continue
            if _beside_flow(step, readers):  # `skip = self.downsample(skip)`: `x` stays as it is
                self._assign(step.output, "skip", place, variables, readers)
                continue
            runs = readers.get(step.output) == [_after(steps, place, readers)]
            name = None if runs else names.get(step.output)
            if name is None and flowing is not None:  # the new value takes the place of the old one
                self._drop(flowing)
                flowing = None
            if runs:
                flowing = step.output
            else:
                self._assign(step.output, name or "skip", place, variables, readers)
        for wire in outputs:
            self._hold(wire)
        for wire in [*variables.values(), *([flowing] if flowing is not None else [])]:
            self._drop(wire)

    def _assign(
        self,
        wire: Wire,
        name: str,
        place: int,
        variables: dict[str, Wire],
        readers: dict[Wire, list[int]],
    ) -> None:
        """Puts a value into a variable; what was in it goes unless something still reads it."""
        while name in variables and readers.get(variables[name], [0])[-1] > place:
            name += "_"
        if name in variables:
            self._drop(variables[name])
        variables[name] = wire

    def _call(self, step: Step) -> None:
        """Runs a step; its output is then held once more."""
        for wire in step.inputs:
            self._hold(wire)
        match step:
            case LayerStep():
                self._hold(step.output)
                self.most = max(self.most, self.live + _working(step))
            case ParamStep():
                self._hold(step.output)
            case BlockStep():
                self._forward(step.module)
            case RepeatStep():
                self._function(step.items, [step.output], {}, fused=False)
            case GroupStep():
                self._function(step.steps, [step.output], {}, fused=False)
            case WhenStep():
                self._function(step.steps, [step.output], {})
        for wire in step.inputs:
            self._drop(wire)


def _after(steps: Sequence[Step], place: int, readers: dict[Wire, list[int]]) -> int:
    """The next statement that takes the running value."""
    place += 1
    while place < len(steps) and _beside_flow(steps[place], readers):
        place += 1
    return place


def _beside_flow(step: Step, readers: dict[Wire, list[int]]) -> bool:
    """Whether a step is a shortcut with a condition: it takes what others read as well."""
    return isinstance(step, WhenStep) and len(readers[step.inputs[0]]) > 1


def _working(step: LayerStep) -> int:
    """Bytes that a call needs beside inputs and output while it runs; known where sizes are."""
    found = step.layer.working([w.tensor for w in step.inputs], step.output.tensor)
    assert isinstance(found, int)
    return found


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
) -> int:
    inputs = {w for _, w in net.module.inputs}
    learned = learning(steps)
    steps = [step for step in _leading(net, steps) if step.output in learned]
    savers: Counter[Wire] = Counter()
    extra = 0
    for step in steps:
        savers.update(_saved(step, kept[step.output], roots))
        extra += _beside(kept[step.output])
    always = inputs | {roots[w] for _, w in net.module.outputs}
    live = sum(sizes[w] for w in always | set(savers)) + extra
    gradients = Gradients(sizes)
    for _, wire in net.module.outputs:
        if wire in learned:
            gradients.arrive(wire, None)
    most = max(live + gradients.live, _on_the_way_there(steps, sizes, roots, kept, inputs))
    for step in reversed(steps):
        if step.output not in gradients.of:
            continue
        gradients.most = 0
        one = kept[step.output]
        assert isinstance(one.early, int)
        most = max(most, live + gradients.live + one.early)
        same = one.view and sizes[step.output] == sizes[step.inputs[0]]  # `last` takes a piece
        shared = step.output if one.passes or same else None
        for wire in step.sources:
            if wire in learned:
                gradients.arrive(wire, shared)
        assert isinstance(one.back, int)  # known wherever sizes are
        most = max(most, live + gradients.most + one.back, live + gradients.live + one.back)
        gradients.leave(step.output)
        for root in _saved(step, kept[step.output], roots):
            savers[root] -= 1
            if not savers[root] and root not in always:
                live -= sizes[root]
        live -= _beside(kept[step.output])
    return most


def _on_the_way_there(
    steps: Steps,
    sizes: dict[Wire, int],
    roots: dict[Wire, Wire],
    kept: dict[Wire, Kept],
    inputs: Set[Wire],
) -> int:
    """The most in the forward pass: what was kept until then, and what a call holds for itself.

    What a call keeps beside its values is part of what it holds.
    """
    held = set(inputs)
    live = most = sum(sizes[wire] for wire in inputs)
    for step in steps:
        if isinstance(step, LayerStep):
            flows = {roots[wire] for wire in (*step.inputs, step.output)} - held
            most = max(most, live + sum(sizes[root] for root in flows) + _working(step))
        for root in _saved(step, kept[step.output], roots) - held:
            held.add(root)
            live += sizes[root]
        live += _beside(kept[step.output])
    return most


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
