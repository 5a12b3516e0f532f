"""Values that no output of a net depends on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Net,
    Placed,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
    walk,
)
from netc.compiler.source import Source, Span


class Dead(Struct, frozen=True, eq=False):
    """A place of the text whose value nothing reads, wherever it is used.

    Attributes:
        params: parameters that serve this value alone, in the first net that has it.
        of: all parameters of that net.
        claimed: that net has `expect` lines, which may count them.
    """

    span: Span
    params: int
    of: int
    claimed: bool


def dead_values(uses: Sequence[Uses], source: Source) -> Iterator[Dead]:
    """The values of a file's own lines that nothing reads. Linear in the number of layers."""
    if not any(one.dead for one in uses):
        return
    ends: dict[Span, list[tuple[Uses, Wire]]] = {}
    needed: set[Span] = set()
    for one in uses:
        for step in one.outermost(one.net.module.steps):
            if step.output in one.live or step.output in one.read:
                needed.add(step.span)
            elif step.span.source is source:
                ends.setdefault(step.span, []).append((one, step.output))
    for span, found in ends.items():
        if span not in needed:
            first = found[0][0]
            params = sum(first.lost(wire) for one, wire in found if one is first)
            yield Dead(span, params, first.params, bool(first.net.claims))


class Uses:
    """Which values of a net lead to an output, and which are read at all."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.live: set[Wire] = {wire for _, wire in net.module.outputs}
        self.read: set[Wire] = set()
        self.dead: dict[Wire, Placed] = {}
        for placed in reversed(list(walk(net.module))):
            self.read.update(placed.step.inputs)
            if placed.step.output in self.live:
                self.live.update(placed.step.inputs)
            else:
                self.dead[placed.step.output] = placed

    @property
    def params(self) -> int:
        """All parameters of the net."""
        return sum(map(_params, walk(self.net.module)))

    def outermost(self, steps: Sequence[Step]) -> Iterator[Step]:
        """The steps of a net, without those in a block or a repeat that is dead as a whole."""
        for step in steps:
            if isinstance(step, WhenStep):
                yield from self.outermost(step.steps)
                continue
            yield step
            if isinstance(step, LayerStep) or step.output not in self.live:
                continue
            match step:
                case BlockStep(module=module):
                    yield from self.outermost(module.steps)
                case RepeatStep(items=inner) | GroupStep(steps=inner):
                    yield from self.outermost(inner)

    def lost(self, end: Wire) -> int:
        """The parameters behind a dead value; each is told once."""
        count, waiting = 0, [end]
        while waiting:
            placed = self.dead.pop(waiting.pop(), None)
            if placed is not None:
                count += _params(placed)
                waiting += placed.step.inputs
        return count


def _params(placed: Placed) -> int:
    step = placed.step
    if placed.reuse:
        return 0
    weights = step.weights if isinstance(step, LayerStep) else (step.weight,)
    return sum(weight.count for weight in weights if not weight.buffer)
