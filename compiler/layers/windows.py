"""The output-size formula, once, for every layer with a window."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct

from netc.compiler.layers.base import FLOAT_BYTES, Held, Window, by
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.sizes import Shape, Size, ceil_div, floor_div


class Axis(Struct, frozen=True):
    """A window's arithmetic along one spatial axis.

    `before` and `after` are the zeros added at either end. `same` keeps `ceil(n/stride)`: it adds
    `d*(k - 1)` zeros in all, the odd one at the end, which for stride 1 is what PyTorch's
    `padding="same"` does and which, unlike TensorFlow's rule, does not depend on n.
    """

    name: str
    kernel: int
    stride: int
    before: int
    after: int
    dilation: int = 1
    ceil: bool = False

    @property
    def extent(self) -> int:
        """Elements from the first to the last that the window reads: `d*(k - 1) + 1`."""
        return self.dilation * (self.kernel - 1) + 1

    def output(self, size: Size) -> Size:
        """`⌊(n + before + after − d·(k − 1) − 1)/stride⌋ + 1`.

        With `ceil`, PyTorch rounds up but drops a last window that would start in the padding after
        the end; both together are `ceil((n + min(pads - extent + stride, before))/stride)`.
        Source: the PyTorch pages of Conv2d and MaxPool2d; for `ceil`, `pooling_output_shape`.
        """
        pads = self.before + self.after
        if not self.ceil:
            return floor_div(size + (pads - self.extent), self.stride) + 1
        return ceil_div(size + min(pads - self.extent + self.stride, self.before), self.stride)

    def check(self, size: Size, layer: str) -> None:
        """Raises ShapeError if no window fits: rounding up lets the last one overhang the end."""
        padded = size + (self.before + self.after)
        reach = self.extent - (self.stride - 1 if self.ceil else 0)
        if isinstance(padded, int) and padded < reach:
            raise self._too_large(size, padded, reach, layer)

    def _too_large(self, size: Size, padded: int, reach: int, layer: str) -> ShapeError:
        """The error that no window fits, with the least padding and a kernel that do."""
        grown = f" ({self.extent} with dilation {self.dilation})" if self.dilation > 1 else ""
        pad = self.before - (padded - reach) // 2
        kernel = (padded - 1) // self.dilation + 1
        padding = f"pad by at least {pad}: `pad={pad}`"
        smaller = f"use a kernel of at most {kernel}: `kernel={kernel}`"
        hint, change = f"{padding}, or {smaller}", ("pad", str(pad))
        if pad > self.kernel // 2:  # so much padding would outweigh the picture
            hint, change = smaller, ("kernel", str(kernel))
        return ShapeError(
            f"the {self.name} of the kernel of `{layer}` is {self.kernel}{grown}, larger than "
            f"the input's {size} + {self.before + self.after} padding = {padded}",
            hint,
            code="E0305",
            argument="kernel",
            change=change,
        )

    def why(self, size: Size) -> str:
        """The formula with its numbers put in: `height ⌊(32 + 2·0 − 5)/1⌋ + 1 = 28`."""
        numbers = (size, self.before, self.after, self.kernel, self.dilation, self.stride)
        dropped = " (no window starts in the padding at the end)" if self.drops_last(size) else ""
        return f"{self.name} {self._formula(size, *numbers)} = {self.output(size)}{dropped}"

    def formula(self, size: Size) -> str:
        """The same in symbols: `⌊(n + 2·p − k)/s⌋ + 1`."""
        before, after = ("p", "p") if self.before == self.after else ("a", "b")
        return self._formula(size, "n", before, after, "k", "d", "s")

    def _formula(
        self,
        size: Size,
        n: Size | str,
        before: int | str,
        after: int | str,
        kernel: int | str,
        dilation: int | str,
        stride: int | str,
    ) -> str:
        """The form that this size needs, of numbers or of letters."""
        extent = f"({dilation}·({kernel} − 1) + 1)" if self.dilation > 1 else str(kernel)
        pads = f"2·{before}" if self.before == self.after else f"{before} + {after}"
        low, high = "⌈⌉" if self.ceil else "⌊⌋"
        if self.drops_last(size):  # all windows that start before the padding at the end
            return f"⌈({n} + {before})/{stride}⌉"
        return f"{low}({n} + {pads} − {extent})/{stride}{high} + 1"

    def drops_last(self, size: Size) -> bool:
        """Whether rounding up would give a window that starts after the input's end."""
        plain = ceil_div(size + (self.before + self.after - self.extent), self.stride) + 1
        return self.ceil and plain != self.output(size)

    @property
    def window(self) -> Window:
        """As the receptive-field rule needs it."""
        return Window(self.extent, self.stride, self.before, self.dilation)


WINDOW_LETTERS = (
    ("n", "input size"),
    ("p", "padding at either end"),
    ("a", "padding before"),
    ("b", "padding after"),
    ("k", "kernel"),
    ("d", "dilation"),
    ("s", "stride"),
)
"""What the letters of the output-size formula stand for."""

