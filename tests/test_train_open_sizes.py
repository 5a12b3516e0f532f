"""Open sizes and ids in training: the data closes them, and what does not fit is told before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import netc, written

import netc as package

TRAIN = """
train Net:
    data npz "d.npz"
    loss cross_entropy
    optimizer adam
    epochs 1, batch=16
"""

NETS = {
    "even": """\
net Net:
    input x: [1, H, W]
    residual:
        conv 1, 3x3, stride=2, pad=1
        conv_transpose 1, 2x2, stride=2
    global_avg_pool
    dense 2
""",
    "small": """\
net Net:
    input x: [1, H, W]
    max_pool 3x3
    conv 4, 2x2
    global_avg_pool
    dense 2
""",
    "places": """\
net Net:
    input x: int[T]
    embedding 50, 4
    positions learned, max=4
    mean
    dense 2
""",
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def data(shape: tuple[int, ...], **more: Any) -> None:
    whole = len(shape) == 1
    x = np.ones((40, *shape), np.int64) if whole else np.ones((40, *shape), np.float32)
    np.savez("d.npz", **{"x": x, "y": np.arange(40) % 2, **more})


def trained(text: str) -> tuple[int, str]:
    """The exit status of a run, and what it says."""
    done = netc("train", written(text), "--out", "run", "--device", "cpu", "--quiet")
    return done.exit_code, done.output + done.stderr


@pytest.mark.parametrize(
    ("name", "shape"),
    [("even", (1, h, w)) for h in (4, 5) for w in (4, 5, 6)]
    + [("small", (1, h, w)) for h in (5, 6, 7) for w in (5, 6)]
    + [("places", (t,)) for t in (1, 4, 5)],
)
def test_it_is_told_before_training_where_pytorch_would_refuse(
    name: str, shape: tuple[int, ...]
) -> None:
    data(shape)
    module = package.load(NETS[name]).net().module()
    dtype = torch.float32 if len(shape) > 1 else torch.int64
    try:
        module(torch.ones(2, *shape, dtype=dtype))
        taken = True
    except RuntimeError:
        taken = False
    status, said = trained(NETS[name] + TRAIN)
    assert (status == 0) == taken == Path("run").exists(), said
    assert "has a bug" not in said


def test_the_message_says_where_the_sizes_come_from() -> None:
    data((7,))
    _, said = trained(NETS["places"] + TRAIN)
    assert "E0314" in said and "the examples make T = 7" in said and "write `max=7`" in said


def test_targets_are_held_to_the_closed_size() -> None:
    text = "net Net:\n    input x: int[T]\n    embedding 5, 3\n    lstm 4\n    dense 3\n"
    data((5,), y=np.zeros((40, 7), np.int64))
    status, said = trained(text + TRAIN)
    assert status == 1
    assert "targets in train are [7], and the net's output [5, 3]" in said
    data((5,), y=np.zeros((40, 5), np.int64))
    assert trained(text + TRAIN)[0] == 0


def test_one_size_in_two_inputs() -> None:
    text = (
        "net Net:\n    input a: [T, 4]\n    input b: [2*T, 4]\n    a -> concat b, axis=0\n"
        "    mean\n    dense 2\n"
    )
    train = TRAIN.replace('"d.npz"', '"d.npz", inputs=("a", "b")')
    data((1,), a=np.ones((40, 5, 4)), b=np.ones((40, 9, 4)))
    status, said = trained(text + train)
    assert status == 1
    assert (
        "with T = 5 input `b`, [2·T, 4], is [10, 4], and its examples in train are [9, 4]" in said
    )
    data((1,), a=np.ones((40, 5, 4)), b=np.ones((40, 10, 4)))
    assert trained(text + train)[0] == 0


@pytest.mark.parametrize(("size", "status"), [(8, 0), (7, 1)])
def test_each_split_has_its_own_sizes(size: int, status: int) -> None:
    """Official test pictures may be of another size than those of training."""
    for split, side in (("train", 6), ("t10k", size)):
        header = np.array([0x803, 40, side, side], ">u4").tobytes()
        Path(f"{split}-images-idx3-ubyte").write_bytes(header + bytes(40 * side * side))
        header = np.array([0x801, 40], ">u4").tobytes()
        Path(f"{split}-labels-idx1-ubyte").write_bytes(header + bytes([0, 1] * 20))
    found, said = trained(NETS["even"] + TRAIN.replace('npz "d.npz"', 'idx "."'))
    assert found == status, said
    assert ("the examples make H = 7, W = 7" in said) == (status == 1)


def test_an_axis_of_nothing() -> None:
    data((0,))
    status, said = trained(NETS["places"] + TRAIN)
    assert status == 1
    assert "`data npz` holds no number for the input of an example: its sizes are [0]" in said


LOOKUPS = {
    "at once": "    embedding 5, 3 -> mean -> dense 2\n",
    "arranged": "    reshape [2, 2] -> flatten -> embedding 5, 3 -> mean -> dense 2\n",
    "twice": "    a = x -> embedding 9, 3\n    x -> embedding 5, 3 -> add a -> mean -> dense 2\n",
    "in a block": "    Inner 5 -> mean -> dense 2\n",
}
BLOCK = "block Inner(words):\n    embedding words, 3\n\n"


@pytest.mark.parametrize("name", LOOKUPS)
def test_an_id_that_the_net_does_not_know(name: str) -> None:
    text = BLOCK + "net Net:\n    input x: int[4]\n" + LOOKUPS[name] + TRAIN
    data((4,), x=np.arange(160).reshape(40, 4) % 6)
    status, said = trained(text)
    assert status == 1
    assert "ids of input `x` go up to 5 in train" in said
    assert "the layer that looks them up knows 0 to 4" in said
    assert "this knows 5 ids, 0 to 4" in said and "embedding 6, …" in said
    data((4,), x=np.arange(160).reshape(40, 4) % 5)
    assert trained(text)[0] == 0


def test_ids_below_0() -> None:
    text = "net Net:\n    input x: int[4]\n    embedding 5, 3 -> mean -> dense 2\n" + TRAIN
    data((4,), x=np.arange(160).reshape(40, 4) % 5 - 1)
    status, said = trained(text)
    assert status == 1
    assert "ids of input `x` go down to -1 in train" in said and "count from 0" in said


def test_ids_that_no_lookup_sees_are_nobodys_business() -> None:
    """Only the last id is looked up; what the others are is the data's own affair."""
    text = "net Net:\n    input x: int[4]\n    last -> embedding 5, 3 -> dense 2\n" + TRAIN
    x = np.full((40, 4), 99)
    x[:, -1] = np.arange(40) % 5
    data((4,), x=x)
    status, said = trained(text)
    assert status == 0, said
    x[:, -1] = 7
    data((4,), x=x)
    Path("run").rename("first")
    status, said = trained(text)
    assert status == 1 and "an id in the inputs is too large for the net" in said
