"""From program to graph: names in the state dict, blocks, repeats, shares, sizes with names."""

from __future__ import annotations

import pytest
from compiling import errors_of, findings, lines_of, net_of, spec_of, state_of


def keys(lines: str, shape: str = "[4]") -> list[str]:
    """The keys of the weights, without those of biases."""
    found = state_of(lines_of(lines, shape))
    return [key.removesuffix(".weight") for key in found if not key.endswith(".bias")]


# -- law 6: a line's name is its key


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("dense 3 -> relu\ndense 2", ["dense1", "dense2"]),
        ("a = dense 3 -> relu", ["a"]),
        ("a = relu -> dense 3", ["a"]),
        ("a = dense 3 -> relu -> dense 2", ["a.0", "a.2"]),
        ("dense1 = dense 3\ndense 2", ["dense1", "dense2"]),
        ("dense 2\ndense1 = dense 3", ["dense2", "dense1"]),
        ("repeat 2: dense 4", ["repeat1.0", "repeat1.1"]),
        ("s = repeat 2: dense 4", ["s.0", "s.1"]),
        ("s = repeat 1:\n    dense 4\n    dense 4", ["s.0.dense1", "s.0.dense2"]),
        ("s = repeat 2: dense 4 -> relu", ["s.0.dense1", "s.1.dense1"]),
        ("residual: dense 4", ["dense1"]),
        ("r = residual: dense 4", ["r.dense1"]),
        ("residual:\n    a = dense 4\n    dense 4", ["a", "dense1"]),
        ("parallel join=add:\n    branch: dense 4\n    branch: dense 4", ["dense1", "dense2"]),
        ("parallel join=add:\n    a = branch: dense 4\n    branch: dense 4", ["a", "dense1"]),
        ("residual:\n    dense 3\n    down = shortcut: dense 3", ["dense1", "down"]),
        ("residual:\n    dense 3\n    shortcut: dense 3", ["dense1", "shortcut1"]),
        ("residual:\n    dense 3\n    d = shortcut: dense 5 -> dense 3", ["dense1", "d.0", "d.1"]),
        ("param p: [4] = ones\nx -> mul p", ["p"]),
        ("share s = dense 4\ns -> s\nrepeat 3: s", ["s"]),
    ],
)
def test_names_in_the_state_dict(lines: str, expected: list[str]) -> None:
    assert keys(lines) == expected


BLOCK = "block FaceEncoder(n=4, bias=yes):\n    first = dense n, bias=bias\n    dense n\n\n"
NET = "net Net:\n    input x: [4]\n"


def test_a_block_adds_a_level_named_like_the_block() -> None:
    found = state_of(
        net_of(BLOCK + NET + "    FaceEncoder\n    FaceEncoder 2, bias=no\n    e = FaceEncoder\n")
    )
    assert list(found) == [
        *(
            f"face_encoder1.{k}"
            for k in ("first.weight", "first.bias", "dense1.weight", "dense1.bias")
        ),
        *(f"face_encoder2.{k}" for k in ("first.weight", "dense1.weight", "dense1.bias")),
        *(f"e.{k}" for k in ("first.weight", "first.bias", "dense1.weight", "dense1.bias")),
    ]


# -- repeats, shares, tuples


def shapes(lines: str, shape: str = "[4]") -> list[tuple[object, ...]]:
    return [row.output.shape for row in lines_of(lines, shape).report().rows]


def test_repeats_count_run_through_numbers_and_lists() -> None:
    assert shapes("repeat 3 as i: dense 2 + i") == [(2,), (3,), (4,)]
    assert shapes("repeat in [8, 16] as n: dense n") == [(8,), (16,)]
    assert shapes("repeat 2 as i:\n    repeat 2 as j: dense 1 + 2*i + j") == [
        (1,),
        (2,),
        (3,),
        (4,),
    ]
    assert shapes("dense 3\nrepeat 0: dense 9\ndense 2") == [(3,), (2,)]


def test_shared_modules_are_counted_once() -> None:
    net = lines_of("share s = dense 4\ns -> relu -> s", "[4]")
    assert [row.params for row in net.report().rows] == [20, 0, 0]
    assert net.report().params == 20


@pytest.mark.parametrize(
    ("join", "shape"),
    [("add", (4, 5)), ("mul", (4, 5)), ("concat", (4, 10)), ("stack", (2, 4, 5))],
)
def test_each_join_of_branches(join: str, shape: tuple[int, ...]) -> None:
    lines = f"parallel join={join}:\n    branch: dense 5\n    branch: dense 5 -> relu"
    assert shapes(lines, "[4, 3]")[-1] == shape


def test_tuples_join_values_by_name() -> None:
    assert shapes("a = dense 3\nb = x -> dense 3\n(a, b, a) -> concat")[-1] == (9,)


def test_several_outputs_keep_their_names_and_order() -> None:
    report = net_of(NET + "    output b = dense 3\n    output a = x -> dense 2\n").report()
    assert [(name, t.shape) for name, t in report.outputs] == [("b", (3,)), ("a", (2,))]


# -- sizes with names

