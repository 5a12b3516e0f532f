"""`H/2` in a claim asks that 2 divides H; elsewhere it has no value, and the edit is `//`."""

from __future__ import annotations

import pytest
from compiling import errors_of, findings, net_of

from netc.compiler.edits import applied

POOLED = "net A:\n    input x: [3, H, W]\n    max_pool 2x2 -> {}\n    global_avg_pool\n"


@pytest.mark.parametrize(
    ("claim", "conditions"),
    [
        ("[3, H/2, W/2]", ("H and W must be even",)),
        ("[3, H/2, W//2]", ("H must be even",)),
        ("[3, -(-H/2), W//2]", ("H must be even",)),
        ("[3, (4*H)/8, 3*W//6]", ("H must be even",)),
        ("[3, 2*H/4, W//2]", ("H must be even",)),
        ("[3, (H - 1)/2, W//2]", ("H must be odd",)),
        ("[6/2, 2*H/2//2, W//2]", ()),
        ("[3, 2*(H//2)/2, W//2]", ()),
        ("[3, (H//2)/1, W//2]", ()),
    ],
)
def test_a_division_in_a_claim_is_a_condition(claim: str, conditions: tuple[str, ...]) -> None:
    found = net_of(POOLED.format(claim)).report().conditions
    assert tuple(text for text in found if "at least" not in text) == conditions


@pytest.mark.parametrize("height", range(2, 9))
def test_the_condition_holds_for_the_sizes_for_which_the_claim_does(height: int) -> None:
    errors = errors_of(POOLED.format("[3, H/2, W//2]"), H=height)
    assert (not errors) == (height % 2 == 0)


def test_a_division_that_never_leaves_nothing_is_an_error() -> None:
    text = POOLED.format("[3, (2*H + 1)/2, W//2]")
    assert errors_of(text) == ["3 E0210 (2·H + 1)/2 is a whole number for no size"]


@pytest.mark.parametrize("divisor", ["0", "-2", "2.5"])
def test_a_size_is_divided_by_positive_whole_numbers_only(divisor: str) -> None:
    why = "a size can be divided by a positive whole number only"
    errors = errors_of(POOLED.format(f"[3, H/{divisor}, W//2]"))
    assert errors == [f"3 E0210 this has no value: {why}"]


def test_a_size_is_not_divided_by_a_truth_value() -> None:
    errors = errors_of(POOLED.format("[3, H/yes, W//2]"))
    assert errors == ["3 E0210 `/` takes numbers, not H and yes"]


def test_elsewhere_the_edit_rounds_down() -> None:
    text = (
        "net A:\n    input x: [3, H, W]\n    reshape [3, (H + 1) / 2, 2*W]\n    global_avg_pool\n"
    )
    (wrong,) = findings(text)
    assert (wrong.code, wrong.message) == (
        "E0210",
        "(H + 1)/2 is a whole number for some sizes only",
    )
    assert "(H + 1) // 2," in applied(wrong.span.source, wrong.edits)
