"""Which nets of specs/vision are in torchvision's form, and how their keys are recorded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

SPECS = Path(__file__).resolve().parents[2] / "specs" / "vision"
RECORDED = Path(__file__).parent / "torchvision" / "keys.json"
LISTS = Path(__file__).parent / "torchvision" / "keys"
"""The keys themselves, a file for each net, so that a difference can be read."""


class Pair(NamedTuple):
    """A net of a spec and torchvision's function for it."""

    spec: str
    net: str
    function: str
    sides: bool = False
    """Whether the side heads are there, which torchvision runs in training only."""


PAIRS = (
    Pair("alexnet", "AlexNetTorchvision", "alexnet"),
    *(Pair("vgg", f"VGG{depth}", f"vgg{depth}") for depth in (11, 13, 16, 19)),
    *(Pair("vgg", f"VGG{depth}Norm", f"vgg{depth}_bn") for depth in (11, 13, 16, 19)),
    Pair("googlenet", "GoogLeNet", "googlenet"),
    Pair("googlenet", "GoogLeNetSides", "googlenet", sides=True),
    Pair("inception_v3", "InceptionV3", "inception_v3", sides=True),
    *(Pair("resnet", f"ResNet{depth}", f"resnet{depth}") for depth in (18, 34, 50, 101, 152)),
    *(Pair("densenet", f"DenseNet{depth}", f"densenet{depth}") for depth in (121, 169, 201)),
    Pair("mobilenet_v2", "MobileNetV2", "mobilenet_v2"),
)

Shape = tuple[int, ...]
Part = dict[str, int | str]


def parts(shapes: Mapping[str, Shape]) -> dict[str, Part]:
    """A state dict's keys and shapes, summed up by the first word of the key.

    For each: how many tensors, how many numbers, and the SHA-256 of the sorted lines `key shape`.
    """
    groups: dict[str, list[str]] = {}
    for key in shapes:
        groups.setdefault(key.split(".")[0], []).append(key)
    return {name: _part(keys, shapes) for name, keys in sorted(groups.items())}


def _part(keys: Iterable[str], shapes: Mapping[str, Shape]) -> Part:
    listed = sorted(keys)
    lines = "\n".join(f"{key} {list(shapes[key])}" for key in listed)
    numbers = 0
    for key in listed:
        count = 1
        for size in shapes[key]:
            count *= size
        numbers += count
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return {"tensors": len(listed), "numbers": numbers, "sha256": digest}


def listed(shapes: Mapping[str, Shape]) -> str:
    """A state dict's keys and shapes, a line for each module: `conv1 weight 64x3x7x7`."""
    modules: dict[str, list[str]] = {}
    for key, shape in shapes.items():
        module, _, name = key.rpartition(".")
        modules.setdefault(module, []).append(f"{name} {'x'.join(map(str, shape)) or 'number'}")
    lines = (f"{module} {', '.join(sorted(named))}" for module, named in sorted(modules.items()))
    return "\n".join(lines) + "\n"
