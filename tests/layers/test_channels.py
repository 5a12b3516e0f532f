"""Layers between and across channels: response norm, depthwise convolution, channels of zeros."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from compiling import lines_of
from layer_lines import layer, tensor
from layer_oracle import run_of
from torch import nn


def by(line: str, x: torch.Tensor) -> torch.Tensor:
    """What a weightless layer makes of a batch."""
    return run_of(layer(line), [tensor(str(list(x.shape[1:])))]).inline(x)


@pytest.mark.covers("NO11")
def test_response_norm_is_the_papers_formula() -> None:
    torch.manual_seed(0)
    x = 30 * torch.randn(2, 7, 3, 4)
    found = by("local_response_norm", x)
    torch.testing.assert_close(found, F.local_response_norm(x, 5, alpha=5e-4, k=2), rtol=0, atol=0)
    for channel in range(7):
        near = x[:, max(0, channel - 2) : channel + 3]
        expected = x[:, channel] / (2 + 1e-4 * near.square().sum(1)) ** 0.75
        torch.testing.assert_close(found[:, channel], expected, rtol=1e-6, atol=1e-6)
    assert lines_of("local_response_norm", "[7, 3, 4]").report().params == 0


def test_response_norm_of_other_sizes_is_the_sum_and_not_the_mean() -> None:
    x = torch.ones(1, 9, 1)
    found = by("local_response_norm n=3, k=1, alpha=1, beta=1", x)
    assert found[0, :, 0].tolist() == pytest.approx([1 / 3, *[1 / 4] * 7, 1 / 3])


def test_depthwise_convolution_sees_one_channel_at_a_time() -> None:
    run = run_of(layer("depthwise_conv 3x3, multiplier=2"), [tensor("[4, 6, 6]")])
    x = torch.randn(1, 4, 6, 6)
    one = nn.Conv2d(1, 2, 3)
    one.load_state_dict({k: v[2:4] for k, v in run.module.state_dict().items()})
    torch.testing.assert_close(run(x)[:, 2:4], one(x[:, 1:2]))


def test_channels_of_zeros_come_behind() -> None:
    x = torch.randn(2, 3, 4)
    found = by("pad_channels 5", x)
    assert torch.equal(found[:, :3], x)
    assert found.shape == (2, 5, 4)
    assert not found[:, 3:].any()
    assert by("pad_channels 3", x).shape == x.shape


def test_relu6_stops_at_6() -> None:
    assert by("relu6", torch.tensor([[-1.0, 0.5, 6.0, 7.0]])).tolist() == [[0.0, 0.5, 6.0, 6.0]]


@pytest.mark.parametrize(
    "line", ["local_response_norm", "sequential: local_response_norm -> batch_norm"]
)
def test_neighbours_in_a_volume_whose_axes_are_swapped(line: str) -> None:
    """PyTorch's function alone refuses it, since it wants a view."""
    swapped, plain = lines_of(f"transpose\n{line}", "[6, 3, 4, 5]"), lines_of(line, "[6, 3, 5, 4]")
    x = torch.randn(2, 6, 3, 4, 5)
    found = swapped.module().eval()(x)
    torch.testing.assert_close(found, plain.module().eval()(x.transpose(3, 4).contiguous()))
