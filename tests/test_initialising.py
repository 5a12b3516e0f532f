"""How layers begin: by what follows, by the net's line, by their own word; where it is shown.

What the emitted file draws is told in test_starting_lines.py, variances in
layers/test_starting.py.
"""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
import torch
from compiling import REPOSITORY, errors_of, findings, lines_of, net_of

from netc.api import NetHandle
from netc.compiler.columns import columns
from netc.compiler.entries import folded
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
            stem = conv 8, 3x3, pad=1
            r = Residual 8
            global_avg_pool
            dense 4 -> tanh
            dense 4, init=lecun_uniform -> relu
            dense 3
    """
    assert schemes(text) == {
        "stem": "he_normal",
        "r.conv1": "he_normal",
        "r.bn1": None,
        "r.conv2": "he_normal",
        "r.bn2": None,
        "dense1": "xavier_normal",
        "dense2": "lecun_uniform",
        "dense3": "xavier_normal",
    }


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


def test_init_auto_says_what_holds_anyway() -> None:
    text = "net N:\n    input x: [4]\n{}    dense 3 -> relu\n    dense 2\n"
    plain, said = net_of(text.format("")), net_of(text.format("    init auto\n"))
    assert plain.source() == said.source()
    assert plain.report().to_json()["init"] == said.report().to_json()["init"]


def test_init_torch_leaves_all_weights_to_pytorch() -> None:
    net = net_of("net N:\n    input x: [4]\n    init torch\n    dense 3 -> relu\n    dense 2\n")
    assert {row.init for row in net.report().rows} == {None}
    assert "nn.init" not in net.source()
    assert shown(net) == "weights begin as PyTorch has it"


def test_a_layer_says_another_scheme_than_its_net() -> None:
    text = """
        net N:
            input x: [4]
            init torch
            dense 3, init=he_uniform -> relu
            dense 2
    """
    assert schemes(text) == {"dense1": "he_uniform", "dense2": None}
    assert shown(net_of(text)) == ("weights begin as PyTorch has it; as told: he_uniform 1 layer")
    text = "net N:\n    input x: [4]\n    dense 3, init=torch -> relu\n    dense 2\n"
    assert schemes(text) == {"dense1": None, "dense2": "xavier_normal"}


NEXT = {
    "a branch that is joined before the relu": (
        "conv 4, 1x1\n(out, x) -> concat -> relu",
        ["he_normal"],
    ),
    "a residual's last layer: the relu stands after the sum": (
        "residual:\n    a = conv 3, 1x1 -> tanh\n    b = conv 3, 1x1\nrelu",
        ["xavier_normal", "he_normal"],
    ),
    "a value that a layer and a join read: the join leads to the relu": (
        "conv 3, 1x1\nresidual: conv 3, 1x1 -> relu\nrelu",
        ["he_normal", "he_normal"],
    ),
    "two readers: the first in the text that leads to an activation": (
        "v = conv 3, 1x1\na = v -> tanh\nb = v -> relu\n(a, b) -> add",
        ["xavier_normal"],
    ),
    "an output on the way": (
        "v = conv 3, 1x1\noutput side = v\nv -> relu",
        ["he_normal"],
    ),
    "no activation: linear in linear": ("conv 3, 1x1\nconv 3, 1x1", ["xavier_normal"] * 2),
    "an activation behind the next matrix is not the next": (
        "conv 3, 1x1\nconv 3, 1x1 -> relu",
        ["xavier_normal", "he_normal"],
    ),
    "norms with a scale for each position are passed": (
        "conv 3, 1x1 -> layer_norm axes=3 -> relu",
        ["he_normal"],
    ),
    "so is a pool with weights": ("conv 3, 1x1 -> trainable_avg_pool 2x2 -> relu", ["he_normal"]),
    "a repeat: the last round's activation is the next one's": (
        "repeat 2: relu -> conv 3, 1x1",
        ["he_normal", "xavier_normal"],
    ),
    "softmax": ("conv 3, 1x1 -> softmax axis=0", ["xavier_normal"]),
    "a shared layer begins as its first use asks": (
        "share unit = conv 3, 1x1\nunit -> tanh\nunit -> relu",
        ["xavier_normal"],
    ),
    "a depthwise layer, a table": (
        "depthwise_conv 3x3 -> table_conv [[0, 1], [2]], 3x3 -> relu",
        ["xavier_normal", "he_normal"],
    ),
    "a transposed convolution keeps PyTorch's": ("conv_transpose 3, 1x1 -> relu", [None]),
}


@pytest.mark.covers("IN05")
@pytest.mark.parametrize("case", NEXT)
def test_what_counts_as_the_next_activation(case: str) -> None:
    lines, wanted = NEXT[case]
    rows = {row.path: row for row in lines_of(lines, "[3, 8, 8]").report().rows}
    found = [row.init for row in rows.values() if row.layer.endswith(("conv", "transpose"))]
    assert found == wanted


@pytest.mark.covers("IN05")
def test_a_block_begins_by_where_it_stands() -> None:
    text = """
        block Unit(width):
            conv width, 1x1 -> batch_norm

        net N:
            input x: [3, 8, 8]
            a = Unit 4 -> relu
            b = Unit 4 -> tanh
    """
    found = schemes(text)
    assert [scheme for key, scheme in found.items() if "conv" in key] == [
        "he_normal",
        "xavier_normal",
    ]


def shown(net: NetHandle) -> str:
    """The report's line on how weights begin; empty if there is none."""
    lines = table(net.report(), net.graph.module, 3).splitlines()
    return next((line for line in lines if line.startswith("weights begin")), "")


def test_the_report_says_it() -> None:
    net = net_of("""
        net N:
            input x: [4]
            dense 3 -> relu
            dense 3 -> relu
            dense 3, init=normal, std=0.1
            dense 2
    """)
    assert shown(net) == (
        "weights begin by the next activation: he_normal 2 layers, xavier_normal 1; "
        "as told: normal 1 layer"
    )
    entry = net.report().to_json()
    assert entry["init"] == {
        "rule": "auto",
        "schemes": [
            {"scheme": "he_normal", "layers": 2, "told": False},
            {"scheme": "xavier_normal", "layers": 1, "told": False},
            {"scheme": "normal", "layers": 1, "told": True},
        ],
    }
    assert [row["init"] for row in entry["layers"]] == [
        "he_normal",
        None,
        "he_normal",
        None,
        "normal",
        "xavier_normal",
    ]
    column = columns()["init"]
    entries = folded(net.report(), net.graph.module, 3)
    assert [column.value(entry, net.report()) for entry in entries][:2] == ["he_normal", ""]


def test_a_scheme_for_all_is_shown_as_such() -> None:
    text = "net N:\n    input x: int[T]\n    init normal, std=0.02\n    embedding 9, 4\n    gru 4\n"
    assert shown(net_of(text)) == "weights begin by normal: 2 layers"
    assert shown(net_of(text.replace("normal, std=0.02", "he_normal"))) == (
        "weights begin by he_normal: 1 layer"
    )
    assert shown(net_of("net N:\n    input x: [4]\n    relu\n")) == ""
    assert shown(net_of("net N:\n    input x: [T, 4]\n    lstm 3\n")) == ""


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


def test_netc_check_does_not_ask_how_weights_begin() -> None:
    code = (
        "import sys\nfrom netc.checking import check, request_of\n"
        "check(request_of([sys.argv[1]]))\n"
        "print('netc.compiler.initialising' in sys.modules)\n"
    )
    file = str(REPOSITORY / "specs" / "lenet5.net")
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