UNET = """
block Double(width):
    conv width, 3x3, pad=1 -> relu

net UNet(width=4):
    input image: [3, H, W]
    a = Double width
    max_pool 2x2
    b = Double 2*width
    max_pool 2x2 -> Double 4*width
    conv_transpose 2*width, 2x2, stride=2 -> concat b -> Double 2*width
    conv_transpose width, 2x2, stride=2 -> concat a -> Double width
    conv 2, 1x1 -> [2, H, W]
"""


def test_a_u_net_reports_its_condition() -> None:
    assert net_of(UNET).report().conditions == ("H and W must be multiples of 4",)
    assert net_of(UNET, H=32, W=64).report().conditions == ()
    assert "E0310" in " ".join(errors_of(UNET, H=30, W=64))


def test_sizes_with_names_flow_through() -> None:
    assert str(shapes("conv 8, 3x3, stride=2, pad=1", "[3, H, 9]")[0][1]) == "⌊(H − 1)/2⌋ + 1"
    assert [str(s) for s in shapes("lstm 5 -> dense 2", "[T, 3]")[-1]] == ["T", "2"]
    assert lines_of("conv 8, 3x3", "[3, H, 9]").report().params == 224


def test_conditions_that_exclude_each_other_are_said() -> None:
    lines = "flatten"
    text = f"net N:\n    input x: [1, H]\n    {lines} -> [H]\n    reshape [1, H]\n"
    assert findings(text) == () or not errors_of(text)


# -- errors without cascades


def test_one_mistake_is_one_error() -> None:
    body = "    conv 8, 99x99 -> relu\n    a = max_pool 2x2\n    (a, out) -> concat\n"
    body += "    flatten\n    dense 3\n"
    assert len(errors_of("net N:\n    input x: [3, 8, 8]\n" + body)) == 1
    assert (
        len(errors_of("net N:\n    input x: [3, 8, 8]\n    repeat 5: conv 8, 99x99\n    dense 3\n"))
        == 1
    )


def test_an_error_in_a_block_is_said_once_with_a_use() -> None:
    text = "block B:\n    conv 8, 9x9\n\nnet N:\n    input x: [3, 4, 4]\n    B\n    B\n    B\n"
    (found,) = [d for d in findings(text) if d.severity == "error"]
    assert found.span.line == 2
    assert [label.span.line for label in found.labels][-1] == 6


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("params == 15", True),
        ("params != 15", False),
        ("params <= 1e3", True),
        ("params == 10..20", True),
        ("params == 16..20", False),
        ("10 < params < 15", False),
        ("params == 5*n", True),
        ("macs == 12", True),
        ("flops == 24", True),
        ("output == [3]", True),
        ("output == [n]", True),
        ("output == [4]", False),
        ("memory <= 100", True),
        ("memory.weights == 60", True),
        ("memory.inference == 28", True),
        ("memory.training == 10..100", True),
        ("depth == 1", True),
        ("layers == 1", True),
        ("params.frozen == 0", True),
        ("params == 15 and macs == 13", False),
    ],
)
def test_claims_are_judged(claim: str, holds: bool) -> None:
    spec = spec_of(f"net N(n=3):\n    input x: [4]\n    dense n\n    expect {claim}\n")
    assert spec.net().report().claims[0].holds == holds
    assert any(d.code == "E0502" for d in spec.diagnostics) != holds


@pytest.mark.parametrize(
    ("claim", "holds"), [("[5, 5]", True), ("5", True), ("7", False), ("[5, 3]", False)]
)
def test_a_receptive_field_is_a_number_or_one_for_each_axis(claim: str, holds: bool) -> None:
    text = "net N:\n    input x: [1, 9, 9]\n    conv 1, 3x3\n    conv 1, 3x3\n"
    spec = spec_of(f"{text}    expect receptive_field == {claim}\n")
    assert [c.holds for c in spec.net().report().claims] == [holds]


@pytest.mark.parametrize(
    "claim", ["params = 15", "parms == 15", "params == clases", "params", "output <= 3", "x == [4]"]
)
def test_a_claim_that_cannot_be_judged_is_an_error(claim: str) -> None:
    assert errors_of(f"net N:\n    input x: [4]\n    dense 3\n    expect {claim}\n")


def test_claims_about_sizes_with_names() -> None:
    text = "net N(n=3):\n    input x: [T, 4]\n    dense n\n"
    assert not errors_of(text + "    expect output == [T, n]\n")
    assert not errors_of(text + "    expect macs == 12*T\n")
    assert "E0503" in errors_of(text + "    expect macs <= 100\n")[0]
    assert "E0502" in errors_of(text + "    expect output == [T + 1, n]\n")[0]


@pytest.mark.covers("CV09")
def test_the_depth_that_a_filter_reads_is_inferred_and_can_be_claimed() -> None:
    text = (
        "net N:\n    input image: [3, 6, 6]\n    image -> [{n}, 6, 6] -> conv 1, 3x3 -> [1, 4, 4]\n"
    )
    assert spec_of(text.format(n=3)).net().report().rows[0].params == 3 * 3 * 3 + 1
    (error,) = errors_of(text.format(n=1))
    assert error == "3 E0501 the claim [1, 6, 6] is false: here flows [3, 6, 6]"
