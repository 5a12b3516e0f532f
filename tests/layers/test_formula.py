"""The output-size formula against PyTorch, for every small legal and illegal window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.conv import Conv
from netc.compiler.layers.conv_transpose import ConvTranspose
from netc.compiler.layers.pools import AvgPool, MaxPool
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.layers.windows import image_said, steps_said, window_axes
from netc.compiler.sizes import evaluate, symbol

SIZES = {n: torch.zeros(1, 1, n) for n in range(1, 33)}


def windows() -> Iterator[tuple[int, int, int, int]]:
    """n 1..32, f 1..7, s 1..4, p 0..3."""
    return product(range(1, 33), range(1, 8), range(1, 5), range(4))


def by_torch(run: Callable[[], torch.Tensor]) -> int | None:
    """The size that PyTorch gives; None where it refuses."""
    try:
        return run().shape[-1]
    except RuntimeError:
        return None


def by_rule(layer: Layer, n: int) -> int | None:
    """The size that the layer gives; None where it refuses."""
    try:
        size = layer.output([Tensor((1, n))]).shape[-1]
    except ShapeError:
        return None
    assert isinstance(size, int)
    return size


@pytest.mark.covers("CV08", "N067", "N084")
def test_conv_equals_torch_for_all_small_windows() -> None:
    legal = 0
    for n, f, s, p in windows():
        found = by_rule(Conv(filters=1, kernel=f, stride=s, pad=p), n)
        kernel = torch.zeros(1, 1, f)
        assert found == by_torch(lambda n=n, w=kernel, s=s, p=p: F.conv1d(SIZES[n], w, None, s, p))
        assert (found is None) == (f > n + 2 * p)
        if found is not None:
            legal += 1
            assert found == (n + 2 * p - f) // s + 1
    assert legal == 32 * 7 * 4 * 4 - 136


@pytest.mark.covers("CV08")
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("dilation", [1, 2])
def test_max_pool_equals_torch_for_all_small_windows(ceil: bool, dilation: int) -> None:
    for n, f, s, p in windows():
        layer = MaxPool(kernel=f, stride=s, pad=p, ceil=ceil, dilation=dilation)
        expected = by_torch(
            lambda n=n, f=f, s=s, p=p: F.max_pool1d(SIZES[n], f, s, p, dilation, ceil)
        )
        assert by_rule(layer, n) == expected, (n, f, s, p)


@pytest.mark.covers("CV08")
@pytest.mark.parametrize("ceil", [False, True])
def test_avg_pool_equals_torch_for_all_small_windows(ceil: bool) -> None:
    for n, f, s, p in windows():
        layer = AvgPool(kernel=f, stride=s, pad=p, ceil=ceil)
        expected = by_torch(lambda n=n, f=f, s=s, p=p: F.avg_pool1d(SIZES[n], f, s, p, ceil))
        assert by_rule(layer, n) == expected, (n, f, s, p)


@pytest.mark.covers("CV08")
@pytest.mark.parametrize("dilation", [2, 3])
def test_dilation_equals_torch_for_all_small_windows(dilation: int) -> None:
    for n, f, s, p in windows():
        layer = Conv(filters=1, kernel=f, stride=s, pad=p, dilation=dilation)
        kernel = torch.zeros(1, 1, f)
        expected = by_torch(
            lambda n=n, w=kernel, s=s, p=p: F.conv1d(SIZES[n], w, None, s, p, dilation)
        )
        assert by_rule(layer, n) == expected, (n, f, s, p)


def test_a_named_size_gives_the_same_formula() -> None:
    for f, s, p in product(range(1, 8), range(1, 5), range(4)):
        for ceil in (False, True):
            if p > f // 2:
                continue
            layer = MaxPool(kernel=f, stride=s, pad=p, ceil=ceil)
            named = layer.output([Tensor((1, symbol("N")))]).shape[-1]
            for n in range(f, 33):
                assert evaluate(named, {"N": n}) == by_rule(layer, n)


@pytest.mark.parametrize("dilation", [1, 2])
def test_conv_transpose_equals_torch(dilation: int) -> None:
    for n, f, s, p in product(range(1, 9), range(1, 6), range(1, 4), range(3)):
        for extra in range(3):
            layer = ConvTranspose(
                filters=1, kernel=f, stride=s, pad=p, output_pad=extra, dilation=dilation
            )
            kernel = torch.zeros(1, 1, f)
            expected = by_torch(
                lambda n=n, w=kernel, s=s, p=p, e=extra: F.conv_transpose1d(
                    SIZES[n], w, None, s, p, e, 1, dilation
                )
            )
            assert by_rule(layer, n) == expected, (n, f, s, p, extra)


@pytest.mark.covers("CV04", "N005", "N082")
def test_valid_padding() -> None:
    for pad in (0, "valid"):
        assert by_rule(Conv(filters=1, kernel=3, pad=pad), 4) == 2
        assert by_rule(Conv(filters=1, kernel=3, pad=pad), 6) == 4


@pytest.mark.covers("CV05", "N083")
def test_same_padding_keeps_the_size() -> None:
    for kernel, pad in ((3, 1), (5, 2), (7, 3)):
        (axis,) = Conv(filters=1, kernel=kernel, pad="same").axes(Tensor((1, 9)))
        assert (axis.before, axis.after) == (pad, pad)
    axes = Conv(filters=1, kernel=(3, 5), pad="same").axes(Tensor((1, 9, 9)))
    assert [(axis.before, axis.after) for axis in axes] == [(1, 1), (2, 2)]
    (axis,) = Conv(filters=1, kernel=4, pad="same").axes(Tensor((1, 9)))
    assert (axis.before, axis.after) == (1, 2), "an even kernel: the odd zero is at the end"
    for n, f, s in product(range(1, 12), range(1, 8), range(1, 5)):
        assert by_rule(Conv(filters=1, kernel=f, stride=s, pad="same"), n) == -(-n // s)


@pytest.mark.covers("CV07", "N006", "N059")
def test_stride() -> None:
    assert by_rule(Conv(filters=1, kernel=3, stride=2), 6) == 2
    seven = Conv(filters=1, kernel=3, stride=2).output([Tensor((3, 7, 7))])
    assert seven.shape == (1, 3, 3)


@pytest.mark.covers("CV03", "N079")
def test_a_kernel_is_height_by_width() -> None:
    out = Conv(filters=1, kernel=(3, 5)).output([Tensor((1, 8, 8))])
    assert out.shape == (1, 6, 4)
    weight = Conv(filters=1, kernel=(3, 5)).weights([Tensor((1, 8, 8))])[0]
    assert weight.shape == (1, 1, 3, 5)


@pytest.mark.covers("PO03", "N011", "N068")
def test_a_pool_keeps_channels_and_halves_even_sizes() -> None:
    for pool in (MaxPool(kernel=2), AvgPool(kernel=2)):
        assert pool.output([Tensor((10, 4, 4))]).shape == (10, 2, 2)
        assert [by_rule(pool, n) for n in (4, 5, 28)] == [2, 2, 14]


@pytest.mark.covers("PO10")
def test_overlapping_pools_of_alexnet() -> None:
    pool = MaxPool(kernel=3, stride=2)
    assert [by_rule(pool, n) for n in (55, 27, 13)] == [27, 13, 6]


@pytest.mark.covers("GA02")
def test_transposed_convolutions_undo_the_halving() -> None:
    layer = ConvTranspose(filters=64, kernel=4, stride=2, pad=1)
    assert layer.output([Tensor((128, 7, 7))]).shape == (64, 14, 14)
    assert layer.output([Tensor((128, 14, 14))]).shape == (64, 28, 28)


def test_refusals_show_the_arithmetic() -> None:
    with pytest.raises(ShapeError, match=r"5 \(9 with dilation 2\).*7 \+ 0 padding = 7") as caught:
        Conv(filters=1, kernel=5, dilation=2).output([Tensor((1, 7))])
    assert (
        caught.value.hint == "pad by at least 1: `pad=1`, or use a kernel of at most 4: `kernel=4`"
    )
    with pytest.raises(ShapeError) as caught:
        Conv(filters=1, kernel=7, pad=1).output([Tensor((1, 4))])
    assert (
        caught.value.hint == "pad by at least 2: `pad=2`, or use a kernel of at most 6: `kernel=6`"
    )
    with pytest.raises(ShapeError) as caught:
        Conv(filters=1, kernel=3, pad=1, dilation=4).output([Tensor((1, 2, 9))])
    assert caught.value.hint == "use a kernel of at most 1: `kernel=1`"
    with pytest.raises(ShapeError, match=r"4 groups of `conv` cannot share 6 filters"):
        Conv(filters=6, kernel=1, groups=4).output([Tensor((4, 8))])
    with pytest.raises(ShapeError, match=r"already gives ⌈n/stride⌉"):
        MaxPool(kernel=3, pad="same", ceil=True).output([Tensor((1, 7))])


def test_a_pool_that_rounds_up_is_padded_no_more_than_it_needs() -> None:
    """PyTorch pools 2 numbers by `max_pool1d(x, 5, 3, padding=1, ceil_mode=True)`, not without."""
    pool = MaxPool(kernel=5, stride=3, ceil=True)
    with pytest.raises(ShapeError) as caught:
        pool.output([Tensor((1, 2))])
    assert "pad by at least 1: `pad=1`" in caught.value.hint
    assert MaxPool(kernel=5, stride=3, pad=1, ceil=True).output([Tensor((1, 2))]).shape == (1, 1)


def test_what_a_window_slides_over_is_named_by_its_axes() -> None:
    assert image_said((3, 7)) == "the 3-channel sequence of length 7"
    assert image_said((1, 32, 32)) == "the 1-channel 32 × 32 image"
    assert image_said((2, 4, 5, 6)) == "the 2-channel 4 × 5 × 6 volume"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"pad": 1}, ", the input padded by 1"),
        ({"pad": (0, 1)}, ", the input padded by 0 × 1"),
        ({"kernel": 2, "pad": "same"}, ", the input padded by 0 + 1"),
        ({"stride": (2, 1)}, ", in steps of 2 × 1"),
        ({"dilation": (1, 3)}, ", elements 1 × 3 apart"),
        ({}, ""),
    ],
)
def test_how_windows_move_is_said_where_they_do_not_simply_go_on(
    arguments: dict[str, Any], said: str
) -> None:
    axes = window_axes("conv", 2, **{"kernel": 3, "stride": 1, "pad": 0, **arguments})
    assert steps_said(axes) == said


@pytest.mark.parametrize(("groups", "said"), [(1, ""), (2, ", in 2 groups of channels")])
def test_groups_are_said_where_there_are_several(groups: int, said: str) -> None:
    x = Tensor((4, 8, 8))
    layer = Conv(filters=6, kernel=3, groups=groups)
    text = layer.does([x], layer.output([x]))
    assert text == f"looks at 3 × 3 windows of the 4-channel 8 × 8 image with 6 filters{said}"
