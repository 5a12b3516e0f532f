"""Jobs whose net sends its process a signal at a chosen update."""

from __future__ import annotations

import jobs

from netc.compiler.recipes.arrays import Circles
from netc.compiler.recipes.base import Optimizer
from netc.compiler.recipes.losses import Bce
from netc.compiler.recipes.optimizers import Adam, Adamw, Sgd
from netc.runtime import Job

SIGNALLING = """\
import os

import torch
from torch import nn


class Net(nn.Module):
    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(144, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        Net.calls += self.training
        if self.training and Net.calls == int(os.environ.get("SIGNAL_AT", "0")):
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))
        x = self.drop(torch.relu(self.norm(self.conv(x))))
        return self.out(torch.flatten(x, 1))
"""

OPTIMIZERS: dict[str, Optimizer] = {
    "adam": Adam(lr=1e-2),
    "adamw": Adamw(lr=1e-2),
    "sgd": Sgd(lr=0.05),
    "momentum": Sgd(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4),
}


def job(optimizer: str) -> Job:
    """Digits in 3 epochs of 23 updates, with dropout and batch norm."""
    return jobs.job(SIGNALLING, optimizer=OPTIMIZERS[optimizer], epochs=3, seed=1)


def small() -> Job:
    """A job of a few milliseconds."""
    return jobs.job(jobs.dense(2, 4, 1), (2,), (1,), data=Circles(n=100), loss=Bce(), batch=10)
