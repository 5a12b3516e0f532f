"""Layers that make one value of several. The first flows down the page, the others are named."""

from collections.abc import Sequence

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    Formulas,
    Held,
    Kept,
    Receptive,
    Tensor,
    Weightless,
    feature_axis,
    numbered,
)
from netc.compiler.layers.calls import Torch
from netc.compiler.layers.fields import Natural
from netc.compiler.layers.refusals import JoinError, ShapeError, need_axis
from netc.compiler.sizes import Size


class Join(Weightless):
    """What joins share: several values of one kind of number, with as many axes each."""

    inputs = (1, None)
    positional = 0

    def free_axis(self, rank: int) -> int | None:
        """The axis along which sizes may differ, if there is one."""
        return None

    def joins(self, inputs: Sequence[Tensor]) -> list[tuple[Size, Size, int]]:
        first, *others = inputs
        free = self.free_axis(len(first.shape))
        return [
            (left, right, axis)
            for other in others
            if len(other.shape) == len(first.shape)
            for axis, (left, right) in enumerate(zip(first.shape, other.shape, strict=True))
            if axis != free
        ]

    def first(self, inputs: Sequence[Tensor]) -> Tensor:
        """The first input, once the others are known to fit; sizes with names are not compared."""
        first, *others = inputs
        if not others:
            raise ShapeError(
                f"`{self.kind}` joins values, and here is one: {first}",
                f"name the others: `{self.kind} skip`, or `(a, b) -> {self.kind}`",
                code="E0310",
            )
        for right, other in enumerate(others, 1):
            if other.dtype != first.dtype or len(other.shape) != len(first.shape):
                raise JoinError(
                    f"`{self.kind}` cannot join {first} and {other}: " + _difference(first, other),
                    ""
                    if other.dtype == first.dtype
                    else "turn ids into vectors first: `embedding SIZE, DIM`",
                    left=0,
                    right=right,
                    ranks=other.dtype == first.dtype,
                )
            for left_size, right_size, axis in self.joins((first, other)):
                if isinstance(left_size, int) and isinstance(right_size, int):
                    self._same(first, other, axis, right)
        return first

    def _same(self, first: Tensor, other: Tensor, axis: int, right: int) -> None:
        if first.shape[axis] != other.shape[axis]:
            raise JoinError(
                f"`{self.kind}` cannot join {first} and {other}: axis {axis} has "
                f"{first.shape[axis]} in one and {other.shape[axis]} in the other",
                left=0,
                right=right,
                axis=axis,
            )

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(passes=True)


def _difference(first: Tensor, other: Tensor) -> str:
    if first.dtype != other.dtype:
        return "real numbers in one, whole numbers in the other"
    axes = "axis" if len(first.shape) == 1 else "axes"
    return f"{len(first.shape)} {axes} in one, {len(other.shape)} in the other"


def _names(inputs: Sequence[Tensor]) -> list[str]:
    return [f"{{{index}}}" for index in range(len(inputs))]


class Add(Join):
    """The sum, number by number; the gradient is copied to every input.

    Shape: `[...], [...] -> [...]`, all equal: nothing is broadcast.
    Source: https://pytorch.org/docs/stable/generated/torch.add.html
    """

    kind = "add"
    examples = (
        ("add b", "[64, 56, 56] ; [64, 56, 56]", "[64, 56, 56]"),
        ("add b, c", "[T, 8] ; [T, 8] ; [T, 8]", "[T, 8]"),
    )
    refused = (
        ("add b", "[64, 56, 56] ; [64]", "axes"),
        ("add b", "[9] ; int[9]", "whole numbers"),
    )

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.first(inputs)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "number by number: the shape stays"

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return FLOAT_BYTES * output.elements if len(inputs) > 2 else 0  # the sum so far

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"adds {len(inputs)} values number by number"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(passes=True, over=Kept(passes=True) if len(inputs) == 2 else None)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        over = "{0} += {1}" if len(inputs) == 2 else ""
        return Torch(None, inline=" + ".join(_names(inputs)), over=over)


