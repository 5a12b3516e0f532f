"""Pooling over all places of a channel."""

from collections.abc import Sequence

from netc.compiler.layers.base import Kept, Receptive, Tensor, by
from netc.compiler.layers.calls import Torch
from netc.compiler.layers.pools import Pool
from netc.compiler.layers.windows import squeeze
from netc.compiler.sizes import Size


class _Global(Pool):
    """What the global pools share: all positions of a channel become one number."""

    positional = 0

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        return Tensor(self.checked(inputs).shape[:1])

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"one number for each of {inputs[0].shape[0]} channels"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        channels, *sizes = inputs[0].shape
        return f"takes {self.takes} of each of {channels} channels over all its {by(sizes)} places"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def reduced(self, function: str, x: Tensor) -> Torch:
        """The function over every axis but the batch and the channels."""
        axes = tuple(range(2, len(x.shape) + 1))
        return Torch(None, inline=f"{function}({{0}}, dim={squeeze(axes)})")

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0


class GlobalAvgPool(_Global):
    """The mean of each channel over all its positions, of any number.

    Shape: `[c, ...] -> [c]`, one to three spatial axes.
    Source: Lin, Chen, Yan 2013, Network in Network, https://arxiv.org/abs/1312.4400
    """

    kind = "global_avg_pool"
    takes = "the mean"
    examples = (
        ("global_avg_pool", "[2048, 7, 7]", "[2048]"),
        ("global_avg_pool", "[64, H, W]", "[64]"),
    )
    refused = (
        ("global_avg_pool", "[2048]", "1 axis"),
        ("global_avg_pool 7", "[64, 7, 7]", "global_avg_pool"),
    )

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return self.reduced("torch.mean", inputs[0])


class GlobalMaxPool(_Global):
    """The largest value of each channel over all its positions, of any number.

    Shape: `[c, ...] -> [c]`, one to three spatial axes.
    Source: https://pytorch.org/docs/stable/generated/torch.amax.html
    """

    kind = "global_max_pool"
    takes = "the largest value"
    examples = (
        ("global_max_pool", "[512, 7, 7]", "[512]"),
        ("global_max_pool", "[64, L]", "[64]"),
    )
    refused = (("global_max_pool", "int[3, 8, 8]", "whole numbers"),)

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,), output=True)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return self.reduced("torch.amax", inputs[0])
