"""Parts of a picture: what lies in boxes."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    INDEX_BYTES,
    Held,
    Kept,
    Receptive,
    Tensor,
    Weightless,
    by,
)
from netc.compiler.layers.calls import Call, Given, Torch
from netc.compiler.layers.fields import PerAxis
from netc.compiler.layers.refusals import ShapeError, need_float, need_rank
from netc.compiler.layers.windows import image_said, spread, squeeze
from netc.compiler.sizes import Size


class RoiPool(Weightless):
    """The largest values in a grid of bins over each box: one size for boxes of any size.

    A box is `x1, y1, x2, y2`; its corners times `scale`, rounded (half away from 0), are positions
    of what flows, and the last one belongs to it: a box is 1 by 1 or more. Bin `i` of `m` over `n`
    positions reads `⌊i·n/m⌋` up to `ceil((i + 1)*n/m)`, so that neighbours may share some. A bin
    that lies outside gives 0. What a value sees depends on its box: the receptive field is unknown
    from here on. The boxes get no gradient. A call holds a copy of the map for each box while it
    runs, which the peaks of memory count.
    Shape: `[c, h, w]` and boxes `[n, 4]` -> `[n, c, size, size]`.
    Source: Girshick 2015, Fast R-CNN, section 2.1;
    https://docs.pytorch.org/vision/stable/generated/torchvision.ops.roi_pool.html
    """

    kind = "roi_pool"
    positional = 1
    operands = ("boxes",)
    measured = ("boxes",)
    examples = (
        ("roi_pool 7, boxes=b, scale=1/16", "[512, H, W] ; [N, 4]", "[N, 512, 7, 7]"),
        ("roi_pool 7x5, boxes=b, scale=1", "[8, 20, 30] ; [64, 4]", "[64, 8, 7, 5]"),
    )
    refused = (
        ("roi_pool 7, scale=1/16", "[512, 14, 14] ; [64, 4]", "boxes"),
        ("roi_pool 7, boxes=b", "[512, 14, 14] ; [64, 4]", "scale"),
        ("roi_pool 7, boxes=b, scale=0", "[512, 14, 14] ; [64, 4]", "greater than 0"),
        ("roi_pool 7, boxes=b, scale=1/16", "[512, 14, 14] ; [4]", "one box is [1, 4]"),
        ("roi_pool 7, boxes=b, scale=1/16", "[512, 14, 14] ; [64, 5]", "boxes of its own"),
        ("roi_pool 7, boxes=b, scale=1/16", "[512, 14, 14] ; int[64, 4]", "real numbers"),
        ("roi_pool 7, boxes=b, scale=1/16", "[512, 14] ; [64, 4]", "has 2 axes"),
        ("roi_pool 7x7x7, boxes=b, scale=1/16", "[512, 14, 14] ; [64, 4]", "2 spatial axes"),
    )

    size: PerAxis  #: the sides of the grid
    boxes: int  #: the value that holds the boxes, `[n, 4]`: `x1, y1, x2, y2` each
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]  #: positions to a unit of the boxes

    def _sides(self) -> tuple[int, ...]:
        return spread(self.size, 2, "size", self.kind)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        x, boxes = inputs[0], inputs[self.boxes]
        need_float(x, self.kind)
        if len(boxes.shape) != 2 or boxes.shape[1] != 4 or boxes.dtype != "float":
            raise self._no_boxes(boxes)
        need_rank(x, (3,), self.kind, "a picture, [channels, height, width]")
        return Tensor((boxes.shape[0], x.shape[0], *self._sides()))

    def _no_boxes(self, boxes: Tensor) -> ShapeError:
        """The error that a value holds no boxes, with the shape that it should have."""
        many = boxes.shape[0] if len(boxes.shape) == 2 else "N"
        hint = f"let it be [{many}, 4]: x1, y1, x2, y2 for each box"
        if boxes.dtype != "float":
            hint = f"let it be [{many}, 4], real numbers"
        elif boxes.shape == (4,):
            hint = "one box is [1, 4]"
        elif len(boxes.shape) == 2 and boxes.shape[1] == 5:
            hint = f"let it be [{many}, 4]: no index of a picture, each has boxes of its own"
        elif len(boxes.shape) == 3:
            hint = "the boxes come by `boxes=`, and the picture flows: `picture -> roi_pool …`"
        return ShapeError(
            f"`roi_pool` takes boxes [n, 4] of real numbers, and `boxes` is {boxes}",
            hint,
            code="E0303" if boxes.dtype == "float" else "E0304",
        )

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        many, channels, height, width = output.shape
        return (
            f"for each of {_boxes(many)} the channels stay {channels}; "
            f"height as written, {height}, width as written, {width}"
        )

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        many, _, *sides = output.shape
        return (
            f"gives the largest values of {by(sides)} bins over each of {_boxes(many)} "
            f"in {image_said(inputs[0].shape)}"
        )

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "unknown"  # as large as a bin, and where the box is

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        many, _, *sides = output.shape
        places = Held("places of the largest", (*output.shape, INDEX_BYTES))
        read = Held("which bins read a position", (many, *sides, 1))
        return Kept(
            inputs=(0,),
            beside=(places, read),
            early=FLOAT_BYTES * output.elements,
            back=-1 * read.bytes,  # used first, and freed
        )

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size | None:
        """The most of what it holds at several times; unknown where a size is.

        The largest is mostly a copy of the map for each box, from which one column of bins is read.
        """
        many = output.shape[0]
        sizes = [size for size in inputs[0].shape if isinstance(size, int)]
        if len(sizes) < 3 or not isinstance(many, int):
            return None
        return many * _held(sizes, self._sides())

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        size = Given("size", squeeze(self._sides()))
        call = Call("RoIPool", (size, Given("scale", self.scale)))
        return Torch(call, "{m}({0}, {1})", support=("RoIPool",))


def _held(sizes: Sequence[int], grid: Sequence[int]) -> int:
    """Bytes for one box at the worst moment, beside what flows in and out.

    All along there are the corners. First it makes what says which positions the bins read, of
    columns and then of rows. Then it holds, for a column of bins, a copy of the map with each row's
    largest value and place, then the same of the bins; the places of all columns, twice; and the
    values before empty bins are set to 0.
    """
    (channels, height, width), (rows, columns) = sizes, grid
    making = max(
        12 * FLOAT_BYTES,
        FLOAT_BYTES * (3 * columns + 2) + 3 * columns * width,
        FLOAT_BYTES * (3 * rows + 2) + 3 * rows * height + columns * width,
    )
    bins, column = channels * rows * columns, channels * rows
    row = channels * height * (FLOAT_BYTES + INDEX_BYTES)
    one = max(
        row + FLOAT_BYTES * channels * height * width,
        row + FLOAT_BYTES * column * height + (FLOAT_BYTES + INDEX_BYTES) * column,
        row + 4 * INDEX_BYTES * column,
    )
    finding = (
        columns * width
        + rows * height
        + max(
            INDEX_BYTES * (bins - column) + one,
            2 * INDEX_BYTES * bins,
            (INDEX_BYTES + 2 * FLOAT_BYTES) * bins + rows * columns,
        )
    )
    return 4 * FLOAT_BYTES + max(making, finding) - FLOAT_BYTES * bins


def _boxes(many: Size) -> str:
    return "1 box" if many == 1 else f"{many} boxes"
