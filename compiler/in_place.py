"""Which layers write their output over their input, as `F.relu(x, inplace=True)` does.

Here, and not in `emit`, since memory follows from it too. A value less to write and read makes a
run without gradients of ResNet-18 a twelfth quicker, of MobileNetV2 a fifth (on a CPU).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from netc.compiler.expression import torch_of
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.layers.base import Kept

Place: TypeAlias = tuple[str | int, ...]
"""Where a step stands in the text of a class: instances of one class agree on it."""


def in_place(root: Module) -> frozenset[Wire]:
    """The outputs that lie where the layer's input was.

    Of a layer that can do so (`Kept.over`), where its input is memory of its own that autograd does
    not keep, made in the same function or `nn.Sequential`, and read by nothing else. Arguments of a
    function are its caller's, and stay as they are. Instances of a class share its text, so the
    layer does it in all of them or in none.

    A sum is written so where batch norm made its first value, in no `return`; in an `if` where that
    value is the one that flows. With mixed precision `x + skip` has the wider type of the two, and
    `x += skip` that of `x`: after batch norm both are a convolution's, while sums in a transformer
    are float32 and must stay so.
    """
    search = _Search()
    search.module(root)
    able = {
        place: [search.spares(step, maker) for step, maker in found]
        for place, found in search.able.items()
    }
    return frozenset(
        step.output for place, found in search.able.items() if all(able[place]) for step, _ in found
    )


class _Search:
    """Walks through all functions; notes who reads what, and which layers could write in place."""

    def __init__(self) -> None:
        self.readers: Counter[Wire] = Counter()
        self.returned: set[Wire] = set()
        self.conditional: set[Wire] = set()  # made in an `if`
        self.beside: set[Wire] = set()  # and of what does not flow there
        self.able: dict[Place, list[tuple[LayerStep, LayerStep | None]]] = {}

    def module(self, module: Module) -> None:
        self.returned.update(wire for _, wire in module.outputs)
        self._steps(module.steps, (module.word, module.name), {})

    def _steps(self, steps: Sequence[Step], place: Place, made: dict[Wire, LayerStep]) -> None:
        """Steps of one function; `made` are the layers that made its values so far."""
        for number, step in enumerate(steps):
            here = (*place, number)
            match step:
                case LayerStep():
                    self.readers.update(step.inputs)
                    if _about(step).over is not None:
                        self.able.setdefault(here, []).append((step, made.get(step.inputs[0])))
                    made[step.output] = step
                case BlockStep(module=module):
                    self.module(module)
                case WhenStep(steps=inner):
                    self._steps(inner, here, made)
                    flowing = {step.inputs[0], *(one.output for one in inner)}
                    self.conditional |= flowing
                    others = (one for one in inner if flowing.isdisjoint(one.inputs[:1]))
                    self.beside.update(one.output for one in others)
                case GroupStep(steps=inner):
                    inside: dict[Wire, LayerStep] = {}
                    self._steps(inner, here, inside)
                    if step.output in inside:
                        made[step.output] = inside[step.output]
                case RepeatStep(items=items):
                    for round_, item in enumerate(items):
                        self._steps((item,), (*here, round_), {})
                case ParamStep():
                    pass

    def spares(self, step: LayerStep, maker: LayerStep | None) -> bool:
        """Whether nothing but this step needs what flows into it."""
        if maker is None or step.reuse or maker.layer.at_rest:
            return False
        if step.inputs[0] in self.returned or self.readers[step.inputs[0]] != 1:
            return False
        if torch_of(step).over and not self._may_sum(step, maker):
            return False
        return _about(maker).spares_output

    def _may_sum(self, step: LayerStep, maker: LayerStep) -> bool:
        """Whether `x += skip` is as good as `x + skip`, and stands on a line of its own."""
        if maker.layer.kind != "batch_norm" or step.output in self.beside:
            return False
        return step.output in self.conditional or step.output not in self.returned


def _about(step: LayerStep) -> Kept:
    return step.layer.kept([wire.tensor for wire in step.inputs], step.output.tensor)
