"""Activation memory of the report against what PyTorch holds, tensor by tensor."""

from __future__ import annotations

import pytest
import torch
from compiling import REPOSITORY
from live_memory import Live, most_bytes
from test_emit import built, every_net, inputs_of, outputs

from netc.api import NetHandle, read
from netc.compiler.layers.base import Tensor
from netc.runtime.module import build

BATCH = 13
"""No size of the nets tested is a multiple of it, so that activations can be told from weights."""


def training_peak(name: str) -> float:
    """Bytes of one example at the peak of a training step."""
    module, values = built(every_net()[name]).train(), inputs_of(every_net()[name], BATCH)
    with Live(module, batch=BATCH) as live:
        for value in values:
            live.add(value)
        results = outputs(module(*values))
        torch.autograd.backward(results, [torch.ones_like(result) for result in results])
    return live.peak / BATCH


def inference_peak(name: str) -> float:
    """Bytes of one example at the peak of a run without gradients."""
    module, values = built(every_net()[name]), inputs_of(every_net()[name], BATCH)
    with torch.no_grad(), Live(module, batch=BATCH) as live:
        for value in values:
            live.add(value)
        module(*values)
    return live.peak / BATCH


KNOWN = [name for name, net in every_net().items() if net.report().training_peak is not None]


def test_nets_of_many_kinds_have_known_peaks() -> None:
    assert {"lenet5-LeNet5", "resnet50-ResNet50", "densenet-DN", "inception-Inc"} <= set(KNOWN)
    assert {"triplet-Triplet", "rows_attention-RowsAttention", "shortcuts-Net"} <= set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_training_peak_is_what_pytorch_holds(name: str) -> None:
    assert every_net()[name].report().training_peak == pytest.approx(training_peak(name), rel=0.1)


@pytest.mark.parametrize("name", KNOWN)
def test_inference_peak_is_what_pytorch_holds(name: str) -> None:
    assert every_net()[name].report().inference_peak == pytest.approx(inference_peak(name), rel=0.1)


@pytest.mark.parametrize("name", ["tagger-Tagger", "rows_lstm-RowsLSTM"])
def test_where_kernels_decide_the_peak_is_unknown(name: str) -> None:
    report = every_net()[name].report()
    assert report.inference_peak is None
    assert report.training_peak is None


# -- the classic nets, with a batch of 32, on tensors without memory of their own

PAPER = 32
SIZES = {"unet": {"H": 64, "W": 96}, "unet_paper": {"H": 572, "W": 188}}
VISION = [
    (file.stem, name)
    for file in sorted((REPOSITORY / "specs" / "vision").glob("*.net"))
    for name in read(file, {}).names
] + [("../lenet5", "LeNet5")]


def classic(file: str, name: str) -> NetHandle:
    return read(REPOSITORY / "specs" / "vision" / f"{file}.net", SIZES.get(file, {})).net(name)


def on_meta(file: str, name: str, *, train: bool) -> float:
    net = classic(file, name)
    with torch.device("meta"):
        module = build(net.source(), name).train(train)
        values = [torch.empty(PAPER, *shape_of(t)) for _, t in net.report().inputs]
    with torch.set_grad_enabled(train), Live(module, batch=PAPER, first=True) as live:
        for value in values:
            live.add(value)
        results = outputs(module(*values))
        if train:
            torch.autograd.backward(results, [torch.ones_like(result) for result in results])
    return live.peak / PAPER


def shape_of(tensor: Tensor) -> list[int]:
    return [int(str(size)) for size in tensor.shape]


def test_the_nets_that_papers_speak_of_are_measured() -> None:
    named = {("vgg", "VGG16"), ("resnet", "ResNet50"), ("densenet", "DenseNet121")}
    assert named | {("../lenet5", "LeNet5")} <= set(VISION)


@pytest.mark.parametrize(("file", "name"), VISION)
def test_classic_nets_at_inference(file: str, name: str) -> None:
    report = classic(file, name).report()
    assert report.inference_peak == pytest.approx(on_meta(file, name, train=False), rel=0.1)


@pytest.mark.parametrize(("file", "name"), VISION)
def test_classic_nets_in_training(file: str, name: str) -> None:
    report = classic(file, name).report()
    assert report.training_peak == pytest.approx(on_meta(file, name, train=True), rel=0.1)


# -- the same by PyTorch's own account: every byte that its allocator gives and takes back


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize(("file", "name"), [("resnet", "ResNet50"), ("densenet", "DenseNet121")])
def test_the_profiler_finds_what_is_told(file: str, name: str, train: bool) -> None:
    """Nets whose convolutions copy nothing on a CPU; gradients of weights go as they come."""
    net, batch = classic(file, name), 4
    module = build(net.source(), name).train(train)
    for parameter in module.parameters():
        parameter.register_post_accumulate_grad_hook(lambda one: setattr(one, "grad", None))
    x = torch.zeros(batch, *shape_of(net.report().inputs[0][1]))
    with (
        torch.profiler.profile(profile_memory=True) as profiler,
        torch.set_grad_enabled(train),
    ):
        result = module(x)
        if train:
            result.sum().backward()
    report = net.report()
    told = report.training_peak if train else report.inference_peak
    found = x.nbytes + most_bytes(profiler)
    assert told == pytest.approx(found / batch, rel=0.1)
