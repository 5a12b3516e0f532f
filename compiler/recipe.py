"""A training recipe: what a `train` block says, checked and ready to run. Data only, no torch."""

from __future__ import annotations

from msgspec import Struct

from netc.compiler.recipes.base import Data, Loss, Optimizer
from netc.compiler.source import Span


class MetricClaim(Struct, frozen=True):
    """`expect accuracy >= 0.98`: a claim about the trained net, judged on the test split."""

    metric: str
    operator: str  # one of == != < <= > >=
    value: float
    text: str
    span: Span


class LossTerm(Struct, frozen=True):
    """One `loss` line: what judges which output, and how much it counts.

    Attributes:
        output: the output's name; None in a net that has only one.
        weight: what the loss is multiplied by before the terms are added.
    """

    loss: Loss
    output: str | None = None
    weight: float = 1.0


class Recipe(Struct, frozen=True):
    """How to train one net.

    Attributes:
        net: the net's name in the spec.
        data: where examples come from.
        split: shares of train, dev and test; they sum to 1.
        terms: what is minimised: the weighted sum of these. Metrics are the first one's.
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
    terms: tuple[LossTerm, ...]
    optimizer: Optimizer
    epochs: int | None
    steps: int | None
    batch: int
    seed: int
    claims: tuple[MetricClaim, ...]
    data_span: Span

    @property
    def loss(self) -> Loss:
        """The loss of the first term."""
        return self.terms[0].loss
