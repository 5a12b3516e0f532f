"""Activations that write over their input: where they do, and that nothing else comes of it."""

from __future__ import annotations

import re

import pytest
import torch
import torch._dynamo
from compiling import REPOSITORY, lines_of, net_of
from hypothesis import HealthCheck, given, settings
from random_nets import nets
from test_emit import built, inputs_of, outputs
from torch import nn

from netc.api import NetHandle, load
from netc.compiler.in_place import in_place
from netc.runtime.module import build

WRITTEN = re.compile(r",? ?\binplace=True")


def plain(net: NetHandle) -> nn.Module:
    """The module with every value in memory of its own, in evaluation mode, the same weights."""
    torch.manual_seed(0)
    source = re.sub(r"(\w+) \+= ", r"\1 = \1 + ", WRITTEN.sub("", net.source()))
    return build(source, net.name).eval()


def count(net: NetHandle) -> int:
    return len(WRITTEN.findall(net.source())) + net.source().count(" += ")


def gradients(module: nn.Module, values: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """Outputs, and the gradients of the inputs and of all weights, in training mode."""
    torch.manual_seed(2)
    module.double().train()
    inputs = [value.double().requires_grad_() for value in values]
    results = outputs(module(*inputs))
    loss = sum((result.square().sum() for result in results), torch.zeros(()))
    wanted = [*inputs, *module.parameters()]
    return [*results, *torch.autograd.grad(loss, wanted, allow_unused=True)]


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal to the last bit; products of many values may be no number after a norm."""
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


def check_equal(net: NetHandle) -> None:
    """Equal to the last bit: values at rest, values and gradients in training, the inputs after."""
    values = inputs_of(net)
    before = [value.clone() for value in values]
    ours, theirs = built(net), plain(net)
    with torch.no_grad():
        pairs = [*zip(outputs(ours(*values)), outputs(theirs(*values)), strict=True)]
    pairs += zip(values, before, strict=True)
    for one, other in pairs:
        assert same(one, other)
    for mine, other_ in zip(gradients(ours, values), gradients(theirs, values), strict=True):
        assert (mine is None) == (other_ is None)
        assert mine is None or other_ is None or same(mine, other_)


@settings(deadline=None, max_examples=80, suppress_health_check=list(HealthCheck))
@given(nets().filter(lambda text: "input x: [3, 6, 5]" in text))  # rows are views: none is written
def test_random_nets_have_equal_values_and_gradients(text: str) -> None:
    check_equal(net_of(text))


# -- where

IN_PLACE = {
    "after a convolution": "conv 4, 3x3 -> relu",
    "after batch norm": "conv 4, 3x3, bias=no -> batch_norm -> relu6",
    "on lines of their own": "conv 4, 3x3\nbatch_norm\nleaky_relu 0.2",
    "a value that has a name": "h = conv 4, 3x3\nh -> silu",
    "after a join": "residual: conv 3, 1x1\nrelu",
    "after pooling": "max_pool 2x2 -> relu",
    "of a vector": "flatten -> dense 4 -> relu",
    "in a sequential": "sequential: conv 4, 3x3 -> relu -> conv 4, 3x3",
    "in a repeat": "repeat 2: conv 3, 1x1 -> relu",
    "behind a condition": "conv 4, 3x3\nwhen out.channels == 4: batch_norm\nrelu",
    "behind one that does not hold": "conv 4, 3x3\nwhen out.channels == 5: batch_norm\nrelu",
    "a sum": "residual: conv 3, 1x1, bias=no -> batch_norm\ntanh",
    "in a branch": "parallel join=add:\n    branch: conv 4, 1x1 -> relu\n    branch: conv 4, 1x1",
}
APART = {
    "the net's own input": "relu",
    "a value that is read again": "h = conv 3, 1x1\nrelu\nadd h",
    "a skip": "residual: relu -> conv 3, 1x1",
    "a skip from a convolution": "conv 3, 1x1\nresidual: relu -> conv 3, 1x1",
    "an output": "output h = conv 3, 1x1\nrelu -> conv 3, 1x1",
    "two readers": "h = conv 3, 1x1\na = h -> relu\nb = h -> relu\n(a, b) -> add",
    "what sigmoid needs for its slope": "conv 3, 1x1 -> sigmoid -> relu",
    "what softmax needs for its slope": "conv 3, 1x1 -> softmax -> relu",
    "what relu needs for its slope": "conv 3, 1x1 -> tanh -> relu -> leaky_relu",
    "what global max pooling needs": "global_max_pool -> relu -> dense 3",
    "a view": "conv 3, 1x1 -> flatten -> relu",
    "the input itself, dropout at rest": "dropout 0.5 -> relu -> conv 3, 1x1",
    "a slope below 0": "conv 3, 1x1 -> leaky_relu slope=-0.5",
    "a slope that the output rounds": "conv 3, 1x1 -> elu",
    "a sum that is returned": "residual: conv 3, 1x1, bias=no -> batch_norm",
    "a sum of what is read again": (
        "s = conv 3, 1x1\nh = conv 3, 1x1, bias=no -> batch_norm\nadd s\nadd h\ntanh"
    ),
    "a sum of three": "a = conv 3, 1x1\nbatch_norm -> add a, a\ntanh",
    "a sum of other than batch norm": "residual: conv 3, 1x1\ntanh",
    "functions without it": "conv 3, 1x1 -> gelu -> conv 3, 1x1 -> sigmoid",
    "a view of what the call made": "instance_norm -> relu",
    "the first of a sequential": "conv 3, 1x1\nsequential: relu -> conv 3, 1x1",
}


@pytest.mark.parametrize("text", IN_PLACE.values(), ids=IN_PLACE)
def test_written_over_the_input(text: str) -> None:
    net = lines_of(text, "[3, 6, 6]")
    assert count(net) == 1
    check_equal(net)


@pytest.mark.parametrize("text", APART.values(), ids=APART)
def test_memory_of_its_own(text: str) -> None:
    net = lines_of(text, "[3, 6, 6]")
    assert count(net) == 0
    check_equal(net)


BLOCK = """
block Unit(width):
    h = conv width, 1x1
    relu
    when width > 4: add h
net Net:
    input x: [4, 5, 5]
    Unit {first}
    Unit {second}
"""


def test_instances_of_a_class_agree() -> None:
    """One of them reads the value again, so none writes over it, and memory's account knows."""
    apart = net_of(BLOCK.format(first=4, second=8))
    assert apart.source().count("class ") == 2
    assert count(apart) == 0
    assert not in_place(apart.graph.module)
    check_equal(apart)
    together = net_of(BLOCK.format(first=4, second=3))
    assert count(together) == 1
    assert len(in_place(together.graph.module)) == 2
    check_equal(together)


SUM = """
block Unit(width):
    x = in
    skip = conv width, 1x1
    {lines}
net Net:
    input x: [4, 5, 5]
    Unit {first} -> Unit {second}
    tanh
"""
NORM, FLOWS = "conv width, 1x1, bias=no -> batch_norm", "when width == in.channels: add x"


@pytest.mark.parametrize(
    ("lines", "first", "second", "written"),
    [
        ((NORM, FLOWS), 4, 8, "if self.takes_shortcut:\n            x += "),
        ((f"sequential: {NORM}", FLOWS), 4, 8, "if self.takes_shortcut:\n            x += "),
        ((f"sequential: {NORM}", "add skip", FLOWS), 4, 8, "x += skip"),
        ((NORM, FLOWS), 4, 4, "x += "),
        ((f"h = {NORM}", FLOWS, "add h"), 4, 8, ""),
        ((f"h = {NORM}", "skip -> tanh", "when width == in.channels: h -> add x"), 4, 8, ""),
        (("conv width, 1x1", FLOWS), 4, 8, ""),
    ],
)
def test_a_sum_in_an_if(lines: tuple[str, ...], first: int, second: int, written: str) -> None:
    """Of what flows, where batch norm made it; memory's account and the file agree."""
    net = net_of(SUM.format(lines="\n    ".join(lines), first=first, second=second))
    assert (written in net.source()) if written else count(net) == 0
    assert bool(in_place(net.graph.module)) == bool(written)
    check_equal(net)


@pytest.mark.parametrize(
    ("lines", "written", "kept"),
    [
        ("conv 3, 1x1 -> relu", "relu", "output 3·6·6·4 = 432 bytes"),
        ("conv 3, 1x1 -> leaky_relu", "leaky_relu", "output 3·6·6·4 = 432 bytes"),
        ("residual: conv 3, 1x1 -> batch_norm\ntanh", "add", "nothing: 0 bytes"),
    ],
)
def test_the_explanation_says_so(lines: str, written: str, kept: str) -> None:
    """A leaky relu in memory of its own would keep its input."""
    net = lines_of(lines, "[3, 6, 6]")
    rows = {row.layer: row.why for row in net.report().rows}
    held = {layer for layer, why in rows.items() if "over its input" in why.activation}
    assert held == {written}
    assert (rows[written].activation, rows[written].kept) == (
        "written over its input: 0 bytes", kept,
    )  # fmt: skip
    assert rows["conv"].activation == "3·6·6·4 = 432 bytes"


@pytest.mark.parametrize("file", ["mobilenet_v2", "resnet", "unet"])
def test_explanations_and_memory_know_the_same(file: str) -> None:
    spec = load(REPOSITORY / "specs" / "vision" / f"{file}.net")
    net = spec.net(spec.names[0])
    over = in_place(net.graph.module)
    told = [row.step.output for row in net.report().rows if "written over" in row.why.activation]
    assert over
    assert set(told) == over


def test_rows_are_views_of_a_product() -> None:
    assert count(lines_of("dense 4 -> relu", "[5, 3]")) == 0
    assert count(lines_of("dense 4 -> relu", "[3]")) == 1


# -- memory and torch's own tools

EVERY_KIND = """
block Unit(width):
    residual:
        sequential: conv width, 3x3, pad=1, bias=no -> batch_norm -> relu6
        conv width, 1x1 -> leaky_relu 0.1
        batch_norm
        shortcut when=in.channels != width: conv width, 1x1 -> relu
    relu
net Net:
    input x: [3, 6, 6]
    Unit 3
    Unit 4
    conv 4, 1x1 -> silu
    flatten -> dense 5 -> relu
"""


def test_a_value_less_is_held() -> None:
    net = lines_of("conv 3, 1x1 -> relu", "[3, 6, 6]")
    one = 4 * 3 * 6 * 6
    assert net.report().inference_peak == 2 * one
    assert net.report().training_peak == 4 * one


@pytest.mark.parametrize("training", [True, False])
def test_compile_and_export_take_every_kind(training: bool) -> None:
    net = net_of(EVERY_KIND)
    assert count(net) == 7
    check_equal(net)
    module, other = built(net).train(training), plain(net).train(training)
    (x,) = inputs_of(net)
    torch._dynamo.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    expected = other(x)
    assert torch.equal(compiled(x), expected)
    if training:
        compiled(x).square().sum().backward()
        other(x).square().sum().backward()
        for mine, theirs in zip(module.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, theirs.grad)
    exported = torch.export.export(module, (x,)).module()
    torch.testing.assert_close(exported(x), expected)
