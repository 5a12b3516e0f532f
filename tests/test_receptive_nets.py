"""Receptive fields of whole nets against the gradient's support: which inputs one element reads."""

from __future__ import annotations

import pytest
import torch
from compiling import lines_of, net_of, spec_of
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from netc.compiler.receptive import Span1, starts, steps
from netc.compiler.table import table

SIZE = 65
LENGTH = 960
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
        (ends,) = span.ends
        assert ends is not None
        low, high = (end + index * span.step for end in ends)
        found = (int(axis.min()), int(axis.max()))
        if low >= 0 and high < SIZE:
            assert found == (low, high)
        else:  # what lies beyond a border of a value between is not seen
            assert found[0] >= low and found[1] <= high


KEEPING = (
    "conv 2, 3, pad=1",
    "conv 2, 4, pad=same, dilation=2",
    "avg_pool 3, stride=1, pad=1",
    "conv_transpose 2, 3, pad=1",
    "conv_transpose 2, 3, pad=2, dilation=2",
    "leaky_relu",
)
DOWN = (
    "avg_pool 2",
    "conv 2, 3, stride=2, pad=1",
    "conv 2, 4, stride=2, pad=1",
    "conv 2, 2, stride=2",
)
UP = (
    "conv_transpose 2, 2, stride=2",
    "conv_transpose 2, 4, stride=2, pad=1",
    "conv_transpose 2, 1, stride=2, output_pad=1",
    "conv_transpose 2, 3, stride=2, pad=1, output_pad=1",
    "conv_transpose 2, 3, stride=2, dilation=3, pad=3, output_pad=1",
)
OTHERS = (
    "conv_transpose 2, 5, stride=3, pad=1",
    "conv_transpose 2, 2, stride=3",
    "conv 2, 3, stride=3",
    "avg_pool 3, stride=2",
    "adaptive_avg_pool 96",
    "adaptive_avg_pool 90",
    "adaptive_avg_pool 400",
)


@st.composite
def hourglasses(draw: st.DrawFn) -> str:
    """Nets over a sequence that go down and up again, with ways past the lower part."""
    keeping, down, up = st.sampled_from(KEEPING), st.sampled_from(DOWN), st.sampled_from(UP)

    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["keep", "glass", "glass", "other"]))
        if kind == "keep":
            lines.append(draw(keeping))
        elif kind == "other":
            lines.append(draw(st.sampled_from(OTHERS)))
        else:
            depth = draw(st.integers(1, 3))
            name = f"v{len(lines)}"
            downs = [f"{draw(down)} -> {draw(keeping)}" for _ in range(depth)]
            ups = [f"{draw(up)} -> {draw(keeping)}" for _ in range(depth)]
            lines.append(f"{name} = conv 2, 1")
            lines += [*downs, *ups]
            if draw(st.booleans()):
                lines.append(f"({name}, out) -> {draw(st.sampled_from(['concat', 'add']))}")
    body = "".join(f"    {line}\n" for line in [*lines, "conv 2, 1"])
    return f"net Net:\n    input sequence: [2, {LENGTH}]\n{body}"


