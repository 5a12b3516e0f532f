"""The report on a terminal: no line is wider, no number is cut, columns left out are named."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from compiling import REPOSITORY, spec_files, spec_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from tables import netc, of_file, shown

from netc.compiler.exports import csv_text
from netc.compiler.grid import measure

SPECS = REPOSITORY / "specs"
LENET, RESNET = str(SPECS / "lenet5.net"), str(SPECS / "resnet50.net")


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("depth", [1, 9])
@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_no_line_is_wider_than_the_terminal(file: Path, depth: int, width: int) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        for line in shown(spec.net(name), depth, width=width).splitlines():
            assert measure(line) <= width, line


@pytest.mark.parametrize("file", list(spec_files()), ids=lambda file: file.stem)
def test_a_narrow_terminal_cuts_no_number(file: Path) -> None:
    """Cells may be broken into lines, and read together they are what a pipe gets."""
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        net = spec.net(name)
        wide, narrow = (
            shown(net, names=["output", "params", "macs"], width=width) for width in (None, 40)
        )
        assert sorted(re.sub(r"[\s─]", "", wide)) == sorted(re.sub(r"[\s─]", "", narrow))


@settings(max_examples=40, deadline=None)
@given(nets(), st.integers(80, 200), st.integers(1, 4))
def test_any_net_fits_and_adds_up(text: str, width: int, depth: int) -> None:
    spec = spec_of(text)
    for name in spec.names:
        net = spec.net(name)
        report, module = net.report(), net.graph.module
        lines = shown(net, depth, width=width).splitlines()
        assert all(measure(line) <= width for line in lines)
        rows = csv_text([(report, module)], depth, ["params"], None).split()[1:]
        assert sum(map(int, rows)) == report.params


def test_texts_are_cut_only_where_the_terminal_is_too_narrow() -> None:
    net = of_file(RESNET)
    full = "conv 64, 7x7, stride=2, pad=3, bias=no"
    assert full in shown(net)
    assert full in shown(net, width=120)
    assert "conv 64, 7x7, stride=2, pad=…" in shown(net, width=80)
    assert "without share, for lack of room" in shown(net, width=80)


@pytest.mark.parametrize("width", [40, 52, 66, 80])
@pytest.mark.parametrize("file", sorted(SPECS.rglob("*.net")), ids=str)
def test_every_shipped_report_fits_a_terminal(file: Path, width: int) -> None:
    spec = spec_of(file.read_text(encoding="utf-8"))
    for name in spec.names:
        lines = shown(spec.net(name), width=width).splitlines()
        assert max(map(measure, lines)) <= width


def test_columns_are_left_out_in_a_fixed_order_and_named() -> None:
    net = of_file(RESNET)
    told = [re.search(r"^without (.*), for", shown(net, width=w), re.M) for w in (200, 80, 60, 40)]
    left = [match[1] if match else "" for match in told]
    assert left[0] == ""
    assert all("share, MACs, what".startswith(one) for one in left)
    assert sorted(left, key=len) == left
    assert "MACs" in left[-1]
    assert "…" not in shown(net, width=120)
    assert "share" in shown(net, width=80, names=["path", "what", "params", "share"])


def test_arithmetic_is_broken_into_lines() -> None:
    text = shown(of_file(LENET), names=["path", "why"], width=60)
    assert "…" not in text
    assert "⌊(32 + 2·0 − 5)/1⌋" in " ".join(text.split())


def on_terminal(*arguments: str, width: str) -> str:
    """What a process prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": width, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "netc", "report", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            parts.append(part)
        assert process.wait() == 0
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_sets_the_width_and_a_pipe_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = on_terminal(RESNET, width="80")
    assert max(map(measure, narrow.splitlines())) == 80
    assert "\x1b" not in narrow
    assert on_terminal(RESNET, width="200") == netc(RESNET).stdout
    monkeypatch.setenv("COLUMNS", "40")
    assert "conv 64, 7x7, stride=2, pad=3, bias=no" in netc(RESNET).stdout
