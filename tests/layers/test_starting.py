"""How weights begin: variances of the schemes, seeds, zeros."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from compiling import errors_of, lines_of, net_of
from torch import nn

STDS = {
    "he_normal": sqrt(2 / 512),
    "he_uniform": sqrt(2 / 512),
    "xavier_normal": sqrt(2 / (512 + 256)),
    "xavier_uniform": sqrt(2 / (512 + 256)),
    "lecun_normal": sqrt(1 / 512),
    "lecun_uniform": sqrt(1 / 512),
    "normal, std=0.3": 0.3,
    "uniform, std=0.3": 0.3,
}


def weight(line: str, shape: str = "[512]") -> torch.Tensor:
    """The weights that a layer begins with; its biases must be 0."""
    torch.manual_seed(0)
    values = [value for _, value in lines_of(line, shape).module().state_dict().items()]
    assert not any(value.any() for value in values[1:])
    return values[0]


@pytest.mark.covers("IN02", "IN03", "IN04")
@pytest.mark.parametrize("scheme", STDS)
def test_weights_have_the_variance_of_their_scheme(scheme: str) -> None:
    found = weight(f"dense 256, init={scheme}")
    assert float(found.std()) == pytest.approx(STDS[scheme], rel=0.02)
    assert float(found.mean()) == pytest.approx(0, abs=0.01 * STDS[scheme])
    if "uniform" in scheme:
        assert float(found.abs().max()) == pytest.approx(sqrt(3) * STDS[scheme], rel=0.001)
    else:
        assert float(found.abs().max()) > 3.5 * STDS[scheme]


@pytest.mark.covers("N028")
def test_he_normal_of_512_features_has_a_standard_deviation_of_a_sixteenth() -> None:
    assert float(weight("dense 256, init=he_normal").std()) == pytest.approx(0.0625, rel=0.02)


@pytest.mark.covers("IN02")
def test_he_normal_is_pytorchs_kaiming_normal() -> None:
    found = weight("conv 8, 3x3, init=he_normal", "[16, 5, 5]")
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 8, 3)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    assert torch.equal(found, conv.weight)


@pytest.mark.covers("IN01")
def test_equal_seeds_give_equal_bytes() -> None:
    line = "conv_transpose 8, 3x3, init=normal, std=0.02"
    assert torch.equal(weight(line, "[4, 5, 5]"), weight(line, "[4, 5, 5]"))
    assert not weight("depthwise_conv 3, init=zeros", "[4, 5, 5]").any()


@pytest.mark.covers("BL03")
def test_a_residual_whose_last_scale_is_0_hands_its_input_on() -> None:
    net = net_of("""
        net N:
            input x: [8, 6, 6]
            relu
            residual:
                conv 8, 3x3, pad=1, bias=no
                batch_norm -> relu
                conv 8, 3x3, pad=1, bias=no
                batch_norm init=zeros
            relu
    """)
    x = torch.randn(4, 8, 6, 6)
    assert torch.equal(net.module()(x), torch.relu(x))


def test_a_standard_deviation_stands_with_its_scheme_only() -> None:
    net = "net N:\n    input x: [8]\n    {}\n"
    (error,) = errors_of(net.format("dense 3, init=normal"))
    assert "E0309 `init=normal` of `dense` needs the standard deviation" in error
    (error,) = errors_of(net.format("dense 3, std=0.1"))
    assert "PyTorch's own scheme has its own" in error
    (error,) = errors_of(net.format("dense 3, init=he, std=0.1"))
    assert "`he`" in error
    (error,) = errors_of(net.format("batch_norm affine=no, init=zeros"))
    assert "no scale" in error


def test_schemes_reach_layers_in_repeats_and_blocks() -> None:
    text = """
        block Unit(width, deviation):
            dense width, init=normal, std=deviation -> relu

        net N:
            input x: [8]
            repeat in [0.1, 0.2, 0.3] as deviation: Unit 8, deviation
            both = dense 8, init=he_uniform -> relu -> dense 2, init=xavier_normal
    """
    torch.manual_seed(0)
    module = net_of(text).module()
    source = net_of(text).source()
    assert "he_uniform_weights(nn.Linear(8, 8))" in source
    deviations = [
        float(v.std()) for k, v in module.state_dict().items() if "repeat" in k and v.dim() > 1
    ]
    assert deviations == pytest.approx([0.1, 0.2, 0.3], rel=0.4)
    assert deviations == sorted(deviations)
