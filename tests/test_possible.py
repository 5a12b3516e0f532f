"""Conditions on sizes against trying every size: what is said holds, and nothing else."""

from __future__ import annotations

import re
from itertools import product

import pytest
from compiling import REPOSITORY, errors_of, findings, lines_of, net_of, spec_of
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from netc.compiler.conditions import Only, Remainders
from netc.compiler.conditions import holds as holds_in
from netc.compiler.diagnostics import Log
from netc.compiler.elaborate import elaborate
from netc.compiler.possible import solvable
from netc.compiler.sizes import Size, evaluate, floor_div, names_in, shape_spec_text, symbol

SIZES = range(1, 201)
WINDOWS = (
    "conv 2, 3, pad=1",
    "conv 2, 3",
    "conv 2, 2, stride=2",
    "conv 2, 3, stride=2, pad=1",
    "max_pool 2",
    "max_pool 2, stride=3",
    "avg_pool 3, stride=2, ceil=yes",
    "conv_transpose 2, 2, stride=2",
    "conv_transpose 2, 3, stride=2, pad=1",
    "conv_transpose 2, 2",
    "conv_transpose 2, 4, stride=4",
    "instance_norm",
    "transpose -> positions learned, max=40 -> transpose",
    "transpose -> positions learned, max=7 -> transpose",
)
CLAIMS = ("[2, L]", "[2, L//2]", "[2, 2*(L//4)]", "[2, 7]", "[2, 8]", "[2, L - 2]")


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Windows over a sequence, with jumps back to values that went by, and claims between."""
    found = ["v0 = conv 2, 1"]
    for number in range(1, draw(st.integers(2, 6))):
        kind = draw(st.sampled_from(["window", "window", "window", "join", "join", "claim"]))
        if kind == "window":
            found.append(f"v{number} = {draw(st.sampled_from(WINDOWS))}")
        elif kind == "join":
            back = draw(st.integers(0, number - 1))
            found.append(f"v{number} = (v{back}, out) -> add")
        else:
            found.append(f"v{number} = conv 2, 1 -> {draw(st.sampled_from(CLAIMS))}")
    return found


def net_text(body: list[str]) -> str:
    return "net N:\n    input x: [2, L]\n" + "".join(f"    {line}\n" for line in body)


def fitting(text: str) -> list[int]:
    """The sizes for which the net is built with numbers in the place of names."""
    program = spec_of(text)._program
    found = []
    for size in SIZES:
        log = Log()
        if elaborate(program, "N", {"L": size}, log) is not None and not log.has_errors:
            found.append(size)
    return found


def holds(condition: str, size: int) -> bool:
    """Whether a condition, as it is said, holds for a size."""
    said = condition.removeprefix("L ").removeprefix("must be ")
    if (found := re.fullmatch(r"divided by (\d+) must leave (.*)", said)) is not None:
        return size % int(found[1]) in map(int, found[2].split(", "))
    if (found := re.fullmatch(r"(?:(\d+) more than )?a multiple of (\d+)", said)) is not None:
        return size % int(found[2]) == int(found[1] or 0)
    if said in ("even", "odd"):
        return size % 2 == (said == "odd")
    if said.startswith("at least "):
        return size >= int(said.removeprefix("at least "))
    if said.startswith("at most "):
        return size <= int(said.removeprefix("at most "))
    ends = [part.split(" to ") for part in re.split(r", | or ", said)]
    return any(int(part[0]) <= size <= int(part[-1]) for part in ends)


@settings(max_examples=60, deadline=None)
@given(lines())
def test_the_sizes_that_are_said_to_fit_are_those_that_do(body: list[str]) -> None:
    text = net_text(body)
    spec = spec_of(text)
    wrong = [d for d in spec.diagnostics if d.severity == "error"]
    event("no size" if wrong else "some sizes")
    fits = fitting(text)
    if wrong:
        assert {d.code for d in wrong} <= {"E0310", "E0501", "E0305"}
        assert fits == []
        return
    conditions = spec.net().report().conditions
    assert fits == [size for size in SIZES if all(holds(one, size) for one in conditions)]


# -- single mistakes


UNET = """
net N:
    input image: [1, H, W]
    a = conv 4, 3x3, pad=1
    b = max_pool {down} -> conv 8, 3x3, pad=1
    max_pool 2x2 -> conv 16, 3x3, pad=1
    conv_transpose 8, 2x2, stride={up} -> concat b -> conv 8, 3x3, pad=1
    conv_transpose 4, 2x2, stride={last} -> concat a
    conv 2, 1x1 -> [2, H, W]
