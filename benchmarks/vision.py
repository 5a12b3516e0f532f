"""How fast emitted classic nets run and train, against torchvision's own with equal weights.

torchvision's wheel brings a CUDA build of torch along, so it is not among the extras:

    pip install --no-deps --target FOLDER torchvision==0.28.0
    PYTHONPATH=FOLDER python -m benchmarks vision
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import torch
from torch import nn

import netc
from benchmarks.measure import SPECS, in_turns, ratio
from benchmarks.train import HIGH, updates

CASES = (
    ("resnet", "ResNet18", "resnet18", 8),
    ("vgg", "VGG11Norm", "vgg11_bn", 4),
    ("densenet", "DenseNet121", "densenet121", 4),
    ("mobilenet_v2", "MobileNetV2", "mobilenet_v2", 8),
)
ROUNDS = 15
_OPS = torch.library.Library("torchvision", "DEF")
"""Declares the operators of torchvision's binary, which does not load beside a CPU-only torch."""


def main() -> None:
    """Prints the figures."""
    if find_spec("torchvision") is None:
        print("torchvision is not there: see benchmarks/vision.py")
        return
    for name in ("nms", "qnms"):
        _OPS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    for file, name, function, batch in CASES:
        _measure(file, name, function, batch)


def _measure(file: str, name: str, function: str, batch: int) -> None:
    from torchvision import models

    torch.manual_seed(0)
    ours = netc.load(SPECS / "vision" / f"{file}.net").net(name).module()
    theirs: nn.Module = getattr(models, function)(weights=None)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(batch, 3, 224, 224)
    with torch.no_grad():
        apart = (ours.eval()(x) - theirs.eval()(x)).abs().max().item()
    assert apart <= 1e-5, f"{name}: outputs are {apart} apart"
    runs = in_turns({"ours": _run(ours, x), "theirs": _run(theirs, x)}, ROUNDS)
    target = torch.randint(1000, (batch,))
    steps = in_turns(
        {
            "ours": updates(ours.train(), x, target, 1),
            "theirs": updates(theirs.train(), x, target, 1),
        },
        ROUNDS,
    )
    print(f"{name}, batch {batch}, {ROUNDS} rounds: outputs {apart:.1e} apart")
    for what, times in (("a run", runs), ("an update", steps)):
        spread = ratio(times["ours"], times["theirs"])
        kept = "kept" if spread.median <= HIGH else "MISSED"  # quicker is no fault
        print(
            f"  {what:10} emitted ÷ torchvision {spread.median:.3f} "
            f"({spread.low:.3f}–{spread.high:.3f}); target ≤ {HIGH}: {kept}",
            flush=True,
        )


def _run(net: nn.Module, x: torch.Tensor) -> Callable[[], float]:
    """Seconds of one run without gradients."""

    def round_() -> float:
        start = time.perf_counter()
        with torch.no_grad():
            net(x)
        return time.perf_counter() - start

    return round_


if __name__ == "__main__":
    main()
