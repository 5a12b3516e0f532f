"""Sets that ship with scikit-learn, and the drawn one."""

from __future__ import annotations

from pathlib import Path

import jobs
import pytest
import torch
from torch.nn import functional

from netc.compiler.recipes import find
from netc.compiler.recipes.arrays import Circles
from netc.compiler.recipes.base import Data
from netc.compiler.recipes.pictures import Digits
from netc.runtime import DataError, train
from netc.runtime.readers import READERS, read


def test_every_data_part_has_a_reader() -> None:
    from netc.compiler.recipes import words

    assert {find("data", word) for word in words("data")} == set(READERS)


@pytest.mark.parametrize(
    ("word", "rows", "features", "classes"),
    [("iris", 150, 4, 3), ("wine", 178, 13, 3), ("breast_cancer", 569, 30, 2)],
)
def test_sets_with_classes(word: str, rows: int, features: int, classes: int) -> None:
    part = find("data", word)
    assert part is not None and issubclass(part, Data)
    raw = read(part(), Path(), 0)
    assert raw.examples.inputs[0].shape == (rows, features)
    assert raw.examples.target.unique().tolist() == list(range(classes))
    assert raw.classes == classes


@pytest.mark.parametrize(
    ("word", "inputs", "target"), [("diabetes", (442, 10), (442,)), ("linnerud", (20, 3), (20, 3))]
)
def test_sets_with_numbers(word: str, inputs: tuple[int, ...], target: tuple[int, ...]) -> None:
    part = find("data", word)
    assert part is not None and issubclass(part, Data)
    raw = read(part(), Path(), 0)
    assert (raw.examples.inputs[0].shape, raw.examples.target.shape) == (inputs, target)
    assert raw.classes is None
    assert raw.examples.inputs[0].abs().max() > 1  # as measured, not scaled with all rows


def test_digits_lie_in_0_to_1_and_resize_bilinearly() -> None:
    small = read(Digits(), Path(), 0).examples
    assert small.inputs[0].shape == (1797, 1, 8, 8)
    assert (small.inputs[0].min(), small.inputs[0].max()) == (0, 1)
    large = read(Digits(size=(16, 32)), Path(), 0).examples.inputs[0]
    wanted = functional.interpolate(small.inputs[0], (16, 32), mode="bilinear", align_corners=False)
    assert torch.equal(large, wanted)


def test_data_too_large_for_memory_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, Digits, lambda part, base, seed: torch.empty(2**50))
    with pytest.raises(DataError, match="`data digits` does not fit into memory"):
        read(Digits(size=65_536), Path(), 0)


def test_circles_are_a_disc_in_a_ring() -> None:
    x, y = (t := read(Circles(), Path(), 0).examples).inputs[0], t.target
    radius = x.norm(dim=1)
    assert x.shape == (500, 2) and y.sum() == 250
    assert radius[y == 1].max() < 2.5
    assert radius[y == 0].min() >= 3.5 and radius.max() <= 5
    assert torch.equal(x, read(Circles(), Path(), 0).examples.inputs[0])
    assert not torch.equal(x, read(Circles(), Path(), 1).examples.inputs[0])


def test_noise_moves_labels_not_points() -> None:
    plain, noisy = (read(Circles(noise=noise), Path(), 0).examples for noise in (0.0, 0.5))
    assert torch.equal(plain.inputs[0], noisy.inputs[0])
    assert 0 < (plain.target != noisy.target).sum() < 250


@pytest.mark.covers("AP07")
def test_the_playground_net_learns_the_circles(tmp_path: Path) -> None:
    bce, sgd = find("loss", "bce"), find("optimizer", "sgd")
    assert bce is not None and sgd is not None
    outcome = train(
        jobs.job(
            jobs.dense(2, 4, 2, 1),
            (2,),
            (1,),
            data=Circles(),
            split=(0.5, 0.0, 0.5),
            loss=bce(),
            optimizer=sgd(lr=0.03),
            batch=10,
            epochs=120,
            claims=[jobs.claim("accuracy", ">=", 0.95)],
        ),
        tmp_path / "run",
        progress=False,
    )
    assert outcome.parameters == 25
    assert outcome.holds, outcome.test
