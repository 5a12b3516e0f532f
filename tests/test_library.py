"""The library that ships with netc: `use std.vision: Bottleneck` from any folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY, errors_of, findings, net_of, state_of

import netc
from netc.compiler import library
from netc.compiler.edits import applied
from netc.compiler.source import Source


def block(line: str, shape: str, *names: str) -> netc.NetHandle:
    """A net of one line that uses blocks of std.vision."""
    listed = ", ".join(names or (line.split()[0],))
    return net_of(f"use std.vision: {listed}\nnet Net:\n    input x: {shape}\n    b = {line}\n")


def test_a_module_is_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = "use std.vision: Residual\nnet N:\n    input x: [64, 56, 56]\n    Residual 64\n"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "n.net").write_text(spec)
    monkeypatch.chdir(tmp_path)
    by_path = netc.load(Path("deep") / "n.net").net().report()
    assert by_path.params == netc.load(spec).net().report().params == 2 * (9 * 64 * 64 + 2 * 64)


def test_every_shipped_file_is_a_module() -> None:
    assert {"std.vision", "lenet5", "inception"} <= set(library.modules())
    for name in library.modules():
        assert library.read(name).text


def test_an_unknown_module_or_block_names_the_nearest() -> None:
    (finding,) = findings("use std.visoin: Bottleneck\n")
    assert (finding.code, finding.hint) == ("E0207", "did you mean `std.vision`?")
    assert finding.span.text == "std.visoin"
    (finding,) = findings("use std.vision: Botleneck\n")
    assert (finding.code, finding.hint) == ("E0201", "did you mean `Bottleneck`?")


def test_a_block_of_ones_own_may_have_the_name_of_one_that_is_not_asked_for() -> None:
    text = """
        use std.vision: Residual

        block Bottleneck(n):
            conv n, 1x1

        net N:
            input x: [8, 4, 4]
            Residual 8
            Bottleneck 8
    """
    assert net_of(text).report().params == 2 * (9 * 8 * 8 + 2 * 8) + 8 * 8 + 8
    asked = text.replace("Residual\n\n", "Residual, Bottleneck\n\n", 1)
    assert errors_of(asked) == ["4 E0206 `Bottleneck` is defined twice"]


def test_what_a_used_file_uses_itself_is_not_in_sight(tmp_path: Path) -> None:
    (tmp_path / "inner.net").write_text("block Inner:\n    dense 3\n")
    (tmp_path / "outer.net").write_text('use "inner.net"\nblock Outer:\n    Inner\n    relu\n')
    net = 'use "outer.net"\nnet N:\n    input x: [4]\n    Outer\n'
    (tmp_path / "a.net").write_text(net)
    assert netc.load(tmp_path / "a.net").net().report().params == 15
    (tmp_path / "b.net").write_text(net + "    Inner\n")
    with pytest.raises(netc.CompileError, match=r"E0201 there is no layer.* `Inner`"):
        netc.load(tmp_path / "b.net")


@pytest.mark.covers("BL01", "BL02")
def test_a_residual_projects_where_sizes_differ() -> None:
    same = block("Residual 64", "[64, 56, 56]").report()
    assert [row.layer for row in same.rows].count("conv") == 2
    net = block("Residual 128, stride=2", "[64, 56, 56]")
    down = [row for row in net.report().rows if "downsample" in row.path]
    assert [row.params for row in down] == [8192, 256]
    assert net.report().outputs[0][1].shape == (128, 28, 28)


@pytest.mark.covers("BL01")
@pytest.mark.parametrize("line", ["Residual 8", "Bottleneck 2", "PaddedResidual 8"])
def test_a_residual_is_relu_of_its_lines_and_its_input(line: str) -> None:
    torch.manual_seed(0)
    module = block(line, "[8, 6, 6]").module().double().eval()
    unit, x = module.get_submodule("b"), torch.randn(3, 8, 6, 6, dtype=torch.double)
    way = x
    for name in ("1", "2", "3"):
        if (conv := getattr(unit, f"conv{name}", None)) is None:
            break
        way = getattr(unit, f"bn{name}")(conv(torch.relu(way) if name != "1" else way))
    torch.testing.assert_close(module(x), torch.relu(x + way), rtol=0, atol=1e-6)


@pytest.mark.covers("BL01")
def test_a_residual_of_unequal_shapes_is_refused_with_the_edit_that_fits() -> None:
    text = "net N:\n    input x: [8, 6, 6]\n    residual: conv 16, 3x3, pad=1 -> relu\n"
    (finding,) = findings(text)
    assert finding.code == "E0310"
    assert "16" in finding.message and "8" in finding.message
    assert finding.edits
    mended = Source("n.net", text)
    assert not findings(applied(mended, finding.edits))


@pytest.mark.covers("BL04")
def test_a_bottleneck_saves_weights() -> None:
    net = block("Bottleneck 64", "[256, 56, 56]")
    convolutions = [row.params for row in net.report().rows if row.layer == "conv"]
    assert sum(convolutions) == 69_632
    assert net.report().params == 70_400
    pair = "net N:\n    input x: [256, 8, 8]\n    repeat 2: conv 256, 3x3, pad=1, bias=no\n"
    assert net_of(pair).report().params == 1_179_648


@pytest.mark.covers("BL03")
@pytest.mark.parametrize("line", ["Residual 64", "Bottleneck 16"])
def test_a_block_whose_last_scale_begins_as_0_hands_its_input_on(line: str) -> None:
    x = torch.rand(2, 64, 5, 5)
    assert torch.equal(block(f'{line}, last="zeros"', "[64, 5, 5]").module()(x), x)
    assert not torch.equal(block(line, "[64, 5, 5]").module()(x), x)


def test_a_bottleneck_of_resnext() -> None:
    """ResNeXt-50 32x4d, first block: 128 wide in 32 groups, 256 out."""
    net = block("Bottleneck 128, channels=256, groups=32", "[256, 56, 56]")
    assert state_of(net)["b.conv2.weight"] == (128, 4, 3, 3)


@pytest.mark.covers("BL02")
def test_a_padded_residual_has_no_weights_in_its_shortcut() -> None:
    net = block("PaddedResidual 32, stride=2", "[16, 32, 32]")
    assert net.report().params == 9 * 16 * 32 + 9 * 32 * 32 + 2 * 2 * 32
    module = net.module().eval()
    state = {k: v * 0 if "bn2.weight" in k else v for k, v in module.state_dict().items()}
    module.load_state_dict(state)
    x = torch.randn(2, 16, 32, 32)
    found = module(x)
    assert torch.equal(found[:, :16], torch.relu(x[:, :, ::2, ::2]))
    assert not found[:, 16:].any()


@pytest.mark.covers("BL06", "BL07")
def test_a_dense_block_and_a_transition() -> None:
    """DenseNet-121's first: keys and counts as torchvision's."""
    text = """
        use std.vision: DenseBlock, Transition

        net N:
            input x: [64, 56, 56]
            denseblock1 = DenseBlock 6, 32  -> [256, 56, 56]
            transition1 = Transition        -> [128, 28, 28]
    """
    state = state_of(net_of(text))
    layers = {f"denseblock1.denselayer{number}" for number in range(1, 7)}
    owners = {key.rpartition(".")[0] for key in state}
    assert owners == {f"{layer}.{part}" for layer in layers for part in DENSE} | {
        "transition1.norm",
        "transition1.conv",
    }
    assert state["denseblock1.denselayer6.conv1.weight"] == (128, 64 + 5 * 32, 1, 1)


DENSE = ("norm1", "conv1", "norm2", "conv2")


def test_inverted_residuals_have_the_keys_of_torchvisions() -> None:
    first = state_of(block("InvertedResidual 16, expand=1", "[32, 112, 112]"))
    assert learned(first) == {
        "b.conv.0.0": (32, 1, 3, 3), "b.conv.0.1": (32,),
        "b.conv.1": (16, 32, 1, 1), "b.conv.2": (16,),
    }  # fmt: skip
    later = state_of(block("InvertedResidual 24, stride=2", "[16, 112, 112]"))
    assert learned(later) == {
        "b.conv.0.0": (96, 16, 1, 1), "b.conv.0.1": (96,),
        "b.conv.1.0": (96, 1, 3, 3), "b.conv.1.1": (96,),
        "b.conv.2": (24, 96, 1, 1), "b.conv.3": (24,),
    }  # fmt: skip


def learned(state: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The weights' shapes by their layers' keys."""
    return {k.removesuffix(".weight"): v for k, v in state.items() if k.endswith(".weight")}


