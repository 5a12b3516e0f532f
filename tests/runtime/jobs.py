"""Small jobs with hand-written sources, as the compiler would emit them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from netc.compiler.layers.base import DType, Tensor
from netc.compiler.recipe import LossTerm, MetricClaim, Recipe
from netc.compiler.recipes.base import Data, Loss, Optimizer
from netc.compiler.recipes.losses import CrossEntropy
from netc.compiler.recipes.optimizers import Adam
from netc.compiler.recipes.pictures import Digits
from netc.compiler.source import Source, Span
from netc.runtime import Job

SPEC = "net Net:\n    input x: [1, 8, 8]\n"
SPAN = Span(Source("net.net", SPEC), 1, 1, 1, 4)

CONV = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(144, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.drop(torch.relu(self.norm(self.conv(x))))
        return self.out(torch.flatten(x, 1))
"""


def dense(*sizes: int, between: str = "nn.Tanh()") -> str:
    """A chain of dense layers."""
    layers = f", {between}, ".join(f"nn.Linear({a}, {b})" for a, b in pairwise(sizes))
    return module(f"self.net = nn.Sequential({layers})", "return self.net(x)")


def module(init: str, forward: str) -> str:
    """A net with one line in its constructor and one in `forward`."""
    return (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        f"    def __init__(self) -> None:\n        super().__init__()\n        {init}\n\n"
        f"    def forward(self, x: torch.Tensor) -> torch.Tensor:\n        {forward}\n"
    )


def claim(metric: str, operator: str, value: float) -> MetricClaim:
    """`expect METRIC OPERATOR VALUE`."""
    return MetricClaim(metric, operator, value, f"expect {metric} {operator} {value:g}", SPAN)


def recipe(
    data: Data | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    **more: Any,
) -> Recipe:
    """A recipe: digits, cross-entropy, Adam, two epochs of batch 64 unless told otherwise."""
    steps = more.get("steps")
    return Recipe(
        net="Net",
        data=data or Digits(),
        split=more.get("split", (0.8, 0.1, 0.1)),
        terms=(LossTerm(loss or CrossEntropy()),),
        optimizer=optimizer or Adam(lr=1e-2),
        epochs=None if steps is not None else more.get("epochs", 2),
        steps=steps,
        batch=more.get("batch", 64),
        seed=more.get("seed", 0),
        claims=tuple(more.get("claims", ())),
        data_span=SPAN,
    )


def job(
    source: str = CONV,
    inputs: tuple[Any, ...] = (1, 8, 8),
    output: tuple[Any, ...] = (10,),
    base: Path = Path(),
    dtype: DType = "float",
    **parts: Any,
) -> Job:
    """A job for the class `Net` with one input and one output."""
    return Job(
        spec=SPEC,
        source=source,
        net_class="Net",
        inputs=(("x", Tensor(inputs, dtype)),),
        outputs=(("out", Tensor(output)),),
        recipe=recipe(**parts),
        base=base,
    )
