"""Pooling in boxes, held to a loop over boxes, bins and positions in Python's own arithmetic."""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import pytest
import torch
from compiling import net_of
from hypothesis import given, settings
from hypothesis import strategies as st
from layer_oracle import Run, run_of
from live_memory import Live, most_bytes

from netc.api import read
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import applied
from netc.compiler.layers.base import Tensor
from netc.compiler.layers.regions import RoiPool
from netc.compiler.sizes import symbol

Bins = dict[tuple[int, ...], tuple[int, int]]


def run(grid: tuple[int, int], scale: float, x: torch.Tensor, boxes: torch.Tensor) -> Run:
    layer = RoiPool(size=grid, boxes=1, scale=scale)
    return run_of(layer, [Tensor(tuple(x.shape[1:])), Tensor(tuple(boxes.shape[1:]))])


def rounded(value: float) -> int:
    """As C's `round`: half goes away from 0."""
    near = floor(abs(value))
    near += abs(value) - near >= 0.5
    return -near if value < 0 else near


def read_by(first: int, last: int, count: int, size: int) -> list[range]:
    """The positions of an axis of `size` that each of `count` bins reads."""
    share = max(last - first + 1, 1) / count
    return [
        range(max(first + floor(i * share), 0), min(first + ceil((i + 1) * share), size))
        for i in range(count)
    ]


def largest(x: torch.Tensor, boxes: torch.Tensor, grid: tuple[int, int], scale: float) -> Bins:
    """Where each bin's largest value lies, by example, box, channel, row and column.

    Of equal ones it is the first, row by row; empty bins are left out.
    """
    found: Bins = {}
    for example, (picture, many) in enumerate(zip(x.tolist(), boxes.tolist(), strict=True)):
        for number, corners in enumerate(many):
            x1, y1, x2, y2 = (rounded(corner * scale) for corner in corners)
            rows = read_by(y1, y2, grid[0], x.shape[2])
            columns = read_by(x1, x2, grid[1], x.shape[3])
            for channel, plane in enumerate(picture):
                for i, row in enumerate(rows):
                    for j, column in enumerate(columns):
                        places = [(h, w) for h in row for w in column]
                        if places:
                            best = max(places, key=lambda p: plane[p[0]][p[1]])
                            found[example, number, channel, i, j] = best
    return found


