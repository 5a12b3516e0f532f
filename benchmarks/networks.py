"""How soon the classic nets are summed up: `netc report` against torchinfo and fvcore.

Every net of `specs/vision`, and LeNet-5.

All are whole processes. The peers are given the PyTorch that netc wrote. torchinfo runs it on the
meta device, where no tensor has memory; fvcore traces a run of one example, which fails there.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import netc as package
from benchmarks.measure import SPECS, milliseconds, netc, processes, python, ratio
from netc.compiler.conditions import holds

ROUNDS = 2
PEERS = ("torchinfo", "fvcore")
OPEN = 572
"""What a size is at least that a spec leaves open: the side in U-Net's paper."""

MADE = """
import sys
import torch
sys.path.insert(0, {folder!r})
import {module} as written
with torch.device({device!r}):
    net = written.{name}().eval()
    x = torch.empty(1, *{shape})
"""
TORCHINFO = """
import torchinfo
print(torchinfo.summary(net, input_data=x, device="meta", verbose=0))
"""
FVCORE = """
from fvcore.nn import FlopCountAnalysis, flop_count_table
count = FlopCountAnalysis(net, x).unsupported_ops_warnings(False)
print(flop_count_table(count, max_depth=9))
"""


def main() -> None:
    """Prints the figures."""
    missing = [name for name in PEERS if find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not installed: pip install 'netc[bench]'")
        return
    found: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for file in (SPECS / "lenet5.net", *sorted((SPECS / "vision").glob("*.net"))):
            for name in package.load(file).names:
                found.append(_measure(Path(folder), file, name))
    for peer in PEERS:
        ratios = [one[peer] for one in found]
        print(f"{peer} ÷ netc over {len(found)} nets: {min(ratios):.1f} to {max(ratios):.1f}")


def _taken(net: package.NetHandle, name: str) -> int:
    """The first size from `OPEN` on that the net takes."""
    asked = net.graph.asked
    return next(n for n in count(OPEN) if all(holds(one, {name: n}) for one in asked))


def _measure(folder: Path, file: Path, name: str) -> dict[str, float]:
    """How often netc's time each peer took."""
    net = package.load(file).net(name)
    module = f"{file.stem}_{name}".lower()
    (folder / f"{module}.py").write_text(net.source(), encoding="utf-8")
    sizes = net.report().inputs[0][1].shape
    shape = tuple(size if isinstance(size, int) else _taken(net, str(size)) for size in sizes)
    about = {"folder": str(folder), "module": module, "name": name, "shape": shape}
    meta, cpu = (MADE.format(**about, device=device) for device in ("meta", "cpu"))
    times = processes(
        {
            "netc": (netc("report", str(file), "--net", name), 0),
            "torchinfo": (python("-c", meta + TORCHINFO), 0),
            "fvcore": (python("-c", cpu + FVCORE), 0),
        },
        ROUNDS,
    )
    ratios = {peer: ratio(times[peer], times["netc"]).median for peer in PEERS}
    said = ", ".join(f"{peer} ÷ netc {found:.1f}" for peer, found in ratios.items())
    print(f"{file.stem:14} {name:20} {milliseconds(times['netc']):>22}   {said}", flush=True)
    return ratios


if __name__ == "__main__":
    main()
