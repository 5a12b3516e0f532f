"""Holds the nets of specs/vision to torchvision's own: the same keys, and with the same weights the
same outputs. Not part of the suite, which needs no torchvision.

    pip install --no-deps --target FOLDER torchvision==0.28.0
    PYTHONPATH=FOLDER python tests/against_torchvision.py [--record] [--only NET]
    PYTHONPATH=FOLDER python tests/against_torchvision.py --weights FILE --pictures FOLDER
    PYTHONPATH=FOLDER python tests/against_torchvision.py --boxes

`--record` writes what the suite then holds without torchvision. `--weights` loads torchvision's
ImageNet weights of MobileNetV2 into the emitted net, and says what it sees in the pictures.
`--boxes` holds `roi_pool` to torchvision's, whose binary must load: it needs the libraries of CUDA
that it was built with, though no GPU.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parent / "specs"))

from torchvision_nets import LISTS, PAIRS, RECORDED, SPECS, Pair, Shape, listed, parts

from netc.api import load, read
from netc.runtime.module import build

MOST = 1e-5
"""How much outputs may differ, in float64."""
KNOWN = {"photo-chelsea.png": "Egyptian cat", "photo-coffee.png": "espresso"}
"""What pictures show for certain: a cat of a race that ImageNet has, and a cup of coffee."""
BOXES = """
net N:
    input x: [3, H, W]
    input boxes: [N, 4]
    x -> roi_pool {grid}, boxes=boxes, scale={scale}
"""
_DECLARED: list[torch.library.Library] = []  # what they declare goes when they do


def main() -> int:
    """Runs what the command line asks for; 1 if a net differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--boxes", action="store_true")
    arguments = parser.parse_args()
    if arguments.boxes:
        return pool(cases=400)
    _declare()
    if arguments.weights is not None:
        return look(arguments.weights, arguments.pictures)
    pairs = [pair for pair in PAIRS if arguments.only in (None, pair.net)]
    recorded: dict[str, Any] = {}
    worst = 0.0
    for pair in pairs:
        shapes, difference = compare(pair)
        recorded[pair.net] = {
            "torchvision": pair.function, "giga_macs": giga_macs(pair), "parts": parts(shapes),
        }  # fmt: skip
        worst = max(worst, difference)
        if arguments.record:
            LISTS.mkdir(exist_ok=True)
            (LISTS / f"{pair.net}.txt").write_text(listed(shapes), encoding="utf-8")
    if arguments.record:
        RECORDED.write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
    return int(worst > MOST)


def _declare() -> None:
    """Declares the operators of torchvision's binary, which does not load beside a CPU's torch."""
    _DECLARED.append(torch.library.Library("torchvision", "DEF"))
    boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    for name in ("nms", "qnms"):
        _DECLARED[0].define(name + boxes)


def pool(cases: int) -> int:
    """Holds `roi_pool` to torchvision's on random pictures and boxes; 1 if one differs.

    Values must be the same to the last bit; sums of gradients may come in another order.
    """
    try:
        from torchvision.ops import roi_pool
    except RuntimeError as error:
        print(f"torchvision's binary does not load here: {error}")
        return 1
    draw, wrong = random.Random(0), 0
    for seed in range(cases):
        torch.manual_seed(seed)
        rows, columns = draw.randint(1, 9), draw.randint(1, 9)
        scale = draw.choice([1.0, 0.5, 0.0625, 0.3])
        number = draw.choice([torch.float32, torch.float64])
        spec = read(BOXES.format(grid=f"{rows}x{columns}", scale=scale), {})
        ours = build(spec.net().source(), "N")
        # few values, so that many are equal; boxes in, around and beside the picture
        x = torch.randint(0, 9, (2, 3, draw.randint(1, 40), draw.randint(1, 40))).to(number)
        boxes = (torch.rand(2, draw.randint(1, 30), 4, dtype=number) - 0.2) * 60
        boxes = (boxes.round() if seed % 2 else boxes) / scale
        x.requires_grad_()
        actual = ours(x, boxes)
        expected = roi_pool(x, list(boxes), (rows, columns), scale).view(actual.shape)
        slope = torch.randn_like(actual)
        mine, theirs = (torch.autograd.grad(y, x, slope)[0] for y in (actual, expected))
        same = torch.equal(actual, expected) and torch.allclose(mine, theirs, rtol=0, atol=1e-4)
        wrong += not same
    print(f"roi_pool: {cases - wrong} of {cases} random cases are torchvision's")
    return int(wrong > 0)


