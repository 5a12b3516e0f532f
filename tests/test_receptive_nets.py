"""Receptive fields of whole nets against the gradient's support: which inputs one element reads."""

from __future__ import annotations

import pytest
import torch
from compiling import net_of
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.receptive import Span1

SIZE = 65
LAYERS = (
    "conv 3, 3x3, pad=1",
    "conv 2, 1x1",
    "conv 2, 3x5, pad=same",
    "conv 2, 3, pad=same, dilation=2",
    "avg_pool 3x3, stride=1, pad=1",
    "batch_norm",
    "sigmoid",
    "leaky_relu",
)
SHRINKING = (
    "conv 2, 3x3, stride=2",
    "conv 3, 2x2",
    "avg_pool 2x2",
    "avg_pool 3x3, stride=2, pad=1",
)


@st.composite
def nets(draw: st.DrawFn) -> str:
    """Chains, residuals and branches of layers that keep the size; some shrink it between."""
    lines: list[str] = []
    layer = st.sampled_from(LAYERS)
    for _ in range(draw(st.integers(1, 4))):
        match draw(st.sampled_from(["chain", "residual", "branches", "shrink"])):
            case "chain":
                lines.append(" -> ".join(draw(st.lists(layer, min_size=1, max_size=3))))
            case "residual":
                inner = " -> ".join(draw(st.lists(layer, min_size=1, max_size=3)))
                lines += ["conv 2, 1x1", f"residual: {inner} -> conv 2, 1x1"]
            case "branches":
                ways = draw(
                    st.lists(st.lists(layer, min_size=1, max_size=2), min_size=2, max_size=3)
                )
                lines.append("parallel join=concat:")
                lines += [f"    branch: {' -> '.join(way)}" for way in ways]
            case _:
                lines.append(draw(st.sampled_from(SHRINKING)))
    body = "".join(f"    {line}\n" for line in [*lines, "conv 2, 1x1"])
    return f"net Net:\n    input image: [2, {SIZE}, {SIZE}]\n{body}"


def positive(module: torch.nn.Module) -> torch.nn.Module:
    """All weights above 0 and alike, so that no two ways to an input cancel."""
    module = module.double().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(1 / max(1, parameter[0].numel()) if parameter.dim() > 1 else 0.5)
    return module


@pytest.mark.covers("CV16")
@settings(max_examples=60, deadline=None)
@given(nets())
def test_the_field_of_a_net_is_what_an_element_reads(text: str) -> None:
    net = net_of(text)
    field = net.report().rows[-1].place.field
    assert isinstance(field, tuple)
    image = torch.rand(1, 2, SIZE, SIZE, dtype=torch.double, requires_grad=True)
    result = positive(net.module())(image)
    place = [size // 2 for size in result.shape[2:]]
    (gradient,) = torch.autograd.grad(result[0, 0, place[0], place[1]], image)
    support = gradient.abs().sum(dim=(0, 1)).nonzero()
    for axis, span, index in zip(support.T, field, place, strict=True):
        assert isinstance(span, Span1)
        low, high = span.low + index * span.jump, span.high + index * span.jump
        assert int(axis.min()) == max(low, 0)
        assert int(axis.max()) == min(high, SIZE - 1)
