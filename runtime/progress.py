"""What is said on stderr while a net trains: a live line on a terminal, else a line per epoch."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from netc.runtime.outcome import Epoch

PERIOD = 0.1
"""Seconds between two states of the live line."""


class Progress:
    """Tells how a run goes on.

    A run is not lost with its listener: when nothing can be written any more (the terminal is gone,
    `2>&1 | head`, a full disk), it is silent from then on.

    Args:
        total: parameter updates of the whole run.
        epochs: number of epochs of the whole run.
        done: updates made in earlier sessions.
        stream: where to write; stderr if None.
        quiet: say nothing.
    """

    def __init__(
        self, total: int, epochs: int, done: int, stream: TextIO | None = None, quiet: bool = False
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = not quiet and self._stream.isatty()
        self._quiet = quiet
        self._total, self._epochs = total, epochs
        self._done, self._started = done, time.monotonic()
        self._seen, self._next = 0, 0.0

    def step(
        self, epoch: int, step: int, examples: int, metrics: Callable[[], Mapping[str, float]]
    ) -> None:
        """An update was made. The metrics are asked for only if they are to be shown now."""
        self._seen += examples
        now = time.monotonic()
        if not self._live or now < self._next:
            return
        self._next = now + PERIOD
        spent = max(now - self._started, 1e-9)
        left = (self._total - step) * spent / max(step - self._done, 1)
        place, steps = f"epoch {epoch}/{self._epochs}", f"step {step:,}/{self._total:,}"
        shown = numbers(dict(list(metrics().items())[:2]))
        speed, rest = f"{self._seen / spent:,.0f} samples/s", f"{duration(left)} left"
        forms = ((place, steps, shown, speed, rest), (place, shown, speed, rest), (shown, rest))
        self._write_live(fitting(forms, _width(self._stream)))

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is over."""
        dev = f"  dev {numbers(epoch.dev)}" if epoch.dev else ""
        self.say(
            f"epoch {epoch.number:>{len(str(self._epochs))}}/{self._epochs}  "
            f"{numbers(epoch.train)}{dev}  {duration(epoch.seconds)}"
        )

    def say(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            clear = "\r\x1b[K" if self._live else ""
            self._write(f"{clear}{text}\n")

    def clear(self) -> None:
        """Takes the live line away."""
        if self._live:
            self._write_live("")

    def _write_live(self, text: str) -> None:
        self._write(f"\r{text}\x1b[K")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._quiet, self._live = True, False


def fitting(forms: Sequence[Sequence[str]], width: int | None) -> str:
    """The first of the forms that a line holds, else the last one, cut: a line that wraps stays.

    >>> fitting([("epoch 1/2", "step 1/9", "1.0 s left"), ("epoch 1/2", "1.0 s left")], 30)
    'epoch 1/2  1.0 s left'
    """
    lines = ["  ".join(form) for form in forms]
    if width is None:
        return lines[0]
    return next((line for line in lines if len(line) < width), lines[-1][: width - 1])


def _width(stream: TextIO) -> int | None:
    """The terminal's columns as they are now; None where it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None


def numbers(metrics: Mapping[str, float]) -> str:
    """Metrics with four significant digits.

    >>> numbers({"loss": 0.123456, "accuracy": 1.0})
    'loss 0.1235  accuracy 1'
    """
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())


def duration(seconds: float) -> str:
    """A span of time in the units that it needs.

    >>> duration(3.14), duration(75), duration(3725)
    ('3.1 s', '1 min 15 s', '1 h 02 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
