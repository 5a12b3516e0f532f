"""Joins that do not fit: whatever edit is offered, with it the spec has no error."""

from __future__ import annotations

import pytest
from compiling import spec_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from netc.compiler.edits import applied
from netc.compiler.source import Source

LAYERS = st.sampled_from(
    (
        "conv 8, 3x3",
        "conv 8, 3x3, pad=1",
        "conv 9, 1x1",
        "conv 4, 5x5, stride=2",
        "conv_transpose 8, 2x2, stride=2",
        "max_pool 2x2",
        "max_pool 3x3, stride=2",
        "global_avg_pool",
        "flatten",
        "dense 8",
        "relu",
    )
)
WAYS = st.lists(LAYERS, min_size=1, max_size=4).map(" -> ".join)
SHAPES = st.sampled_from(("[3, 32, 32]", "[3, 30, 30]", "[1, 28, 27]", "[28, 28, 3]", "[3, H, 9]"))
JOINS = st.sampled_from(("add", "mul", "concat", "stack"))


def first_error(text: str) -> tuple[str, str, str]:
    """The code and the hint of a spec's first error, and the text with its edits made."""
    errors = [d for d in spec_of(text).diagnostics if d.severity == "error"]
    if not errors:
        return "", "", text
    return errors[0].code, errors[0].hint, applied(Source("spec.net", text), errors[0].edits)


@settings(max_examples=60, deadline=None)
@given(SHAPES, st.lists(WAYS, min_size=2, max_size=4), JOINS, st.booleans())
def test_with_the_edit_of_a_join_there_is_no_error(
    shape: str, ways: list[str], join: str, chained: bool
) -> None:
    names = "abcd"[: len(ways)]
    start = "" if chained else "x -> "
    lines = [f"    {name} = {start}{way}" for name, way in zip(names, ways, strict=True)]
    head = f"net Net:\n    input x: {shape}\n"
    text = head + "\n".join(lines) + f"\n    ({', '.join(names)}) -> {join}\n"
    code, _, edited = first_error(text)
    assume(code == "E0310")
    assert edited == text or first_error(edited)[0] == "", edited


HEAD = "net Net(size=30):\n    input x: {}\n    a = conv 8, 3x3, pad=1\n"
DOWN = "    max_pool 2x2{}\n    b = conv 16, 3x3, pad=1\n    max_pool 2x2\n"
UP = "    conv_transpose 16, 2x2, stride=2 -> concat b\n"


@pytest.mark.parametrize(
    ("shape", "claim", "said", "edited"),
    [
        ("[3, 30, 30]", "", "`[3, 32, 32]`: then both fit", True),
        ("[3, 45, 30]", "", "`[3, 44, 32]`: then both fit", True),
        ("[3, size, size]", "", "`[3, 32, 32]`: then both fit", False),
        ("[3, 30, 30]", " -> [8, 15, 15]", "and the claims above follow", False),
    ],
)
def test_an_input_that_pools_halve_is_another_one(
    shape: str, claim: str, said: str, edited: bool
) -> None:
    text = HEAD.format(shape) + DOWN.format(claim) + UP
    code, hint, after = first_error(text)
    assert code == "E0310" and hint.endswith(said)
    assert (after != text) == edited
    assert not edited or first_error(after)[0] == ""


def test_values_of_three_ranks_are_told_apart() -> None:
    lines = "    b = x -> conv 8, 3x3\n    c = x -> flatten -> dense 9\n    (a, b, c) -> add\n"
    code, hint, _ = first_error(HEAD.format("[3, 8, 8]") + lines)
    assert code == "E0310" and hint.startswith("put `-> flatten -> dense 9` behind")
