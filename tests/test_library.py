"""The library that ships with netc: `use std.vision: Bottleneck` from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from compiling import errors_of, findings, net_of, state_of

import netc
from netc.compiler import library


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


@pytest.mark.covers("BL04")
def test_a_bottleneck_saves_weights() -> None:
    net = block("Bottleneck 64", "[256, 56, 56]")
    convolutions = [row.params for row in net.report().rows if row.layer == "conv"]
    assert sum(convolutions) == 69_632
    assert net.report().params == 70_400
    pair = "net N:\n    input x: [256, 8, 8]\n    repeat 2: conv 256, 3x3, pad=1, bias=no\n"
    assert net_of(pair).report().params == 1_179_648


def test_a_bottleneck_of_resnext() -> None:
    """ResNeXt-50 32x4d, first block: 128 wide in 32 groups, 256 out."""
    net = block("Bottleneck 128, channels=256, groups=32", "[256, 56, 56]")
    assert state_of(net)["b.conv2.weight"] == (128, 4, 3, 3)


@pytest.mark.covers("BL06", "BL07")
def test_dense_layers_and_a_transition() -> None:
    text = """
        use std.vision: DenseLayer, Transition

        net N:
            input x: [64, 56, 56]
            repeat 6: DenseLayer 32
            relu        -> [256, 56, 56]
            Transition  -> [128, 28, 28]
    """
    assert net_of(text).report().outputs[0][1].shape == (128, 28, 28)


@pytest.mark.covers("BL08", "BL09", "BL10")
def test_inception_3a() -> None:
    net = block("Inception 64, 96, 128, 16, 32, 32", "[192, 28, 28]")
    assert net.report().outputs[0][1].shape == (256, 28, 28)
    assert net.report().params == 163_696
    wrong = """
        net N:
            input x: [192, 28, 28]
            inception:
                branch: conv 64, 1x1
                branch: conv 128, 3x3
    """
    assert ["E0310" in error for error in errors_of(wrong)] == [True]
