"""How weights move along their gradients g. Options and defaults are PyTorch's, save sgd's `lr`."""

from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from netc.compiler.recipes.base import Optimizer

LARGEST = 1e18
"""With it `lr·λ` and Adam's `lr/(1 − β₁)` are still below 3.4e38, where float32 ends."""

Rate: TypeAlias = Annotated[float, Field(gt=0, le=LARGEST, allow_inf_nan=False)]
Decay: TypeAlias = Annotated[float, Field(ge=0, le=LARGEST, allow_inf_nan=False)]
Beta: TypeAlias = Annotated[float, Field(ge=0, lt=1)]


class Sgd(Optimizer):
    """Gradient descent with heavy-ball momentum: `v ← momentum·v + g`, `w ← w − lr·v`.

    `nesterov=yes` moves by `g + momentum·v` and needs momentum. `weight_decay` λ adds `λ·w` to g.
    Source: https://pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """

    kind = "sgd"
    lr: Rate = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: Decay = 0.0

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=yes needs momentum: write `momentum=0.9`")
        return self


class Adam(Optimizer):
    """Adam: `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, `w ← w − lr·m̂/(√v̂ + eps)`.

    `m̂ = m/(1 − β₁ᵗ)`, `v̂ = v/(1 − β₂ᵗ)`. `weight_decay` λ adds `λ·w` to g (L2, not decoupled).
    Source: https://pytorch.org/docs/stable/generated/torch.optim.Adam.html; arXiv:1412.6980
    """

    kind = "adam"
    lr: Rate = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    eps: Decay = 1e-8
    weight_decay: Decay = 0.0


class Adamw(Optimizer):
    """Adam with decoupled weight decay: `w ← w − lr·λ·w` apart from the step of Adam.

    Source: https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html; arXiv:1711.05101
    """

    kind = "adamw"
    lr: Rate = 1e-3
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    eps: Decay = 1e-8
    weight_decay: Decay = 0.01
