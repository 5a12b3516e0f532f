"""Convolution over one, two or three spatial axes, by the input's rank."""

from collections.abc import Sequence
from math import gcd

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    Formulas,
    Held,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Why,
    counted,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch
from netc.compiler.layers.fields import Padding, PerAxis, Positive
from netc.compiler.layers.refusals import need_float, need_known, need_rank, unshared
from netc.compiler.layers.starting import Init, Std, check_start
from netc.compiler.layers.windows import (
    WINDOW_LETTERS,
    Axis,
    axis_letters,
    formulas_of,
    held_padded,
    image_said,
    padded_first,
    sizes_after,
    spread,
    squeeze,
    steps_said,
    window_axes,
    windows_said,
)
from netc.compiler.sizes import Size, product_of

SPATIAL = "channels and one to three spatial axes"

LETTERS = (*WINDOW_LETTERS, ("c", "input channels"), ("f", "filters"), ("g", "groups"))


def channels_of(x: Tensor, layer: str) -> int:
    """The input's channels. Raises ShapeError unless it has channels and spatial axes."""
    need_float(x, layer)
    need_rank(x, (2, 3, 4), layer, SPATIAL)
    return need_known(x.shape[0], "the number of channels", layer)


def check_groups(layer: str, groups: int, channels: int, filters: int) -> None:
    """Raises ShapeError (E0307) unless the groups share both the channels and the filters."""
    for count, what in ((channels, "input channels"), (filters, "filters")):
        if count % groups:
            fact = f"{groups} groups of `{layer}` cannot share {count} {what}"
            raise unshared(fact, "groups", groups, count, gcd(channels, filters))


def reads_of(channels: Size | str, groups: int | str) -> str:
    """The channels that one filter reads: `64`, or `64/4` in groups."""
    return str(channels) if groups in (1, "") else f"{channels}/{groups}"


def params_text(
    kernels: Sequence[int | str], reads: str, filters: int | str, weights: Sequence[Weight]
) -> str:
    """Numbers to learn, of numbers or of letters: `(5·5·1 + 1)·6`, the 1 for the bias."""
    one = times(*kernels, reads)
    return f"({one} + 1)·{filters}" if len(weights) > 1 else f"{one}·{filters}"


def learned(weights: Sequence[Weight]) -> int:
    """How many numbers the weights hold."""
    return sum(weight.count for weight in weights)


