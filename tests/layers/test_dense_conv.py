"""Dense layers and convolutions: values, weights and costs."""

from __future__ import annotations

import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from layer_cases import CASES, Case, cases
from layer_oracle import Run, numbers, run_of
from torch import nn

from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.conv import Conv
from netc.compiler.layers.conv_transpose import ConvTranspose
from netc.compiler.layers.dense import Dense
from netc.compiler.layers.shapes import Flatten


def params(layer: Layer, *shape: int) -> int:
    """How many numbers the layer learns; also by PyTorch."""
    inputs = [Tensor(shape)]
    count = sum(weight.count for weight in layer.weights(inputs) if not weight.buffer)
    assert count == sum(p.numel() for p in run_of(layer, inputs).module.parameters())
    return count


def fill(run: Run, **values: torch.Tensor) -> None:
    run.module.load_state_dict({key: value.float() for key, value in values.items()})


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.covers("BA01")
def test_dense_is_a_matrix_product() -> None:
    layer, inputs = Dense(units=4), [Tensor((3,))]
    assert params(layer, 3) == 3 * 4 + 4
    run, (x,) = run_of(layer, inputs), numbers(inputs, batch=5)
    weight, bias = run.module.weight, run.module.bias
    hand = [[sum(weight[i, j] * row[j] for j in range(3)) + bias[i] for i in range(4)] for row in x]
    close(run(x), torch.stack([torch.stack(row) for row in hand]))


@pytest.mark.covers("N051", "N075")
def test_weights_are_outputs_by_inputs() -> None:
    weight, bias = Dense(units=3).weights([Tensor((2,))])
    assert (weight.shape, bias.shape) == ((3, 2), (3,))
    assert run_of(Dense(units=4), [Tensor((3,))])(torch.zeros(1, 3)).shape == (1, 4)


@pytest.mark.covers("BA09", "N048")
def test_a_linear_score_of_an_image() -> None:
    image = Tensor((3, 32, 32))
    flat = Flatten().output([image])
    assert flat.shape == (3072,)
    weight, bias = Dense(units=10).weights([flat])
    assert (weight.shape, bias.shape) == ((10, 3072), (10,))
    assert params(Dense(units=10), 3072) == 30_730


@pytest.mark.covers("BA04")
def test_a_chain_maps_a_batch_as_it_maps_each_example() -> None:
    chain = [run_of(Dense(units=n), [Tensor((m,))]) for m, n in ((4, 8), (8, 8), (8, 2))]
    x = torch.randn(6, 4)

    def forward(value: torch.Tensor) -> torch.Tensor:
        for run in chain:
            value = torch.tanh(run(value))
        return value

    close(forward(x), torch.cat([forward(row[None]) for row in x]))


@pytest.mark.covers("CV01", "N080")
def test_convolution_is_cross_correlation_plus_bias() -> None:
    run = run_of(Conv(filters=1, kernel=2), [Tensor((1, 3, 3))])
    fill(run, weight=torch.arange(4).view(1, 1, 2, 2), bias=torch.ones(1))
    out = run(torch.arange(1.0, 10).view(1, 1, 3, 3))
    assert out.flatten().tolist() == [26, 32, 44, 50]


@pytest.mark.covers("CV01")
def test_only_flipped_kernels_are_associative() -> None:
    """Two layers are one whose kernel is the true convolution of theirs, with one of them flipped;
    the cross-correlation of their kernels is another."""
    torch.manual_seed(0)
    x, a, b = (torch.randn(1, 1, n, n) for n in (7, 2, 2))
    one, two = (run_of(Conv(filters=1, kernel=2, bias=False), [Tensor((1, 7, 7))]) for _ in "ab")
    fill(one, weight=a)
    fill(two, weight=b)
    both = two(one(x))
    wide = F.pad(a, (1, 1, 1, 1))
    close(F.conv2d(x, F.conv2d(wide, b.flip(2, 3))), both)
    assert not torch.allclose(F.conv2d(x, F.conv2d(wide, b)), both, atol=0.1)


@pytest.mark.covers("CV09", "CV10", "N007", "N008", "N009", "N010")
def test_filters_read_all_channels_and_are_stacked() -> None:
    image = [Tensor((3, 6, 6))]
    shapes = {n: Conv(filters=n, kernel=3).output(image).shape for n in (1, 2, 10)}
    assert shapes == {1: (1, 4, 4), 2: (2, 4, 4), 10: (10, 4, 4)}
    assert params(Conv(filters=2, kernel=3), 3, 6, 6) == 56
    run, (x,) = run_of(Conv(filters=1, kernel=3), image), numbers(image, batch=1)
    weight, bias = run.module.weight, run.module.bias
    planes = [F.conv2d(x[:, c : c + 1], weight[:, c : c + 1]) for c in range(3)]
    torch.testing.assert_close(run(x), planes[0] + planes[1] + planes[2] + bias)


@pytest.mark.covers("N058")
def test_one_cell_by_hand() -> None:
    run = run_of(Conv(filters=1, kernel=3), [Tensor((3, 5, 5))])
    x = torch.randn(1, 3, 5, 5)
    cell = (x[0, :, 1:4, 2:5] * run.module.weight[0]).sum() + run.module.bias[0]
    torch.testing.assert_close(run(x)[0, 0, 1, 2], cell)