@pytest.mark.covers("CV16")
@settings(max_examples=60, deadline=None)
@given(hourglasses())
def test_behind_transposed_convolutions_elements_see_in_turn(text: str) -> None:
    spec = spec_of(text)
    assume(not any(d.severity == "error" for d in spec.diagnostics))  # sizes that do not meet again
    net = spec.net()
    row = net.report().rows[-1]
    assume(row.receptive_field != "unknown")  # ways at different steps, more than 256 turns
    assert isinstance(row.place.field, tuple)
    (span,) = row.place.field
    image = torch.rand(1, 2, LENGTH, dtype=torch.double, requires_grad=True)
    result = positive(net.module())(image)
    count, widths = len(span.ends), []
    middle = result.shape[2] // 2 // count * count
    for element in range(middle, min(middle + min(count, 24), result.shape[2])):
        (gradient,) = torch.autograd.grad(result[0, 0, element], image, retain_graph=True)
        support = gradient.abs().sum(dim=(0, 1)).nonzero()
        ends = span.ends[element % count]
        if ends is None:
            assert not len(support)
            continue
        low, high = (end + element // count * span.step for end in ends)
        widths.append(high - low + 1)
        if low >= 0 and high < LENGTH:
            assert (int(support.min()), int(support.max())) == (low, high)
    assert all(width <= span.size for width in widths)
    if count <= 24 and middle + count <= result.shape[2]:
        assert max(widths) == span.size
        assert row.receptive_field == (span.size,)
    event(f"{count} turns")


def field_of(shape: str, lines: str) -> tuple[object, object, object]:
    row = lines_of(lines, shape).report().rows[-1]
    return row.receptive_field, steps(row.place.field), starts(row.place.field)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("conv_transpose 1, 2, stride=2", ((1,), ("1/2",), (0,))),
        ("conv_transpose 1, 4, stride=2, pad=1", ((2,), ("1/2",), (-1,))),
        ("conv_transpose 1, 5, stride=2, pad=2", ((3,), ("1/2",), (-1,))),
        ("conv_transpose 1, 1, stride=3", ((1,), ("1/3",), (0,))),
        ("conv_transpose 1, 3, pad=1", ((3,), (1,), (-1,))),
        ("avg_pool 2 -> conv_transpose 1, 2, stride=2", ((2,), (1,), (0,))),
        ("conv_transpose 1, 2, stride=2 -> conv 1, 3, pad=1", ((2,), ("1/2",), (-1,))),
        ("conv_transpose 1, 2, stride=2 -> conv 1, 3, pad=2, dilation=2", ((3,), ("1/2",), (-1,))),
        ("conv_transpose 1, 2, stride=2 -> avg_pool 2", ((1,), (1,), (0,))),
        ("conv_transpose 1, 1, stride=2 -> conv 1, 1, stride=2", ((1,), (1,), (0,))),
        ("conv_transpose 1, 1, stride=2 -> conv 1, 1, stride=2, pad=1", ("unknown",) * 3),
        ("adaptive_avg_pool 20", ((4,), ("12/5",), (0,))),
        ("conv_transpose 1, 2, stride=300", ("unknown",) * 3),
        ("adaptive_avg_pool 47 -> conv_transpose 1, 2, stride=6", ("unknown",) * 3),
    ],
)
def test_steps_may_be_parts_of_a_position(lines: str, found: tuple[object, ...]) -> None:
    assert field_of("[1, 48]", lines) == found


def test_each_output_has_its_own_field() -> None:
    text = """
net Net:
    input image: [1, 32, 32]
    a = conv 4, 3x3 -> relu
    b = conv 4, 3x3 -> relu -> global_avg_pool
    output far = b -> dense 2
    output near = a -> flatten -> dense 2
    expect far.receptive_field == 5 and near.receptive_field == [3, 3]
"""
    net = net_of(text)
    report = net.report()
    assert report.output_fields == (("far", (5, 5)), ("near", (3, 3)))
    shown = table(report, net.graph.module)
    assert "receptive field 5 × 5 of far, 3 × 3 of near" in shown
    content = report.to_json()
    assert [out["receptive_field"] for out in content["outputs"]] == [[5, 5], [3, 3]]


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (
            "transpose (1, 2, 0) -> dense 8 -> transpose (2, 0, 1) -> conv 1, 3x3",
            (5, 7),
        ),
        ("transpose -> relu -> transpose -> conv 1, 3x3", (5, 7)),
        ("transpose -> conv 1, 3x3", "unknown"),
        ("transpose (1, 2, 0) -> conv 1, 3x3, pad=1", "unknown"),
        ("reshape [2, 10, 40] -> conv 1, 3x3", "unknown"),
        ("reshape [2, 20, 20] -> conv 1, 3x3", (5, 7)),
        ("a = out\ntranspose -> add a -> relu", "unknown"),
    ],
)
def test_windows_over_moved_axes_are_not_guessed(lines: str, field: object) -> None:
    conv = "conv 2, 3x5, pad=same"
    assert field_of("[2, 20, 20]", f"{conv}\n{lines}")[0] == field


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("residual: conv 1, 3, pad=1", "from -1 to 1: 1 + 1 + 1 = 3"),
        ("a = conv 1, 3\nb = x -> crop 7\n(a, b) -> add", "from 0 to 2: 2 − 0 + 1 = 3"),
    ],
)
def test_ways_that_see_differently_are_told_together(lines: str, told: str) -> None:
    *_, joined = lines_of(lines, "[1, 9]").report().rows
    assert joined.why.to_json()["receptive_field"] == f"the ways together; length {told}"


def test_an_output_on_the_way_to_which_is_no_window_has_no_field() -> None:
    text = "net N:\n    input x: [3, 8]\n    output a = x -> conv 2, 3\n    output b = x -> relu\n"
    assert net_of(text).report().output_fields == (("a", (3,)), ("b", None))
