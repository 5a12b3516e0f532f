"""How soon `netc check` answers: a spec of sixty lines, right and with ten errors in it.

Peers: an empty Python, and Python importing Lark, the parser that netc stands on.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import Spread, milliseconds, netc, processes, python, ratio, verdict

SPEC = Path(__file__).with_name("sixty.net")
ROUNDS = 21
MOST = 0.150
HEAVY = ("torch", "networkx", "rich", "jinja2")

MISTAKES = {
    "stride=2                       -> [32, 32, 32]": "stride=2 -> [32, 31, 31]",
    "pad=1                  -> [32, 16, 16]": "pad=1 -> [32, 15, 15]",
    "width              -> [32, 16, 16]": "width -> [16, 16, 16]",
    "-> [64, 8, 8]": "-> [64, 16, 16]",
    "32                           -> [128, 8, 8]": "32 -> [120, 8, 8]",
    "silu -> [128, 8, 8]": "silu -> [128]",
    "-> [256, 8, 8]": "-> [128, 8, 8]",
    "dropout 0.2": "dropout 2",
    "-> [T, 64]": "-> [T, 65]",
    "attention 4": "attention 5",
}
"""What to write instead of what: ten wrong lines."""


def with_errors(text: str) -> str:
    """The spec with every mistake made."""
    for right, wrong in MISTAKES.items():
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    return text


def imported(spec: Path) -> set[str]:
    """The top-level modules that a check loads, as Python itself lists them."""
    command = python("-X", "importtime", "-m", "netc", "check", str(spec))
    listing = subprocess.run(command, capture_output=True, text=True).stderr
    names = (line.rsplit("|", 1)[-1].strip() for line in listing.splitlines() if "|" in line)
    return {name.partition(".")[0] for name in names}


def main() -> None:
    """Prints the figures."""
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "broken.net"
        broken.write_text(with_errors(SPEC.read_text(encoding="utf-8")), encoding="utf-8")
        found = subprocess.run(netc("check", str(broken)), capture_output=True, text=True).stdout
        times = processes(
            {
                "netc check, 60 lines": (netc("check", str(SPEC)), 0),
                "netc check, with errors": (netc("check", str(broken)), 1),
                "python -c 'import lark'": (python("-c", "import lark"), 0),
                "python -c pass": (python("-c", "pass"), 0),
            },
            ROUNDS,
        )
        loaded = sorted(set(HEAVY) & (imported(SPEC) | imported(broken)))
    lark, bare = times["python -c 'import lark'"], times["python -c pass"]
    for name, seconds in times.items():
        to_lark, to_bare = ratio(seconds, lark).median, ratio(seconds, bare).median
        print(
            f"{name:26} {milliseconds(seconds):>22}   ÷ lark {to_lark:5.2f}   ÷ bare {to_bare:6.2f}"
        )
    middle = Spread.of(times["netc check, 60 lines"]).median
    print(verdict(1000 * middle, 1000 * MOST, "ms for 60 lines"))
    print(f"the wrong spec: {found.strip().splitlines()[-1]}")
    print(f"of {', '.join(HEAVY)}, `netc check` loads: {', '.join(loaded) or 'none'}")


if __name__ == "__main__":
    main()
