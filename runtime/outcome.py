"""What a training run has to say at its end."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from netc.compiler.diagnostics import did_you_mean
from netc.compiler.recipe import MetricClaim
from netc.runtime.errors import TrainError

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Epoch(Struct, frozen=True):
    """One pass over the training split.

    Attributes:
        number: from 1.
        step: parameter updates made by its end.
        train: metrics as they were while the weights moved, dropout and all.
        dev: metrics of the dev split after it; None without one.
        seconds: time from the run's start, pauses between sessions left out.
    """

    number: int
    step: int
    train: Mapping[str, float]
    dev: Mapping[str, float] | None
    seconds: float


class Verdict(Struct, frozen=True):
    """Whether a claim holds, and what was measured on the test split."""

    claim: MetricClaim
    measured: float
    holds: bool


class Outcome(Struct, frozen=True):
    """A training run's results.

    Attributes:
        history: the epochs, those before a resume too.
        test: metrics of the test split; None without one or after an interrupt.
        claims: a verdict for each claim; empty after an interrupt.
        seconds: training time in all sessions.
        parameters: how many numbers are learned.
        folder: where everything was written.
        interrupted: stopped by Ctrl-C, SIGTERM or a closed terminal; may be resumed.
    """

    history: tuple[Epoch, ...]
    test: Mapping[str, float] | None
    claims: tuple[Verdict, ...]
    seconds: float
    parameters: int
    folder: Path
    interrupted: bool

    @property
    def holds(self) -> bool:
        """Whether every claim holds; True if there is none."""
        return all(verdict.holds for verdict in self.claims)


def check_claims(claims: Sequence[MetricClaim], metrics: Sequence[str], loss: str) -> None:
    """Raises TrainError if a claim names a metric that the loss does not measure."""
    for claim in claims:
        if claim.metric not in metrics:
            raise TrainError(
                f"`{claim.text}`: `{claim.metric}` is not measured under `loss {loss}`",
                did_you_mean(claim.metric, metrics),
            )


def judge(claims: Sequence[MetricClaim], test: Mapping[str, float]) -> tuple[Verdict, ...]:
    """Holds each claim against the test split's metrics."""
    return tuple(
        Verdict(claim, measured, OPERATORS[claim.operator](measured, claim.value))
        for claim in claims
        for measured in (test[claim.metric],)
    )
