"""A spec always ends: what grows beyond all bounds is refused before it grows; depth is free."""

from __future__ import annotations

import pytest
from compiling import errors_of, everything, findings, net_of
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.diagnostics import Log
from netc.compiler.elaborate import Elaborator
from netc.compiler.expansion import MOST, Bounds, Work

LINES = "net Net:\n    input x: [4]\n"


def doubling(levels: int, body: str = "    relu\n") -> str:
    """Blocks that each use the one below twice: 2^levels uses of the first."""
    blocks = [f"block B0:\n{body}"]
    blocks += [f"block B{n}:\n    B{n - 1}\n    B{n - 1}\n" for n in range(1, levels + 1)]
    return "\n".join(blocks) + f"\n{LINES}    B{levels}\n"


def refused(text: str) -> str:
    """The one error of a net that is too large; its message."""
    (found,) = [d for d in findings(text) if d.severity == "error"]
    assert found.code == "E0405"
    return found.message


def test_repeats_are_refused_by_their_count() -> None:
    assert refused(LINES + "    repeat 10**9: dense 4\n")
    assert refused(LINES + "    repeat 10**5:\n        repeat 10**5: dense 4\n")
    assert refused(LINES + "    repeat 10**4:\n" + "        dense 4 -> relu\n" * 51)


def test_doubling_blocks_are_refused_before_they_are_expanded() -> None:
    assert "layers or more" in refused(doubling(30))


def test_a_tower_of_a_thousand_doublings_is_refused_too() -> None:
    assert refused(doubling(99))
    assert errors_of(doubling(1000))


@pytest.mark.parametrize(
    "text",
    [
        doubling(30, "    x = in\n    (x, x) -> add\n"),
        doubling(28, "    residual:\n        residual: relu\n"),
        doubling(18).replace("B17\n    B17", "repeat 40: B17"),
        "block A(n):\n    repeat n: dense 4\n    repeat n: dense 4\n\n"
        + "block B(n):\n    A n\n    A n\n    A n\n\n"
        + LINES.replace("Net:", "Net(n=200_000):")
        + "    B n\n    B 2*n\n",
        LINES + "    share same = dense 4\n" + "    repeat 200_000: same\n" * 6,
        LINES + "    repeat 300_000: x\n" * 4,
        LINES + "    repeat in [1, 2]:\n        repeat 300_000: dense 4 -> relu\n",
    ],
)
def test_other_ways_to_grow_are_refused(text: str) -> None:
    assert refused(text)


def test_what_nests_too_deep_across_blocks_is_refused() -> None:
    def block(number: int) -> str:
        lines = "".join("    " * (n + 1) + "residual:\n" for n in range(30))
        return f"block B{number}:\n{lines}{'    ' * 31}{f'B{number - 1}' if number else 'relu'}\n\n"

    text = "".join(block(n) for n in range(10)) + LINES + "    B9\n"
    assert "nest deeper" in refused(text)
    everything("".join(block(n) for n in range(3)) + LINES + "    B2\n")


def test_numbers_that_a_hint_would_search_are_no_trap() -> None:
    big = 10**18
    for line in (
        f"attention {big + 1}",
        f"lstm 4, layers={big}",
    ):
        assert len(errors_of(f"net N:\n    input x: [5, 12]\n    {line}\n")) == 1
    for line in (f"conv {big}, 1x1, groups={big - 1}", f"group_norm {big + 1}"):
        assert len(errors_of(f"net N:\n    input x: [12, 5, 5]\n    {line}\n")) == 1
    everything(f"net N:\n    input x: [{big}, {big}]\n    conv {big}, {big}, pad=same\n")


def test_a_net_of_a_hundred_thousand_lines_compiles() -> None:
    net = net_of(LINES + "    dense 4, bias=no -> relu\n" * 50_000)
    assert net.report().params == 16 * 50_000
    assert len(net.report().rows) == 100_000
    assert net.source().count("= nn.Linear(") == 50_000


def test_a_net_of_a_hundred_thousand_rounds_compiles() -> None:
    net = net_of(LINES + "    repeat 50_000: dense 4, bias=no\n")
    assert net.report().params == 16 * 50_000
    assert "for _ in range(50000)" in net.source()


def test_the_limit_leaves_room_and_keeps_the_work_in_seconds() -> None:
    assert 100_000 < MOST <= 200_000


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Blocks that use those above them, with counts that may depend on parameters."""
    blocks = ["block B0(n=1):\n    relu\n    repeat n: relu\n"]
    for number in range(1, draw(st.integers(1, 4))):
        lines = []
        for _ in range(draw(st.integers(1, 3))):
            use = f"B{draw(st.integers(0, number - 1))} {draw(st.sampled_from(['n', '2', 'n+1']))}"
            line = draw(
                st.sampled_from(
                    [
                        f"    {use}\n",
                        f"    repeat n: {use}\n",
                        f"    repeat {draw(st.integers(0, 3))}:\n        {use}\n        relu\n",
                        f"    residual: {use}\n",
                        f"    parallel join=add:\n        branch: {use}\n        branch: relu\n",
                        f"    repeat in [1, n] as k: B{draw(st.integers(0, number - 1))} k\n",
                    ]
                )
            )
            lines.append(line)
        blocks.append(f"block B{number}(n=1):\n" + "".join(lines))
    return "\n".join(blocks) + f"\n{LINES}    B{len(blocks) - 1} {draw(st.integers(0, 2))}\n"


@settings(deadline=None, max_examples=100)
@given(programs())
def test_the_bound_is_never_above_the_truth(text: str) -> None:
    program = net_of(text).spec._program
    bounds = Bounds(program)
    least = Work()
    for item in program.definitions["Net"].body:
        least += bounds.line(item, {})
    truth = Elaborator(program, Log(), {})
    truth.net(program.definitions["Net"])
    assert least.layers <= truth.layers
    assert least.rounds <= truth.rounds
