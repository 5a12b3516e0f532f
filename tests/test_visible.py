"""Text of a spec cannot steer a terminal: its control characters are shown, wherever it goes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import findings
from hypothesis import given
from hypothesis import strategies as st

from netc import CompileError, load
from netc.compiler.grid import measure
from netc.compiler.render import annotation, render
from netc.compiler.visible import visible, visible_json, visible_lines

STEERING = {chr(code) for code in [*range(9), *range(11, 32), *range(127, 160)]} | set(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\u200e\u200f\u061c"
)
RED, TITLE, TURNED, CSI = "\x1b[31m", "\x1b]0;title\x07", "\u202e", "\x9b31m"
NASTY = RED + TITLE + TURNED + CSI + "\x7f"
SPEC = f"net A:\n    input x: [4]\n    conv_nd(3, # {NASTY}\n        4)\n    dnse 4 # {NASTY}\n"
GOOD = (
    f"net A:\n    input x: [4]\n    dense( # {NASTY}\n        3)\n"
    f"    expect (params # {NASTY}\n    ) == 15\n"
)


def run(*arguments: str, text: str | None = None) -> tuple[str, str]:
    """What netc writes on standard output and standard error."""
    ran = subprocess.run(
        [sys.executable, "-m", "netc", *arguments],
        input=None if text is None else text.encode(),
        capture_output=True,
        check=False,
    )
    return ran.stdout.decode(), ran.stderr.decode()


def steering(text: str) -> set[str]:
    """The characters in a text that a terminal would obey."""
    return STEERING & set(text)


def test_an_excerpt_shows_control_characters_and_marks_the_right_place() -> None:
    shown = render(findings(f"net A:\n    input x: [4]\n    dnse 4 # {NASTY}\n"))
    assert not steering(shown)
    assert "dnse 4 # \\x1b[31m\\x1b]0;title\\x07\\u202e\\x9b31m\\x7f" in shown


@pytest.mark.parametrize("before", ["\x0b", "层", "\x0b层e\u0301"])
def test_marks_stand_below_what_they_mark(before: str) -> None:
    text = f'net A:\n    input x: [4]\n    scale 2 -> dense 3, init="{before}" -> dnse 4\n'
    lines = render(findings(text)).splitlines()
    at = next(n for n, line in enumerate(lines) if "`dnse`" in line) + 2
    assert measure(lines[at + 1][: lines[at + 1].index("^")]) == measure(
        lines[at][: lines[at].index("dnse")]
    )


@given(st.text())
def test_nothing_that_steers_is_left_and_nothing_else_changes(text: str) -> None:
    assert not steering(visible(text))
    assert "\n" not in visible(text)
    assert not steering(visible_lines(text))
    kept = "".join(c for c in text if c not in STEERING)
    assert visible_lines(kept) == kept
    written = visible_json(json.dumps([text], ensure_ascii=False))
    assert not steering(written)
    assert json.loads(written) == [text]


def test_no_command_prints_control_characters_of_a_spec(tmp_path: Path) -> None:
    wrong, good = tmp_path / f"wrong{RED}.net", tmp_path / f"good{RED}{TURNED}.net"
    wrong.write_text(SPEC)
    good.write_text(GOOD)
    data = tmp_path / f"data{RED}.net"
    data.write_bytes(b"\x1b[31m\x07\xff\x9b31m")
    missing = str(tmp_path / f"missing{RED}.net")
    for arguments in (
        ["check", str(wrong)],
        ["check", str(data)],
        ["check", missing],
        ["check", "--json", str(wrong)],
        ["check", "--format=github", str(wrong)],
        ["check", "--fix", str(wrong)],
        ["fmt", missing],
        ["fmt", "--check", str(wrong)],
        ["fmt", "--check", str(good)],
        ["fmt", "--json", "--diff", str(good)],
        ["report", str(wrong)],
        ["report", str(good)],
        ["report", "--json", str(good)],
        ["report", "--csv", str(good)],
        ["report", "--markdown", str(good)],
        ["report", "--columns", f"what,{RED}", str(good)],
        ["report", "--set", f"x={RED}", str(good)],
        ["report", "--set", f"{RED}", str(good)],
        ["report", f"--{RED}", str(good)],
        ["report", missing],
        ["explain", str(good)],
        ["explain", str(good), "dense"],
        ["explain", str(good), RED],
        ["explain", "--json", str(good)],
        ["diff", str(good), str(wrong)],
        ["compare", str(good)],
        ["train", str(good)],
        ["build", str(good), "-o", str(tmp_path / f"net{RED}.py")],
        [RED],
    ):
        out, err = run(*arguments)
        assert out + err, arguments
        assert not steering(out + err), (arguments, out, err)


def test_a_diff_is_raw_for_patch_and_shown_on_a_terminal(tmp_path: Path) -> None:
    spec = tmp_path / "a.net"
    spec.write_text(f"net A:\n    input x: [4]\n    dense   3 # {RED}\n")
    assert RED in run("fmt", "--diff", str(spec))[0]
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "netc", "fmt", "--diff", str(spec)]
    subprocess.run(command, stdout=end, stderr=end, check=False)
    os.close(end)
    shown = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert "\\x1b[31m" in shown
    assert RED not in shown


def test_an_exception_and_an_annotation_show_them_too() -> None:
    with pytest.raises(CompileError) as caught:
        load(f'net A:\n    input x: [4]\n    dense 3, init="{NASTY}"\n')
    assert not steering(str(caught.value))
    for diagnostic in caught.value.diagnostics:
        assert not steering(annotation(diagnostic))
