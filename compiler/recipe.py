"""A training recipe: what a `train` block says, checked and ready to run. Data only, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from netc.compiler.source import Span

Option: TypeAlias = "int | float | bool | str | tuple[Option, ...]"


@dataclass(frozen=True, slots=True)
class Choice:
    """A named part of a recipe with its options: `adam, lr=1e-3` or `idx "mnist", size=32`.

    `positional` holds the values without a name after the word (`idx "mnist"`), `options` the named
    ones. Names and types were checked by the compiler, defaults are filled in.
    """

    name: str
    positional: tuple[Option, ...]
    options: dict[str, Option]
    span: Span


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
        loss: what is minimised: cross_entropy, mse or bce.
        optimizer: sgd, adam or adamw, with its options.
        epochs: passes over the training split; None where `steps` is given.
        steps: parameter updates; None where `epochs` is given.
        batch: examples in one update.
        seed: the one number from which splits, weights, order and dropout follow.
        claims: what the trained net is held to.
    """

    net: str
    data: Choice
    split: tuple[float, float, float]
    loss: Choice
    optimizer: Choice
    epochs: int | None
    steps: int | None
    batch: int
    seed: int
    claims: tuple[MetricClaim, ...]
    span: Span
