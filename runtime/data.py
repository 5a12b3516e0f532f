"""From a recipe's data part to three splits in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from msgspec import Struct

from netc.compiler.recipe import Recipe
from netc.compiler.recipes.arrays import Npz
from netc.compiler.recipes.base import Loss, Scaling
from netc.compiler.recipes.losses import Mse
from netc.compiler.recipes.tables import Table
from netc.runtime import scaling
from netc.runtime.errors import DataError
from netc.runtime.readers import Examples, Raw, read
from netc.runtime.split import split


class DataSet(Struct, frozen=True):
    """Examples by their role; dev and test may be empty.

    Attributes:
        train: what weights are fitted to.
        dev: judged after each epoch.
        test: judged once, at the end.
        classes: number of classes, where the set itself says so.
    """

    train: Examples
    dev: Examples
    test: Examples
    classes: int | None = None

    @property
    def splits(self) -> tuple[Examples, Examples, Examples]:
        """Train, dev and test, in that order."""
        return self.train, self.dev, self.test

    def to(self, device: torch.device) -> DataSet:
        """The same splits in a device's memory."""
        train, dev, test = (examples.to(device) for examples in self.splits)
        return DataSet(train, dev, test, self.classes)

    def digest(self) -> str:
        """SHA-256 over the splits' shapes, types and bytes: equal for equal data."""
        total = hashlib.sha256()
        for examples in self.splits:
            for tensor in (*examples.inputs, examples.target):
                plain = tensor.detach().cpu().contiguous()
                total.update(f"{plain.dtype} {list(plain.shape)};".encode())
                total.update(plain.numpy().data)
        return total.hexdigest()


def load(recipe: Recipe, base: Path) -> DataSet:
    """Reads, splits and scales the recipe's data.

    The split follows from the recipe's seed and keeps the classes' shares (see `split`). Where the
    data has an official test set, that is the test split, and the others share the rest in the
    proportion of the recipe's first two numbers. Numbers come as float32, ids as int64.

    Args:
        recipe: its data, split, loss and seed are used.
        base: the folder that the data's paths are relative to.

    Raises:
        DataError: the data is missing or broken, or too small to give a training split.
    """
    raw = read(recipe.data, base, recipe.seed)
    train, dev, test = _split(raw, recipe)
    if len(train) == 0:
        raise DataError(
            f"the training split is empty: {len(raw.examples)} examples, split {recipe.split}",
            "give training a larger share",
        )
    part = recipe.data
    how = part.standardize if isinstance(part, Table | Npz) else False
    train, dev, test = _scaled((train, dev, test), how)
    return DataSet(train, dev, test, raw.classes)


def _split(raw: Raw, recipe: Recipe) -> tuple[Examples, Examples, Examples]:
    labels = _labels(raw.examples.target, recipe.loss)
    shares = recipe.split if raw.test is None else recipe.split[:2]
    if sum(shares) <= 0:
        raise DataError(
            "the data's own test set is the test split, and nothing is left for training",
            "give train and dev a share: `split 90, 10, 0`",
        )
    places = split(len(raw.examples), shares, recipe.seed, labels)
    train, dev, *rest = (raw.examples.take(index) for index in places)
    return train, dev, rest[0] if raw.test is None else raw.test


def _labels(target: torch.Tensor, loss: Loss) -> torch.Tensor | None:
    """The class of each example; None for numbers and where there is a class per position."""
    if isinstance(loss, Mse) or target[0].numel() != 1:
        return None
    flat = target.reshape(-1)
    whole = not flat.is_floating_point() or bool(((flat == 0) | (flat == 1)).all())
    return flat.long() if whole else None


def _scaled(splits: Sequence[Examples], how: Scaling) -> list[Examples]:
    fits = [None if how is False else scaling.fit(x, how) for x in splits[0].inputs]
    return [
        Examples(
            tuple(
                _plain(x if fitted is None else scaling.apply(x, fitted))
                for x, fitted in zip(examples.inputs, fits, strict=True)
            ),
            _plain(examples.target),
        )
        for examples in splits
    ]


def _plain(x: torch.Tensor) -> torch.Tensor:
    if not x.is_floating_point():
        return x.long()
    plain = x.float()
    if x.dtype == torch.float64 and bool((plain.isinf() & x.isfinite()).any()):
        raise DataError(
            f"the data holds {x.abs().max().item():.3g}, and nets compute in float32, which ends "
            f"at {torch.finfo(torch.float32).max:.3g}",
            "divide the numbers before they are saved",
        )
    return plain
