"""Joins that do not fit: whatever edit is offered, with it the spec has no error."""

from __future__ import annotations

import pytest
from compiling import spec_of
from hypothesis import assume, example, given, settings
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
@example("[1, 28, 27]", ["conv 4, 5x5, stride=2 -> flatten", "flatten"], "add", False)
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


@settings(max_examples=60, deadline=None)
@given(SHAPES, WAYS, WAYS, st.one_of(st.none(), WAYS))
def test_with_the_edit_of_a_residual_there_is_no_error(
    shape: str, before: str, body: str, around: str | None
) -> None:
    lines = [f"    {before}", "    residual:", f"        {body}"]
    lines += [f"        shortcut: {around}"] if around is not None else []
    text = f"net Net:\n    input x: {shape}\n" + "\n".join(lines) + "\n"
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


# ------------------------------------------------------------------------------
# Values that differ in their channels and in their sizes

IMAGE = "net Net:\n    input x: [3, {0}, {0}]\n    a = conv 16, 3x3, pad=1\n"
RESIDUAL = "    residual:\n"
BLOCK = """\
block Unit(width, stride=1):
    residual:
        conv width, 3x3, stride=stride, pad=1
        batch_norm -> relu
        conv width, 3x3, pad=1
        batch_norm
    relu
"""
TWO_AXES = {
    "a stride in a residual": "{R}        conv 32, 3x3, stride=2, pad=1\n",
    "and nothing padded": "{R}        conv 32, 3x3, stride=2 -> relu\n        conv 32, 3x3\n",
    "a pool in a residual": "{R}        conv 32, 3x3, pad=1\n        max_pool 2x2\n",
    "a residual that enlarges": "{R}        conv_transpose 8, 2x2, stride=2\n",
    "a shortcut of the old size": (
        "{R}        conv 32, 1x1, stride=2\n        shortcut: conv 8, 1x1\n"
    ),
    "a shortcut of another stride": (
        "{R}        conv 32, 3x3, stride=2, pad=1\n        shortcut: conv 8, 1x1, stride=4\n"
    ),
    "a branch with a stride": (
        "    inception:\n        branch: conv 8, 1x1\n"
        "        branch: conv 8, 3x3, stride=2, pad=1\n        branch: max_pool 2x2\n"
    ),
    "branches of other kernels": (
        "    inception:\n        branch: conv 8, 1x1\n"
        "        branch: conv 8, 3x3\n        branch: conv 4, 5x5\n"
    ),
    "branches added": (
        "    parallel join=add:\n        branch: conv 8, 1x1\n"
        "        branch: conv 16, 3x3, stride=2, pad=1\n"
    ),
    "different pools": (
        "    b = max_pool 2x2\n    c = a -> conv 32, 1x1 -> max_pool 4x4\n    (b, c) -> add\n"
    ),
    "a pool on one way": "    conv 32, 3x3, pad=1 -> max_pool 2x2\n    add a\n",
    "a pool before the width": "    max_pool 2x2 -> conv 32, 3x3, pad=1 -> relu\n    add a\n",
    "a stride before the width": (
        "    conv 32, 3x3, stride=2, pad=1 -> relu\n    conv 32, 3x3, pad=1\n    add a\n"
    ),
    "no padding before the width": "    conv 32, 3x3 -> relu\n    conv 32, 3x3\n    mul a\n",
    "a way up that is off by one": (
        "    conv 32, 3x3, stride=2, pad=1\n"
        "    conv_transpose 32, 3x3, stride=2, pad=1\n    add a\n"
    ),
    "a way up with a kernel too large": (
        "    max_pool 2x2\n    conv_transpose 32, 3x3, stride=2\n    add a\n"
    ),
    "a way up that is half as long": (
        "    max_pool 4x4\n    conv_transpose 32, 2x2, stride=2\n    add a\n"
    ),
    "a level that is not as large": "    b = conv 32, 3x3, stride=2, pad=1\n    (a, b) -> mul\n",
    "a gate of another size": "    conv 32, 3x3, stride=2, pad=1 -> sigmoid\n    mul a\n",
    "three values, two of them off": (
        "    b = x -> conv 16, 5x5\n    c = x -> conv 24, 3x3\n    (a, b, c) -> add\n"
    ),
}


@pytest.mark.parametrize("size", ["32", "H"])
@pytest.mark.parametrize("name", TWO_AXES)
def test_values_that_differ_in_two_ways_are_made_equal(name: str, size: str) -> None:
    text = IMAGE.format(size) + TWO_AXES[name].replace("{R}", RESIDUAL)
    code, hint, edited = first_error(text)
    assert code == "E0310"
    if size == "32":  # what is halved and doubled is H for an even H only
        assert edited != text, hint
    assert edited == text or first_error(edited)[0] == ""


def test_a_block_s_shortcut_says_its_arguments() -> None:
    text = f"{BLOCK}{IMAGE.format(32)}    Unit 32, stride=2\n"
    code, hint, edited = first_error(text)
    assert code == "E0310"
    assert "stride > 1 or in.channels != width: conv width, 1x1, stride=stride" in hint
    assert first_error(edited)[0] == ""


def test_a_residual_s_edit_leaves_the_layers_before_it() -> None:
    lines = "    residual:\n        conv_transpose 8, 3x3, stride=2 -> relu\n"
    code, hint, edited = first_error(IMAGE.format(32) + lines)
    assert code == "E0310"
    assert "conv 16" not in hint
    assert edited == IMAGE.format(32) + lines or first_error(edited)[0] == ""
