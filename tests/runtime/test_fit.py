"""What is said when the data does not fit the net, before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jobs
import numpy as np
import pytest
import torch
from msgspec.structs import replace

from netc.compiler.layers.base import Tensor
from netc.compiler.recipe import LossTerm
from netc.compiler.recipes.arrays import Circles, Npz
from netc.compiler.recipes.base import Data
from netc.compiler.recipes.losses import Bce, CrossEntropy, Mse
from netc.compiler.recipes.pictures import Digits, Idx
from netc.compiler.recipes.tables import Diabetes
from netc.compiler.sizes import symbol
from netc.runtime import DataError, Job, TrainError, prepare


def fitted(job: Job) -> tuple[torch.Tensor, ...]:
    train = prepare(job, "cpu").data.train
    return (*train.inputs, train.target)


def arrays(folder: Path, **named: Any) -> Npz:
    np.savez(folder / "d.npz", **named)
    return Npz(path="d.npz")


@pytest.mark.parametrize(
    ("data", "loss", "inputs", "output", "message", "hint"),
    [
        (Digits(), CrossEntropy(), (1, 32, 32), (10,),
         "gives examples [1, 8, 8] in train, and input `x` is [1, 32, 32]",
         "write `size=32` at `data digits`, or declare `input x: [1, 8, 8]`"),
        (Digits(), CrossEntropy(), (1, 8, 16), (10,),
         "input `x` is [1, 8, 16]",
         "write `size=8x16` at `data digits`, or declare `input x: [1, 8, 8]`"),
        (Digits(), CrossEntropy(), (3, 8, 8), (10,), "input `x` is [3, 8, 8]",
         "declare `input x: [1, 8, 8]`"),
        (Circles(), Bce(), (3,), (1,), "gives examples [2]", "declare `input x: [2]`"),
        (Digits(), CrossEntropy(), (1, 8, 8), (9,),
         "the data has 10 classes, and the net's output [9] scores 9",
         "end the net with `dense 10`"),
        (Digits(), CrossEntropy(), (1, 8, 8), (), "needs a score for each class",
         "end the net with `dense` and the number of classes"),
        (Digits(), CrossEntropy(), (1, 8, 8), (4, 10),
         "targets in train are [], and the net's output [4, 10] needs one class for each of [4]",
         "make the net's output fit the targets"),
        (Digits(), Mse(), (1, 8, 8), (1,), "has 10 classes, and `mse` compares numbers",
         "write `loss cross_entropy`"),
        (Digits(), Bce(), (1, 8, 8), (10,), "has 10 classes, and `bce`",
         "write `loss cross_entropy`"),
        (Diabetes(), CrossEntropy(), (10,), (2,), "needs the id of a class", "write `loss mse`"),
        (Diabetes(), Bce(), (10,), (1,), "needs targets from 0 to 1", ""),
        (Diabetes(), Mse(), (10,), (2,),
         "targets in train are [], and the net's output [2] needs one number for each of [2]",
         "make the net's output fit the targets"),
    ],
)  # fmt: skip
def test_built_in_data_that_does_not_fit(
    data: Data,
    loss: Any,
    inputs: tuple[int, ...],
    output: tuple[int, ...],
    message: str,
    hint: str,
) -> None:
    with pytest.raises(DataError) as caught:
        prepare(jobs.job("", inputs, output, data=data, loss=loss), "cpu")
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_names_stand_for_any_size() -> None:
    x, y = fitted(jobs.job("", (1, symbol("H"), symbol("W"))))
    assert (x.shape, y.shape) == ((1437, 1, 8, 8), (1437,))


def test_one_number_fits_an_axis_of_one() -> None:
    _, y = fitted(jobs.job("", (10,), (1,), data=Diabetes(), loss=Mse()))
    assert (y.shape, y.dtype) == ((354, 1), torch.float32)
    _, y = fitted(jobs.job("", (10,), (), data=Diabetes(), loss=Mse()))
    assert y.shape == (354,)


def test_ids_in_sequences(tmp_path: Path) -> None:
    data = arrays(tmp_path, x=np.ones((20, 7), int), y=np.zeros((20, 7), int))
    job = jobs.job("", (symbol("T"),), (symbol("T"), 3), tmp_path, "int", data=data)
    x, y = fitted(job)
    assert (x.dtype, y.dtype, y.shape) == (torch.int64, torch.int64, (16, 7))


@pytest.mark.parametrize(
    ("x", "y", "dtype", "message"),
    [
        (
            np.ones((20, 2)),
            np.zeros(20, int),
            "int",
            "input `x` is int[2], and the data holds real",
        ),
        (np.ones((20, 2)), np.arange(20) % 4, "float", "targets in train go up to 3"),
        (np.ones((20, 2)), -np.ones(20, int), "float", "targets in train go down to -1"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, x: Any, y: Any, dtype: Any, message: str) -> None:
    data = arrays(tmp_path, x=x, y=y)
    with pytest.raises(DataError) as caught:
        prepare(jobs.job("", (2,), (3,), tmp_path, dtype, data=data), "cpu")
    assert message in caught.value.message


def test_an_input_for_each_input(tmp_path: Path) -> None:
    arrays(tmp_path, a=np.ones((20, 2)), b=np.ones((20, 3)), y=np.zeros(20, int))
    one = jobs.job("", (2,), (3,), tmp_path, data=Npz(path="d.npz", inputs="a"))
    both = replace(one, inputs=(("a", Tensor((2,))), ("b", Tensor((3,)))))
    with pytest.raises(DataError, match="gives 1 input, and `Net` has 2: `a`, `b`"):
        prepare(both, "cpu")
    recipe = replace(both.recipe, data=Npz(path="d.npz", inputs=("a", "b")))
    a, b, _ = fitted(replace(both, recipe=recipe))
    assert (a.shape, b.shape) == ((16, 2), (16, 3))


def test_one_loss_for_several_outputs_is_refused() -> None:
    job = replace(jobs.job(), outputs=(("a", Tensor((10,))), ("b", Tensor((2,)))))
    with pytest.raises(TrainError, match=r"2 outputs \(`a`, `b`\)"):
        prepare(job, "cpu")


def test_losses_of_several_outputs_must_fit_the_targets() -> None:
    job = replace(jobs.job(), outputs=(("a", Tensor((10,))), ("b", Tensor((9,)))))

    def judged(*terms: LossTerm) -> Job:
        return replace(job, recipe=replace(job.recipe, terms=terms))

    main = LossTerm(CrossEntropy(), "a")
    assert prepare(judged(main), "cpu").objective.judged == (0,)
    with pytest.raises(TrainError, match=r"outputs \(`a`, `b`\)"):
        prepare(judged(main, LossTerm(CrossEntropy(), "c")), "cpu")
    with pytest.raises(TrainError, match=r"\(class, number\)"):
        prepare(judged(main, LossTerm(Mse(), "b")), "cpu")
    with pytest.raises(DataError, match=r"10 classes, and the net's output \[9\] scores 9"):
        prepare(judged(main, LossTerm(CrossEntropy(), "b", 0.3)), "cpu")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder .*mnist"):
        prepare(jobs.job(base=tmp_path, data=Idx(path="mnist")), "cpu")
