"""The convolutional nets as one graph: torch.compile(fullgraph=True) and torch.export.export.

Large nets are traced on the meta device: their outputs are compared by shape, those of the small
ones by value as well.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch._dynamo
from torch import nn
from torchvision_nets import SPECS

from netc.api import read
from netc.runtime.module import build

NETS = (
    ("alexnet", "AlexNet"),
    ("alexnet", "AlexNetTorchvision"),
    ("densenet", "DenseNet121"),
    ("googlenet", "GoogLeNetPaperSides"),
    ("googlenet", "GoogLeNetSides"),
    ("inception_v3", "InceptionV3"),
    ("lenet5_1998", "LeNet5"),
    ("mobilenet_v2", "MobileNetV2"),
    ("nin", "NIN"),
    ("resnet", "ResNet18"),
    ("resnet_cifar", "Plain20"),
    ("resnet_cifar", "ResNet20"),
    ("unet", "UNet"),
    ("unet_paper", "UNetPaper"),
    ("vgg", "VGG11Norm"),
)
SIZES = {"unet": {"H": 32, "W": 48}, "unet_paper": {"H": 188, "W": 204}}
SMALL = 1_000_000
each_net = pytest.mark.parametrize(("file", "name"), NETS, ids=[name for _, name in NETS])


def built(file: str, name: str) -> tuple[nn.Module, list[torch.Tensor]]:
    """The emitted module and an input of two examples."""
    net = read(SPECS / f"{file}.net", SIZES.get(file, {})).net(name)
    report = net.report()
    torch.manual_seed(0)
    with torch.device("cpu" if report.params < SMALL else "meta"):
        module = build(net.source(), name)
        return module, [torch.rand(2, *map(int, t.shape)) for _, t in report.inputs]


def check_same(found: Any, expected: Any) -> None:
    """Outputs of equal shapes, and of equal values where they have any."""
    pairs = zip(outputs(found), outputs(expected), strict=True)
    for one, other in pairs:
        assert one.shape == other.shape
        if not one.is_meta:
            torch.testing.assert_close(one, other)


def outputs(result: Any) -> tuple[torch.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def test_every_file_is_traced() -> None:
    assert {file for file, _ in NETS} == {file.stem for file in SPECS.glob("*.net")}


@each_net
def test_compile_takes_it_in_training(file: str, name: str) -> None:
    module, values = built(file, name)
    torch._dynamo.reset()
    compiled = torch.compile(module.train(), fullgraph=True, backend="eager")
    torch.manual_seed(1)
    found = compiled(*values)
    torch.manual_seed(1)
    check_same(found, module(*values))


@each_net
def test_export_takes_it_at_rest(file: str, name: str) -> None:
    module, values = built(file, name)
    exported = torch.export.export(module.eval(), tuple(values)).module()
    check_same(exported(*values), module(*values))


@pytest.mark.parametrize("name", ["GoogLeNetPaperSides", "GoogLeNetSides"])
def test_side_heads_are_exported_in_training(name: str) -> None:
    module, values = built("googlenet", name)
    exported = torch.export.export(module.train(), tuple(values)).module()
    assert len(outputs(exported(*values))) == 3
    check_same(exported(*values), module(*values))
