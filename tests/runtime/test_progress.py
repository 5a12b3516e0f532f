"""The live line on a terminal, and how numbers and times are written."""

from __future__ import annotations

import doctest
import errno
import io
import os
from typing import Any

import pytest

from netc.runtime import progress
from netc.runtime.outcome import Epoch
from netc.runtime.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_live_line(clock: list[float]) -> None:
    stream = Terminal()
    shown = Progress(total=40, epochs=4, done=10, stream=stream)
    asked: list[int] = []

    def metrics() -> dict[str, float]:
        asked.append(1)
        return {"loss": 0.5, "accuracy": 0.75, "other": 1.0}

    clock[0] += 2
    shown.step(2, 14, 256, metrics)
    assert stream.getvalue() == (
        "\repoch 2/4  step 14/40  loss 0.5  accuracy 0.75  128 samples/s  13.0 s left\x1b[K"
    )
    shown.step(2, 15, 64, metrics)  # too soon for another
    assert len(asked) == 1
    shown.epoch(Epoch(2, 20, {"loss": 0.4}, {"loss": 0.6}, 61.0))
    assert stream.getvalue().endswith("\r\x1b[Kepoch 2/4  loss 0.4  dev loss 0.6  1 min 01 s\n")


@pytest.mark.parametrize("columns", [100, 80, 40, 12, 1])
def test_the_live_line_never_wraps(
    columns: int, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = os.terminal_size((columns, 24))
    monkeypatch.setattr(progress.os, "get_terminal_size", lambda handle: size)
    stream = Terminal()
    monkeypatch.setattr(stream, "fileno", lambda: 2)
    shown = Progress(total=1_800, epochs=40, done=0, stream=stream)
    clock[0] += 30
    shown.step(12, 532, 17_024, lambda: {"loss": 0.123456, "accuracy": 0.98765})
    wanted = {
        100: "epoch 12/40  step 532/1,800  loss 0.1235  accuracy 0.9877  567 samples/s  "
        "1 min 12 s left",
        80: "epoch 12/40  loss 0.1235  accuracy 0.9877  567 samples/s  1 min 12 s left",
        40: "loss 0.1235  accuracy 0.9877  1 min 12 ",
        12: "loss 0.1235",
        1: "",
    }
    assert stream.getvalue() == f"\r{wanted[columns]}\x1b[K"


class Gone(Terminal):
    """A terminal that was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_a_run_outlives_its_terminal() -> None:
    shown = Progress(40, 4, 0, Gone())
    shown.step(1, 1, 1, lambda: {"loss": 0.5})
    shown.epoch(Epoch(1, 10, {"loss": 0.4}, None, 1.0))
    shown.say("stopped")
    shown.clear()


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_quiet_says_nothing(stream: Any) -> None:
    shown = Progress(40, 4, 0, stream, quiet=True)
    shown.step(1, 1, 1, dict)
    shown.say("text")
    shown.clear()
    assert stream.getvalue() == ""


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(progress).failed == 0