def compare(pair: Pair) -> tuple[dict[str, Shape], float]:
    """Loads torchvision's weights into the emitted net; its keys, and how outputs differ."""
    begin = time.perf_counter()
    theirs = model(pair)
    handle = load(SPECS / f"{pair.spec}.net").net(pair.net)
    ours = build(handle.source(), handle.name).double().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, *handle.report().inputs[0][1].shape, dtype=torch.float64)
    with torch.no_grad():
        expected, actual = outputs(theirs(x)), outputs(ours(x))
    pairs = list(zip(expected, actual, strict=True))
    difference = max(float((a - b).abs().max()) for a, b in pairs)
    largest = max(float(a.abs().max()) for a in expected)
    seconds = time.perf_counter() - begin
    print(
        f"{pair.net:20} {handle.report().params:>12,} parameters   {len(expected)} outputs up to "
        f"{largest:.3g}, difference {difference:.1e}   {seconds:.0f} s",
        flush=True,
    )
    return {key: tuple(value.shape) for key, value in theirs.state_dict().items()}, difference


def model(pair: Pair) -> nn.Module:
    """torchvision's net with weights and statistics drawn from a fixed seed, in float64."""
    from torchvision import models

    torch.manual_seed(0)
    options: dict[str, Any] = {}
    if pair.function in ("googlenet", "inception_v3"):
        options = {"aux_logits": pair.sides, "init_weights": False}
    found: nn.Module = getattr(models, pair.function)(weights=None, **options).double().eval()
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    found.training = pair.sides  # of the net alone: its layers stay as in use
    return found


def outputs(found: Any) -> list[torch.Tensor]:
    """The outputs in the order of the specs: the scores, then the side heads from below."""
    if isinstance(found, torch.Tensor):
        return [found]
    if hasattr(found, "aux_logits2"):
        return [found.logits, found.aux_logits1, found.aux_logits2]
    return list(found)


def giga_macs(pair: Pair) -> float | None:
    """What torchvision says of its net's multiply-accumulates, without side heads, in 10^9."""
    from torchvision import models

    if pair.sides:
        return None
    weights = models.get_model_weights(pair.function)
    found: float = next(iter(weights)).meta["_ops"]
    return found


def look(weights: Path, pictures: Path) -> int:
    """What MobileNetV2 with its ImageNet weights sees in each picture of a folder; 1 if it errs."""
    from PIL import Image
    from torchvision.models import MobileNet_V2_Weights
    from torchvision.transforms.functional import pil_to_tensor

    names = MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"]
    prepare = MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    handle = load(SPECS / "mobilenet_v2.net").net()
    net = build(handle.source(), handle.name).eval()
    net.load_state_dict(torch.load(weights, weights_only=True), strict=True)
    wrong = 0
    for file in sorted(pictures.iterdir()):
        if file.suffix.lower() not in (".png", ".jpg", ".jpeg"):
            continue
        picture = pil_to_tensor(Image.open(file).convert("RGB"))
        with torch.no_grad():
            shares = net(prepare(picture)[None]).softmax(1)[0]
        best = shares.topk(3)
        seen = ", ".join(
            f"{names[n]} {share:.2f}"
            for share, n in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        )
        print(f"{file.name:28} {seen}")
        wrong += KNOWN.get(file.name, names[int(best.indices[0])]) != names[int(best.indices[0])]
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
