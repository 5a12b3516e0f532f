"""Data and training: the only room that imports torch."""

from __future__ import annotations

from netc.runtime.errors import CheckpointError, DataError, DivergenceError, TrainError
from netc.runtime.job import Job
from netc.runtime.outcome import Epoch, Outcome, Verdict
from netc.runtime.train import prepare, resume, train

__all__ = [
    "CheckpointError",
    "DataError",
    "DivergenceError",
    "Epoch",
    "Job",
    "Outcome",
    "TrainError",
    "Verdict",
    "prepare",
    "resume",
    "train",
]
