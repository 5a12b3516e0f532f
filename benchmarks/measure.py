"""Tools: whole processes timed in turns, ratios of pairs, exponents of growth."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from msgspec import Struct

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Where that is set, Python would compile netc's own modules anew at every start (30 ms), but not
those of installed peers, whose bytecode was written when they were installed."""

SPECS = Path(__file__).resolve().parent.parent / "specs"


class Sample(Struct, frozen=True):
    """One run of a process.

    Attributes:
        seconds: from before its start to after its end.
        peak: the most memory it held at once (resident), in bytes.
    """

    seconds: float
    peak: int


class Spread(Struct, frozen=True):
    """The middle of several numbers, and the quarter points around it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Quartiles, both ends counted among the values."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


def python(*arguments: str) -> list[str]:
    """A command: this Python."""
    return [sys.executable, *arguments]


def netc(*arguments: str) -> list[str]:
    """A command: the `netc` that is installed beside this Python."""
    return [str(Path(sys.executable).with_name("netc")), *arguments]


def run(command: Sequence[str], status: int = 0) -> Sample:
    """Runs a process to its end; its output is thrown away.

    Raises:
        RuntimeError: it ended with another status.
    """
    start = time.perf_counter()
    quiet = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=quiet, stderr=quiet, env=ENVIRONMENT)
    _, ended, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(ended)
    if child.returncode != status:
        raise RuntimeError(f"status {child.returncode}, not {status}: {' '.join(command)}")
    scale = 1 if sys.platform == "darwin" else 1024
    return Sample(seconds, usage.ru_maxrss * scale)


def in_turns(actions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each action once a round, the order turned from round to round; one round before, uncounted.

    That one fills the disk's cache and writes bytecode.

    Args:
        actions: what to measure, by name; each returns its figure.
        rounds: how many figures each gets.
    """
    names = list(actions)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            figure = actions[name]()
            if number:
                found[name].append(figure)
    return found


def processes(
    commands: Mapping[str, tuple[Sequence[str], int]], rounds: int
) -> dict[str, list[float]]:
    """Seconds of whole processes, in turns. A command comes with the status it should end with."""

    def timer(command: Sequence[str], status: int) -> Callable[[], float]:
        return lambda: run(command, status).seconds

    return in_turns({name: timer(*one) for name, one in commands.items()}, rounds)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Ours over theirs, pair by pair."""
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """b of the line `log value = a + b log size` through the points: 1 is linear growth."""
    line = statistics.linear_regression([*map(math.log, sizes)], [*map(math.log, values)])
    return line.slope


def milliseconds(seconds: Sequence[float]) -> str:
    """`123 ms (120–130)`: the median and the quarter points."""
    s = Spread.of([1000 * value for value in seconds])
    return f"{s.median:,.0f} ms ({s.low:,.0f}–{s.high:,.0f})"


def verdict(figure: float, most: float, unit: str) -> str:
    """The target, and whether a figure keeps to it."""
    return f"target ≤ {most:g} {unit}: {'kept' if figure <= most else 'MISSED'}"


def machine() -> str:
    """Versions and cores; no name of the machine."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "not installed"
    load = os.getloadavg()[0]
    return (
        f"Python {platform.python_version()}, torch {torch}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, load at the start {load:.1f}"
    )
