"""Diagnostics on a terminal: wrapped to its width, long lines cut; whole in pipes."""

from __future__ import annotations

import io
import re

import pytest
from compiling import findings
from goldens import cases

from netc.checking import colored, width_of
from netc.compiler.grid import measure
from netc.compiler.render import NARROWEST, render

LONG = (
    "net Net:\n    input x: [3, 32, 32]\n    "
    + "conv 8, 3x3 -> relu -> " * 4
    + "conv 8, 3x3 -> rellu -> flatten -> dense 10 -> relu -> dense 10 -> relu\n"
)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [NARROWEST, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for case in cases():
        for line in render(case.findings(), width=width).splitlines():
            too_long = max(map(len, re.findall(r"\S+", line)), default=0) > width // 2
            place = line.lstrip().startswith(("-->", ":::"))
            assert len(line) <= width or too_long or place, (str(case), line)


def test_wrapping_loses_no_word() -> None:
    for case in cases():
        wide, narrow = render(case.findings()), render(case.findings(), width=10_000)
        assert wide == narrow
        hints = [d.hint for d in case.findings()]
        shown = " ".join(
            re.sub(r"^[\d ]*\|", "", line)
            for line in render(case.findings(), width=60).splitlines()
        )
        for hint in hints:
            assert " ".join(hint.split()) in " ".join(shown.split())


def test_a_long_line_is_cut_around_its_mark() -> None:
    shown = render(findings(LONG), width=60).splitlines()
    at = next(number for number, line in enumerate(shown) if line.startswith("3 |"))
    line, marks = shown[at], shown[at + 1]
    assert line.startswith("3 | …")
    assert line.endswith("…")
    assert line[marks.index("^") : marks.rindex("^") + 1] == "rellu"


WIDE = "net N:\n    input x: [4]\n    dense 3 -> rellu  # " + "層を重ねる " * 20 + "\n"


@pytest.mark.parametrize("width", [40, 60, 80])
def test_wide_characters_take_two_places(width: int) -> None:
    found = [*findings(WIDE), *findings("net N:\n    input x: [4]\n    層層層層 3\n")]
    assert len(found) == 2
    lines = render(found, width=width).splitlines()
    assert max(map(measure, lines)) <= width
    assert any("層" in line and line.endswith("…") for line in lines)


def test_in_a_pipe_nothing_is_cut() -> None:
    assert LONG.splitlines()[2] in render(findings(LONG))


def test_colour_and_width_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "72")
    assert (colored(Screen()), width_of(Screen())) == (True, 72)
    assert (colored(io.StringIO()), width_of(io.StringIO())) == (False, None)
    monkeypatch.setenv("NO_COLOR", "1")
    assert colored(Screen()) is False
    monkeypatch.setenv("COLUMNS", "wide")  # what no terminal says is asked of the terminal
    assert width_of(Screen()) is None


def test_colour_changes_no_text() -> None:
    for case in cases():
        shown = render(case.findings(), color=True, width=80)
        assert re.sub(r"\x1b\[\d+m", "", shown) == render(case.findings(), width=80)
