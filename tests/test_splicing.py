"""Lines without a level of their own: `inline`, `sequential`, `when`, blocks handed to blocks."""

from __future__ import annotations

import pytest
import torch
from compiling import errors_of, lines_of, net_of, state_of

from netc.api import NetHandle
from netc.runtime.module import build


def keys(net: NetHandle) -> list[str]:
    """The keys of the weights, without those of biases."""
    return [k.removesuffix(".weight") for k in state_of(net) if k.endswith(".weight")]


def outputs_agree(net: NetHandle) -> None:
    """The emitted file runs, and gives the shape that the compiler says."""
    report = net.report()
    module = build(net.source(), net.name).eval()
    result = module(*(torch.zeros(2, *tensor.shape) for _, tensor in report.inputs))
    assert tuple(result.shape) == (2, *report.outputs[0][1].shape)


# -- sequential


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("sequential: dense 3", ["sequential1.0"]),
        ("s = sequential: dropout 0.5 -> dense 3", ["s.1"]),
        ("s = sequential:\n    dense 3 -> relu\n    dense 2", ["s.0", "s.2"]),
        ("s = sequential:\n    dense 3\n    sequential: relu -> dense 2", ["s.0", "s.1.1"]),
        ("s = sequential:\n    residual: dense 4\n    dense 2", ["s.0.dense1", "s.1"]),
        ("s = sequential:\n    relu\n    inline repeat 2: dense 4 -> relu", ["s.1", "s.3"]),
        ("s = sequential:\n    repeat 2: dense 4\n    dense 3", ["s.0.0", "s.0.1", "s.1"]),
        ("s = sequential:\n    when 1 > 2: dense 4\n    dense 3", ["s.0"]),
        ("repeat 2: sequential: relu -> dense 4", ["repeat1.0.1", "repeat1.1.1"]),
        ("b = relu -> sequential: dense 3 -> relu -> dense 2", ["b.0", "b.2"]),
        (
            "parallel join=add:\n    b = branch: sequential: relu -> dense 3\n"
            "    c = branch: relu -> dense 3",
            ["b.1", "c"],
        ),
    ],
)
def test_sequential_numbers_its_layers_by_their_places(lines: str, expected: list[str]) -> None:
    net = lines_of(lines, "[4]")
    assert keys(net) == expected
    outputs_agree(net)


def test_a_sequential_without_weights_adds_nothing() -> None:
    assert keys(lines_of("sequential: relu -> dropout 0.1\ndense 2", "[4]")) == ["dense1"]


def test_a_sequential_of_layers_that_no_nn_sequential_holds_runs_all_the_same() -> None:
    """`pad=same` with a stride pads in `forward`."""
    net = lines_of(
        "a = sequential:\n"
        "    conv 4, 4x4, pad=same -> relu\n"
        "    sequential: conv 4, 2x2, pad=same -> relu -> conv 5, 1x1\n"
        "repeat 2: sequential: conv 6, 3x3, pad=same, stride=2 -> relu",
        "[3, 9, 9]",
    )
    assert keys(net) == ["a.0", "a.2.0", "a.2.2", "repeat1.0.0", "repeat1.1.0"]
    outputs_agree(net)


def test_a_named_layer_in_a_sequential_is_refused() -> None:
    (error,) = errors_of("net N:\n    input x: [4]\n    sequential:\n        a = dense 3\n")
    assert error == (
        "4 E0408 `sequential` numbers its layers, and `a` among them has a name of its own"
    )


# -- inline


STEM = "block Stem(n):\n    first = dense n -> relu\n    dense n\n\n"


def test_an_inline_block_has_no_level_of_names() -> None:
    net = net_of(STEM + "net N:\n    input x: [4]\n    dense 3\n    inline Stem 5\n    dense 2\n")
    assert keys(net) == ["dense1", "first", "dense2", "dense3"]
    outputs_agree(net)


def test_inline_blocks_stand_in_blocks() -> None:
    net = net_of(
        STEM + "block Two(n):\n    inline Stem n\n    last = dense n + 1\n\n"
        "net N:\n    input x: [4]\n    Two 5\n    b = Two 6\n"
    )
    assert keys(net) == [f"{b}.{k}" for b in ("two1", "b") for k in ("first", "dense1", "last")]
    outputs_agree(net)


