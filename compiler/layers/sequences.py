"""From a sequence to one vector."""

from collections.abc import Sequence

from netc.compiler.layers.base import Kept, Receptive, Tensor, Weightless
from netc.compiler.layers.calls import Torch
from netc.compiler.layers.fields import Extent
from netc.compiler.layers.refusals import ShapeError, need_float
from netc.compiler.sizes import Size


class Last(Weightless):
    """The last step of a sequence.

    Shape: `[T, ...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.select.html
    """

    kind = "last"
    positional = 0
    examples = (
        ("last", "[T, 256]", "[256]"),
        ("last", "int[T]", "int[]"),
    )
    refused = (("last", "int[]", "no axis"),)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        if not x.shape:
            raise ShapeError(f"`last` takes the last step of a sequence, and {x} has no axis")
        return Tensor(x.shape[1:], x.dtype)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"one step of {inputs[0].shape[0]}: the first axis goes"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"takes the last of {inputs[0].shape[0]} steps"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(view=True)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(None, inline="{0}[:, -1]")


class Mean(Weightless):
    """The mean along one axis, named by its size.

    Shape: the axis goes: `[T, n] -> [n]`. `mean T` names the axis of size T, `mean 7` that of size
    7; without a size it is the first axis.
    Source: https://pytorch.org/docs/stable/generated/torch.mean.html
    """

    kind = "mean"
    positional = 1
    examples = (
        ("mean T", "[T, 256]", "[256]"),
        ("mean", "[T, 256]", "[256]"),
        ("mean 7", "[64, 7]", "[64]"),
    )
    refused = (
        ("mean 8", "[64, 7]", "no axis of size 8"),
        ("mean 7", "[64, 7, 7]", "2 axes of size 7"),
        ("mean", "int[T]", "whole numbers"),
    )

    size: Extent | None = None  #: the size of the axis that goes; none: the first axis

    def axis(self, x: Tensor) -> int:
        """The axis that goes, counted from 0 without the batch."""
        found = [axis for axis, size in enumerate(x.shape) if self.size in (None, size)]
        if self.size is None:
            found = found[:1]
        if len(found) != 1:
            counted = f"{len(found)} axes" if found else "no axis"
            raise ShapeError(
                f"`mean` takes the mean along one axis, and {x} has {counted}"
                + (f" of size {self.size}" if self.size is not None else ""),
                "`transpose` first and leave the size out: `mean` takes the first axis"
                if found
                else "",
                code="E0312",
                argument="size" if self.size is not None else None,
            )
        return found[0]

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        axis = self.axis(x)
        return Tensor(x.shape[:axis] + x.shape[axis + 1 :])

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axis = self.axis(inputs[0])
        return f"the mean of {inputs[0].shape[axis]}: axis {axis} goes"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axis = self.axis(inputs[0])
        return f"takes the mean along axis {axis}, of {inputs[0].shape[axis]}"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept()

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(None, inline=f"torch.mean({{0}}, dim={self.axis(inputs[0]) + 1})")
