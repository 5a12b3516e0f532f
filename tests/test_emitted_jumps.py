"""Emitted files of nets whose values jump over lines, and whose names are those of the file."""

from __future__ import annotations

import re

import pytest
import torch
from compiling import net_of
from emitted import both, built, check_state, inputs_of
from torch.utils.flop_counter import FlopCounterMode

JUMPS = {
    "a residual called as the net": (
        "net Trunk:\n    input p: [3]\n    trunk = residual:\n        dense 3\n        relu\n"
        "    dense 8 -> relu -> dense 3\n"
    ),
    "an input called as what flows": (
        "net A:\n    input x: [4, 16]\n    h = dense 16\n    repeat 2:\n"
        "        residual: layer_norm -> attention 2, over=x\n        residual: dense 16 -> gelu\n"
    ),
    "a value of a block called as what flows": (
        "block B(x):\n    dense 4\n    (out, x) -> add\n\n"
        "net A:\n    input p: [4]\n    B p\n    B p\n"
    ),
    "a repeat that is given what it reads": (
        "net A:\n    input p: [4]\n    repeat 2:\n        dense 4\n        (out, p) -> add\n"
    ),
    "a residual in it that reads the same": (
        "net A:\n    input p: [4]\n    a = dense 4\n    repeat 2:\n        residual:\n"
        "            dense 4\n            (out, a) -> add\n        tanh\n"
    ),
    "attention over what the repeat is given": (
        "net A:\n    input p: [5, 4]\n    repeat 2: attention 2, over=p\n"
    ),
    "what flows into the stretch around": (
        "net A:\n    input p: [4]\n    v = dense 4\n    repeat 3:\n        w = dense 4\n"
        "        u = residual:\n            (v, w) -> add\n            out -> dense 4\n"
        "        dense 4\n"
    ),
    "a repeat in a repeat": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 2:\n        repeat 2:\n"
        "            dense 4\n            (q, out) -> add\n"
    ),
    "a repeat in a repeat of uneven rounds": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 2 as i:\n        repeat i + 1:\n"
        "            dense 4\n            (q, out) -> add\n"
    ),
    "an input called as a loop's variable": (
        "net A:\n    input layer: [4]\n    dense 4\n    repeat 2:\n        dense 4\n"
        "        residual: dense 4\n        tanh\n        (out, layer) -> add\n"
    ),
    "an input called as a variable of an expression": (
        "net A:\n    input size: [2, 8, 8]\n    spatial_pyramid_pool [2, 1]\n    dense 3\n"
    ),
    "a net called as a class that comes along": (
        "net Attention:\n    input x: [5, 4]\n    attention 2 -> dense 3\n"
    ),
    "blocks called as words of Python": (
        "block In:\n    relu -> tanh\n\nblock Train:\n    tanh\n\nblock tuple:\n    dense 4\n\n"
        "net A:\n    input p: [4]\n    In\n    Train\n    tuple\n    output a = dense 3\n"
        "    output b = p -> dense 2\n"
    ),
    "a block called as an argument of another": (
        "block width(n):\n    dense n -> relu\n\nblock B(width):\n    dense width -> tanh\n\n"
        "net A:\n    input p: [4]\n    B 3\n    width 4\n    B 5\n    width 6\n"
    ),
    "a module shared in each round, and in a block": (
        "block B:\n    share s = dense 4\n    s -> tanh -> s\n\nnet A:\n    input p: [4]\n"
        "    repeat 2:\n        (in, out) -> add\n        share s = dense 4\n        s\n"
        "    B\n    repeat 2: B\n    residual: B\n"
    ),
    "rounds that are handed different values": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 3 as i:\n        dense 4\n"
        "        (out, p if i == 0 else q) -> add\n"
    ),
    "a stretch that gives what it was handed": (
        "net A:\n    input p, q: [4]\n    p -> dense 4\n    repeat 2:\n        dense 4\n        q\n"
        "    dense 3\n"
    ),
    "values that are handed in together": (
        "block B(m):\n    dense 4\n    m -> add\n\nnet A:\n    input p, q: [4]\n    p -> dense 4\n"
        "    B (p, q)\n    dense 3\n"
    ),
}


@pytest.mark.parametrize("text", JUMPS.values(), ids=JUMPS)
@pytest.mark.covers("PR03", "PR02")
def test_values_that_jump(text: str) -> None:
    net = net_of(text)
    module = built(net)
    check_state(net, module)
    found, expected = both(net, module, inputs_of(net))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_rounds_are_one_class_whatever_the_first_is_given() -> None:
    source = net_of(JUMPS["a residual in it that reads the same"]).source()
    assert re.findall(r"^class (\w+)", source, re.MULTILINE) == ["Layer", "A"]
    assert "nn.ModuleList(Layer() for _ in range(2))" in source
    source = net_of(JUMPS["a repeat in a repeat"]).source()
    assert "        for layers in self.repeat1:\n            for layer in layers:\n" in source


@pytest.mark.covers("PR02", "CV19")
def test_values_that_nobody_reads() -> None:
    """What the report counts runs, if for nothing; the rest is left out."""
    net = net_of(
        "net A:\n    input image, other: [4]\n    image -> dense 4 -> relu\n"
        "    (other, image) -> mul\n    image -> dense 4\n"
    )
    source = net.source()
    assert "        self.dense1(image)\n        return self.dense2(image)" in source
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        built(net, "meta")(*inputs_of(net, 1, "meta"))
    assert counter.get_total_flops() == net.report().flops
    assert net.report().inference_peak == 2 * 16 + 16  # two inputs and a result
