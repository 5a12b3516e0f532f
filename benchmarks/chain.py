"""How cost grows with depth: `netc report` on chains of 1,000 to 100,000 layers.

Two kinds of chain over `[8, 16, 16]`. *conv*: n lines `conv 8, 3x3, pad=1`. *mixed*: n layers of
three kinds, n/3 lines `conv -> batch_norm -> relu`, as other tools are measured on.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from benchmarks.measure import exponent, netc, run, verdict

LENGTHS = {1_000: 9, 10_000: 5, 100_000: 3}
"""Lengths, and how often each is measured."""

LINES = {
    "conv": ("    conv 8, 3x3, pad=1\n", 1),
    "mixed": ("    conv 8, 3x3, pad=1, bias=no -> batch_norm -> relu\n", 3),
}
"""A line of each kind of chain, and by how much a line makes the chain longer."""

MOST_SECONDS, MOST_EXPONENT = 1.5, 1.1


def write(path: Path, kind: str, length: int) -> None:
    """A chain of the given length, rounded up to whole lines."""
    line, layers = LINES[kind]
    text = f"net Chain:\n    input image: [8, 16, 16]\n{line * -(-length // layers)}"
    path.write_text(text, encoding="utf-8")


def measure(folder: Path, kind: str, length: int, rounds: int) -> tuple[float, float]:
    """Seconds and peak bytes of `netc report`, medians."""
    path = folder / f"{kind}{length}.net"
    write(path, kind, length)
    samples = [run(netc("report", str(path))) for _ in range(rounds)]
    return (
        statistics.median(sample.seconds for sample in samples),
        statistics.median(sample.peak for sample in samples),
    )


def main() -> None:
    """Prints the figures. Growth is that of the work: a chain of one line is taken off first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, (_, layers) in LINES.items():
            start, least = measure(folder, kind, layers, 9)
            print(f"{kind}: one line takes {1000 * start:.0f} ms and {least / 2**20:.0f} MiB")
            works, sizes = [], []
            for length, rounds in LENGTHS.items():
                seconds, peak = measure(folder, kind, length, rounds)
                works.append(seconds - start)
                sizes.append(peak - least)
                print(
                    f"  {length:>7,}  {seconds:7.2f} s  {1e6 * works[-1] / length:6.1f} µs each   "
                    f"{peak / 2**20:7.0f} MiB  {sizes[-1] / length / 1024:5.2f} KiB each"
                )
                if length == 10_000:
                    print(f"           {verdict(seconds, MOST_SECONDS, 's')}")
            for what, values in (("time", works), ("memory", sizes)):
                growth = exponent(list(LENGTHS), values)
                print(f"  {what} grows as n^{growth:.3f}; {verdict(growth, MOST_EXPONENT, '')}")


if __name__ == "__main__":
    main()
