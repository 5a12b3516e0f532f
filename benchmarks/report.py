"""How soon ResNet-50 is summed up: `netc report` against torchinfo on the meta device.

Both are whole processes, and neither gives a tensor memory.
"""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.measure import SPECS, Spread, milliseconds, netc, processes, python, ratio, verdict

ROUNDS = 9
MOST, LEAST = 0.250, 10

PEER = """
import torch, torchinfo
from benchmarks.handwritten import ResNet50
with torch.device("meta"):
    net = ResNet50()
print(torchinfo.summary(net, (1, 3, 224, 224), device="meta", verbose=0))
"""


def main() -> None:
    """Prints the figures."""
    if find_spec("torchinfo") is None:
        print("torchinfo is not installed: pip install 'netc[bench]'")
        return
    times = processes(
        {
            "netc report": (netc("report", str(SPECS / "resnet50.net")), 0),
            "torchinfo on meta": (python("-c", PEER), 0),
            "python -c 'import torch'": (python("-c", "import torch"), 0),
        },
        ROUNDS,
    )
    for name, seconds in times.items():
        print(f"{name:26} {milliseconds(seconds):>26}")
    ours, theirs = times["netc report"], times["torchinfo on meta"]
    faster = ratio(theirs, ours)
    print(verdict(1000 * Spread.of(ours).median, 1000 * MOST, "ms"))
    print(
        f"torchinfo ÷ netc: {faster.median:.1f} ({faster.low:.1f}–{faster.high:.1f}); "
        f"target ≥ {LEAST}: {'kept' if faster.median >= LEAST else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
