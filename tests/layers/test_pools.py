"""Pools: values against PyTorch's functions and by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from layer_oracle import run_of

from netc.compiler.layers.adaptive_pools import AdaptiveAvgPool
from netc.compiler.layers.base import Layer, Tensor, Window
from netc.compiler.layers.global_pools import GlobalAvgPool, GlobalMaxPool
from netc.compiler.layers.pools import AvgPool, MaxPool
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.layers.shapes import Flatten
from netc.compiler.sizes import symbol

H, W = symbol("H"), symbol("W")


def pooled(layer: Layer, x: torch.Tensor) -> torch.Tensor:
    return run_of(layer, [Tensor(tuple(x.shape[1:]))])(x)


@pytest.mark.covers("PO01")
def test_max_pool_is_pytorchs() -> None:
    x = torch.randn(2, 3, 9, 8)
    assert torch.equal(pooled(MaxPool(kernel=2), x), F.max_pool2d(x, 2))
    assert torch.equal(
        pooled(MaxPool(kernel=(3, 2), stride=2, pad=(1, 0)), x),
        F.max_pool2d(x, (3, 2), 2, (1, 0)),
    )


@pytest.mark.covers("PO02")
def test_avg_pool_is_pytorchs_and_says_whether_padding_counts() -> None:
    x = torch.ones(1, 1, 4, 4)
    plain = pooled(AvgPool(kernel=3, stride=2, pad=1), x)
    assert torch.equal(plain, F.avg_pool2d(x, 3, 2, 1))
    assert plain[0, 0, 0, 0] == pytest.approx(4 / 9), "the zeros of the padding count"
    without = pooled(AvgPool(kernel=3, stride=2, pad=1, count_pad=False), x)
    assert torch.equal(without, torch.ones(1, 1, 2, 2))
    assert "zeros of the padding count" in " ".join((AvgPool.__doc__ or "").lower().split())


@pytest.mark.covers("PO04", "N011")
def test_pools_have_no_parameters() -> None:
    for layer in (MaxPool(kernel=2), AvgPool(kernel=2), GlobalAvgPool(), GlobalMaxPool()):
        inputs = [Tensor((10, 4, 4))]
        assert layer.weights(inputs) == ()
        assert layer.why(inputs, layer.output(inputs)).params == "no weights: 0"
        assert not list(run_of(layer, inputs).module.parameters())


@pytest.mark.covers("PO05")
@pytest.mark.parametrize("height,width", [(1, 1), (7, 7), (5, 11)])
def test_global_avg_pool_is_the_mean_of_each_channel(height: int, width: int) -> None:
    x = torch.randn(2, 6, height, width)
    named = [Tensor((6, symbol("H"), symbol("W")))]
    assert GlobalAvgPool().output(named).shape == (6,)
    run = run_of(GlobalAvgPool(), named)
    torch.testing.assert_close(run(x), x.mean(dim=(2, 3)))


@pytest.mark.covers("PO06")
def test_global_max_pool_is_the_largest_of_each_channel() -> None:
    for shape in ((6, 9), (6, 4, 5), (6, 2, 3, 4)):
        x = torch.randn(2, *shape)
        assert torch.equal(pooled(GlobalMaxPool(), x), x.flatten(2).amax(dim=2))


@pytest.mark.covers("PO12")
def test_flatten_gives_a_vector_in_memory_order() -> None:
    assert Flatten().output([Tensor((16, 5, 5))]).shape == (400,)
    x = torch.arange(800).view(2, 16, 5, 5)
    assert torch.equal(pooled(Flatten(), x)[0], torch.arange(400))


def test_same_padding_of_pools() -> None:
    """Against each window written out, for even kernels and strides too."""
    for n, k, s, d in product(range(1, 9), range(1, 5), range(1, 4), (1, 2)):
        x = torch.randn(1, 1, n)
        total = d * (k - 1)
        starts = [i * s - total // 2 for i in range(-(-n // s))]
        places = [[i + d * j for j in range(k) if 0 <= i + d * j < n] for i in starts]
        wide = pooled(MaxPool(kernel=k, stride=s, pad="same", dilation=d), x)[0, 0].tolist()
        nothing = [float("-inf")]
        assert wide == [max(x[0, 0, place].tolist() or nothing) for place in places]
        if d == 1:
            mean = pooled(AvgPool(kernel=k, stride=s, pad="same"), x)[0, 0]
            sums = torch.stack([x[0, 0, place].sum() / k for place in places])
            torch.testing.assert_close(mean, sums)


def test_adaptive_pools_by_their_windows() -> None:
    x = torch.randn(2, 3, 7)
    for m in range(1, 9):
        ends = [(i * 7 // m, -(-(i + 1) * 7 // m)) for i in range(m)]
        expected = torch.stack([x[:, :, a:b].mean(dim=2) for a, b in ends], dim=2)
        torch.testing.assert_close(pooled(AdaptiveAvgPool(size=m), x), expected)


def test_padding_is_at_most_half_the_kernel() -> None:
    with pytest.raises(ShapeError, match=r"⌊3/2⌋ = 1") as caught:
        MaxPool(kernel=3, pad=2).output([Tensor((1, 9, 9))])
    assert caught.value.code == "E0313"
    assert "`pad=1`" in caught.value.hint


def test_three_dimensional_means_need_the_kernel_inside_the_input() -> None:
    with pytest.raises(ShapeError, match="AvgPool3d refuses"):
        AvgPool(kernel=3, stride=1, pad=1).output([Tensor((1, 2, 4, 4))])
    with pytest.raises(RuntimeError, match="smaller than kernel size"):
        F.avg_pool3d(torch.zeros(1, 1, 2, 4, 4), 3, 1, 1)
    x = torch.randn(1, 1, 2, 4, 4)
    assert pooled(MaxPool(kernel=3, stride=1, pad=1), x).shape == (1, 1, 2, 4, 4)
    just = torch.randn(2, 1, 3, 3, 3)
    assert pooled(AvgPool(kernel=3, stride=1, pad=1), just).shape == just.shape


@pytest.mark.parametrize(
    ("size", "shape", "seen"),
    [
        (1, (4, H, W), "whole"),
        (1, (4, 7, W), "whole"),
        (2, (4, H, W), "unknown"),
        ((1, 2), (4, H, W), "unknown"),
        (2, (4, 8), (Window(4, 4, 0, 1),)),
    ],
)
def test_one_adaptive_window_sees_everything(size: Any, shape: Any, seen: Any) -> None:
    assert AdaptiveAvgPool(size=size).receptive([Tensor(shape)]) == seen
