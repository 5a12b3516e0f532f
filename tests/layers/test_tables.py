"""Connection tables and fixed filters: LeNet's third layer, edges by hand, shifts."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from compiling import errors_of, lines_of, net_of
from layer_lines import layer, tensor
from layer_oracle import run_of
from torch import nn

from netc.compiler.layers.tables import LENET5, OPERATORS, kernel_of


@pytest.mark.covers("CN02")
def test_the_third_layer_of_lenet() -> None:
    report = lines_of("table_conv lenet5, 5x5", "[6, 14, 14]").report()
    assert report.params == 60 * 25 + 16 == 1_516
    assert report.macs == 150_000
    assert [len(row) for row in LENET5] == [3] * 6 + [4] * 9 + [6]
    assert all(sum(c in row for row in LENET5) == 10 for c in range(6)), "each map has 10 readers"


def test_a_table_is_a_convolution_with_zeros_where_there_is_no_link() -> None:
    torch.manual_seed(0)
    run = run_of(layer("table_conv [[0, 2], [1], [2, 1, 0]], 3x3, pad=1"), [tensor("[3, 6, 7]")])
    dense = torch.zeros(3, 3, 3, 3)
    links = [(0, 0), (0, 2), (1, 1), (2, 2), (2, 1), (2, 0)]
    for (row, channel), kernel in zip(links, run.module.state_dict()["weight"], strict=True):
        dense[row, channel] = kernel[0]
    x = torch.randn(2, 3, 6, 7)
    expected = F.conv2d(x, dense, run.module.state_dict()["bias"], padding=1)
    torch.testing.assert_close(run(x), expected)


def test_weights_of_a_table_begin_as_those_of_a_convolution() -> None:
    torch.manual_seed(0)
    module = run_of(layer("table_conv lenet5, 5x5"), [tensor("[6, 14, 14]")]).module
    parts = module.state_dict()["weight"].split([len(row) for row in LENET5])
    for part in parts:
        bound = (25 * len(part)) ** -0.5
        assert 0.8 * bound < float(part.abs().max()) <= bound


def test_a_table_that_does_not_fit_is_refused() -> None:
    net = "net N:\n    input x: [3, 8, 8]\n    {}\n"
    (error,) = errors_of(net.format("table_conv [[0, 0]], 3x3"))
    assert "names a channel twice: 0, 0" in error
    (error,) = errors_of(net.format("table_conv [[]], 3x3"))
    assert "E0210" in error
    (error,) = errors_of(net.format("table_conv lenet, 3x3"))
    assert "lenet5" in error or "lenet" in error


STEP = torch.tensor([10.0] * 3 + [0.0] * 3).expand(1, 1, 6, 6)
"""A picture that is bright on the left and dark on the right."""


@pytest.mark.covers("CV02", "N081")
@pytest.mark.parametrize("name,edge", [("prewitt", 30.0), ("sobel", 40.0), ("scharr", 160.0)])
def test_a_step_is_an_edge(name: str, edge: float) -> None:
    falling = lines_of(f"filter {name}_x, sign=falling", "[1, 6, 6]").module()
    assert falling(STEP)[0, 0].tolist() == [[0.0, edge, edge, 0.0]] * 4
    rising = lines_of(f"filter {name}_x", "[1, 6, 6]").module()
    assert torch.equal(rising(STEP), -falling(STEP))
    down = lines_of(f"filter {name}_y, sign=falling", "[1, 6, 6]").module()
    assert not down(STEP).any()
    assert torch.equal(down(STEP.mT).mT, falling(STEP))


@pytest.mark.covers("CV02", "N004")
def test_the_kernels_are_those_of_the_literature() -> None:
    for name in OPERATORS:
        across, down = kernel_of(f"{name}_x", "rising"), kernel_of(f"{name}_y", "rising")
        assert tuple(zip(*across, strict=True)) == down
        assert sum(map(sum, across)) == sum(map(sum, down)) == 0
    assert kernel_of("prewitt_x", "falling") == ((1, 0, -1),) * 3
    assert kernel_of("sobel_x", "rising") == ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
    assert kernel_of("scharr_y", "rising") == ((-3, -10, -3), (0, 0, 0), (3, 10, 3))


def test_a_filter_is_saved_but_not_learned() -> None:
    net = lines_of("filter sobel_x -> conv 1, 1x1", "[3, 8, 8]")
    module = net.module()
    assert net.report().params == 4
    assert "filter1.weight" in module.state_dict()
    assert {name for name, _ in module.named_parameters()} == {"conv1.weight", "conv1.bias"}


@pytest.mark.covers("CV20")
def test_a_shifted_picture_gives_shifted_maps_and_pools_to_the_same() -> None:
    torch.manual_seed(0)
    x = F.pad(torch.randn(1, 2, 6, 6), (5, 5, 5, 5))
    shifted = x.roll((2, 1), (2, 3))
    conv = net_of("net N:\n    input x: [2, 16, 16]\n    conv 4, 3x3, pad=1\n").module()
    torch.testing.assert_close(conv(shifted), conv(x).roll((2, 1), (2, 3)), rtol=0, atol=1e-6)
    pooled = nn.Sequential(conv, nn.AdaptiveMaxPool2d(1))
    torch.testing.assert_close(pooled(shifted), pooled(x), rtol=0, atol=1e-6)


@pytest.mark.covers("CV21")
def test_a_convolution_learns_the_kernel_that_made_its_targets() -> None:
    torch.manual_seed(0)
    sobel = lines_of("filter sobel_x", "[1, 12, 12]").module()
    conv = lines_of("conv 1, 3x3", "[1, 12, 12]").module()
    optimizer = torch.optim.Adam(conv.parameters(), lr=0.05)
    for _ in range(400):
        x = torch.randn(16, 1, 12, 12)
        optimizer.zero_grad()
        F.mse_loss(conv(x), sobel(x)).backward()
        optimizer.step()
    found = conv.state_dict()["conv1.weight"][0, 0]
    torch.testing.assert_close(found, sobel.state_dict()["filter1.weight"][0, 0], rtol=0, atol=0.01)