def test_inline_blocks_whose_names_meet_are_refused() -> None:
    text = STEM + "net N:\n    input x: [4]\n    inline Stem 5\n    inline Stem 6\n"
    (error,) = errors_of(text)
    assert error == "2 E0206 two lines here are called `first`: names are keys in the state dict"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("inline repeat 2: dense 4", ["dense1", "dense2"]),
        ("inline repeat 2: a = dense 4", ["a1", "a2"]),
        ("inline repeat in [3, 4] as n:\n    a = dense n\n    dense n",
         ["a1", "dense1", "a2", "dense2"]),
        ("inline repeat 2:\n    inline repeat 2: a = dense 4", ["a1", "a2", "a3", "a4"]),
        ("inline repeat 2:\n    x1 = in\n    dense 4 -> add x1", ["dense1", "dense2"]),
        ("inline repeat 2:\n    residual:\n        a = dense 3\n        b = shortcut: dense 3",
         ["a1", "b1", "a2", "b2"]),
        ("a = inline repeat 2: dense 4", ["a.0", "a.1"]),
        ("inline repeat 0: dense 4\ndense 3", ["dense1"]),
    ],
)  # fmt: skip
def test_an_inline_repeat_is_as_if_written_out(lines: str, expected: list[str]) -> None:
    net = lines_of(lines, "[4]")
    assert keys(net) == expected
    outputs_agree(net)


def test_inline_before_what_is_no_block_is_refused() -> None:
    (error,) = errors_of("net N:\n    input x: [4]\n    inline dense 3\n")
    assert error == "3 E0209 `inline` stands before a block or a `repeat`, not before `dense`"


# -- when


MAYBE = """
block Maybe(n, norm=no):
    y = in
    dense n
    when norm: batch_norm
    relu
    when in.features == n: add y

net N:
    input x: [4]
    Maybe 4, norm=yes
    Maybe 5
    Maybe 5
    Maybe 6, norm=yes
"""


def test_when_has_its_lines_where_the_condition_holds() -> None:
    net = net_of(MAYBE)
    assert keys(net) == [
        "maybe1.dense1", "maybe1.batch_norm1", "maybe2.dense1", "maybe3.dense1",
        "maybe4.dense1", "maybe4.batch_norm1",
    ]  # fmt: skip
    kinds = [row.layer for row in net.report().rows if row.layer in ("add", "batch_norm")]
    assert kinds == ["batch_norm", "add", "add", "batch_norm"]
    outputs_agree(net)


def test_blocks_that_differ_in_a_when_are_one_class() -> None:
    source = net_of(MAYBE).source()
    assert source.count("class Maybe") == 1
    assert "if norm:" in source
    assert "self.takes_shortcut = in_features == n" in source


def test_the_value_of_a_when_is_the_one_that_is_read() -> None:
    """What the lines of a `when` read twice is not overwritten by them."""
    text = """
    block Twice(deep):
        when deep:
            y = out
            dense 4 -> relu
            dense 4 -> add y
        relu

    net N:
        input x: [4]
        Twice yes
        Twice no
        dense 2
    """
    net = net_of(text)
    module = build(net.source(), "N").eval()
    state = module.state_dict()
    x = torch.randn(3, 4)
    prefix = "twice1.dense"
    inner = torch.relu(x @ state[f"{prefix}1.weight"].T + state[f"{prefix}1.bias"])
    twice = torch.relu(inner @ state[f"{prefix}2.weight"].T + state[f"{prefix}2.bias"] + x)
    expected = twice @ state["dense1.weight"].T + state["dense1.bias"]
    torch.testing.assert_close(module(x), expected)


def test_names_of_a_when_are_known_inside_only() -> None:
    text = "net N:\n    input x: [4]\n    when 2 > 1:\n        a = dense 3\n    dense 2 -> add a\n"
    assert errors_of(text)[0].startswith("5 E0202 `a` is bound in a block of lines")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("when 3:", "3 E0210 `when` is yes or no, and this is 3"),
        ("when:", "3 E0205 `when` needs one condition"),
        ("when yes, no:", "3 E0205 `when` needs one condition"),
        ("when if=yes:", "3 E0101"),
    ],
)
def test_a_when_without_a_condition_is_refused(line: str, error: str) -> None:
    found = errors_of(f"net N:\n    input x: [4]\n    {line} dense 4\n")
    assert found[0].startswith(error)


