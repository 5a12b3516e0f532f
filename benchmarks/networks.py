"""How soon the classic nets are summed up: `netc report` against torchinfo and fvcore.

All are whole processes. The peers are given the PyTorch that netc wrote. torchinfo runs it on the
meta device, where no tensor has memory; fvcore traces a run of one example, which fails there.
"""

from __future__ import annotations

import tempfile
from importlib.util import find_spec
from pathlib import Path

import netc as package
from benchmarks.measure import SPECS, milliseconds, netc, processes, python, ratio

ROUNDS = 3
NETS = (
    ("lenet5.net", "LeNet5"),
    ("vision/alexnet.net", "AlexNetTorchvision"),
    ("vision/nin.net", "NIN"),
    ("vision/vgg.net", "VGG16"),
    ("vision/googlenet.net", "GoogLeNet"),
    ("vision/inception_v3.net", "InceptionV3"),
    ("vision/resnet.net", "ResNet50"),
    ("vision/resnet.net", "ResNet152"),
    ("vision/densenet.net", "DenseNet121"),
    ("vision/densenet.net", "DenseNet201"),
    ("vision/mobilenet_v2.net", "MobileNetV2"),
)

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
    missing = [name for name in ("torchinfo", "fvcore") if find_spec(name) is None]
    if missing:
        print(f"{' and '.join(missing)} not installed: pip install 'netc[bench]'")
        return
    with tempfile.TemporaryDirectory() as folder:
        for file, name in NETS:
            _measure(Path(folder), file, name)


def _measure(folder: Path, file: str, name: str) -> None:
    net = package.load(SPECS / file).net(name)
    module = name.lower()
    (folder / f"{module}.py").write_text(net.source(), encoding="utf-8")
    shape = net.report().inputs[0][1].shape
    about = {"folder": str(folder), "module": module, "name": name, "shape": shape}
    meta, cpu = (MADE.format(**about, device=device) for device in ("meta", "cpu"))
    times = processes(
        {
            "netc": (netc("report", str(SPECS / file), "--net", name), 0),
            "torchinfo": (python("-c", meta + TORCHINFO), 0),
            "fvcore": (python("-c", cpu + FVCORE), 0),
        },
        ROUNDS,
    )
    ratios = ", ".join(
        f"{peer} ÷ netc {ratio(times[peer], times['netc']).median:.1f}"
        for peer in ("torchinfo", "fvcore")
    )
    print(f"{name:20} {milliseconds(times['netc']):>22}   {ratios}", flush=True)


if __name__ == "__main__":
    main()
