"""Activation memory of the report against what PyTorch holds, tensor by tensor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from compiling import REPOSITORY, lines_of, net_of
from hypothesis import HealthCheck, assume, given, settings
from live_memory import Live, most_bytes
from random_nets import nets
from test_emit import built, every_net, inputs_of, outputs

from netc.api import NetHandle, read
from netc.compiler.graph import LayerStep
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


# -- nets of a few lines, of which each has something to hold


class _Loss(torch.autograd.Function):
    """A loss whose gradients are memory of their own, and go once they are used."""

    @staticmethod
    def forward(ctx: Any, *values: torch.Tensor) -> torch.Tensor:
        ctx.sizes = [value.shape for value in values]
        return torch.zeros(())

    @staticmethod
    def backward(ctx: Any, *_: torch.Tensor) -> Any:
        return tuple(torch.ones(size) for size in ctx.sizes)


def held(net: NetHandle, *, train: bool) -> float:
    """Bytes of one example at the peak of a run."""
    module, values = built(net).train(train), inputs_of(net, BATCH)
    with torch.set_grad_enabled(train), Live(module, batch=BATCH) as live:
        for value in values:
            live.add(value)
        results = [result for result in outputs(module(*values)) if result.requires_grad]
        if results:
            loss: Any = _Loss.apply(*results)
            loss.backward()
    return live.peak / BATCH


def once(net: NetHandle) -> int:
    """Bytes that are there once for the whole batch: the statistics of batch norm."""
    steps = [row.step for row in net.report().rows if isinstance(row.step, LayerStep)]
    return sum(s.layer.kept([w.tensor for w in s.inputs], s.output.tensor).fixed for s in steps)


@pytest.mark.parametrize(
    ("shape", "lines"),
    [
        ("[4, 7, 16]", "conv 2, 3\nconv 4, 3, pad=4 -> tanh -> conv 8, 1\nx -> conv 3, 5x9"),
        ("[4, 7, 16]", "local_response_norm\nconv 2, 5x9"),
        ("[2, 5, 6, 7]", "gelu -> softmax axis=0 -> local_response_norm"),
        ("[3, 10, 10]", "conv 3, 1 -> prelu -> conv 3, 1 -> prelu slopes=channels"),
        ("[40, 8]", "dense 8 -> attention 2, dropout=0.1"),
        ("[40, 8]", "attention 4, mask=causal"),
        ("[40, 8]", "m = dense 8 -> last\nx -> dense 8 -> attention 2"),
        ("[12, 8]", "m = x -> dense 12\nx -> dense 16 -> attention 2, dropout=0.2, over=m"),
        ("[4, 11, 9]", "conv 8, 1\nconv 8, 4, pad=same\nmax_pool 4, pad=same\nconv 1, 1"),
        ("[4, 11, 9]", "conv 8, 1 -> conv 8, 4, pad=same -> relu\nconv 1, 1"),
        ("[4, 11, 9]", "conv 8, 1 -> tanh -> depthwise_conv 4, pad=same -> avg_pool 4, pad=same"),
        ("[4, 11, 9]", "v = conv 8, 3, pad=1\nrelu6 -> concat v"),
        ("[4, 11, 9]", "v = conv 8, 1\nsilu -> add v -> gelu -> mul v -> conv 2, 1"),
        ("[4, 41]", "v = conv 4, 1\n(v, out) -> concat\nparallel join=concat:\n"
         "    branch: conv 4, 3, pad=1\n    branch: conv 4, 1\nconv 6, 1"),
        ("[4, 41]", "parallel join=add:\n    branch: conv 8, 1 -> conv 4, 1\n"
         "    branch: conv 8, 3, pad=1 -> gelu -> conv 4, 1\nconv 2, 1"),
        ("[4, 41]", "param w: [4, 41] = ones\n(x, w) -> mul -> conv 2, 1"),
        ("[4, 41]", "conv 4, 1\nresidual:\n    conv 6, 1 -> relu -> conv 4, 1\nrelu -> conv 2, 1"),
        ("[3, 6, 5]", "residual:\n    dropout 0.25\n    conv 4, 1x1 -> batch_norm\n"
         "    shortcut: conv 4, 1x1\nconv 2, 1x1"),
        ("[3, 6, 5]", "line = group_norm 1 -> sigmoid -> conv 8, 2x2, pad=same -> sigmoid\n"
         "line -> conv 2, 1x1"),
        ("[3, 6, 5]", "numbered = sequential:\n    conv 8, 3x3, pad=1 -> conv 8, 2x2, pad=same\n"
         "    avg_pool 3x3, stride=1, pad=1\nconv 2, 1x1"),
        ("[3, 6, 5]", "conv 12, 1x1\nresidual:\n    conv 8, 1x1 -> conv 4, 1x1\n"
         "    shortcut: conv 4, 1x1\nconv 6, 1x1\nresidual:\n"
         "    repeat in [8, 4] as w: conv w, 1x1\n    conv 6, 1x1\nconv 2, 1x1"),
        ("[3, 6, 5]", "sigmoid -> dropout 0.25 -> elu\nconv 2, 1x1"),
        ("[4, 41]", "a = conv 4, 1\nb = conv 4, 1\nx -> conv 4, 1 -> mul a, b -> conv 2, 1"),
        ("[4, 41]", "a = conv 4, 1\nstage = repeat 3: sequential:\n    conv 8, 1 -> conv 4, 1\n"
         "    add a\nconv 2, 1"),
    ],
)  # fmt: skip
def test_peaks_of_a_few_lines_are_what_pytorch_holds(shape: str, lines: str) -> None:
    net = lines_of(lines, shape)
    report = net.report()
    assert report.inference_peak == pytest.approx(held(net, train=False), rel=0.02)
    assert report.training_peak == pytest.approx(held(net, train=True), rel=0.02)


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(nets())
def test_random_nets_hold_what_is_told(text: str) -> None:
    net = net_of(text)
    report = net.report()
    assume(not {row.layer for row in report.rows} & {"gru", "lstm", "rnn"})  # their own tests
    small = once(net) + 100
    assert report.training_peak == pytest.approx(held(net, train=True), rel=0.1, abs=small)
    assert report.inference_peak == pytest.approx(held(net, train=False), rel=0.1, abs=100)


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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """With several each has memory of its own in a convolution."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
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