@st.composite
def cases(draw: Any) -> tuple[torch.Tensor, torch.Tensor, tuple[int, int], float]:
    """Pictures with equal values, and boxes in, around and beside them, some turned round."""
    side = st.integers(1, 9)
    height, width, grid = draw(side), draw(side), (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    scale = draw(st.sampled_from([1.0, 0.5, 1 / 16, 0.3, 2.0]))
    batch, boxes = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    corner = st.floats(-4, 14) | st.integers(-6, 26).map(lambda n: n / 2)
    numbers = draw(st.lists(corner, min_size=4 * batch * boxes, max_size=4 * batch * boxes))
    seed = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    x = torch.randint(-3, 3, (batch, 2, height, width), generator=seed).double()
    return x, torch.tensor(numbers).double().view(batch, boxes, 4) / scale, grid, scale


@settings(max_examples=150, deadline=None)
@given(case=cases())
@pytest.mark.covers("PO11")
def test_values_and_gradients_are_those_of_a_loop(
    case: tuple[torch.Tensor, torch.Tensor, tuple[int, int], float],
) -> None:
    x, boxes, grid, scale = case
    x.requires_grad_()
    boxes.requires_grad_()
    pooled = run(grid, scale, x, boxes)(x, boxes)
    slope = torch.arange(1.0, pooled.numel() + 1).double().view(pooled.shape)
    expected, back = torch.zeros_like(pooled), torch.zeros_like(x)
    for (example, number, channel, i, j), (h, w) in largest(x, boxes, grid, scale).items():
        expected[example, number, channel, i, j] = x.detach()[example, channel, h, w]
        back[example, channel, h, w] += slope[example, number, channel, i, j]
    assert torch.equal(pooled, expected)
    to_x, to_boxes = torch.autograd.grad(pooled, [x, boxes], slope, allow_unused=True)
    assert torch.equal(to_x, back)
    assert to_boxes is None


@pytest.mark.covers("PO11")
def test_a_picture_of_4_by_4_by_hand() -> None:
    x = torch.tensor(
        [[1.0, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]
    )[None, None]  # fmt: skip
    boxes = torch.tensor(
        [
            [0.0, 0, 3, 3],  # 4 positions, two for each bin
            [0, 0, 2, 2],  # 3 positions for 2 bins: both read the middle one
            [16, 32, 24, 32],  # of a picture 16 times as large: columns 1 to 2, row 2
            [2, 2, 5, 5],  # half of it outside
            [3, 3, 0, 0],  # turned round: one position
        ]
    )
    boxes[[0, 1, 3, 4]] *= 16
    boxes[2] += torch.tensor([0, 0, 0, 7.0])  # 2.4375 is row 2 still
    pooled = run((2, 2), 1 / 16, x, boxes[None])(x, boxes[None])
    assert pooled[0, :, 0].tolist() == [
        [[6, 8], [14, 16]],
        [[6, 7], [10, 11]],
        [[10, 11], [10, 11]],  # 24/16 = 1.5 is 2
        [[16, 0], [0, 0]],
        [[16, 16], [16, 16]],
    ]


@pytest.mark.covers("PO11")
def test_each_box_gives_7_by_7_whatever_its_size() -> None:
    text = """
        net N:
            input picture: [8, H, W]
            input boxes: [N, 4]
            picture -> roi_pool 7, boxes=boxes, scale=1/16 -> [N, 8, 7, 7]
    """
    module = net_of(text).module()
    for height, width, boxes in ((20, 30, 5), (3, 2, 1), (40, 41, 2)):
        values = torch.randn(2, 8, height, width), 400 * torch.rand(2, boxes, 4)
        assert module(*values).shape == (2, boxes, 8, 7, 7)


def test_half_goes_away_from_0_and_what_is_just_below_does_not() -> None:
    """0.49999997 + 0.5 is 1 in float32, and the `round` of C gives 0."""
    x = torch.arange(4.0).view(1, 1, 1, 4)
    below = 0.49999997
    for corner, expected in ((0.5, 1.0), (below, 0.0), (1.5, 2.0), (2.5, 3.0), (-0.5, 0.0)):
        boxes = torch.tensor([[[corner, 0, corner, 0]]])
        outside = corner == -0.5  # position −1
        found = run((1, 1), 1.0, x, boxes)(x + 1, boxes)
        assert found.item() == (0 if outside else expected + 1)


def test_sizes_stay_open_in_an_exported_file() -> None:
    inputs = [Tensor((3, symbol("H"), symbol("W"))), Tensor((symbol("N"), 4))]
    module = run_of(RoiPool(size=7, boxes=1, scale=1 / 16), inputs).module
    dim = torch.export.Dim
    values = torch.randn(2, 3, 9, 11), 150 * torch.rand(2, 5, 4)
    sizes = {0: dim("B"), 2: dim("H"), 3: dim("W")}, {0: dim("B"), 1: dim("N")}
    exported = torch.export.export(module, values, dynamic_shapes=sizes).module()
    for batch, height, width, boxes in ((3, 20, 30, 9), (1, 4, 2, 1)):
        x, many = torch.randn(batch, 3, height, width), 150 * torch.rand(batch, boxes, 4)
        assert torch.equal(exported(x, many), module(x, many))


@pytest.mark.filterwarnings("ignore:.*autograd.Function")
def test_one_graph_gives_the_same_values_and_gradients() -> None:
    x, boxes = torch.randn(2, 3, 9, 11, requires_grad=True), 150 * torch.rand(2, 5, 4)
    apart = run((3, 2), 1 / 16, x, boxes)
    torch._dynamo.reset()
    compiled = torch.compile(apart.module, fullgraph=True, backend="aot_eager")
    (expected,) = torch.autograd.grad(apart(x, boxes).square().sum(), x)
    (found,) = torch.autograd.grad(compiled(x, boxes).square().sum(), x)
    torch.testing.assert_close(found, expected)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3),
    grid=st.tuples(*[st.integers(1, 9)] * 2),
    many=st.integers(1, 6),
)
def test_memory_by_the_allocators_account(
    shape: tuple[int, int, int], grid: tuple[int, int], many: int
) -> None:
    """Few boxes with many bins are worst on the way back, many boxes in the call itself."""
    layer = RoiPool(size=grid, boxes=1, scale=1)
    inputs = [Tensor(shape), Tensor((many, 4))]
    output, batch = layer.output(inputs), 116
    kept, own = layer.kept(inputs, output), int(str(layer.working(inputs, output)))
    x, boxes = torch.randn(batch, *shape, requires_grad=True), torch.rand(batch, many, 4)
    pool = run_of(layer, inputs)
    with torch.profiler.profile(profile_memory=True) as profiler:
        result = pool(x, boxes)
        result.backward(torch.ones_like(result))
    made, entering = 4 * result[0].numel(), 4 * x[0].numel()
    early, back, beside = (int(str(n)) for n in (kept.early, kept.back, kept.extra))
    after = 2 * made + beside + max(early, entering + made + back)  # the test holds the gradient
    assert most_bytes(profiler) / batch == pytest.approx(max(made + own, after), rel=0.02)


