"""The sets that come with scikit-learn, read from its installed files; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from netc.compiler.recipes.base import Data
from netc.compiler.recipes.pictures import Digits
from netc.runtime.readers.base import Examples, Raw
from netc.runtime.readers.pictures import resize


def digits(part: Digits, base: Path, seed: int) -> Raw:
    """Inputs `[1797, 1, h, w]` in 0..1, targets `[1797]` in 0..9."""
    x, y = _arrays("digits")
    images = torch.from_numpy(x).float().div(16).reshape(-1, 1, 8, 8)
    return Raw(Examples((resize(images, part.size),), torch.from_numpy(y).long()), part.classes)


def table(part: Data, base: Path, seed: int) -> Raw:
    """A set of rows with classes: inputs float64 `[m, features]`, targets int64 `[m]`."""
    x, y = _arrays(part.kind)
    return Raw(Examples((torch.from_numpy(x),), torch.from_numpy(y).long()), part.classes)


def numbers(part: Data, base: Path, seed: int) -> Raw:
    """A set of rows with numbers to predict: targets float64 `[m]` or `[m, several]`."""
    x, y = _arrays(part.kind)
    return Raw(Examples((torch.from_numpy(x),), torch.from_numpy(y)))


def diabetes(part: Data, base: Path, seed: int) -> Raw:
    """As `numbers`, with the features as they were measured."""
    x, y = _arrays("diabetes", scaled=False)
    return Raw(Examples((torch.from_numpy(x),), torch.from_numpy(y)))


def _arrays(name: str, **options: bool) -> tuple[Any, Any]:
    from sklearn import datasets  # 0.8 s, and only these sets need it

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True, **options)
    return x, y
