"""Stochastic and trainable pooling: frequencies, the rule at rest, LeNet's counts."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from compiling import lines_of
from layer_lines import layer, tensor
from layer_oracle import run_of


@pytest.mark.covers("PO09")
def test_numbers_are_drawn_by_their_shares() -> None:
    """Chi-squared with 2 degrees of freedom: 13.8 is passed once in 1,000 runs; the seed is one."""
    torch.manual_seed(0)
    window = torch.tensor([[1.0, 3.0], [0.0, 4.0]])
    run = run_of(layer("stochastic_pool 2x2"), [tensor("[1, 2, 2]")])
    drawn = run(window.expand(8000, 1, 2, 2)).flatten()
    counts = torch.stack([(drawn == value).sum() for value in (1.0, 3.0, 4.0)])
    assert int(counts.sum()) == 8000, "0 has no share"
    expected = 8000 * torch.tensor([1.0, 3.0, 4.0]) / 8
    assert float(((counts - expected) ** 2 / expected).sum()) < 13.8


@pytest.mark.covers("PO09")
def test_at_rest_it_is_the_mean_with_these_shares() -> None:
    x = torch.rand(2, 3, 7, 6)
    run = run_of(layer("stochastic_pool 3x2, stride=2"), [tensor("[3, 7, 6]")])
    run.module.eval()
    windows = F.unfold(x, (3, 2), stride=2).unflatten(1, (3, 6))
    expected = windows.square().sum(2) / windows.sum(2)
    torch.testing.assert_close(run(x), expected.unflatten(2, (3, 3)))


def test_windows_without_positive_numbers_give_zeros() -> None:
    x = torch.tensor([[[[-1.0, 0.0, -2.0, 5.0]]]])
    run = run_of(layer("stochastic_pool 1x2"), [tensor("[1, 1, 4]")])
    for training in (True, False):
        assert run.module.train(training)(x).flatten().tolist() == [0.0, 5.0]


@pytest.mark.covers("CN02")
@pytest.mark.parametrize("channels,params", [(6, 12), (16, 32)])
def test_trainable_pooling_counts_as_lenet_does(channels: int, params: int) -> None:
    net = lines_of("trainable_avg_pool 2x2", f"[{channels}, 28, 28]")
    assert net.report().params == params
    x = torch.randn(2, channels, 28, 28)
    module = net.module()
    torch.testing.assert_close(module(x), F.avg_pool2d(x, 2))
    state = {k: torch.randn(v.shape) for k, v in module.state_dict().items()}
    module.load_state_dict(state)
    weight, bias = state.values()
    torch.testing.assert_close(module(x), F.avg_pool2d(x, 2) * weight + bias)
