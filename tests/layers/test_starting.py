"""How weights begin: variances of the schemes, seeds, zeros."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from compiling import errors_of, lines_of, net_of
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from netc.compiler.layers.tables import LENET5

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
    assert float(found.var()) == pytest.approx(STDS[scheme] ** 2, rel=0.02)
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
    assert "`std` of `dense` is for `init=normal` and `init=uniform`" in error
    (error,) = errors_of(net.format("dense 3, init=lecun_normal, std=0.1"))
    assert "`init=lecun_normal` has its own" in error
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
    assert 'nn.init.kaiming_uniform_(self.both[0].weight, nonlinearity="relu")' in source
    deviations = [
        float(v.std()) for k, v in module.state_dict().items() if "repeat" in k and v.dim() > 1
    ]
    assert deviations == pytest.approx([0.1, 0.2, 0.3], rel=0.4)
    assert deviations == sorted(deviations)


FANS = {"he": (2, 0), "lecun": (1, 0), "xavier": (2, 1)}
"""For each scheme the factor above the fans, and whether fan-out counts."""


def near(values: torch.Tensor, scheme: str, fan_in: float, fan_out: float) -> bool:
    """Whether numbers have the deviation of a scheme, within 6 standard errors, and its bounds."""
    name, _, spread = scheme.rpartition("_")
    factor, out = FANS[name]
    wanted = sqrt(factor / (fan_in + out * fan_out))
    within = abs(float(values.detach().square().mean().sqrt()) / wanted - 1) < 6 / sqrt(
        2 * values.numel()
    )
    return within and (spread == "normal" or float(values.detach().abs().max()) <= sqrt(3) * wanted)


SCHEMES = st.sampled_from([f"{name}_{spread}" for name in FANS for spread in ("normal", "uniform")])
SIZES = st.integers(8, 40)


@pytest.mark.covers("IN02", "IN03", "IN04")
@settings(max_examples=40, deadline=None)
@given(SCHEMES, SIZES, SIZES, st.integers(1, 2), st.booleans(), st.data())
def test_each_matrix_of_a_recurrent_layer_has_fans_of_its_own(
    scheme: str, features: int, units: int, layers: int, both: bool, data: st.DataObject
) -> None:
    kind, gates = data.draw(st.sampled_from([("lstm", 4), ("gru", 3), ("rnn", 1)]))
    more = f", layers={layers}" + (", bidirectional=yes" if both else "")
    torch.manual_seed(0)
    net = lines_of(f"{kind} {units}, init={scheme}{more}", f"[5, {features}]")
    for name, value in net.module().named_parameters():
        if "bias" in name:
            assert not value.any()
            continue
        for gate in value.chunk(gates):
            assert near(gate, scheme, gate.shape[1], units), name


@pytest.mark.covers("IN02", "IN03", "IN04")
@settings(max_examples=30, deadline=None)
@given(SCHEMES, st.integers(3, 12), st.integers(8, 40), st.booleans())
def test_the_four_maps_of_attention(scheme: str, heads: int, memory: int, bias: bool) -> None:
    text = f"""
        net N:
            input x: [7, {4 * heads}]
            input other: [5, {memory}]
            x -> attention {heads}, over=other, init={scheme}{"" if bias else ", bias=no"}
    """
    torch.manual_seed(0)
    for name, value in net_of(text).module().named_parameters():
        if "bias" in name:
            assert not value.any()
        else:
            assert near(value, scheme, value.shape[1], value.shape[0]), name


@pytest.mark.covers("IN02", "IN03", "IN04")
@settings(max_examples=40, deadline=None)
@given(SCHEMES, SIZES, SIZES, st.integers(1, 5), st.data())
def test_convolutions_dense_layers_and_netvlad(
    scheme: str, channels: int, filters: int, kernel: int, data: st.DataObject
) -> None:
    area = kernel * kernel
    multiplier = max(1, filters // 8)
    line, shape, fan_in, fan_out = data.draw(
        st.sampled_from([
            (f"dense {filters}", f"[{channels}]", channels, filters),
            (f"conv {filters}, {kernel}x{kernel}", f"[{channels}, 6, 6]", channels * area,
             filters * area),
            (f"conv {2 * filters}, {kernel}, groups=2", f"[{2 * channels}, 9]", channels * kernel,
             filters * kernel),
            (f"depthwise_conv {kernel}x{kernel}, multiplier={multiplier}", f"[{channels}, 6, 6]",
             area, multiplier * area),
            (f"netvlad {filters}", f"[{channels}, 6, 6]", channels, filters),
        ])
    )  # fmt: skip
    torch.manual_seed(0)
    state = lines_of(f"{line}, init={scheme}", shape).module().state_dict()
    weight = next(value for key, value in state.items() if key.endswith("weight"))
    assert near(weight, scheme, fan_in, fan_out)
    assert not any(value.any() for key, value in state.items() if key.endswith("bias"))


@pytest.mark.covers("IN02", "IN03", "IN04")
@settings(max_examples=20, deadline=None)
@given(SCHEMES)
def test_each_filter_of_a_table_by_what_it_reads(scheme: str) -> None:
    torch.manual_seed(0)
    state = (
        lines_of(f"table_conv lenet5, 11x11, init={scheme}", "[6, 14, 14]").module().state_dict()
    )
    for row, part in zip(
        LENET5, state["table_conv1.weight"].split([*map(len, LENET5)]), strict=True
    ):
        assert near(part, scheme, len(row) * 121, 10 * 121)  # 60 links: 10 filters read a channel
    assert not state["table_conv1.bias"].any()


@pytest.mark.covers("IN01", "IN04")
def test_vectors_of_an_embedding() -> None:
    torch.manual_seed(0)
    spread = "init=uniform, std=0.02"
    weight = lines_of(f"embedding 500, 40, {spread}", "int[T]").module().embedding1.weight.detach()
    assert float(weight.std()) == pytest.approx(0.02, rel=0.02)
    assert float(weight.abs().max()) == pytest.approx(sqrt(3) * 0.02, rel=0.01)
    (error,) = errors_of("net N:\n    input x: int[T]\n    embedding 5, 4, init=he_normal\n")
    assert "he_normal" in error


def untouched(line: str, shape: str) -> bool:
    """Whether a layer begins with the numbers that PyTorch draws from the same seed."""
    torch.manual_seed(0)
    told = lines_of(f"{line}, init=torch", shape).module().state_dict()
    torch.manual_seed(0)
    said = net_of(f"net Net:\n    init torch\n    input x: {shape}\n    {line}\n").module()
    return all(torch.equal(value, told[key]) for key, value in said.state_dict().items())


@pytest.mark.parametrize(
    ("line", "shape", "own"),
    [
        ("dense 6", "[9]", lambda: nn.Linear(9, 6)),
        ("conv 6, 3x3", "[4, 8, 8]", lambda: nn.Conv2d(4, 6, 3)),
        ("conv_transpose 6, 3x3", "[4, 8, 8]", lambda: nn.ConvTranspose2d(4, 6, 3)),
        ("embedding 9, 4", "int[T]", lambda: nn.Embedding(9, 4)),
        ("lstm 6", "[T, 4]", lambda: nn.LSTM(4, 6)),
    ],
)
def test_init_torch_is_pytorchs_own(line: str, shape: str, own: object) -> None:
    assert untouched(line, shape)
    torch.manual_seed(0)
    module = lines_of(f"{line}, init=torch", shape).module()
    torch.manual_seed(0)
    assert callable(own)
    for mine, theirs in zip(module.parameters(), own().parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("line", ["attention 2", "netvlad 3", "gru 4, layers=2", "embedding 9, 4"])
def test_layers_with_a_rule_of_their_own_keep_it(line: str) -> None:
    shape = "int[T]" if line.startswith("embedding") else "[8, 4]"
    torch.manual_seed(0)
    plain = lines_of(line, shape).module().state_dict()
    torch.manual_seed(0)
    told = lines_of(f"{line}, init=torch", shape).module().state_dict()
    assert all(torch.equal(value, told[key]) for key, value in plain.items())
    assert lines_of(line, shape).report().rows[0].init is None
