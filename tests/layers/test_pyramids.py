"""Pools for whole pictures, and gates: values against the papers' formulas."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from compiling import lines_of, net_of
from layer_lines import layer, tensor
from layer_oracle import Run, run_of


def made(line: str, x: torch.Tensor) -> Run:
    return run_of(layer(line), [tensor(str(list(x.shape[1:])))])


@pytest.mark.covers("PO07")
def test_a_pyramid_gives_one_size_for_any_picture() -> None:
    text = """
        net N:
            input image: [256, H, W]
            spatial_pyramid_pool [4, 2, 1] -> [5376]
            dense 10
    """
    module = net_of(text).module()
    for height, width in ((13, 13), (10, 17), (3, 2)):
        assert module(torch.randn(2, 256, height, width)).shape == (2, 10)


def test_a_pyramid_holds_level_after_level() -> None:
    x = torch.randn(2, 3, 8, 12)
    found = made("spatial_pyramid_pool [2, 1]", x)(x)
    grid = F.max_pool2d(x, (4, 6))
    assert torch.equal(found, torch.cat([grid.flatten(1), x.amax((2, 3))], 1))
    means = made("spatial_pyramid_pool [1], mode=avg", x)(x)
    torch.testing.assert_close(means, x.mean((2, 3)))


@pytest.mark.covers("PO08")
def test_netvlad_with_a_large_alpha_is_vlad() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 5, 4, 3)
    run = made("netvlad 6", x)
    centers = torch.randn(6, 5)
    alpha = 1e4
    run.module.load_state_dict(
        {
            "centers": centers,
            "assign.weight": 2 * alpha * centers[:, :, None],
            "assign.bias": -alpha * centers.square().sum(1),
        }
    )
    found = run(x)
    assert found.shape == (2, 30)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    for example, result in zip(x.flatten(2).transpose(1, 2), found, strict=True):
        sums = torch.zeros(6, 5)
        for position in example:
            nearest = int((position - centers).square().sum(1).argmin())
            sums[nearest] += position - centers[nearest]
        expected = F.normalize(F.normalize(sums, dim=1).flatten(), dim=0)
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-4)


def test_netvlad_scales_each_center_before_the_whole() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 5, 7)
    parts = made("netvlad 4", x)(x).unflatten(1, (4, 5)).norm(dim=2)
    torch.testing.assert_close(parts, torch.full((1, 4), 0.5))


def test_a_gate_scales_channels() -> None:
    text = """
        net N:
            input x: [4, 6, 6]
            gate = global_avg_pool -> sigmoid
            x -> scale by=gate
    """
    x = torch.randn(2, 4, 6, 6)
    expected = x * torch.sigmoid(x.mean((2, 3), keepdim=True))
    torch.testing.assert_close(net_of(text).module()(x), expected)
    assert lines_of("g = adaptive_avg_pool 1\nx -> scale by=g", "[4, 6, 6]").report().params == 0