"""


def test_a_u_net_has_its_condition() -> None:
    text = UNET.format(down="2x2", up=2, last=2)
    assert net_of(text).report().conditions == ("H and W must be multiples of 4",)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (("2x2", 2, 1), 8),
        (("2x2", 2, 4), 8),
        (("2x2, stride=3", 2, 2), 8),
        (("2x2, stride=1", 2, 2), 8),
    ],
)
def test_a_join_that_holds_for_no_size_is_an_error_there(
    values: tuple[str, int, int], line: int
) -> None:
    down, up, last = values
    errors = [
        d for d in findings(UNET.format(down=down, up=up, last=last)) if d.severity == "error"
    ]
    assert [(d.code, d.span.line) for d in errors] == [("E0310", line)]
    histories = [label for label in errors[0].labels if " gives [" in label.text]
    assert len({(label.span.line, label.span.column) for label in histories}) == 2
    assert "whatever H" in errors[0].message or "no size is left" in errors[0].message


def test_the_layers_of_the_u_net_of_the_paper_need_each_stride() -> None:
    text = (REPOSITORY / "specs/vision/unet.net").read_text(encoding="utf-8")
    text = re.sub(r" +-> \[(?!classes).*|    expect .*\n", "", text)  # the joins alone
    assert errors_of(text) == []
    for stride in (1, 3, 4):
        up = text.replace("2x2, stride=2", f"2x2, stride={stride}")
        assert "E0310" in " ".join(errors_of(up))
    first, *others = text.split("max_pool 2x2")
    for number in range(len(others)):
        pools = ["max_pool 2x2"] * len(others)
        pools[number] = "max_pool 2x2, stride=3"
        wrong = first + "".join(map("".join, zip(pools, others, strict=True)))
        if number < 3:
            assert "E0310" in " ".join(errors_of(wrong))
        else:  # of the lowest level 2 positions become 1 and then 2 again
            assert net_of(wrong).report().conditions == ("H and W must be 16",)


@pytest.mark.parametrize("up", [1, 4])
def test_a_join_that_holds_for_few_sizes_says_which(up: int) -> None:
    report = net_of(UNET.format(down="2x2", up=up, last=2)).report()
    assert report.conditions == ("H and W must be 4",)
    body = ["v0 = conv 2, 1", "conv_transpose 2, 4, stride=4, pad=2", "max_pool 3"]
    text = net_text([*body, "(v0, out) -> add"])
    assert net_of(text).report().conditions == ("L must be 4 to 6",)
    assert fitting(text) == [4, 5, 6]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (["max_pool 32", "conv 2, 1 -> [2, 7]"], ("L must be 224 to 255",)),
        (["max_pool 2 -> [2, 3]", "conv 2, 1 -> [2, L//2]"], ("L must be 6 or 7",)),
    ],
)
def test_claimed_numbers_leave_few_sizes(body: list[str], said: tuple[str, ...]) -> None:
    assert net_of(net_text(body)).report().conditions == said


@pytest.mark.parametrize(
    ("shape", "lines", "said"),
    [
        ("[T, 4]", ["positions learned, max=7"], ("T must be at most 7",)),
        ("[4, T]", ["max_pool 2 -> transpose", "positions learned, max=7"],
         ("T must be at least 2", "T must be at most 15")),
        ("[2, T]", ["instance_norm"], ("T must be at least 2",)),
        ("[2, H, W]", ["instance_norm affine=yes"], ("H·W must be at least 2",)),
        ("[1, D, D, W]", ["avg_pool 3, stride=1, pad=1"], ("D and W must be at least 3",)),
        ("[1, D, D, W]", ["avg_pool 3, stride=1, pad=same"], ("D and W must be at least 3",)),
        ("[1, D, D, W]", ["avg_pool 2, stride=1, pad=same"], ()),
        ("[1, H, W]", ["reshape [1, H*W] -> max_pool 3"], ("H·W must be at least 3",)),
        ("[1, H, W]", ["conv 2, 5 -> flatten"], ("H and W must be at least 5",)),
    ],
)  # fmt: skip
def test_what_layers_ask_of_open_sizes_is_said(
    shape: str, lines: list[str], said: tuple[str, ...]
) -> None:
    net = lines_of("\n".join(lines), shape)
    assert net.report().conditions == said
    names = sorted({name for _, t in net.report().inputs for s in t.shape for name in names_in(s)})
    for values in product(range(1, 18), repeat=len(names)):
        sizes, log = dict(zip(names, values, strict=True)), Log()
        built = elaborate(net.spec._program, "Net", {**sizes}, log)
        assert (built is not None) == all(holds_in(one, sizes) for one in net.graph.asked)


def test_a_layer_that_takes_none_of_the_sizes_left_is_an_error() -> None:
    (error,) = errors_of(net_text(["conv 4, 9 -> transpose", "positions learned, max=5",
                                   "transpose -> conv 4, 9"]))  # fmt: skip
    assert error.startswith("5 E0305") and "L must be at most 13" in error
    body = ["v0 = conv 4, 1", "max_pool 8 -> conv_transpose 4, 8, stride=8 -> add v0", "transpose"]
    (error,) = errors_of(net_text([*body, "positions learned, max=7"]))
    assert error.startswith("6 E0305") and "does not take" in error
    assert "L must be a multiple of 8; L must be at most 7" in error
    (error,) = errors_of(net_text(["conv 4, 9 -> [4, 1]", "instance_norm"]))
    assert error.startswith("4 E0305") and "L must be 9" in error
    text = "net N:\n    input x: [T, 4]\n    input y: [9, 4]\n    (x, y) -> concat axis=0"
    (error,) = errors_of(text + " -> positions learned, max=9\n")
    assert "E0314" in error and "has T + 9" in error


def test_a_claim_for_more_places_than_were_learned_is_not_judged() -> None:
    text = "positions learned, max=7\ndense 3\nexpect macs == 108, T=9"
    spec = spec_of("net N:\n    input x: [T, 4]\n    " + text.replace("\n", "\n    ") + "\n")
    assert "the net does not take T=9: T must be at most 7" in spec.diagnostics[-1].message


def test_two_joins_that_exclude_each_other_are_told_with_both_places() -> None:
    body = [
        "a = conv 2, 1",
        "max_pool 2 -> conv_transpose 2, 2, stride=2",
        "(a, out) -> add",
        "max_pool 3, stride=2 -> conv_transpose 2, 3, stride=2",
        "(a, out) -> add",
    ]
    (wrong,) = [d for d in findings(net_text(body)) if d.severity == "error"]
    assert (wrong.code, wrong.span.line) == ("E0310", 7)
    assert "L must be odd for that, and before L must be even" in wrong.message
    assert (5, "here L must be even") in [(label.span.line, label.text) for label in wrong.labels]


def test_a_layer_below_that_none_of_the_sizes_left_reaches_is_an_error() -> None:
    body = ["max_pool 2 -> [2, 7]", "conv 2, 1 -> [2, 7]", "max_pool 16"]
    (error,) = errors_of(net_text(body))
    assert error.startswith("5 E0305") and "L must be 14 or 15" in error


@pytest.mark.parametrize(
    ("claims", "wrong"),
    [
        (["[1, W, H]"], ""),
        (["[1, W, H]", "[1, 7, 8]"], "W must be 8 for that, and before W must be 7"),
        (["[1, W, H]", "[1, W + 1, H - 1]"], "H must equal W"),
        (["[1, 2*(H//2), W]", "[1, H, 2*((W - 1)//2) + 1]", "[1, W, H]"], "no size is left"),
        (["[1, 4*(H//4), W]", "[1, W + 1, H - 1]"], ""),
        (["[1, 4*(H//4), W]", "[1, W + 1, H - 1]", "[1, H, 2*(W//2)]"], "no size is left"),
    ],
)
def test_equations_over_two_names_take_part(claims: list[str], wrong: str) -> None:
    text = "net N:\n    input x: [1, H, W]\n" + "".join(f"    relu -> {c}\n" for c in claims)
    errors = errors_of(text)
    assert len(errors) == bool(wrong)
    assert not wrong or ("E0501" in errors[0] and wrong in errors[0])


def test_what_whole_numbers_cannot_make_0_is_proved() -> None:
    h, w = symbol("H"), symbol("W")
    even, odd = (Remainders("H", 2, frozenset({rest})) for rest in (0, 1))
    two, five = (Only("W", frozenset({n})) for n in (2, 5))
    assert not solvable(2 * h + 2 * w - 7, {})  # an even number is not 7
    assert not solvable(4 * (h // 2) + 2 * w - 5, {})
    assert not solvable(h + w + 1, {})  # more than 0
    assert not solvable(-h - w - 1, {})
    assert not solvable(h - 2 * (h // 2) + 2, {})  # 2 or 3, however large H is
    assert not solvable(h - 2 * (h // 2) + 3 * w + 1, {})
    assert not solvable(h + 2 * w - 7, {"H": even})
    assert solvable(h + 2 * w - 7, {"H": odd})  # 1 + 2·3
    assert not solvable(h - 3 * w, {"H": odd, "W": two})  # 6 is even
    assert solvable(h - 3 * w, {"H": odd, "W": five})
    assert solvable(h - 3 * w, {"H": odd, "W": Only("W", two.values | five.values)})
    assert solvable(h * w - 7, {"H": even})  # of degree 2: not looked at


TERMS = (
    "H",
    "W",
    "7",
    "8",
    "H//2",
    "2*(H//2)",
    "4*(W//4)",
    "W + 1",
    "H - 1",
    "W - 2",
    "2*W",
    "W//2",
)
TERMS += ("2*((H - 1)//2) + 1", "H + W", "H + W - 7", "3*(H//3)", "H*W", "2*H - W", "9 - H")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TERMS), st.sampled_from(TERMS)), min_size=1, max_size=3))
def test_claims_over_two_names_hold_for_the_sizes_for_which_they_are_said_to(
    claims: list[tuple[str, str]],
) -> None:
    text = "net N:\n    input x: [1, H, W]\n"
    text += "".join(f"    relu -> [1, {a}, {b}]\n" for a, b in claims)
    points = [{"H": h, "W": w} for h in range(1, 31) for w in range(1, 31)]
    values = [(eval(a, {}, p), eval(b, {}, p), p) for a, b in claims for p in points]
    wrong = [p for a, b, p in values if (a, b) != (p["H"], p["W"])]
    fits = [p for p in points if p not in wrong]
    spec = spec_of(text)
    if any(d.severity == "error" for d in spec.diagnostics):
        event("no size")
        assert fits == []
        return
    asked = spec.net().graph.asked
    event("a condition" if asked else "any size")
    assert fits == [p for p in points if all(holds_in(condition, p) for condition in asked)]


@given(
    st.lists(st.integers(-4, 4), min_size=2, max_size=2),
    st.integers(-9, 9),
    st.integers(1, 4),
    st.tuples(st.integers(1, 4), st.integers(0, 3)),
)
def test_what_is_proved_to_have_no_solution_has_none(
    factors: list[int], constant: int, divisor: int, rule: tuple[int, int]
) -> None:
    h, w = symbol("H"), symbol("W")
    size: Size = factors[0] * floor_div(h + 1, divisor) + factors[1] * w + constant
    held = Remainders("H", rule[0], frozenset({rule[1] % rule[0]}))
    few = Only("W", frozenset({2, 5}))
    for left in ({}, {"H": held}, {"H": held, "W": few}):
        true = any(
            evaluate(size, {"H": a, "W": b}) == 0
            for a in range(1, 60)
            if "H" not in left or a % rule[0] == rule[1] % rule[0]
            for b in (range(1, 60) if "W" not in left else (2, 5))
        )
        assert solvable(size, left) or not true


@given(lines())
@settings(max_examples=40, deadline=None)
def test_a_shape_that_is_offered_as_a_claim_is_true(body: list[str]) -> None:
    text = net_text([line for line in body if "[" not in line])
    spec = spec_of(text)
    assume(not any(d.severity == "error" for d in spec.diagnostics))
    output = spec.net().report().outputs[0][1].shape
    claimed = f"{text}    relu -> {shape_spec_text(output)}\n"
    assert errors_of(claimed) == []
    assert net_of(claimed).report().conditions == spec.net().report().conditions


HALVES = """
net N:
    input x: [2, L]
    a = max_pool 2
    b = x -> conv 2, 1, stride=2
    (a, b) -> concat axis=1
"""


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("expect output == [2, L]", ""),
        ("expect output != [2, L]", "E0502"),
        ("expect output == [2, L + 1]", "cannot be judged"),
        ("expect output == [2, 2*(L//2)]", "cannot be judged"),
        ("expect macs == 4*((L + 1)//2)", ""),
        ("reshape [L, 2]", ""),
        ("reshape [L, 3]", "E0311"),
        ("relu -> [2, L]", ""),
    ],
)
def test_sums_of_roundings_are_the_sizes_that_they_come_to(line: str, wrong: str) -> None:
    errors = errors_of(f"{HALVES}    {line}\n")
    assert len(errors) == bool(wrong)
    assert not wrong or wrong in errors[0]
