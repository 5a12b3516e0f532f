"""How a step reads as an expression of the emitted `forward`, and when two make one.

Here, and not in `emit`, since memory follows from it too: what is inside an expression is in no
variable.
"""

from __future__ import annotations

from collections.abc import Sequence, Set

from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
)
from netc.compiler.layers.calls import Torch

_ROOM = 64
"""Characters that an expression of several steps may take with its comment."""


def torch_of(step: LayerStep, over: Set[Wire] = frozenset()) -> Torch:
    """How a layer of the graph is written.

    Args:
        over: the outputs that are written in place (`in_place`), where that matters.
    """
    written = step.layer.torch([wire.tensor for wire in step.inputs], step.output.tensor)
    return written.in_place() if step.output in over else written


def counts(step: Step) -> bool:
    """Whether the report counts something of a step, read or not: weights or multiplications."""
    match step:
        case LayerStep():
            return bool(step.weights) or step.macs != 0
        case ParamStep():
            return False
        case BlockStep():
            return any(map(counts, step.module.steps))
        case RepeatStep(items=inner) | GroupStep(steps=inner) | WhenStep(steps=inner):
            return any(map(counts, inner))


def is_identity(step: Step) -> bool:
    """Whether a step hands on what flows in and is no module: `linear`."""
    return isinstance(step, LayerStep) and not step.weights and torch_of(step).inline == "{0}"


def executed(steps: Sequence[Step], outputs: Sequence[Wire]) -> list[Step]:
    """The steps of one `forward` that are in the file: those that lead to its outputs or count."""
    needed = set(outputs)
    found: list[Step] = []
    for step in reversed(steps):
        if counts(step) or step.output in needed:
            needed.update(step.inputs)
            found.append(step)
    return found[::-1]


def short_enough(first: str, second: str, comment: str) -> bool:
    """Whether one expression inside the other still reads well: `F.relu(self.conv1({0}))`."""
    return len(first) + len(second) + len(comment) < _ROOM


def layer_text(torch: Torch, member: str | None) -> str:
    """A layer's expression, with `{0}`, `{1}` … for its inputs.

    Args:
        member: how its module is reached, `self.conv1`; None if it has none.

    Raises:
        TypeError: a layer without a module has no expression of its own.
    """
    if member is not None:
        return torch.call.replace("{m}", member)
    if torch.inline is None:
        raise TypeError("a layer that has to be a module stands where there is none")
    return torch.inline


def is_module(step: LayerStep) -> bool:
    """Whether a layer is one module that takes one value: what `nn.Sequential` can hold."""
    torch = torch_of(step)
    alone = torch.module is not None and torch.call == "{m}({0})"
    return alone and len(step.inputs) == 1 and step.home is None


def reached(owner: str, name: str) -> str:
    """How a module is reached: `self.conv1`, inside a dictionary of modules `self.group["0"]`."""
    return f"{owner}{name}" if owner == "self." else f'{owner}["{name}"]'