PICTURE = "channels, height and width"
"""What layers for pictures alone take, in words."""

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def spread(value: int | tuple[int, ...], count: int, argument: str, layer: str) -> tuple[int, ...]:
    """One number per spatial axis. Raises ShapeError if a tuple has another length."""
    if isinstance(value, int):
        return (value,) * count
    if len(value) != count:
        written = str(value[0]) if value else ""
        hint = f"write one number{f', or {count}' if count > 1 else ''}"
        raise ShapeError(
            f"`{argument}` of `{layer}` has {len(value)} numbers, and the input has "
            f"{count} spatial {'axis' if count == 1 else 'axes'}",
            f"{hint}: `{argument}={written}`" if written else hint,
            code="E0306",
            argument=argument,
            change=(argument, written) if written else None,
        )
    return value


@lru_cache(maxsize=1024)
def window_axes(
    layer: str,
    count: int,
    *,
    kernel: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    pad: int | tuple[int, ...] | Literal["same", "valid"],
    dilation: int | tuple[int, ...] = 1,
    ceil: bool = False,
) -> tuple[Axis, ...]:
    """The window's arithmetic for each spatial axis, from the arguments as written."""
    kernels = spread(kernel, count, "kernel", layer)
    strides = spread(stride, count, "stride", layer)
    dilations = spread(dilation, count, "dilation", layer)
    if pad == "same":
        totals = [d * (k - 1) for k, d in zip(kernels, dilations, strict=True)]
        ends = [(total // 2, total - total // 2) for total in totals]
    else:
        pads = spread(0 if pad == "valid" else pad, count, "pad", layer)
        ends = [(p, p) for p in pads]
    return tuple(
        Axis(name, k, s, before, after, d, ceil)
        for name, k, s, (before, after), d in zip(
            AXIS_NAMES[count], kernels, strides, ends, dilations, strict=True
        )
    )


def axis_letters(letter: str, values: Sequence[Size]) -> list[str]:
    """A letter for each axis: `k`, `k`, or where the values differ `k_h`, `k_w`."""
    if len(set(values)) == 1:
        return [letter] * len(values)
    return [f"{letter}_{name[0]}" for name in AXIS_NAMES[len(values)]]


def formulas_of(axes: Sequence[Axis], sizes: Sequence[Size]) -> str:
    """The output-size formula in symbols; several where axes need different forms."""
    forms = (axis.formula(size) for axis, size in zip(axes, sizes, strict=True))
    return "; ".join(dict.fromkeys(forms))


def steps_said(axes: Sequence[Axis]) -> str:
    """How windows move, in words, where they do not simply go on by one: `, in steps of 2`."""
    parts: list[str] = []
    strides = [axis.stride for axis in axes]
    if any(stride > 1 for stride in strides):
        parts.append(f"in steps of {by(once(strides))}")
    if any(axis.dilation > 1 for axis in axes):
        parts.append(f"elements {by(once([axis.dilation for axis in axes]))} apart")
    ends = [f"{a.before}" if a.before == a.after else f"{a.before} + {a.after}" for a in axes]
    if any(axis.before or axis.after for axis in axes):
        parts.append(f"the input padded by {' × '.join(once(ends))}")
    return "".join(f", {part}" for part in parts)


def once(values: Sequence[Any]) -> Sequence[Any]:
    """Equal values as one."""
    return values[:1] if len(set(values)) == 1 else values


def windows_said(kernels: Sequence[int]) -> str:
    """Windows of a size, in words: `5 × 5 windows`, `windows of length 4`."""
    if len(kernels) == 1:
        return f"windows of length {kernels[0]}"
    return f"{by(kernels)} windows"


def image_said(shape: Shape) -> str:
    """What has channels and spatial axes, in words: `the 1-channel 32 × 32 image`."""
    noun = {1: "sequence", 2: "image", 3: "volume"}[len(shape) - 1]
    size = f"of length {shape[1]}" if len(shape) == 2 else ""
    return f"the {shape[0]}-channel {'' if size else by(shape[1:]) + ' '}{noun} {size}".strip()


def squeeze(values: Sequence[int]) -> int | tuple[int, ...]:
    """Equal numbers as one, as people write them: `(3, 3)` is `3`."""
    return values[0] if len(set(values)) == 1 else tuple(values)


def sizes_after(axes: Sequence[Axis], sizes: Sequence[Size], layer: str) -> tuple[Size, ...]:
    """The output's spatial sizes. Raises ShapeError where the window does not fit."""
    for axis, size in zip(axes, sizes, strict=True):
        axis.check(size, layer)
    return tuple(axis.output(size) for axis, size in zip(axes, sizes, strict=True))


def padded_first(axes: Sequence[Axis], fill: str = "") -> str:
    """The call that pads the input where the layer's own argument cannot: last axis first."""
    ends = tuple(end for axis in reversed(axes) for end in (axis.before, axis.after))
    return f"F.pad({{0}}, {ends}{f', value={fill}' if fill else ''})"


def held_padded(axes: Sequence[Axis], shape: Shape) -> Held:
    """What `padded_first` makes, kept in the place of the input."""
    sizes = (size + axis.before + axis.after for axis, size in zip(axes, shape[1:], strict=True))
    return Held("padded input", (shape[0], *sizes, FLOAT_BYTES))
