"""Pooling to a number of places that the spec names."""

from collections.abc import Sequence
from math import gcd
from typing import ClassVar, Literal

from netc.compiler.layers.base import (
    INDEX_BYTES,
    MOST_TURNS,
    Held,
    Kept,
    Receptive,
    Tensor,
    Turns,
    Window,
    by,
)
from netc.compiler.layers.calls import Call, Given, Torch, applied
from netc.compiler.layers.fields import PerAxis
from netc.compiler.layers.pools import Pool
from netc.compiler.layers.windows import AXIS_NAMES, image_said, spread, squeeze
from netc.compiler.sizes import Size, product_of


class _Adaptive(Pool):
    """What the adaptive pools share: window `i` of `m` reads elements `⌊i·n/m⌋` up to
    `ceil((i + 1)*n/m)`."""

    positional = 1
    pytorch: ClassVar[Literal["Avg", "Max"]]

    size: PerAxis  #: the output's sizes

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        x = self.checked(inputs)
        return Tensor((x.shape[0], *spread(self.size, len(x.shape) - 1, "size", self.kind)))

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axes = len(inputs[0].shape) - 1
        sizes = zip(AXIS_NAMES[axes], output.shape[1:], strict=True)
        names = ", ".join(f"{name} as written, {size}" for name, size in sizes)
        return f"channels stay {output.shape[0]}; {names}"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        return (
            f"takes {self.takes} of {by(output.shape[1:])} windows that cover {image_said(x.shape)}"
        )

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        sizes = zip(inputs[0].shape[1:], self.output(inputs).shape[1:], strict=True)
        windows = [_windows(size, count) for size, count in sizes]
        known = [one for one in windows if one is not None]
        if len(known) == len(windows):
            return tuple(known)
        return "whole" if self.output(inputs).shape[1:] == (1,) * len(windows) else "unknown"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        axes = len(inputs[0].shape) - 1
        size = squeeze(spread(self.size, axes, "size", self.kind))
        call = Call(f"nn.Adaptive{self.pytorch}Pool{axes}d", (Given("size", size),))
        return Torch(call, inline=applied(call, f"F.{self.kind}{axes}d"))


def _windows(size: Size, count: Size) -> Window | Turns | None:
    """What each of `count` windows over `size` elements reads; None if that is not known."""
    if not isinstance(size, int) or not isinstance(count, int):
        return None
    if size % count == 0:
        return Window(size // count, size // count, 0)
    turns, step = count // gcd(size, count), size // gcd(size, count)
    if turns > MOST_TURNS:
        return None
    return Turns(
        tuple(range(i * step // turns, -(-(i + 1) * step // turns)) for i in range(turns)), step
    )


class AdaptiveAvgPool(_Adaptive):
    """Means of as many windows as the output shall have, whatever the input's size.

    Shape: `[c, ...] -> [c, size...]`; window `i` of `m` reads `⌊i·n/m⌋` up to
    `ceil((i + 1)*n/m)`. Its receptive field needs sizes as numbers.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html
    """

    kind = "adaptive_avg_pool"
    takes = "the mean"
    pytorch = "Avg"
    examples = (
        ("adaptive_avg_pool 7", "[512, H, W]", "[512, 7, 7]"),
        ("adaptive_avg_pool 6x4", "[256, 13, 13]", "[256, 6, 4]"),
    )
    refused = (
        ("adaptive_avg_pool 7x7", "[64, 20]", "1 spatial axis"),
        ("adaptive_avg_pool 0", "[64, 20]", "above 0"),
    )

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        # one window over all is a mean, whose gradient needs no values
        mean = product_of(output.shape[1:]) == 1
        return Kept(inputs=() if mean else (0,), reshaped=len(output.shape) == 2)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0


class AdaptiveMaxPool(_Adaptive):
    """Largest values of as many windows as the output shall have, whatever the input's size.

    Shape: `[c, ...] -> [c, size...]`; windows as in `adaptive_avg_pool`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html
    """

    kind = "adaptive_max_pool"
    takes = "the largest value"
    pytorch = "Max"
    examples = (
        ("adaptive_max_pool 7", "[512, 14, 21]", "[512, 7, 7]"),
        ("adaptive_max_pool 4", "[16, L]", "[16, 4]"),
    )
    refused = (("adaptive_max_pool 7x7x7", "[64, 20, 20]", "2 spatial axes"),)

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        places = Held("places of the largest", (*output.shape, INDEX_BYTES))
        return Kept(inputs=(0,), beside=(places,), reshaped=len(output.shape) == 2)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return INDEX_BYTES * output.elements