def test_an_inverted_residual_adds_where_it_can() -> None:
    x = torch.randn(2, 16, 8, 8)
    for line, adds in (("16", True), ("16, stride=2", False), ("24", False)):
        module = block(f"InvertedResidual {line}", "[16, 8, 8]").module().eval()
        last = "b.conv.3.weight"
        state = {k: v * 0 if k == last else v for k, v in module.state_dict().items()}
        module.load_state_dict(state)
        expected = x if adds else torch.zeros_like(module(x))
        assert torch.equal(module(x), expected), line


def test_squeeze_and_excitation_is_its_formula() -> None:
    net = block("SqueezeExcitation 2", "[8, 6, 5]")
    shapes = {"b.fc1": (2, 8, 1, 1), "b.fc2": (8, 2, 1, 1)}
    assert learned(state_of(net)) == shapes
    module = net.module()
    state = module.state_dict()
    x = torch.randn(2, 8, 6, 5)
    hidden = torch.relu(x.mean((2, 3)) @ state["b.fc1.weight"].flatten(1).T + state["b.fc1.bias"])
    gate = torch.sigmoid(hidden @ state["b.fc2.weight"].flatten(1).T + state["b.fc2.bias"])
    torch.testing.assert_close(module(x), x * gate[:, :, None, None])