# -- blocks handed to blocks


FAMILY = """
block Plain(n, bias=yes):
    dense n, bias=bias -> relu

block Deep(n):
    dense n -> relu
    dense n -> relu

block Family(unit, count, head=Plain):
    stages = repeat count: unit 8
    last = unit n=6
    head 3

net Shallow:
    input x: [4]
    inline Family Plain, 2

net Deeper:
    input x: [4]
    inline Family Deep, count=1, head=Plain if 2 > 1 else Deep
"""


def test_a_block_is_handed_to_a_block() -> None:
    assert keys(net_of(FAMILY, "Shallow")) == [
        "stages.0.dense1", "stages.1.dense1", "last.dense1", "plain1.dense1",
    ]  # fmt: skip
    assert keys(net_of(FAMILY, "Deeper")) == [
        "stages.0.dense1", "stages.0.dense2", "last.dense1", "last.dense2", "plain1.dense1",
    ]  # fmt: skip
    outputs_agree(net_of(FAMILY, "Shallow"))
    outputs_agree(net_of(FAMILY, "Deeper"))


def test_a_block_without_arguments_is_used_by_its_name_alone() -> None:
    net = net_of(
        "block A:\n    dense 3\n\nblock B(unit):\n    x -> unit\n    unit -> relu\n\n".replace(
            "x -> unit", "unit"
        )
        + "net N:\n    input x: [4]\n    B A\n"
    )
    assert keys(net) == ["b1.a1.dense1", "b1.a2.dense1"]
    outputs_agree(net)


NET = "net N:\n    input x: [4]\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("block A(n):\n    n 3\n\n" + NET + "    A 4\n", "2 E0204 `n` is a value and takes no"),
        ("block A(n):\n    dense n\n\n" + NET + "    A A\n", "2 E0210 `units` of `dense`"),
        (
            "block A(f):\n    f 3\n\nblock B(n):\n    dense n\n\n" + NET + "    A B, 1\n",
            "9 E0204 `A` takes 1 argument",
        ),
        ("block A(f):\n    f 3, 4\n\nblock B(n):\n    dense n\n\n" + NET + "    A B\n", "2 E0204"),
        ("block A(f):\n    f\n\nblock B(n):\n    dense n\n\n" + NET + "    A B\n", "2 E0205"),
        ("block B(n):\n    dense 3\n\n" + NET + "    dense B\n", "6 E0210"),
        ("block B:\n    dense 3\n\n" + NET + "    dense 2*B\n", "6 E0210 `*` takes numbers"),
        (
            "block W(f):\n    f f\n\nblock V(f):\n    f 2\n\n" + NET + "    W V\n",
            "2 E0210 `f` was handed in itself",
        ),
        ("block W(f=W):\n    f\n\n" + NET + "    W\n", "1 E0401 `W` uses itself"),
    ],
)
def test_what_cannot_be_handed_is_refused(text: str, error: str) -> None:
    assert errors_of(text)[0].startswith(error), errors_of(text)


def test_a_net_that_grows_beyond_the_limit_by_handed_blocks_is_refused_at_once() -> None:
    blocks = ["block B0(n):\n    dense n -> relu\n"]
    for level in range(1, 30):
        blocks.append(f"block B{level}(n, unit=B{level - 1}):\n    unit n\n    unit n\n")
    (error,) = errors_of("\n".join([*blocks, NET + "    B29 4\n"]))
    assert "E0405" in error


def test_conditions_stand_in_conditions() -> None:
    text = """
    block Nested(n):
        when n > 4:
            when n != 6:
                inner = dense 4
                repeat 2: dense 4 -> relu
        dense n

    net N:
        input x: [4]
        Nested 4
        repeat in [5, 6, 7] as n: Nested n
    """
    net = net_of(text)
    assert keys(net) == [
        "nested1.dense1", "repeat1.0.inner", "repeat1.0.repeat1.0.dense1",
        "repeat1.0.repeat1.1.dense1", "repeat1.0.dense1", "repeat1.1.dense1", "repeat1.2.inner",
        "repeat1.2.repeat1.0.dense1", "repeat1.2.repeat1.1.dense1", "repeat1.2.dense1",
    ]  # fmt: skip
    outputs_agree(net)
