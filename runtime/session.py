"""A run's moving parts, and what is done with them: an update, a judgement, a checkpoint."""

from __future__ import annotations

import math
import time

import torch
from msgspec import Struct
from torch import nn, optim

from netc.compiler.recipe import Recipe
from netc.runtime import checkpoint
from netc.runtime.checkpoint import Position
from netc.runtime.data import DataSet
from netc.runtime.errors import DataError, DivergenceError, TrainError
from netc.runtime.folder import RunFolder
from netc.runtime.objectives import Objective, Output
from netc.runtime.readers import Examples
from netc.runtime.room import enough_memory

SAVE_SECONDS = 30.0
"""Time between two checkpoints."""

SAVE_SHARE = 0.05
"""Share of the time that checkpoints may take: those of large nets and of very short epochs, where
waiting for the disk would take longer than training, are made less often."""

LOOK_EVERY = 50
"""Updates between two looks at the loss on a GPU, which each make the CPU wait for it."""

JUDGE_BATCH = 256
"""Least number of examples judged at once; it decides about speed, not about results."""


class Session(Struct):
    """One sitting of a run.

    Attributes:
        net: what is trained.
        optimizer: moves its weights.
        objective: loss and metrics.
        data: the splits, on the net's device.
        recipe: batch size, length and seed.
        folder: where results go.
        sums: running sums of the epoch under way, float64.
        position: where the run stands.
    """

    net: nn.Module
    optimizer: optim.Optimizer
    objective: Objective
    data: DataSet
    recipe: Recipe
    folder: RunFolder
    sums: torch.Tensor
    position: Position
    _clock: float = 0.0
    _saved: float = 0.0
    _cost: float = 0.0

    def start_clock(self) -> None:
        """Time counts from now on, on top of that of earlier sessions."""
        self._clock = time.monotonic() - self.position.seconds
        self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Training time so far, in all sessions."""
        return time.monotonic() - self._clock

    @property
    def batches(self) -> int:
        """Batches in an epoch: the last, smaller one counts."""
        return math.ceil(len(self.data.train) / self.recipe.batch)

    @property
    def total(self) -> int:
        """Updates of the whole run."""
        if self.recipe.steps is not None:
            return self.recipe.steps
        return (self.recipe.epochs or 0) * self.batches

    def update(self, index: torch.Tensor) -> None:
        """One update with the training examples at the given places (int64 `[n]`)."""
        batch = self.data.train.take(index)
        self.optimizer.zero_grad()
        output = self._forward(batch)
        loss = self.objective.loss(output, batch.target)
        if not loss.requires_grad:
            raise TrainError(
                "no parameter of the net has a part in what the loss judges",
                "let the loss judge an output that comes out of layers with weights",
            )
        with enough_memory("the gradients and what the optimizer keeps"):
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        with torch.no_grad():
            self.sums += self.objective.sums(output, batch.target, loss)
        self.position.targets += batch.target.numel()
        self.position.batch += 1
        self.position.step += 1
        if self.sums.device.type == "cpu" or self.position.step % LOOK_EVERY == 0:
            self.need_finite()

    def metrics(self) -> dict[str, float]:
        """Metrics of the epoch under way, as the weights moved."""
        return self.objective.finish(self.sums, self.position.targets)

    def need_finite(self) -> None:
        """Raises DivergenceError if the epoch's loss is no longer a finite number."""
        total = self.sums[0].item()
        if not math.isfinite(total):
            raise DivergenceError(
                f"the loss became {total} in epoch {self.position.epoch}, "
                f"by step {self.position.step}: training diverged",
                f"lower the learning rate, or scale the inputs; the last good state is "
                f"{self.folder.checkpoint}",
            )

    def need_finite_weights(self) -> None:
        """Raises DivergenceError if a weight is not finite, which only the next loss would show."""
        for name, weight in self.net.named_parameters():
            if not bool(weight.isfinite().all()):
                raise DivergenceError(
                    f"the weight `{name}` is no longer made of finite numbers after step "
                    f"{self.position.step}: training diverged",
                    "lower the learning rate, or scale the inputs; the last good state is "
                    f"{self.folder.checkpoint}",
                )

    @torch.no_grad()
    def judge(self, examples: Examples) -> dict[str, float] | None:
        """Metrics of a split with dropout off; None if it is empty.

        Raises:
            DivergenceError: the loss on it is not a finite number.
        """
        if len(examples) == 0:
            return None
        sums, size = torch.zeros_like(self.sums), max(self.recipe.batch, JUDGE_BATCH)
        self.net.eval()
        for index in torch.split(torch.arange(len(examples), device=sums.device), size):
            batch = examples.take(index)
            sums += self.objective.sums(self._forward(batch), batch.target)
        self.net.train()
        found = self.objective.finish(sums, examples.target.numel())
        if not all(map(math.isfinite, found.values())):
            raise DivergenceError(
                f"the loss on unseen examples is {found['loss']} after step {self.position.step}: "
                "training diverged",
                "lower the learning rate, or scale the inputs",
            )
        return found

    def next_epoch(self) -> None:
        """Empties the running sums."""
        self.sums.zero_()
        self.position.epoch += 1
        self.position.batch = self.position.targets = 0

    def save(self) -> None:
        """Writes a checkpoint of a state that is worth going on from."""
        self.need_finite()
        self.need_finite_weights()
        begin = time.monotonic()
        self.position.seconds = self.seconds
        self.folder.sync_log()
        checkpoint.save(self.folder.checkpoint, self.net, self.optimizer, self.sums, self.position)
        self._saved = time.monotonic()
        self._cost = self._saved - begin

    def save_if_due(self, every: int | None, *, epoch_over: bool = False) -> None:
        """Writes a checkpoint at an epoch's end, when time has gone by, every so many updates."""
        pause = max(0.0 if epoch_over else SAVE_SECONDS, self._cost / SAVE_SHARE)
        asked = every is not None and self.position.step % every == 0
        if asked or self.position.step == self.total or time.monotonic() - self._saved >= pause:
            self.save()

    def save_weights(self) -> None:
        """Writes the net's state dict as it is now."""
        about = {"format": "pt"}  # one key: with more their order, and so the file, would vary
        checkpoint.save_weights(self.folder.weights, self.net, about)

    def _forward(self, batch: Examples) -> Output:
        """The net's output, or all of several. What data or recipe cause fails as a sentence."""
        smaller = "write a smaller `batch=`"
        try:
            with enough_memory(f"a batch of {len(batch)}", smaller):
                output: Output = self.net(*batch.inputs)
        except IndexError as error:
            raise DataError(f"an id in the inputs is too large for the net: {error}") from error
        except ValueError as error:
            if len(batch) > 1 or not self.net.training:
                raise
            raise TrainError(
                f"an epoch's last batch holds 1 example, and the net refuses it: {error}",
                f"batch norm needs 2 examples: write another `batch=` than {self.recipe.batch}",
            ) from error
        places = self.objective.judged or ()
        one = isinstance(output, torch.Tensor)
        for part in [output] if one else [output[place] for place in places]:
            assert isinstance(part, torch.Tensor)
            if self.objective.target != "class" and part.shape != batch.target.shape:
                raise TrainError(  # torch would broadcast, and train on nonsense
                    f"the net gives {list(part.shape)} for targets {list(batch.target.shape)}"
                )
        return output
