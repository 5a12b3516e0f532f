"""What can go wrong with a training run, said so that it can be mended."""

from __future__ import annotations

from netc.compiler.diagnostics import Label


class TrainError(Exception):
    """A run that cannot start or go on.

    Attributes:
        message: the fact, with its numbers.
        hint: the edit or command that would mend it; may be empty.
        labels: places of the spec that it is about, besides that of its cause.
    """

    def __init__(self, message: str, hint: str = "", labels: tuple[Label, ...] = ()) -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.message, self.hint, self.labels = message, hint, labels


class DataError(TrainError):
    """Data that cannot be read, or that does not fit the net."""


class DivergenceError(TrainError):
    """The loss is no longer a finite number."""


class CheckpointError(TrainError):
    """A checkpoint or run folder that cannot be resumed."""
