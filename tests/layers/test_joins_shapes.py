"""Joins, and layers that arrange numbers anew."""

from __future__ import annotations

import pytest
import torch
from layer_oracle import numbers, run_of

from netc.compiler.layers.base import Tensor
from netc.compiler.layers.embedding import Positions
from netc.compiler.layers.joins import Add, Concat, Mul, Stack
from netc.compiler.layers.refusals import JoinError, ShapeError
from netc.compiler.layers.sequences import Last, Mean
from netc.compiler.layers.shapes import Reshape, Transpose
from netc.compiler.sizes import symbol

H, W, T = symbol("H"), symbol("W"), symbol("T")


def test_joins_compute_what_their_words_say() -> None:
    inputs = [Tensor((2, 3))] * 3
    a, b, c = numbers(inputs)
    assert torch.equal(run_of(Add(), inputs)(a, b, c), a + b + c)
    assert torch.equal(run_of(Mul(), inputs)(a, b, c), a * b * c)
    assert torch.equal(run_of(Concat(), inputs)(a, b, c), torch.cat([a, b, c], dim=-1))
    assert torch.equal(run_of(Stack(), inputs)(a, b, c)[:, 1], b)


def test_a_join_names_what_differs() -> None:
    image = Tensor((64, 8, 8))
    with pytest.raises(JoinError, match="axis 1 has 8 in one and 4 in the other") as caught:
        Add().output([image, image, Tensor((64, 4, 8))])
    assert (caught.value.left, caught.value.right, caught.value.axis) == (0, 2, 1)
    with pytest.raises(JoinError, match="3 axes in one, 1 in the other") as caught:
        Concat().output([image, Tensor((64,))])
    assert (caught.value.left, caught.value.right, caught.value.axis) == (0, 1, None)
    assert caught.value.ranks
    with pytest.raises(JoinError, match="whole numbers in the other") as caught:
        Stack().output([Tensor((3,)), Tensor((3,)), Tensor((3,), "int")])
    assert (caught.value.left, caught.value.right, caught.value.ranks) == (0, 2, False)
    with pytest.raises(ShapeError, match="here is one"):
        Concat().output([image])


def test_a_join_lists_the_sizes_that_must_be_equal() -> None:
    a, b = Tensor((64, H, W)), Tensor((32, 8, W))
    assert Add().joins([a, b]) == [(64, 32, 0), (H, 8, 1), (W, W, 2)]
    assert Concat().joins([a, b]) == [(H, 8, 1), (W, W, 2)]
    assert Concat(axis=1).joins([a, b]) == [(64, 32, 0), (W, W, 2)]
    assert Add().joins([a, Tensor((64,))]) == []
    assert Concat().output([a, b]).shape == (96, H, W)


@pytest.mark.covers("N040")
def test_concat_grows_channels_as_in_a_dense_block() -> None:
    x = Tensor((64, 8, 8))
    channels = [x.shape[0]]
    for _ in range(3):
        x = Concat().output([x, Tensor((32, 8, 8))])
        channels.append(x.shape[0])
    assert channels == [64, 96, 128, 160]


@pytest.mark.covers("N017")
def test_concat_of_inceptions_branches() -> None:
    branches = [Tensor((c, 28, 28)) for c in (64, 128, 32, 32)]
    assert Concat().output(branches).shape == (256, 28, 28)


def test_reshape_and_transpose_compute_what_they_say() -> None:
    for layer, known, named, out in (
        (Reshape(sizes=[2, 6]), (3, 4), (3, 4), (2, 6)),
        (Reshape(sizes=(5, H * W)), (5, 3, 4), (5, H, W), (5, 12)),
        (Reshape(sizes=(H, W, 5)), (5, 3, 4), (5, H, W), (3, 4, 5)),
        (Reshape(sizes=(T, 2, 4)), (3, 8), (T, 8), (3, 2, 4)),
        (Reshape(sizes=(2 * T, 4)), (3, 8), (T, 8), (6, 4)),
    ):
        x = torch.randn(2, *known)
        result = run_of(layer, [Tensor(named)])(x)
        assert torch.equal(result, x.view(2, *out))
    x = torch.randn(2, 3, 4, 5)
    order = run_of(Transpose(axes=(2, 0, 1)), [Tensor((3, 4, 5))])(x)
    assert torch.equal(order, x.permute(0, 3, 1, 2))
    swapped = run_of(Transpose(), [Tensor((3, H, W))])(x)
    assert torch.equal(swapped, x.transpose(2, 3))


def test_reshape_shows_both_products() -> None:
    with pytest.raises(ShapeError, match=r"16·5·5 = 400, and \[3, 133\] holds 3·133 = 399"):
        Reshape(sizes=(3, 133)).output([Tensor((16, 5, 5))])
    with pytest.raises(ShapeError, match=r"2: 2·H, 2·W"):
        Reshape(sizes=(2 * H, 2 * W)).output([Tensor((4, H, W))])


def test_from_a_sequence_to_a_vector() -> None:
    x = torch.randn(2, 7, 4)
    assert torch.equal(run_of(Last(), [Tensor((T, 4))])(x), x[:, -1])
    assert torch.equal(run_of(Mean(size=T), [Tensor((T, 4))])(x), x.mean(dim=1))
    assert torch.equal(run_of(Mean(size=4), [Tensor((T, 4))])(x), x.mean(dim=2))
    with pytest.raises(ShapeError, match="no axis of size 5"):
        Mean(size=5).output([Tensor((T, 4))])


def test_single_numbers_have_no_axis_to_join_along() -> None:
    with pytest.raises(ShapeError, match="single numbers have none"):
        Concat().output([Tensor(()), Tensor(())])


@pytest.mark.parametrize("shape", [(4,), (2, 5, 4)])
def test_positions_are_those_of_a_sequence(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"\[T, d\]"):
        Positions(form="sinusoid").output([Tensor(shape)])
