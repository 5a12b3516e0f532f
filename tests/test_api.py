"""`import netc`: loading specs, reports, sources, modules, errors; the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY

import netc
from netc.runtime import TrainError

TEXT = "net Net(classes=3):\n    input x: [4]\n    dense classes\n"


def modules() -> list[str]:
    """Every module of the package that can be imported without running something."""
    found = [info.name for info in pkgutil.walk_packages(netc.__path__, "netc.")]
    return ["netc", *(name for name in found if not name.endswith("__main__"))]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_public_names_are_there_and_documented() -> None:
    for name in netc.__all__:
        assert getattr(netc, name).__doc__


def test_load_takes_text_or_a_path(tmp_path: Path) -> None:
    (tmp_path / "spec.net").write_text(TEXT)
    for given in (TEXT, tmp_path / "spec.net", str(tmp_path / "spec.net")):
        assert netc.load(given).net().report().params == 15


def test_load_sets_parameters_and_sizes() -> None:
    assert netc.load(TEXT, classes=7).net("Net").report().params == 35
    symbolic = "net N:\n    input x: [H]\n    dense 2\n"
    assert netc.load(symbolic, H=9).net().report().params == 20


@pytest.mark.parametrize("values", [{"clases": 3}, {"classes": 0}, {"classes": "three"}])
def test_parameters_that_make_no_sense_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(netc.CompileError):
        netc.load(TEXT, **values)


@pytest.mark.covers("PR01", "BA03")
def test_errors_come_as_one_exception_with_their_diagnostics() -> None:
    with pytest.raises(netc.CompileError) as caught:
        netc.load("net N:\n    input x: [4]\n    dens 3\n    dense 3 -> [4]\n    relu 3\n")
    found = caught.value.diagnostics
    assert [(d.code, d.span.line) for d in found] == [("E0201", 3), ("E0204", 5)]
    assert "<text>:3:5: E0201" in str(caught.value)


def test_false_claims_are_errors_too() -> None:
    with pytest.raises(netc.CompileError, match="E0502"):
        netc.load(TEXT + "    expect params == 3\n")


def test_a_file_that_is_missing_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        netc.load("missing.net")


def test_net_needs_a_name_where_there_are_several() -> None:
    spec = netc.load("net A:\n    input x: [4]\n    relu\n\nnet B:\n    input x: [4]\n    relu\n")
    assert spec.names == ("A", "B")
    for wrong in (None, "C"):
        with pytest.raises(KeyError):
            spec.net(wrong)


def test_module_is_a_torch_module_on_a_device() -> None:
    net = netc.load(REPOSITORY / "specs" / "lenet5.net").net()
    module = net.module()
    assert module(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert {p.device.type for p in net.module(device="meta").parameters()} == {"meta"}


def test_a_net_in_a_file_that_is_used_comes_along(tmp_path: Path) -> None:
    (tmp_path / "blocks.net").write_text("block Twice(n):\n    dense n -> relu\n    dense n\n")
    (tmp_path / "net.net").write_text(
        'use "blocks.net": Twice\nnet N:\n    input x: [4]\n    Twice 3\n'
    )
    assert netc.load(tmp_path / "net.net").net().report().params == 27


def test_files_that_use_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text('use "b.net"\nblock A:\n    relu\n')
    (tmp_path / "b.net").write_text('use "a.net"\nblock B:\n    relu\n')
    with pytest.raises(netc.CompileError, match="E0402"):
        netc.load(tmp_path / "a.net")
    (tmp_path / "self.net").write_text('use "self.net"\nblock A:\n    relu\n')
    with pytest.raises(netc.CompileError, match="E0402"):
        netc.load(tmp_path / "self.net")
    (tmp_path / "dots.net").write_text(f'use "../{tmp_path.name}/dots.net"\n')
    with pytest.raises(netc.CompileError):
        netc.load(tmp_path / "dots.net")


@pytest.mark.parametrize("used", ['"missing.net"', '"."', "missing", "a.b.c", '"x"', '"\\\\"'])
def test_uses_that_cannot_be_read_are_findings(used: str, tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text(f"use {used}\n{TEXT}")
    with pytest.raises(netc.CompileError, match="E0207"):
        netc.load(tmp_path / "a.net")


def test_a_device_that_is_not_there_is_said() -> None:
    net = netc.load("net A:\n    input x: [2]\n    dense 3\n").net()
    with pytest.raises(TrainError, match="PyTorch cannot use the device `nowhere` here"):
        net.module("nowhere")