class Mul(Join):
    """The product, number by number: a gate.

    Shape: `[...], [...] -> [...]`, all equal: nothing is broadcast.
    Source: https://pytorch.org/docs/stable/generated/torch.mul.html
    """

    kind = "mul"
    examples = (
        ("mul b", "[128] ; [128]", "[128]"),
        ("mul b", "[8, H, W] ; [8, H, W]", "[8, H, W]"),
    )
    refused = (
        ("mul b", "[64, 8, 8] ; [64]", "axes"),
        ("mul b", "[9] ; int[9]", "whole numbers"),
    )

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.first(inputs)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "number by number: the shape stays"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"multiplies {len(inputs)} values number by number"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        more = len(inputs) - 2
        partial = Held("products of the first", (more, *output.shape, FLOAT_BYTES))  # a*b of a*b*c
        # of k gradients two are made at a time, and for each two a product and a gradient go
        spared = -FLOAT_BYTES * more * output.elements
        beside = (partial,) if more else ()
        return Kept(inputs=tuple(range(len(inputs))), beside=beside, back=spared)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return FLOAT_BYTES * output.elements if len(inputs) > 2 else 0  # the product so far

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(None, inline=" * ".join(_names(inputs)))


class Concat(Join):
    """The values side by side along one axis.

    Shape: that axis' sizes are summed, all others must be equal. The axis is that of the features:
    the last of `[c]` and `[T, c]`, the first of `[c, h, w]` and longer; `axis` names another,
    counted from 0 without the batch.
    Source: https://pytorch.org/docs/stable/generated/torch.cat.html
    """

    kind = "concat"
    letters = (("n", "size of a value along the axis"),)
    examples = (
        ("concat b", "[64, 28, 28] ; [128, 28, 28]", "[192, 28, 28]"),
        ("concat b", "[T, 256] ; [T, 100]", "[T, 356]"),
        ("concat b, c, axis=0", "[S, 8] ; [T, 8] ; [1, 8]", "[S + T + 1, 8]"),
    )
    refused = (
        ("concat b", "[64, 28, 28] ; [64]", "axes"),
        ("concat b, axis=1", "[8] ; [8]", "axis 1"),
        ("concat b", "[9] ; int[9]", "whole numbers"),
    )

    axis: Natural | None = None  #: the axis to join along; none: that of the features

    def free_axis(self, rank: int) -> int | None:
        return feature_axis(rank) if self.axis is None else self.axis

    def _axis(self, rank: int) -> int:
        if not rank:
            raise ShapeError(
                "`concat` puts values side by side along an axis, and single numbers have none",
                "write `stack`: it makes one",
                code="E0312",
            )
        return feature_axis(rank) if self.axis is None else need_axis(self.axis, rank, self.kind)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        axis = self._axis(len(inputs[0].shape))
        first = self.first(inputs)
        total: Size = 0
        for x in inputs:
            total = total + x.shape[axis]
        return Tensor((*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axis = self._axis(len(output.shape))
        parts = " + ".join(str(x.shape[axis]) for x in inputs)
        return f"axis {axis}: {parts} = {output.shape[axis]}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(" + ".join(numbered("n", len(inputs))))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axis = self._axis(len(output.shape))
        return f"puts {len(inputs)} values side by side along axis {axis}"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        axis = self._axis(len(output.shape)) + 1
        return Torch(None, inline=f"torch.cat([{', '.join(_names(inputs))}], dim={axis})")

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0


class Stack(Join):
    """The values one above the other, along a new axis.

    Shape: `[...], [...] -> [count, ...]`, all equal; `axis` is the new axis' place in the output,
    counted from 0 without the batch.
    Source: https://pytorch.org/docs/stable/generated/torch.stack.html
    """

    kind = "stack"
    examples = (
        ("stack b", "[28, 28] ; [28, 28]", "[2, 28, 28]"),
        ("stack b, c, axis=1", "[8] ; [8] ; [8]", "[8, 3]"),
    )
    refused = (
        ("stack b", "[28, 28] ; [28]", "axes"),
        ("stack b, axis=2", "[8] ; [8]", "axis 2"),
    )

    axis: Natural = 0  #: the new axis' place in the output, counted from 0

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        first = self.first(inputs)
        axis = need_axis(self.axis, len(first.shape) + 1, self.kind)
        return Tensor((*first.shape[:axis], len(inputs), *first.shape[axis:]), first.dtype)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"a new axis {self.axis} of {len(inputs)} values"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"stacks {len(inputs)} values along a new axis {self.axis}"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(
            None, inline=f"torch.stack([{', '.join(_names(inputs))}], dim={self.axis + 1})"
        )

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0
