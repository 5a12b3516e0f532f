"""What every reader hands over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import torch
from msgspec import Struct

from netc.runtime.errors import DataError


class Examples(Struct, frozen=True):
    """Tensors of equal length along the first axis, which counts examples.

    Attributes:
        inputs: one tensor `[m, ...]` per input of the net.
        target: what is to be predicted, `[m, ...]`: class ids (int64) or numbers (float).
    """

    inputs: tuple[torch.Tensor, ...]
    target: torch.Tensor

    def __len__(self) -> int:
        return len(self.target)

    def take(self, index: torch.Tensor) -> Examples:
        """The examples at the given places (int64 `[n]`, on the same device), in that order."""
        return Examples(
            tuple(x.index_select(0, index) for x in self.inputs),
            self.target.index_select(0, index),
        )

    def to(self, device: torch.device) -> Examples:
        """The same examples in a device's memory."""
        return Examples(tuple(x.to(device) for x in self.inputs), self.target.to(device))


class Raw(Struct, frozen=True):
    """What a reader found, not yet split.

    Attributes:
        examples: all of them, or those for training and dev where there is an official test set.
        classes: how many classes the set has, where the set itself says so; None for numbers and
            for ids whose range is known from the ids alone.
        test: the official test set.
    """

    examples: Examples
    classes: int | None = None
    test: Examples | None = None


Reader: TypeAlias = Callable[[Any, Path, int], Raw]
"""From a data part (of the reader's own class), the spec's folder and the seed to examples."""


def need_file(path: Path, what: str) -> Path:
    """The path, if a file is there. Raises DataError otherwise."""
    if path.is_dir():
        raise DataError(f"{path} is a folder, and {what} is one file")
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is a device or a pipe, and {what} is one file")
    if not path.is_file():
        raise DataError(f"there is no file {path}", "paths are relative to the spec's folder")
    return path


def need_folder(path: Path, what: str) -> Path:
    """The path, if a folder is there. Raises DataError otherwise."""
    if path.is_file():
        raise DataError(f"{path} is a file, and {what} is a folder")
    if not path.is_dir():
        raise DataError(f"there is no folder {path}", "paths are relative to the spec's folder")
    return path
