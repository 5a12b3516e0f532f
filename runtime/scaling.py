"""Scaling of inputs, fitted on the training split alone: the test split must not leak into it."""

from __future__ import annotations

import torch

from netc.compiler.recipes.base import Scaling


def fit(train: torch.Tensor, how: Scaling) -> tuple[torch.Tensor, torch.Tensor]:
    """What to subtract and to divide by, per feature: two float64 tensors of an example's shape.

    * zscore (`yes`): mean μ and σ = sqrt(1/m · Σ(x − μ)²);
    * center: mean and 1;
    * minmax: minimum and maximum − minimum;
    * `no`: 0 and 1.

    A feature that does not vary is divided by 1.
    """
    x = train.double()
    if how is False:
        return torch.zeros_like(x[0]), torch.ones_like(x[0])
    if how == "minmax":
        shift, scale = x.amin(0), x.amax(0) - x.amin(0)
    else:
        shift, scale = x.mean(0), x.std(0, correction=0)
    varies = (x.amax(0) > x.amin(0)) & (how != "center")
    return shift, torch.where(varies, scale, torch.ones_like(scale))


def apply(x: torch.Tensor, fitted: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """`(x − shift) / scale` of inputs `[m, ...]`, computed in float64."""
    shift, scale = fitted
    return (x.double() - shift) / scale
