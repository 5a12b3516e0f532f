"""Pools for whole pictures: any size of input gives one size of output."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    INDEX_BYTES,
    Formulas,
    Held,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Weightless,
    Why,
    counted,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Torch
from netc.compiler.layers.fields import Positive, as_tuple
from netc.compiler.layers.refusals import need_float, need_known, need_rank
from netc.compiler.layers.starting import Init, Std, check_start
from netc.compiler.sizes import Size, product_of

SPATIAL = "channels and one to three spatial axes"
Levels: TypeAlias = Annotated[tuple[Positive, ...], Field(min_length=1), BeforeValidator(as_tuple)]


class SpatialPyramidPool(Weightless):
    """Pools the whole picture in grids of several sizes, and puts all results side by side.

    Shape: `[c, ...] -> [c·(sum of level^axes)]`, one to three spatial axes of any size: level 4
    on a picture is a grid of 4 by 4. Windows are those of `adaptive_max_pool`. The result
    holds level after level, each `[c, level...]` flattened.
    Source: He, Zhang, Ren, Sun 2014, Spatial pyramid pooling (SPP-net);
    https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    kind = "spatial_pyramid_pool"
    positional = 1
    letters = (("c", "channels"),)
    examples = (
        ("spatial_pyramid_pool [4, 2, 1]", "[256, H, W]", "[5376]"),
        ("spatial_pyramid_pool [2, 1], mode=avg", "[8, 9]", "[24]"),
    )
    refused = (
        ("spatial_pyramid_pool [4, 0]", "[256, 13, 13]", "greater than 0"),
        ("spatial_pyramid_pool [4, 2]", "[400]", "one to three spatial axes"),
        ("spatial_pyramid_pool []", "[256, 13, 13]", "at least 1"),
    )

    levels: Levels  #: the sides of the grids
    mode: Literal["max", "avg"] = "max"  #: the largest or the mean value of each window

    def _cells(self, x: Tensor) -> list[int]:
        """How many windows each level has."""
        return [level ** (len(x.shape) - 1) for level in self.levels]

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, SPATIAL)
        return Tensor((x.shape[0] * sum(self._cells(x)),))

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        cells = " + ".join("·".join([str(level)] * (len(x.shape) - 1)) for level in self.levels)
        return f"{times(x.shape[0])}·({cells}) = {output.shape[0]}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas()

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        what = "largest" if self.mode == "max" else "mean"
        axes = len(inputs[0].shape) - 1
        grids = ", ".join(" × ".join([str(level)] * axes) for level in self.levels)
        return f"gives the {what} values of windows in grids of {grids}, as one vector"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        if self.mode == "max":
            places = Held("places of the largest", (*output.shape, INDEX_BYTES))
            return Kept(inputs=(0,), beside=(places,))
        return Kept() if set(self.levels) == {1} else Kept(inputs=(0,))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        """The grids before they are joined; while the last is made, its indices."""
        (x,) = inputs
        cells = self._cells(x)
        most, total = 0, sum(cells)
        for count, cell in enumerate(cells, 1):
            indices = cell * INDEX_BYTES // FLOAT_BYTES if self.mode == "max" else 0
            most = max(most, sum(cells[:count]) + indices - total)
        return FLOAT_BYTES * x.shape[0] * max(most, total)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        function = f"F.adaptive_{self.mode}_pool{len(inputs[0].shape) - 1}d"
        pooled = f"{function}({{0}}, size).flatten(1)"
        return Torch(None, inline=f"torch.cat([{pooled} for size in {self.levels}], dim=1)")


class Netvlad(Layer):
    """Describes a picture by what its positions differ in from learned centers: `[units * c]`.

    For center `k`, `V_k = sum over positions of a_k(x) (x - c_k)`, where the shares `a(x)` of a
    position are a softmax over the centers of a learned 1x1 convolution. Each `V_k` is scaled to
    length 1 (intra-normalisation), and then the whole. With the convolution's weights `2*alpha*c_k`
    and biases `-alpha*|c_k|^2` and a large `alpha` each position goes to its nearest center: VLAD.
    Shape: `[c, ...] -> [centers·c]`, one to three spatial axes of any size.
    Weights: `centers [centers, c]`, `assign.weight [centers, c, 1]`, `assign.bias [centers]`.
    MACs: `2 * centers * c * positions`.
    Source: Arandjelovic, Gronat, Torii, Pajdla, Sivic 2015, NetVLAD
    """

    kind = "netvlad"
    positional = 1
    letters = (("k", "centers"), ("c", "channels"), ("n", "positions"))
    examples = (
        ("netvlad 64", "[512, H, W]", "[32768]"),
        ("netvlad 4", "[3, 9]", "[12]"),
    )
    refused = (
        ("netvlad 0", "[512, 7, 7]", "greater than 0"),
        ("netvlad 64", "[512]", "one to three spatial axes"),
        ("netvlad 64", "[c, 7, 7]", "number of channels"),
    )

    centers: Positive  #: how many centers are learned
    init: Init | None = None  #: how the convolution's weights begin; none: as PyTorch has it
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def _channels(self, x: Tensor) -> int:
        return need_known(x.shape[0], "the number of channels", self.kind)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, SPATIAL)
        check_start(self)
        return Tensor((self.centers * self._channels(x),))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        channels = self._channels(inputs[0])
        return (
            Weight("centers", (self.centers, channels)),
            Weight("assign.weight", (self.centers, channels, 1)),
            Weight("assign.bias", (self.centers,)),
        )

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return inputs[0].elements * (2 * self.centers)

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        channels, positions = self._channels(x), product_of(x.shape[1:])
        learned = sum(weight.count for weight in self.weights(inputs))
        return Why(
            f"{times(self.centers, channels)} = {output.shape[0]}",
            f"{times(2, self.centers, channels)} + {self.centers} = {learned}",
            f"{times(2, self.centers, channels, positions)} = {self.macs(inputs, output)}",
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas("k·c", "2·k·c + k", "2·k·c·n")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return (
            f"sums what the positions differ in from {counted(self.centers, 'learned center')}, "
            "and scales each sum and then the whole to length 1"
        )

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        (x,) = inputs
        beside = (
            Held("shares", (self.centers, *x.shape[1:], FLOAT_BYTES)),
            Held("sums of shares", (self.centers, FLOAT_BYTES)),
            Held("vectors before each scaling", (2, *output.shape, FLOAT_BYTES)),
            Held("lengths", (2, self.centers + 1, FLOAT_BYTES)),
        )
        return Kept(inputs=(0,), beside=beside)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        shares = self.centers * product_of(inputs[0].shape[1:])
        described = output.elements
        summing = shares + 2 * described + 1
        if isinstance(shares, int) and isinstance(described, int):
            # first the shares with what the softmax took, then the sums before and after the last
            # scaling, with their length
            return FLOAT_BYTES * max(2 * shares - described, int(str(summing)))
        return FLOAT_BYTES * summing

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        channels = Inferred("channels", self._channels(inputs[0]))
        call = Call("NetVLAD", (channels, Given("centers", self.centers)))
        return Torch(call, support=("NetVLAD",))
