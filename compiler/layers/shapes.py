"""Layers that arrange numbers anew and compute nothing."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

from netc.compiler.conditions import equal_when
from netc.compiler.layers.base import (
    Formulas,
    Kept,
    Receptive,
    Tensor,
    Weightless,
    counted,
    numbered,
    times,
)
from netc.compiler.layers.calls import Call, Given, Torch
from netc.compiler.layers.fields import Extents, Natural, Positive, as_tuple
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank
from netc.compiler.sizes import Size, product_of

Axes: TypeAlias = Annotated[tuple[Natural, ...], BeforeValidator(as_tuple)]


class Arrangement(Weightless):
    """What these layers share: each number of the output is one of the input."""

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(view=True)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0


class Flatten(Arrangement):
    """Puts all axes into one: a vector for `dense`.

    Shape: `[a, b, c...] -> [a·b·c...]`, in the order of memory: the last axis runs fastest.
    Source: https://pytorch.org/docs/stable/generated/torch.flatten.html
    """

    kind = "flatten"
    letters = (("n", "size of an axis"),)
    positional = 0
    examples = (
        ("flatten", "[16, 5, 5]", "[400]"),
        ("flatten", "[8, H, 2]", "[16*H]"),
    )
    refused = (
        ("flatten", "int[]", "no axis"),
        ("flatten 1", "[16, 5, 5]", "flatten"),
    )

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        if not x.shape:
            raise ShapeError(f"`flatten` joins axes, and {x} has no axis", code="E0303")
        return Tensor((x.elements,), x.dtype)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"{times(*inputs[0].shape)} = {output.elements}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(times(*numbered("n", len(inputs[0].shape))))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "puts all axes into one"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(Call("nn.Flatten"), inline="torch.flatten({0}, 1)")


class Reshape(Arrangement):
    """Cuts the same numbers into other axes.

    Shape: `[...] -> sizes`, whose product must be the input's, in the order of memory: the last
    axis runs fastest. A size may be a name: PyTorch works out one such axis, and any other must be
    as long as an axis of the input.
    Source: https://pytorch.org/docs/stable/generated/torch.reshape.html
    """

    kind = "reshape"
    letters = (("n", "size of an axis of the input"),)
    positional = 1
    examples = (
        ("reshape [4, 100]", "[400]", "[4, 100]"),
        ("reshape [16, H*W]", "[16, H, W]", "[16, H*W]"),
        ("reshape [H, W, 16]", "[16, H, W]", "[H, W, 16]"),
        ("reshape [T, 8, 64]", "[T, 512]", "[T, 8, 64]"),
    )
    refused = (
        ("reshape [3, 133]", "[400]", "3·133 = 399"),
        ("reshape [0, 400]", "[400]", "above 0"),
        ("reshape [2*H, 2*W]", "[4, H, W]", "2·H"),
    )

    sizes: Extents  #: the new axes

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        total = product_of(self.sizes)
        if total != x.elements and equal_when(total, x.elements) is not True:
            raise ShapeError(
                f"`reshape` must keep the number of numbers: {x} holds {times(*x.shape) or 1} = "
                f"{x.elements}, and {list(map(str, self.sizes))} holds "
                f"{times(*self.sizes) or 1} = {total}".replace("'", ""),
                f"write `{fitting}`" if (fitting := self._fitting(x)) else "",
                code="E0311",
                argument="sizes",
                change=("sizes", fitting) if fitting else None,
            )
        self._written(x)
        return Tensor(self.sizes, x.dtype)

    def _fitting(self, x: Tensor) -> str | None:
        """The sizes with one of them, the last that can, changed so that all numbers have a place.

        None where no one size will do.
        """
        for axis in reversed(range(len(self.sizes))):
            others = product_of((*self.sizes[:axis], *self.sizes[axis + 1 :]))
            if isinstance(x.elements, int) and isinstance(others, int) and x.elements % others == 0:
                sizes = (*self.sizes[:axis], x.elements // others, *self.sizes[axis + 1 :])
                return f"[{', '.join(map(str, sizes))}]"
        return None

    def _written(self, x: Tensor) -> tuple[str, ...]:
        """The batch's and each axis' size as PyTorch code; at most one of them is -1."""
        missing = [s for s in self.sizes if not isinstance(s, int) and s not in x.shape]
        if len(missing) > 1:
            raise ShapeError(
                f"`reshape` can work out one size that no axis of {x} has, and here are "
                f"{len(missing)}: {', '.join(map(str, missing))}",
                code="E0311",
                argument="sizes",
            )
        texts = {0: "-1"}
        for axis, size in enumerate(self.sizes, 1):
            if isinstance(size, int):
                texts[axis] = str(size)
            elif size in x.shape:
                texts[axis] = f"{{0}}.shape[{x.shape.index(size) + 1}]"
            else:
                texts[0], texts[axis] = "{0}.shape[0]", "-1"
        return tuple(texts[axis] for axis in range(len(self.sizes) + 1))

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        return f"{times(*x.shape) or 1} = {times(*self.sizes) or 1} = {x.elements}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(times(*numbered("n", len(inputs[0].shape))))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"cuts the same {inputs[0].elements} numbers into other axes"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        shape = ", ".join(self._written(x))
        return Torch(None, inline=f"torch.reshape({{0}}, ({shape}{',' * (not self.sizes)}))")


class PadChannels(Weightless):
    """Puts channels of zeros behind those there are: a shortcut's way to more channels (option A).

    Shape: `[c, ...] -> [channels, ...]`, one to three spatial axes, `channels` at least `c`.
    Source: He, Zhang, Ren, Sun 2015, section 3.3;
    https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
    """

    kind = "pad_channels"
    positional = 1
    letters = (("c", "channels that flow in"),)
    examples = (
        ("pad_channels 32", "[16, 16, 16]", "[32, 16, 16]"),
        ("pad_channels 64", "[64, H, W]", "[64, H, W]"),
    )
    refused = (
        ("pad_channels 8", "[16, 16, 16]", "16 flow in"),
        ("pad_channels 8", "[4]", "one to three spatial axes"),
        ("pad_channels", "[16, 16, 16]", "channels"),
    )

    channels: Positive  #: channels of the output

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, "channels and one to three spatial axes")
        found = need_known(x.shape[0], "the number of channels", self.kind)
        if self.channels < found:
            raise ShapeError(
                f"`pad_channels` gives {self.channels} channels, and {found} flow in",
                f"write `{found}` or more; `conv {self.channels}, 1x1` makes them fewer",
                code="E0309",
                argument="channels",
                change=("channels", str(found)),
            )
        return Tensor((self.channels, *x.shape[1:]))

    def _zeros(self, x: Tensor) -> int:
        return self.channels - need_known(x.shape[0], "the number of channels", self.kind)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        return f"channels {x.shape[0]} + {self._zeros(x)} = {self.channels}; the others stay"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"puts {counted(self._zeros(inputs[0]), 'channel')} of zeros behind what flows in"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept()

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        ends = (0, 0) * (len(x.shape) - 1)
        inline = f"F.pad({{0}}, {(*ends, 0, self._zeros(x))})"
        call = Call("PadChannels", (Given("channels", self.channels),))
        return Torch(call, inline=inline, support=("PadChannels",))


class Transpose(Arrangement):
    """Puts axes into another order.

    Shape: axis `i` of the output is axis `axes[i]` of the input, counted from 0 without the batch;
    without `axes` the last two change places: `[T, d] -> [d, T]`.
    Source: https://pytorch.org/docs/stable/generated/torch.permute.html
    """

    kind = "transpose"
    positional = 1
    examples = (
        ("transpose", "[T, 40]", "[40, T]"),
        ("transpose (1, 2, 0)", "[3, H, W]", "[H, W, 3]"),
    )
    refused = (
        ("transpose", "[40]", "1 axis"),
        ("transpose (0, 0, 1)", "[3, 8, 8]", "each of 0, 1, 2 once"),
        ("transpose (1, 0)", "[3, 8, 8]", "each of 0, 1, 2 once"),
    )

    axes: Axes | None = None  #: the old axes in the new order; none: the last two swap

    def order(self, rank: int) -> tuple[int, ...]:
        """Which axis of the input each axis of the output is."""
        plain = tuple(range(rank))
        return (*plain[:-2], rank - 1, rank - 2) if self.axes is None else self.axes

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        rank = len(x.shape)
        if self.axes is None and rank < 2:
            raise ShapeError(
                f"`transpose` swaps the last two axes, and {x} has {rank} "
                f"{'axis' if rank == 1 else 'axes'}",
                code="E0303",
            )
        if sorted(self.order(rank)) != list(range(rank)):
            numbers = ", ".join(map(str, range(rank)))
            raise ShapeError(
                f"`transpose` must name each of {numbers or 'no axes'} once for {x}, and here are "
                f"{', '.join(map(str, self.order(rank))) or 'none'}",
                "axes count from 0, without the batch",
                code="E0312",
                argument="axes",
            )
        return Tensor(tuple(x.shape[axis] for axis in self.order(rank)), x.dtype)

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        order = ", ".join(map(str, self.order(len(inputs[0].shape))))
        return f"axes in the order {order}, counted from 0 without the batch"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        order = ", ".join(map(str, self.order(len(inputs[0].shape))))
        return f"puts the axes into the order {order}"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        if self.axes is None:
            return Torch(None, inline="torch.transpose({0}, -2, -1)")
        order = (0, *(axis + 1 for axis in self.axes))
        return Torch(None, inline=f"torch.permute({{0}}, {order})")
