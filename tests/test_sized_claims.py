"""Claims for sizes that the input leaves open: judged as with these sizes set."""

from __future__ import annotations

import pytest
from compiling import errors_of, net_of, spec_of
from hypothesis import given, settings
from hypothesis import strategies as st

NET = """
net Net(width=4):
    input image: [3, H, W]
    a = conv width, 3x3, pad=1
    max_pool 2x2 -> conv 2*width, 3x3, pad=1
    conv_transpose width, 2x2, stride=2 -> concat a
    conv 2, 1x1
    {claim}
"""


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_what_holds_for_sizes_is_what_the_net_measures_with_them(h: int, w: int) -> None:
    report = net_of(NET.format(claim="relu"), None, H=2 * h, W=2 * w).report()
    sizes = f"H={2 * h}, W={2 * w}"
    claims = f"macs == {report.macs} and output == [2, {2 * h}, {2 * w}], {sizes}"
    (judged,) = net_of(NET.format(claim=f"expect {claims}")).report().claims
    assert (judged.text, judged.holds) == (claims, True)
    (error,) = errors_of(NET.format(claim=f"expect macs == {report.macs} + 1, {sizes}"))
    assert "E0502" in error and "1 less than" in error


@pytest.mark.parametrize(
    ("claim", "wrong"),
    [
        ("params == 558, H=2, W=2", ""),
        ("macs == 124*H*W + 416*(H//2)*(W//2), H=20, W=6", ""),
        ("flops == 2*912, H=2, W=2", ""),
        ("macs == 1, H=3, W=2", "does not take H=3, W=2: H must be even"),
        ("macs == 1, H=2", "macs is "),
        ("macs == 1, width=2", "`width` is no size that the inputs leave open"),
        ("macs == 1, H=W, W=2", "`H` of a claim should be a whole number"),
        ("macs == 1, H=0, W=2", "`H` of a claim should be a whole number"),
        ("memory.inference <= 1, H=2, W=2", "memory.inference is unknown"),
    ],
)
def test_a_claim_names_open_sizes_that_the_net_takes(claim: str, wrong: str) -> None:
    errors = errors_of(NET.format(claim=f"expect {claim}"))
    assert len(errors) == bool(wrong)
    assert not wrong or ("E0503" in errors[0] and wrong in errors[0])


def test_with_sizes_set_claims_for_others_are_left_out() -> None:
    text = NET.format(claim="expect macs == 912, H=2, W=2")
    assert [c.holds for c in spec_of(text).net().report().claims] == [True]
    assert [c.holds for c in spec_of(text, H=2, W=2).net().report().claims] == [True]
    assert spec_of(text, H=4, W=2).net().report().claims == ()
    memory = NET.format(claim="expect memory.inference >= 1, H=2, W=2")
    assert [c.holds for c in spec_of(memory, H=2, W=2).net().report().claims] == [True]


def test_a_false_claim_keeps_its_sizes_when_it_is_mended() -> None:
    (wrong,) = spec_of(NET.format(claim="expect macs == 1, H=2, W=2")).diagnostics[-1:]
    (edit,) = wrong.edits
    assert edit.span.text == "macs == 1" and edit.text.startswith("macs == ")
