"""Pooling: the largest or mean value of windows that slide."""

from collections.abc import Sequence
from typing import ClassVar

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    INDEX_BYTES,
    Formulas,
    Held,
    Kept,
    Receptive,
    Tensor,
    Weightless,
)
from netc.compiler.layers.calls import Call, Given, Part, Torch, applied
from netc.compiler.layers.fields import Padding, PerAxis
from netc.compiler.layers.refusals import ShapeError, need_float, need_rank
from netc.compiler.layers.windows import (
    WINDOW_LETTERS,
    Axis,
    formulas_of,
    held_padded,
    image_said,
    padded_first,
    sizes_after,
    squeeze,
    steps_said,
    window_axes,
    windows_said,
)
from netc.compiler.sizes import Size

SPATIAL = "channels and one to three spatial axes"


class Pool(Weightless):
    """What pooling layers share: channels are kept, spatial axes shrink.

    Class attributes:
        takes: what it makes of a window.
    """

    takes: ClassVar[str]

    def checked(self, inputs: Sequence[Tensor]) -> Tensor:
        """The one input, if it has channels and spatial axes."""
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, SPATIAL)
        return x


class _Sliding(Pool):
    """What `max_pool` and `avg_pool` share: a sliding window."""

    positional = 1
    letters = WINDOW_LETTERS

    kernel: PerAxis  #: the window's size
    stride: PerAxis | None = None  #: how far the window moves; none: the kernel
    pad: Padding = 0  #: padding at either end; `same` keeps `ceil(n/s)`, `valid` is 0
    ceil: bool = False  #: round the output's size up

    def dilations(self) -> int | tuple[int, ...]:
        """Steps between the elements of a window."""
        return 1

    def axes(self, x: Tensor) -> tuple[Axis, ...]:
        """The window along each spatial axis of the input."""
        return window_axes(
            self.kind,
            len(x.shape) - 1,
            kernel=self.kernel,
            stride=self.kernel if self.stride is None else self.stride,
            pad=self.pad,
            dilation=self.dilations(),
            ceil=self.ceil,
        )

    def pads_first(self, axes: Sequence[Axis]) -> bool:
        """Whether `pad=same` needs more, or more unequal, padding than PyTorch's own takes."""
        return any(axis.before != axis.after or axis.before > axis.kernel // 2 for axis in axes)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        x = self.checked(inputs)
        axes = self.axes(x)
        if self.pad == "same" and self.ceil:
            raise ShapeError(
                f"`{self.kind}` with `pad=same` already gives ⌈n/stride⌉",
                "leave out `ceil`",
                code="E0309",
                argument="ceil",
                change=("ceil", None),
            )
        for axis in axes if self.pad != "same" else ():
            if axis.before > axis.kernel // 2:
                raise ShapeError(
                    f"`pad` of `{self.kind}` is {axis.before} along the {axis.name}, more than "
                    f"half the kernel: ⌊{axis.kernel}/2⌋ = {axis.kernel // 2}",
                    f"PyTorch pads a pool by at most half its kernel: `pad={axis.kernel // 2}`",
                    code="E0313",
                    argument="pad",
                    change=("pad", str(axis.kernel // 2)),
                )
        return Tensor((x.shape[0], *sizes_after(axes, x.shape[1:], self.kind)))

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        pairs = zip(self.axes(x), x.shape[1:], strict=True)
        return f"channels stay {x.shape[0]}; {', '.join(axis.why(size) for axis, size in pairs)}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        (x,) = inputs
        return Formulas(formulas_of(self.axes(x), x.shape[1:]))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        axes = self.axes(x)
        windows = windows_said([axis.kernel for axis in axes])
        return f"takes {self.takes} of {windows} of {image_said(x.shape)}{steps_said(axes)}"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return tuple(axis.window for axis in self.axes(inputs[0]))

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        axes = self.axes(inputs[0])
        places = Held("places of the largest", (*output.shape, INDEX_BYTES))
        beside = (places,) if self.kind == "max_pool" else ()
        one = len(axes) == 1  # pooled as a picture of height 1
        if self.pads_first(axes):
            padded = held_padded(axes, inputs[0].shape)
            wider = padded.bytes - FLOAT_BYTES * inputs[0].elements
            return Kept(beside=(padded, *beside), wider=wider, reshaped=one)
        return Kept(inputs=(0,), beside=beside, reshaped=one)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return self.kept(inputs, output).extra  # the padded copy, and the places of the maxima

    def copied(self, inputs: Sequence[Tensor]) -> Size:
        axes = self.axes(inputs[0])
        return held_padded(axes, inputs[0].shape).bytes if self.pads_first(axes) else 0

    def written(self, axes: Sequence[Axis], *more: tuple[str, Part]) -> tuple[Call, str]:
        """The module's call, and the text that its input is, padded first where need be."""
        kernel = squeeze([axis.kernel for axis in axes])
        stride = squeeze([axis.stride for axis in axes])
        pads = squeeze([axis.before for axis in axes])
        first = self.pads_first(axes)
        keywords: list[tuple[str, Part]] = []
        if stride != kernel:
            keywords.append(("stride", Given("stride", stride)))
        if pads != 0 and not first:
            keywords.append(("padding", pads if self.pad == "same" else Given("pad", pads)))
        keywords += more
        if self.ceil:
            keywords.append(("ceil_mode", True))
        name = "MaxPool" if self.kind == "max_pool" else "AvgPool"
        call = Call(f"nn.{name}{len(axes)}d", (Given("kernel", kernel),), tuple(keywords))
        fill = 'float("-inf")' if self.kind == "max_pool" else ""
        return call, padded_first(axes, fill) if first else "{0}"

    def pooled(self, axes: Sequence[Axis], *more: tuple[str, Part]) -> Torch:
        """Both forms: the module's and the function's."""
        call, fed = self.written(axes, *more)
        inline = applied(call, f"F.{self.kind}{len(axes)}d")
        return Torch(call, f"{{m}}({fed})", inline.replace("{0}", fed, 1))


class MaxPool(_Sliding):
    """The largest value in each window, channel by channel.

    Shape: `[c, n...] -> [c, ⌊(n + 2p − d·(k − 1) − 1)/s⌋ + 1 ...]`, one to three spatial axes;
    the stride is the kernel unless given, and a smaller one makes windows overlap. `ceil` rounds
    up, but drops a last window that would start in the padding. `pad=same` gives `ceil(n/s)`.
    Padding is minus infinity, and at most half the kernel.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    kind = "max_pool"
    takes = "the largest value"
    examples = (
        ("max_pool 2x2", "[10, 4, 4]", "[10, 2, 2]"),
        ("max_pool 3x3, stride=2, pad=1", "[64, 112, 112]", "[64, 56, 56]"),
        ("max_pool 3, stride=2, ceil=yes", "[64, 112, 112]", "[64, 56, 56]"),
        ("max_pool 2, stride=1, pad=same", "[3, 15]", "[3, 15]"),
        ("max_pool 3x3, stride=1, pad=1", "[8, H, W]", "[8, H, W]"),
    )
    refused = (
        ("max_pool 3x3, pad=2", "[6, 8, 8]", "⌊3/2⌋ = 1"),
        ("max_pool 5x5", "[6, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
        ("max_pool 2x2", "[400]", "one to three spatial axes"),
        ("max_pool 2x2", "[3, 8, 8, 8]", "3 spatial axes"),
    )

    dilation: PerAxis = 1  #: the distance between elements of the window

    def dilations(self) -> int | tuple[int, ...]:
        return self.dilation

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        axes = self.axes(inputs[0])
        dilation = squeeze([axis.dilation for axis in axes])
        if dilation == 1:
            return self.pooled(axes)
        return self.pooled(axes, ("dilation", Given("dilation", dilation)))


class AvgPool(_Sliding):
    """The mean of each window, channel by channel.

    Shape: `[c, n...] -> [c, ⌊(n + 2p − k)/s⌋ + 1 ...]`, one to three spatial axes; the stride
    is the kernel unless given. `ceil` and `pad=same` as in `max_pool`. Zeros of the padding count
    in the mean, as PyTorch has it (`count_include_pad`); with `count_pad=no` they do not.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """

    kind = "avg_pool"
    takes = "the mean"
    examples = (
        ("avg_pool 2x2", "[6, 28, 28]", "[6, 14, 14]"),
        ("avg_pool 3, stride=2, pad=1, count_pad=no", "[4, 9]", "[4, 5]"),
        ("avg_pool 2, stride=1, pad=same", "[3, 5, 5, 5]", "[3, 5, 5, 5]"),
    )
    refused = (
        ("avg_pool 2, pad=2", "[6, 8, 8]", "⌊2/2⌋ = 1"),
        ("avg_pool 2, stride=1, pad=same, count_pad=no", "[6, 8, 8]", "even kernel"),
        ("avg_pool 5x5", "[6, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
    )

    count_pad: bool = True  #: whether the padding's zeros count in the mean

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        out = super().output(inputs)
        axes = self.axes(inputs[0])
        first = self.pads_first(axes)
        if len(axes) == 3 and not first:
            self._fits_unpadded(axes, inputs[0])
        if not self.count_pad and first:
            raise ShapeError(
                "`avg_pool` with `pad=same` and an even kernel pads unequally, and PyTorch cannot "
                "leave those zeros out of the mean",
                "use an odd kernel, or leave out `count_pad=no`",
                code="E0309",
                argument="count_pad",
                change=("count_pad", None),
            )
        return out

    def fitting(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        (x,) = inputs
        axes = self.axes(x)
        if len(axes) < 3 or self.pads_first(axes):
            return ()
        return tuple(n - axis.kernel + 1 for n, axis in zip(x.shape[1:], axes, strict=True))

    def _fits_unpadded(self, axes: Sequence[Axis], x: Tensor) -> None:
        """AvgPool3d, and no other pool, wants the kernel within the input without its padding."""
        for axis, size in zip(axes, x.shape[1:], strict=True):
            if isinstance(size, int) and size < axis.kernel:
                raise ShapeError(
                    f"the {axis.name} of the kernel of `avg_pool` is {axis.kernel}, larger than "
                    f"the input's {size}, which PyTorch's AvgPool3d refuses with any padding",
                    f"use a kernel of at most {size} along the {axis.name}: `kernel={size}`",
                    code="E0305",
                    argument="kernel",
                    change=("kernel", str(size)),
                )

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        axes = self.axes(inputs[0])
        if self.count_pad:
            return self.pooled(axes)
        return self.pooled(axes, ("count_include_pad", False))
