"""`init auto` and `init SCHEME`: what each layer gets, where it is shown, what is refused."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from compiling import REPOSITORY, errors_of, findings, net_of

from netc.compiler.initialising import AUTO, OTHERS, RECTIFIED, WORDS
from netc.compiler.layers import find, words
from netc.compiler.layers.activations import Activation
from netc.compiler.layers.starting import Init
from netc.compiler.table import table


def schemes(text: str) -> dict[str, str | None]:
    """The scheme of every layer with weights."""
    return {row.path: row.init for row in net_of(text).report().rows if row.params}


def test_every_scheme_of_the_layers_is_a_word() -> None:
    schemes = {word for part in get_args(Init) for word in get_args(part) or [part]}
    assert {AUTO, *schemes} == set(WORDS)
    page = (REPOSITORY / "docs" / "weights.md").read_text(encoding="utf-8")
    assert all(f"{word}`" in page or f"{word}," in page for word in schemes)


@pytest.mark.covers("IN05")
@pytest.mark.parametrize("act", [*RECTIFIED, *OTHERS])
def test_the_next_activation_chooses(act: str) -> None:
    text = f"""
        net N:
            input x: [3, 8, 8]
            init auto
            conv 4, 3x3 -> batch_norm -> max_pool 2x2 -> {act}
            flatten -> dense 5 -> dropout 0.1 -> {act}
            dense 2
    """
    scheme = "he_normal" if act in RECTIFIED else "xavier_normal"
    found = schemes(text)
    assert [found["conv1"], found["dense1"]] == [scheme, scheme]
    assert found["dense2"] == "xavier_normal"


@pytest.mark.covers("IN05")
def test_every_activation_stands_in_the_table() -> None:
    kinds = [find(word) for word in words()]
    acts = {k.kind for k in kinds if k is not None and issubclass(k, Activation)} | {"prelu"}
    assert acts - {"linear"} == {*RECTIFIED, *OTHERS}


@pytest.mark.covers("IN05")
def test_the_way_leads_through_joins_and_blocks() -> None:
    text = """
        use std.vision: Residual

        net N:
            input x: [4, 8, 8]
            init auto
            stem = conv 8, 3x3, pad=1
            r = Residual 8
            global_avg_pool
            dense 4 -> tanh
            dense 4, init=lecun_uniform -> relu
            dense 3
    """
    assert schemes(text) == {
        "stem": "xavier_normal",
        "r.conv1": "he_normal",
        "r.bn1": None,
        "r.conv2": "he_normal",
        "r.bn2": None,
        "dense1": "xavier_normal",
        "dense2": "lecun_uniform",
        "dense3": "xavier_normal",
    }
    source = net_of(text).source()
    assert "self.conv2 = he_normal_weights(" in source
    assert "self.dense2 = lecun_uniform_weights(nn.Linear(4, 4))" in source


def test_one_scheme_for_all() -> None:
    text = """
        net N(deviation=0.02):
            input x: [4, 8, 8]
            init normal, std=deviation
            repeat 2: conv_transpose 64, 4x4
            share unit = conv 64, 1x1
            unit
            unit
    """
    net = net_of(text)
    assert set(schemes(text).values()) == {"normal"}
    torch.manual_seed(0)
    for name, value in net.module().state_dict().items():
        if name.endswith("bias"):
            assert not value.any()
        else:
            assert float(value.std()) == pytest.approx(0.02, rel=0.05)


def test_without_an_init_line_weights_begin_as_pytorch_has_it() -> None:
    text = "net N:\n    input x: [4]\n    dense 3 -> relu\n    dense 2\n"
    assert set(schemes(text).values()) == {None}
    assert "_weights" not in net_of(text).source()
    assert "begin" not in table(net_of(text).report(), net_of(text).graph.module, 3)


def test_the_report_says_it() -> None:
    text = "net N:\n    input x: [4]\n    init auto\n    dense 3 -> relu\n    dense 2\n"
    net = net_of(text)
    shown = table(net.report(), net.graph.module, 3)
    assert (
        "weights begin by he_normal: dense1; xavier_normal: dense2; all others as PyTorch has it"
        in " ".join(shown.split())
    )
    assert [row["init"] for row in net.report().to_json()["layers"]] == [
        "he_normal",
        None,
        "xavier_normal",
    ]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("init", "E0209 `init` takes one word"),
        ("init he_normal, zeros", "E0209 `init` takes one word"),
        ("init 3", "E0209 `init` takes one word"),
        ("init he_normall", "E0201 there is no scheme `he_normall`"),
        ("init normal", "E0205 `init normal` needs the standard deviation"),
        ("init auto, std=0.1", "E0205 `init auto` has one of its own"),
        ("init normal, sd=0.1", "E0203 `init` has no argument `sd`"),
        ("init normal, std=0", "E0210 `std` of `init` should be a number above 0, and is 0"),
        ("init normal, std=wide", "E0202"),
        ("init auto\n    init zeros", "E0206 a net has one `init` line"),
        ("repeat 2:\n        init auto\n        dense 4", "E0209 `init` is about the whole net"),
        ("init auto -> dense 3", "E0209 `init` takes one word"),
    ],
)
def test_wrong_init_lines_are_findings(line: str, error: str) -> None:
    found = errors_of(f"net N:\n    input x: [4]\n    {line}\n    dense 2\n")
    assert any(error in one for one in found), found


def test_init_in_a_block_is_refused() -> None:
    text = "block B:\n    init auto\n    dense 3\n\nnet N:\n    input x: [4]\n    B\n"
    assert [error[:7] for error in errors_of(text)] == ["2 E0209"]


def test_a_misspelt_scheme_names_the_nearest() -> None:
    (finding,) = findings("net N:\n    input x: [4]\n    init he_norml\n    dense 2\n")
    assert finding.hint == "did you mean `he_normal`?"


def test_a_value_may_be_called_init() -> None:
    text = "net N:\n    input x: [4]\n    init = dense 3\n    x -> dense 3 -> add init\n"
    assert net_of(text).report().params == 30
