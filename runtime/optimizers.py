"""From an optimizer part to PyTorch's. A new one is a function and a line in `OPTIMIZERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn, optim

from netc.compiler.recipes.base import Optimizer
from netc.compiler.recipes.optimizers import Adam, Adamw, Sgd
from netc.runtime.errors import TrainError

NOTHING_TO_LEARN = ("the net has no parameter to learn", "give it a layer with weights")
"""What is said of a net without parameters: the fact and the hint."""


def optimizer(part: Optimizer, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """PyTorch's optimizer with the part's options, over the given parameters.

    Raises:
        TrainError: none of them is to be learned.
    """
    learned = [p for p in parameters if p.requires_grad]
    if not learned:
        raise TrainError(*NOTHING_TO_LEARN)
    return OPTIMIZERS[type(part)](part, learned)


def sgd(part: Sgd, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Source: https://pytorch.org/docs/stable/generated/torch.optim.SGD.html"""
    return optim.SGD(
        parameters,
        lr=part.lr,
        momentum=part.momentum,
        nesterov=part.nesterov,
        weight_decay=part.weight_decay,
    )


def adam(part: Adam, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Source: https://pytorch.org/docs/stable/generated/torch.optim.Adam.html"""
    return optim.Adam(
        parameters, lr=part.lr, betas=part.betas, eps=part.eps, weight_decay=part.weight_decay
    )


def adamw(part: Adamw, parameters: list[nn.Parameter]) -> optim.Optimizer:
    """Source: https://pytorch.org/docs/stable/generated/torch.optim.AdamW.html"""
    return optim.AdamW(
        parameters, lr=part.lr, betas=part.betas, eps=part.eps, weight_decay=part.weight_decay
    )


OPTIMIZERS: dict[type[Optimizer], Callable[[Any, list[nn.Parameter]], optim.Optimizer]] = {
    Adam: adam,
    Adamw: adamw,
    Sgd: sgd,
}
