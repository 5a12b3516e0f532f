"""Gates: one value says how much of each channel of another goes on."""

from collections.abc import Sequence

from netc.compiler.layers.base import Kept, Receptive, Tensor, Weightless
from netc.compiler.layers.calls import Torch
from netc.compiler.layers.refusals import JoinError, need_float, need_rank
from netc.compiler.sizes import Size


class Scale(Weightless):
    """Multiplies each channel by its own number, as squeeze-and-excitation does.

    Shape: `[c, ...]` by `[c]` or `[c, 1, ...]`, one to three spatial axes; the shape stays.
    Source: Hu, Shen, Albanie, Sun, Wu 2017, Squeeze-and-excitation networks;
    https://pytorch.org/docs/stable/generated/torch.mul.html
    """

    kind = "scale"
    positional = 0
    operands = ("by",)
    examples = (
        ("scale by=b", "[64, H, W] ; [64]", "[64, H, W]"),
        ("scale by=b", "[8, 5, 5] ; [8, 1, 1]", "[8, 5, 5]"),
    )
    refused = (
        ("scale by=b", "[64, 8, 8] ; [32]", "32"),
        ("scale by=b", "[64, 8, 8] ; [64, 8, 8]", "one number for each channel"),
        ("scale by=b", "[64] ; [64]", "one to three spatial axes"),
    )

    by: int  #: the value that holds the numbers, one for each channel

    def joins(self, inputs: Sequence[Tensor]) -> list[tuple[Size, Size, int]]:
        x, gate = inputs
        return [(x.shape[0], gate.shape[0], 0)] if x.shape and gate.shape else []

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        x, gate = inputs
        for value in inputs:
            need_float(value, self.kind)
        need_rank(x, (2, 3, 4), self.kind, "channels and one to three spatial axes")
        ones = gate.shape[1:]
        if (
            not gate.shape
            or any(size != 1 for size in ones)
            or len(ones) not in (0, len(x.shape) - 1)
        ):
            raise JoinError(
                f"`scale` takes one number for each channel, [{x.shape[0]}], and `by` is {gate}",
                "`global_avg_pool` gives one number for each channel",
                left=0,
                right=1,
            )
        if all(isinstance(value.shape[0], int) for value in inputs):
            self._same_channels(x, gate)
        return x

    def _same_channels(self, x: Tensor, gate: Tensor) -> None:
        if x.shape[0] != gate.shape[0]:
            raise JoinError(
                f"`scale` has {x.shape[0]} channels and {gate.shape[0]} numbers for them: "
                f"{x} by {gate}",
                left=0,
                right=1,
                axis=0,
            )

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "channel by channel: the shape stays"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "multiplies each channel by its own number"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"  # the numbers come from the whole picture, or from another value

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0, 1))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        x, gate = inputs
        if len(gate.shape) > 1:
            return Torch(None, inline="{0} * {1}")
        return Torch(
            None, inline=f"{{0}} * {{1}}[{', '.join([':', ':', *['None'] * (len(x.shape) - 1)])}]"
        )
