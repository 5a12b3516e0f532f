"""Losses and metrics: from a loss part to functions of a batch.

A new loss is a function and a line in `OBJECTIVES`; a new metric is a `Measure` in its objective.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import torch
from msgspec import Struct
from msgspec.structs import replace
from torch.nn import functional

from netc.compiler.layers.base import Tensor
from netc.compiler.recipes.base import Loss
from netc.compiler.recipes.losses import Bce, CrossEntropy, Mse

Output: TypeAlias = torch.Tensor | tuple[torch.Tensor, ...]
"""What a net gives for a batch: a tensor, or one for each of several outputs."""

BatchFunction: TypeAlias = Callable[[Any, torch.Tensor], torch.Tensor]
"""From a batch of outputs (see `Output`) and of targets to one number."""


def _itself(mean: float) -> float:
    return mean


class Measure(Struct, frozen=True):
    """A metric that is a function of a mean over all targets.

    Attributes:
        name: the word in the language.
        total: the sum over a batch's targets.
        finish: from the mean over all targets to the metric.
    """

    name: str
    total: BatchFunction
    finish: Callable[[float], float] = _itself


class Objective(Struct, frozen=True):
    """What training minimises and what it is judged by.

    Attributes:
        loss: mean over the batch's targets, to be differentiated.
        measures: the metrics besides the loss; the first one is shown while training.
        target: what a target is: the id of a class, a 0 or 1, or any number.
        class_axis: the axis of one example's output along which classes lie.
        judged: which outputs of the net it looks at; None where there is only one.
    """

    loss: BatchFunction
    measures: tuple[Measure, ...]
    target: Literal["class", "binary", "number"]
    class_axis: int = 0
    judged: tuple[int, ...] | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics, the loss first."""
        return ("loss", *(measure.name for measure in self.measures))

    def sums(
        self, output: Output, target: torch.Tensor, loss: torch.Tensor | None = None
    ) -> torch.Tensor:
        """What a batch adds to the running sums: float64 `[metrics]`, on the outputs' device.

        Args:
            output: the net's output.
            target: what it should be.
            loss: the batch's loss, if it is known already.
        """
        mean = self.loss(output, target) if loss is None else loss.detach()
        totals = [measure.total(output, target) for measure in self.measures]
        return torch.stack([mean.double() * target.numel(), *(total.double() for total in totals)])

    def finish(self, sums: torch.Tensor, targets: int) -> dict[str, float]:
        """The metrics, from running sums and the number of targets that went into them."""
        loss, *means = (sums.cpu() / targets).tolist()
        return {"loss": loss} | {
            measure.name: measure.finish(mean)
            for measure, mean in zip(self.measures, means, strict=True)
        }


def objective(loss: Loss, output: Tensor) -> Objective:
    """The loss part as functions of a batch, for a net with this output."""
    return OBJECTIVES[type(loss)](loss, output)


def weighted(terms: Sequence[tuple[int, float, Objective]]) -> Objective:
    """The weighted sum of losses on several outputs, each compared with the same targets.

    Args:
        terms: which output, the weight, and what judges it; metrics are the first one's.
    """
    first, _, main = terms[0]

    def loss(outputs: Output, target: torch.Tensor) -> torch.Tensor:
        parts = [weight * one.loss(_one(outputs, place), target) for place, weight, one in terms]
        return torch.stack(parts).sum()

    def of_first(measure: Measure) -> Measure:
        def total(outputs: Output, target: torch.Tensor) -> torch.Tensor:
            return measure.total(_one(outputs, first), target)

        return replace(measure, total=total)

    measures = tuple(of_first(measure) for measure in main.measures)
    judged = tuple(place for place, _, _ in terms)
    return Objective(loss, measures, main.target, main.class_axis, judged)


def _one(outputs: Output, place: int) -> torch.Tensor:
    """One of a net's outputs; a net that has only one gives it bare."""
    return outputs if isinstance(outputs, torch.Tensor) else outputs[place]


def cross_entropy(part: CrossEntropy, output: Tensor) -> Objective:
    """Cross-entropy along the class axis: the last of `[T, classes]`, else the first."""
    axis = 1 if len(output.shape) == 2 else 0

    def classes_second(scores: torch.Tensor) -> torch.Tensor:
        return scores.movedim(1 + axis, 1)  # where torch wants them; axis 0 counts examples

    def loss(scores: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        scores = classes_second(scores)
        placed = ids.reshape(len(ids), *scores.shape[2:])  # one id may have axes of 1 or none
        return functional.cross_entropy(scores, placed, label_smoothing=part.label_smoothing)

    def correct(scores: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        found = classes_second(scores).argmax(1)
        return (found == ids.reshape(found.shape)).sum()

    return Objective(loss, (Measure("accuracy", correct),), "class", axis)


def bce(part: Bce, output: Tensor) -> Objective:
    """Binary cross-entropy of each number of the output; a score above 0 says 1."""

    def correct(scores: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return ((scores > 0) == (wanted > 0.5)).sum()

    measures = (Measure("accuracy", correct),)
    return Objective(functional.binary_cross_entropy_with_logits, measures, "binary")


def mse(part: Mse, output: Tensor) -> Objective:
    """Mean squared error over all numbers of the output, with its root and the mean distance."""

    def squares(values: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return (values.double() - wanted.double()).square().sum()

    def distances(values: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return (values.double() - wanted.double()).abs().sum()

    measures = (Measure("rmse", squares, math.sqrt), Measure("mae", distances))
    return Objective(functional.mse_loss, measures, "number")


OBJECTIVES: dict[type[Loss], Callable[[Any, Tensor], Objective]] = {
    Bce: bce,
    CrossEntropy: cross_entropy,
    Mse: mse,
}
