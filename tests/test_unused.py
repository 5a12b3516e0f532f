"""W0201 beyond parameters: values, inputs, blocks and imports that change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY, TESTS, findings, net_of

from netc.api import read
from netc.compiler.edits import applied

HEAD = "net A:\n    input image: [3, 32, 32]\n"
SHIPPED = sorted(
    file
    for folder in ("specs", "docs/examples", "tests/tour")
    for file in (REPOSITORY / folder).rglob("*.net")
)


def said(text: str) -> list[str]:
    """The warnings as `line message`; there must be no errors."""
    found = findings(text)
    assert not [d.message for d in found if d.severity == "error"]
    return [f"{d.span.line} {d.message}" for d in found if d.code == "W0201"]


def test_a_value_that_no_output_depends_on() -> None:
    text = HEAD + "    a = conv 4, 3x3\n    b = a -> conv 1000, 3x3\n    a -> flatten -> dense 10\n"
    # (3·3·3 + 1)·4 + (3·3·4 + 1)·1000 + (4·30·30 + 1)·10
    assert said(text) == ["4 `b` is never used: 37,000 of the 73,122 parameters do nothing"]


def test_what_leads_to_a_dead_value_alone_is_counted_with_it() -> None:
    text = HEAD + (
        "    a = conv 4, 3x3\n    b = a -> conv 8, 1x1\n    b -> conv 2, 1x1 -> relu\n"
        "    a -> flatten -> dense 10\n"
    )
    # (4 + 1)·8 + (8 + 1)·2
    assert said(text) == [
        "5 nothing reads what `relu` gives: 58 of the 36,180 parameters do nothing"
    ]


def test_dead_weights_get_no_gradient() -> None:
    text = HEAD + "    a = conv 4, 3x3\n    b = a -> conv 9, 3x3\n    a -> flatten -> dense 10\n"
    module = net_of(text).module()
    module(torch.zeros(1, 3, 32, 32)).sum().backward()
    without = sum(p.numel() for p in module.parameters() if p.grad is None)
    assert f"{without} of the" in said(text)[0]


@pytest.mark.parametrize(
    ("lines", "unread"),
    [
        ("repeat 2 as i: dense 3*i + 3", []),
        ("repeat 2 as i: dense 3", ["3 i"]),
        ("repeat 2 as i:\n        when i == 0: dense 3\n        relu", []),
        ("repeat 2 as i:\n        repeat i + 1 as j: dense 3 -> relu", ["4 j"]),
        ("repeat 2 as i:\n        repeat 2 as i: dense 3*i + 3", ["3 i"]),
        ("repeat 2 as i:\n        repeat 2 as i: dense 3\n        dense 3*i + 3", ["4 i"]),
        ("repeat 2 as i: dense 3*i + 3\n    repeat 2 as i: dense 3", ["4 i"]),
        ("repeat 2 as i: dense 3\n    repeat 2 as i: dense 3*i + 3", ["3 i"]),
        ("inline repeat 2 as i: dense 3", ["3 i"]),
        ("repeat in [3, 4] as n: dense 3", ["3 n"]),
        ("all = repeat 2 as i: Wide i + 1", []),
    ],
)
def test_the_name_of_rounds_is_read_by_its_own_lines(lines: str, unread: list[str]) -> None:
    text = f"net A:\n    input x: [4]\n    {lines}\n    dense 4\n"
    text += "block Wide(n):\n    dense 4*n\n" if "Wide" in lines else ""
    found = [d for d in findings(text) if d.code == "W0201"]
    assert [f"{d.span.line} {d.span.text}" for d in found] == unread
    for finding in found:
        without = applied(finding.span.source, finding.edits)
        assert " as " not in without.splitlines()[finding.span.line - 1]
        assert said(without) == said(text)[: len(found) - 1]


def test_a_parameter_is_not_read_by_rounds_of_its_name() -> None:
    text = "net A(i=3):\n    input x: [4]\n    repeat 2 as i: dense 4*i + 4\n"
    assert said(text) == ["1 `i` is never used"]


def test_a_block_that_is_dead_as_a_whole() -> None:
    text = (
        "block Two(n):\n    dense n -> relu -> dense n\n"
        "net A:\n    input x: [4]\n    aux = Two 8\n    x -> Two 3\n"
    )
    assert said(text) == ["5 `aux` is never used: 112 of the 139 parameters do nothing"]


def test_a_learned_tensor() -> None:
    text = HEAD + "    param scale: [7] = ones\n    flatten -> dense 2\n"
    assert said(text) == ["3 `scale` is never used: 7 of the 6,153 parameters do nothing"]


def test_a_dead_value_in_some_places_only_is_meant() -> None:
    text = (
        "block Two(n, aux):\n    a = dense n -> relu\n    when aux == 1: a -> dense 2\n"
        "net A:\n    input x: [4]\n    Two 8, 0\n    Two 8, 1\n"
    )
    assert said(text) == []


def test_what_a_condition_that_does_not_hold_reads_is_meant() -> None:
    text = (
        "net A(wide=0):\n    input x, side: [4]\n    b = side -> dense 3\n    x -> dense 4\n"
        "    when wide == 1: (out, b) -> concat\n"
    )
    assert said(text) == []


def test_an_input() -> None:
    assert said("net A:\n    input x, mask: [4]\n    x -> dense 3\n") == [
        "2 no layer reads the input `mask`"
    ]
    assert said("net A:\n    input x, m: [3, 8, 8]\n    x -> conv m.channels, 3x3\n") == []


def test_a_name_for_what_has_a_name() -> None:
    assert said("net A:\n    input x: [4]\n    skip = x\n    dense 4\n") == [
        "3 `skip` is never used"
    ]
    assert said("net A:\n    input x: [4]\n    skip = x\n    dense 4\n    add skip\n") == []
    assert said("net A:\n    input x: [4]\n    first = dense 4\n    pooled = relu\n") == []


def test_blocks_of_a_library_are_there_for_others() -> None:
    block = "block Old(n):\n    dense n\n"
    net = "net A:\n    input x: [4]\n    dense 3\n"
    assert said(block) == []
    assert said(block + net) == ["1 the block `Old` is never used by a net of this file"]
    assert said(f"allow W0201\n{block}{net}") == []
    assert said(f"block Old(n):\n    allow W0201\n    dense n\n{net}") == []
    other = "block Other(f=Old):\n    f 3\n"
    assert said(block + other + net) == ["3 the block `Other` is never used by a net of this file"]


def test_imports() -> None:
    net = "net A:\n    input image: [3, 8, 8]\n    "
    assert said(f"use std.vision: Residual\n{net}conv 2, 3x3\n") == ["1 `Residual` is never used"]
    assert said(f"use std.vision\n{net}conv 2, 3x3\n") == ["1 nothing of `std.vision` is used"]
    some = said(f"use std.vision: Residual, SeparableConv\n{net}SeparableConv 4, 3x3\n")
    assert some == ["1 `Residual` is never used"]


def test_nothing_follows_from_an_error() -> None:
    text = "use std.vision: Residual\nblock Old(n):\n    dense n\n" + HEAD + "    cnv 3\n"
    assert {d.code for d in findings(text)} == {"E0201"}


def test_claims_keep_the_author_in_charge() -> None:
    lines = "    a = conv 4, 3x3\n    b = a -> conv 9, 3x3\n    a -> flatten -> dense 10\n"
    (free,) = findings(HEAD + lines)
    (claimed,) = findings(HEAD + lines + "    expect params == 36_455\n")
    assert free.edits and not claimed.edits


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_no_shipped_spec_has_anything_unused(file: Path) -> None:
    known = {"08_transformer.net": ["`drop` is never used"]}  # as the tour writes it
    found = [d.message for d in read(file, {}).diagnostics if d.code == "W0201"]
    assert found == known.get(file.name, []) or file.parent == TESTS / "nets"