@pytest.mark.parametrize(("many", "grid"), [(40, "1"), (1, "16x24")])
def test_memory_of_a_net(many: int, grid: str) -> None:
    net = net_of(
        f"net N:\n    input x: [2, 12, 12]\n    input b: [{many}, 4]\n    x -> conv 8, 1x1\n"
        f"    roi_pool {grid}, boxes=b, scale=1 -> tanh\n"
    )
    module, batch = net.module().train(), 29
    values = torch.randn(batch, 2, 12, 12), torch.rand(batch, many, 4)
    with Live(module, batch=batch) as live:
        for value in values:
            live.add(value)
        result = module(*values)
        result.sum().backward()
    assert net.report().training_peak == pytest.approx(live.peak / batch, rel=0.05)


def errors(text: str) -> list[Diagnostic]:
    spec = read(text, {})
    spec.judge()
    return [d for d in spec.diagnostics if d.severity == "error"]


@pytest.mark.parametrize(
    ("line", "edit"),
    [
        ("roi_pool 7, rois=b, scale=1/16", "boxes"),
        ("roi_pool 7, boxes=b, spatial_scale=1/16", "scale"),
        ("roi_pool output_size=7, boxes=b, scale=1/16", "size"),
        ("RoIPool 7, boxes=b, scale=1/16", "roi_pool"),
    ],
)
def test_torchvisions_spelling_is_mended(line: str, edit: str) -> None:
    (told,) = errors(f"net A:\n    input x: [8, 20, 20]\n    input b: [9, 4]\n    x -> {line}\n")
    assert [one.text for one in told.edits] == [edit]
    assert not errors(applied(told.span.source, told.edits))


@pytest.mark.parametrize(
    ("shapes", "line", "hint"),
    [
        ("[8, H, W] [N, 4, 1]", "x -> roi_pool 7, boxes=b", "picture -> roi_pool"),
        ("[8, H, W] [N, 4]", "b -> roi_pool 7, boxes=x", "and the picture flows"),
        ("[8, H, W] [N, 3]", "x -> roi_pool 7, boxes=b", "let it be [N, 4]: x1, y1, x2, y2"),
        ("[8, H, W] [N, K]", "x -> roi_pool 7, boxes=b", "let it be [N, 4]: x1, y1, x2, y2"),
        ("[8, H, W] int[4]", "x -> roi_pool 7, boxes=b", "let it be [N, 4], real numbers"),
    ],
)
def test_what_holds_no_boxes_is_refused(shapes: str, line: str, hint: str) -> None:
    first, second = shapes.replace("] ", "]|").split("|")
    text = f"net A:\n    input x: {first}\n    input b: {second}\n    {line}, scale=1/16\n"
    (told,) = errors(text)
    assert told.code in ("E0303", "E0304")
    assert hint in told.hint
    assert "boxes [n, 4] of real numbers" in told.message


def test_no_gradient_is_counted_on_the_way_to_boxes_that_were_computed() -> None:
    text = """
        net N:
            input x: [1, 8, 8]
            boxes = x -> flatten -> dense 12 -> reshape [3, 4]
            x -> conv 2, 3x3, pad=1
            output y = roi_pool 2, boxes=boxes, scale=1
    """
    net = net_of(text)
    module = net.module()
    module(torch.randn(2, 1, 8, 8)).sum().backward()
    grads = {name.partition(".")[0]: p.grad is None for name, p in module.named_parameters()}
    assert sorted(grads.values()) == [False, True]
