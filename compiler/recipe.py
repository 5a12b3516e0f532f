"""A training recipe: what a `train` block says, checked and ready to run. Data only, no torch."""

from __future__ import annotations

from dataclasses import dataclass

from netc.compiler.recipes.base import Data, Loss, Optimizer
from netc.compiler.source import Span


@dataclass(frozen=True, slots=True)
class MetricClaim:
    """`expect accuracy >= 0.98`: a claim about the trained net, judged on the test split."""

    metric: str
    operator: str  # one of == != < <= > >=
    value: float
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train one net.

    Attributes:
        net: the net's name in the spec.
        data: where examples come from.
        split: shares of train, dev and test; they sum to 1.
        loss: what is minimised.
        optimizer: how weights move.
        epochs: passes over the training split; None where `steps` is given.
        steps: parameter updates; None where `epochs` is given.
        batch: examples in one update.
        seed: the one number from which split, weights, order and dropout follow.
        claims: what the trained net is held to.
        data_span: where the data is named, for errors that only reading it can find.
    """

    net: str
    data: Data
    split: tuple[float, float, float]
    loss: Loss
    optimizer: Optimizer
    epochs: int | None
    steps: int | None
    batch: int
    seed: int
    claims: tuple[MetricClaim, ...]
    data_span: Span
