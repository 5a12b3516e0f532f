"""A net that is too large for the machine is refused in words, before anything is written."""

from __future__ import annotations

from pathlib import Path

import jobs_to_stop
import pytest
import torch
from msgspec.structs import replace

from netc.runtime import TrainError, room, train
from netc.runtime.room import enough_memory, machine_bytes, need_room


def test_the_machine_says_what_it_has() -> None:
    there = machine_bytes()
    assert there is not None
    assert 2**28 < there < 2**50


@pytest.mark.parametrize(
    ("weights", "device", "fits"),
    [(2**30, "cpu", True), (2**30 + 1, "cpu", False), (2**31, "cuda", True)],
)
def test_gradients_count_where_training_is(
    weights: int, device: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "machine_bytes", lambda: 2**31)
    if fits:
        need_room(weights, device)
        return
    with pytest.raises(TrainError, match=r"this machine has 2\.0 GiB of memory"):
        need_room(weights, device)


def test_a_net_without_room_is_refused_before_its_folder_is_made(tmp_path: Path) -> None:
    job = replace(jobs_to_stop.small(), weights=10**18)
    with pytest.raises(TrainError, match=r"the weights of the net take 931,322,574\.6 GiB, their"):
        train(job, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_memory_that_the_system_refuses_is_said_in_words() -> None:
    with (
        pytest.raises(TrainError, match="memory does not hold a batch of 7"),
        enough_memory("a batch of 7", "write a smaller `batch=`"),
    ):
        torch.empty(2**50)
    with (
        pytest.raises(RuntimeError, match="shapes cannot be multiplied"),
        enough_memory("a batch of 7"),
    ):
        torch.ones(2, 3) @ torch.ones(2, 3)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_a_gpu_without_room_says_so(error: RuntimeError) -> None:
    with (
        pytest.raises(TrainError, match="the GPU's memory does not hold the gradients") as caught,
        enough_memory("the gradients", "write a smaller `batch=`"),
    ):
        raise error
    assert caught.value.hint == "write a smaller `batch=`"