@pytest.mark.covers("CV11", "N010", "N086")
def test_parameter_counts_of_convolutions() -> None:
    assert params(Conv(filters=10, kernel=3), 3, 6, 6) == (3 * 3 * 3 + 1) * 10 == 280
    assert params(Conv(filters=6, kernel=5), 1, 32, 32) == 156
    assert params(Conv(filters=6, kernel=5), 3, 32, 32) == 456
    why = Conv(filters=6, kernel=5).why([Tensor((1, 32, 32))], Tensor((6, 28, 28)))
    assert why.params == "(5·5·1 + 1)·6 = 156"


@pytest.mark.covers("CV13")
def test_batches_are_nchw_and_kernels_out_by_in() -> None:
    layer, inputs = Conv(filters=8, kernel=(3, 5), bias=False), [Tensor((4, 9, 9))]
    run, (x,) = run_of(layer, inputs), numbers(inputs)
    assert tuple(x.shape) == (2, 4, 9, 9)
    assert tuple(run.module.weight.shape) == layer.weights(inputs)[0].shape == (8, 4, 3, 5)
    assert tuple(run(x).shape) == (2, *layer.output(inputs).shape) == (2, 8, 7, 5)


@pytest.mark.covers("CV18")
def test_a_one_by_one_convolution_is_a_dense_layer_at_each_pixel() -> None:
    assert params(Conv(filters=16, kernel=1), 192, 28, 28) == 3_088
    conv = run_of(Conv(filters=4, kernel=1), [Tensor((6, 5, 5))])
    dense = run_of(Dense(units=4), [Tensor((5, 5, 6))])
    fill(dense, weight=conv.module.weight[:, :, 0, 0], bias=conv.module.bias)
    x = torch.randn(2, 6, 5, 5)
    close(conv(x), dense(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2))


@pytest.mark.covers("N018")
def test_a_bottleneck_cuts_multiplications() -> None:
    def macs(layer: Conv, *shape: int) -> int:
        inputs = [Tensor(shape)]
        return int(str(layer.macs(inputs, layer.output(inputs))))

    plain = macs(Conv(filters=32, kernel=5, pad="same"), 192, 28, 28)
    narrow = macs(Conv(filters=16, kernel=1), 192, 28, 28)
    wide = macs(Conv(filters=32, kernel=5, pad="same"), 16, 28, 28)
    assert (plain, narrow + wide) == (120_422_400, 12_443_648)
    assert round(plain / (narrow + wide), 2) == 9.68


@pytest.mark.covers("N041")
def test_a_dense_layer_as_a_convolution() -> None:
    layer = Conv(filters=400, kernel=5)
    assert layer.output([Tensor((16, 5, 5))]).shape == (400, 1, 1)


@pytest.mark.covers("N087")
def test_the_bottleneck_of_a_residual_block() -> None:
    narrow = [
        params(Conv(filters=filters, kernel=kernel, bias=False), channels, 8, 8)
        for channels, filters, kernel in ((256, 64, 1), (64, 64, 3), (64, 256, 1))
    ]
    wide = 2 * params(Conv(filters=256, kernel=3, bias=False), 256, 8, 8)
    assert (sum(narrow), wide) == (69_632, 1_179_648)


def same(case: Case) -> bool:
    return isinstance(case.layer, Conv) and case.layer.pad == "same"


@CASES
@given(case=cases("conv").filter(same))
def test_same_padding_is_explicit_zeros_at_both_ends(case: Case) -> None:
    layer = case.layer
    assert isinstance(layer, Conv)
    run, (x,) = run_of(layer, case.inputs), numbers(case.inputs)
    axes = layer.axes(case.inputs[0])
    padded = F.pad(x, [end for axis in reversed(axes) for end in (axis.before, axis.after)])
    count = len(axes)
    expected = (F.conv1d, F.conv2d, F.conv3d)[count - 1](
        padded,
        run.module.weight,
        run.module.bias,
        [axis.stride for axis in axes],
        0,
        [axis.dilation for axis in axes],
        layer.groups,
    )
    torch.testing.assert_close(run(x), expected)


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_padding_is_pytorchs_for_stride_one(kernel: int, dilation: int) -> None:
    layer = Conv(filters=3, kernel=kernel, pad="same", dilation=dilation)
    run, (x,) = run_of(layer, [Tensor((2, 9, 9))]), numbers([Tensor((2, 9, 9))])
    twin = nn.Conv2d(2, 3, kernel, padding="same", dilation=dilation)
    twin.load_state_dict(run.module.state_dict())
    with warnings.catch_warnings():  # that it copies its input
        warnings.simplefilter("ignore", UserWarning)
        torch.testing.assert_close(run(x), twin(x))


@CASES
@given(case=cases("conv_transpose"), data=st.data())
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(
    case: Case, data: st.DataObject
) -> None:
    layer = case.layer
    assert isinstance(layer, ConvTranspose)
    run, (x,) = run_of(layer, case.inputs), numbers(case.inputs)
    result = run(x)
    count = len(case.inputs[0].shape) - 1
    back = torch.zeros_like(result, requires_grad=True)
    forward = (F.conv1d, F.conv2d, F.conv3d)[count - 1](
        back, run.module.weight, None, layer.stride, layer.pad, layer.dilation, layer.groups
    )
    (gradient,) = torch.autograd.grad(forward, back, x)
    bias = run.module.bias
    if bias is not None:
        gradient = gradient + bias.view(1, -1, *[1] * count)
    torch.testing.assert_close(result, gradient, rtol=1e-5, atol=1e-5)