def written(value: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """One number for all axes where they agree, as people write it."""
    return value if isinstance(value, int) else squeeze(value)


class Conv(Layer):
    """Convolution (cross-correlation) with learned filters.

    Shape: `[c, n...] -> [filters, ⌊(n + 2p − d·(k − 1) − 1)/s⌋ + 1 ...]`, one to three spatial
    axes. `pad=same` gives `ceil(n/s)`: `d*(k - 1)` zeros in all, the odd one at the end.
    Weights: `weight [filters, c/groups, k...]`, `bias [filters]`.
    MACs: `filters * positions * (c/groups) * k...`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    kind = "conv"
    letters = (
        *LETTERS,
        ("l_out", "output length"),
        ("d_out", "output depth"),
        ("h_out", "output height"),
        ("w_out", "output width"),
    )
    positional = 2
    examples = (
        ("conv 6, 5x5", "[1, 32, 32]", "[6, 28, 28]"),
        ("conv 64, 7x7, stride=2, pad=3, bias=no", "[3, 224, 224]", "[64, 112, 112]"),
        ("conv 8, 4, pad=same, stride=2", "[3, 15]", "[8, 8]"),
        ("conv 4, 3x5, pad=(0, 2), dilation=2, groups=2", "[2, 9, 9]", "[4, 5, 5]"),
    )
    refused = (
        ("conv 6, 5x5", "[1, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
        ("conv 6, 3x3, groups=4", "[6, 8, 8]", "6 = 4·1 + 2"),
        ("conv 6, 3x3x3", "[1, 8, 8]", "2 spatial axes"),
        ("conv 6, 3x3", "[400]", "one to three spatial axes"),
    )

    filters: Positive  #: channels of the output
    kernel: PerAxis  #: the window's size
    stride: PerAxis = 1  #: how far the window moves
    pad: Padding = 0  #: zeros at either end; `same` keeps `ceil(n/s)`, `valid` is 0
    dilation: PerAxis = 1  #: the distance between elements of the window
    groups: Positive = 1  #: groups of channels that do not see each other
    bias: bool = True  #: whether each filter adds a learned number
    init: Init | None = None  #: how the weights begin, biases then at 0; none: by what follows
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def axes(self, x: Tensor) -> tuple[Axis, ...]:
        """The window along each spatial axis of the input."""
        return window_axes(
            self.kind,
            len(x.shape) - 1,
            kernel=self.kernel,
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
        )

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        channels = channels_of(x, self.kind)
        check_groups(self.kind, self.groups, channels, self.filters)
        check_start(self)
        sizes = sizes_after(self.axes(x), x.shape[1:], self.kind)
        return Tensor((self.filters, *sizes))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        weight = Weight("weight", (self.filters, *self._filter(inputs[0])))
        return (weight, Weight("bias", (self.filters,))) if self.bias else (weight,)

    def _filter(self, x: Tensor) -> tuple[int, ...]:
        """The shape of one filter."""
        kernels = spread(self.kernel, len(x.shape) - 1, "kernel", self.kind)
        return (channels_of(x, self.kind) // self.groups, *kernels)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return product_of((*output.shape, *self._filter(inputs[0])))

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return tuple(axis.window for axis in self.axes(inputs[0]))

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        (x,) = inputs
        if (padded := self._padded(x)) is None:
            return Kept(inputs=(0,))
        return Kept(beside=(padded,), wider=padded.bytes - FLOAT_BYTES * x.elements)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return self.copied(inputs)

    def copied(self, inputs: Sequence[Tensor]) -> Size:
        padded = self._padded(inputs[0])
        return 0 if padded is None else padded.bytes

    def _padded(self, x: Tensor) -> Held | None:
        """The copy of the input that unequal padding needs; numbers pad both ends alike."""
        if self.pad != "same" or all(axis.before == axis.after for axis in self.axes(x)):
            return None
        return held_padded(self.axes(x), x.shape)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        axes = self.axes(x)
        keywords: list[tuple[str, Part]] = []
        call = "{m}({0})"
        if self.stride not in (1, (1,) * len(axes)):
            keywords.append(("stride", Given("stride", written(self.stride))))
        if any(axis.before != axis.after for axis in axes):
            # PyTorch refuses "same" with a stride, and warns of the copy that it makes without one
            call = f"{{m}}({padded_first(axes)})"
        elif any(axis.before for axis in axes):
            pads = squeeze([axis.before for axis in axes])
            keywords.append(("padding", pads if self.pad == "same" else Given("pad", pads)))
        if self.dilation not in (1, (1,) * len(axes)):
            keywords.append(("dilation", Given("dilation", written(self.dilation))))
        if self.groups != 1:
            keywords.append(("groups", Given("groups", self.groups)))
        if not self.bias:
            keywords.append(("bias", False))
        args = (
            Inferred("in_channels", channels_of(x, self.kind)),
            Given("filters", self.filters),
            Given("kernel", written(self.kernel)),
        )
        return Torch(Call(f"nn.Conv{len(axes)}d", args, tuple(keywords)), call)

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        sizes = ", ".join(
            axis.why(size) for axis, size in zip(self.axes(x), x.shape[1:], strict=True)
        )
        weights = self.weights(inputs)
        reads, kernels = reads_of(x.shape[0], self.groups), weights[0].shape[2:]
        return Why(
            f"{counted(self.filters, 'filter')}; {sizes}",
            f"{params_text(kernels, reads, self.filters, weights)} = {learned(weights)}",
            f"{times(*output.shape, reads, *kernels)} = {self.macs(inputs, output)}",
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        (x,) = inputs
        axes, weights = self.axes(x), self.weights(inputs)
        reads = reads_of("c", "" if self.groups == 1 else "g")
        kernels = axis_letters("k", weights[0].shape[2:])
        after = [f"{axis.name[0]}_out" for axis in axes]
        return Formulas(
            formulas_of(axes, x.shape[1:]),
            params_text(kernels, reads, "f", weights),
            times("f", *after, reads, *kernels),
        )

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        axes = self.axes(x)
        shared = f", in {self.groups} groups of channels" if self.groups > 1 else ""
        return (
            f"looks at {windows_said([axis.kernel for axis in axes])} of {image_said(x.shape)} "
            f"with {counted(self.filters, 'filter')}{shared}{steps_said(axes)}"
        )