def test_a_separable_convolution_is_depthwise_then_pointwise() -> None:
    net = block("SeparableConv 64, 3x3, pad=1", "[32, 10, 10]")
    assert net.report().params == 9 * 32 + 32 * 64 + 64
    assert learned(state_of(net)) == {
        "b.depthwise": (32, 1, 3, 3),
        "b.pointwise": (64, 32, 1, 1),
    }


@pytest.mark.covers("BL08", "BL09", "BL10")
def test_inception_3a() -> None:
    net = block("Inception 64, 96, 128, 16, 32, 32", "[192, 28, 28]")
    assert net.report().outputs[0][1].shape == (256, 28, 28)
    assert net.report().params == 163_696
    norm = block("InceptionNorm 64, 96, 128, 16, 32, 32", "[192, 28, 28]")
    assert norm.report().params == 164_064
    assert set(learned(state_of(norm))) == {
        f"b.branch{way}.{part}"
        for way in ("1", "2.0", "2.1", "3.0", "3.1", "4.1")
        for part in ("conv", "bn")
    }
    wrong = """
        net N:
            input x: [192, 28, 28]
            inception:
                branch: conv 64, 1x1
                branch: conv 128, 3x3
    """
    assert ["E0310" in error for error in errors_of(wrong)] == [True]


EXAMPLES = {
    "ConvNorm": ("ConvNorm 8, 3x3, stride=2, pad=1", (3, 9, 9), (8, 5, 5)),
    "SeparableConv": ("SeparableConv 8, 5x5, pad=2", (3, 9, 9), (8, 9, 9)),
    "SqueezeExcitation": ("SqueezeExcitation 2", (8, 9, 9), (8, 9, 9)),
    "Residual": ("Residual 8, stride=2", (4, 9, 9), (8, 5, 5)),
    "Bottleneck": ("Bottleneck 8, stride=2", (4, 9, 9), (32, 5, 5)),
    "PaddedResidual": ("PaddedResidual 8, stride=2", (4, 9, 9), (8, 5, 5)),
    "InvertedResidual": ("InvertedResidual 8", (8, 9, 9), (8, 9, 9)),
    "DenseLayer": ("DenseLayer 4", (8, 9, 9), (12, 9, 9)),
    "DenseBlock": ("DenseBlock 3, 4", (8, 9, 9), (20, 9, 9)),
    "Transition": ("Transition", (8, 9, 9), (4, 4, 4)),
    "Inception": ("Inception 1, 2, 3, 4, 5, 6", (8, 9, 9), (15, 9, 9)),
    "InceptionNorm": ("InceptionNorm 1, 2, 3, 4, 5, 6, kernel=3", (8, 9, 9), (15, 9, 9)),
}
"""For each block a line, what flows in and what comes out."""


def test_every_block_has_an_example_and_a_row_on_its_page() -> None:
    text = library.read("std.vision").text
    names = re.findall(r"^block (\w+)\(", text, re.MULTILINE)
    assert set(names) == set(EXAMPLES)
    page = (REPOSITORY / "docs" / "vision.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)", page, re.MULTILINE) == names


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_block_runs_and_is_exported(name: str) -> None:
    line, shape, expected = EXAMPLES[name]
    net = block(line, str(list(shape)))
    assert net.report().outputs[0][1].shape == expected
    module = net.module().eval()
    x = torch.randn(2, *shape)
    result = module(x)
    assert result.shape == (2, *expected)
    assert {k: tuple(v.shape) for k, v in module.state_dict().items()} == state_of(net)
    exported = torch.export.export(module, (x,)).module()
    torch.testing.assert_close(exported(x), result)
