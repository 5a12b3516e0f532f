"""Transposed convolution over one, two or three spatial axes, by the input's rank."""

from collections.abc import Sequence
from math import gcd

from netc.compiler.layers.base import (
    MOST_TURNS,
    Formulas,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Turns,
    Weight,
    Why,
    Window,
    by,
    counted,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch
from netc.compiler.layers.conv import (
    LETTERS,
    channels_of,
    check_groups,
    learned,
    params_text,
    reads_of,
    written,
)
from netc.compiler.layers.fields import Natural, PerAxis, Positive
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.layers.starting import Plain, Std, check_start
from netc.compiler.layers.windows import (
    AXIS_NAMES,
    axis_letters,
    image_said,
    once,
    spread,
    windows_said,
)
from netc.compiler.sizes import Size, product_of


def _turns(kernel: int, stride: int, pad: int, dilation: int) -> Window | Turns | None:
    """What each output of a transposed convolution reads: input `i` is laid at `i*s - p + d*j`.

    With a stride of 1 it is a convolution with the kernel turned around.
    """
    extent = dilation * (kernel - 1) + 1
    if stride == 1:
        return Window(extent, 1, extent - 1 - pad, dilation)
    if stride > MOST_TURNS:
        return None
    return Turns(tuple(_reads(turn + pad, kernel, stride, dilation) for turn in range(stride)), 1)


def _reads(end: int, kernel: int, stride: int, dilation: int) -> range:
    """All `i` for which `i*stride + dilation*j = end`, with a `j` from 0 to `kernel` − 1."""
    shared = gcd(dilation, stride)
    apart = stride // shared  # of the numbers `j`
    first = end // shared * pow(dilation // shared, -1, apart) % apart
    if end % shared or first >= kernel:
        return range(0)
    last = first + (kernel - 1 - first) // apart * apart
    low, high = (end - dilation * last) // stride, (end - dilation * first) // stride
    return range(low, high + 1, dilation // shared)


class ConvTranspose(Layer):
    """Transposed convolution, which undoes a convolution's change of size.

    Shape: `[c, n...] -> [filters, (n − 1)·s − 2p + d·(k − 1) + 1 + output_pad ...]`.
    Weights: `weight [c, filters/groups, k...]`, `bias [filters]`.
    MACs: `c * positions of the input * (filters/groups) * k...`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    kind = "conv_transpose"
    letters = (*LETTERS, ("o", "output padding"))
    positional = 2
    examples = (
        ("conv_transpose 64, 2x2, stride=2", "[128, 7, 7]", "[64, 14, 14]"),
        ("conv_transpose 1, 4x4, stride=2, pad=1", "[64, 14, 14]", "[1, 28, 28]"),
        ("conv_transpose 8, 3, stride=2, output_pad=1", "[4, 5]", "[8, 12]"),
    )
    refused = (
        ("conv_transpose 8, 1x1, pad=4", "[4, 5, 5]", "nothing is left"),
        ("conv_transpose 8, 3x3, output_pad=2", "[4, 5, 5]", "smaller than the stride"),
    )

    filters: Positive  #: channels of the output
    kernel: PerAxis  #: the window's size
    stride: PerAxis = 1  #: how far apart the windows are laid
    pad: Natural | tuple[Natural, ...] = 0  #: what is cut off at either end
    output_pad: Natural | tuple[Natural, ...] = 0  #: what is added at the end
    dilation: PerAxis = 1  #: the distance between elements of the window
    groups: Positive = 1  #: groups of channels that do not see each other
    bias: bool = True  #: whether each filter adds a learned number
    init: Plain | None = None  #: how the weights begin, biases then at 0; none: as PyTorch has it
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def _spread(self, axes: int) -> list[tuple[int, int, int, int, int]]:
        """Kernel, stride, padding, output padding and dilation along each spatial axis."""
        fields = ("kernel", "stride", "pad", "output_pad", "dilation")
        columns = [spread(getattr(self, name), axes, name, self.kind) for name in fields]
        return list(zip(*columns, strict=True))

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        check_groups(self.kind, self.groups, channels_of(x, self.kind), self.filters)
        check_start(self)
        sizes: list[Size] = []
        axes = len(x.shape) - 1
        for name, size, (k, s, p, extra, d) in zip(
            AXIS_NAMES[axes], x.shape[1:], self._spread(axes), strict=True
        ):
            if extra and extra >= max(s, d):
                raise ShapeError(
                    f"`output_pad` is {extra} along the {name} and must be smaller than the "
                    f"stride, {s}, or the dilation, {d}",
                    f"write at most `output_pad={max(s, d) - 1}`",
                    code="E0308",
                    argument="output_pad",
                    change=("output_pad", str(max(s, d) - 1)),
                )
            out = (size - 1) * s - 2 * p + d * (k - 1) + 1 + extra
            if isinstance(out, int) and out < 1:
                raise ShapeError(
                    f"nothing is left along the {name}: "
                    f"({size} − 1)·{s} − 2·{p} + {d}·({k} − 1) + 1 + {extra} = {out}",
                    f"write at most `pad={p + (out - 1) // 2}`, or use a larger kernel",
                    code="E0305",
                    argument="pad",
                    change=("pad", str(p + (out - 1) // 2)),
                )
            sizes.append(out)
        return Tensor((self.filters, *sizes))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        (x,) = inputs
        kernels = spread(self.kernel, len(x.shape) - 1, "kernel", self.kind)
        shape = (channels_of(x, self.kind), self.filters // self.groups, *kernels)
        weight = Weight("weight", shape)
        return (weight, Weight("bias", (self.filters,))) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return product_of((*inputs[0].shape, *self.weights(inputs)[0].shape[1:]))

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        turns = [_turns(k, s, p, d) for k, s, p, _, d in self._spread(len(inputs[0].shape) - 1)]
        known = [one for one in turns if one is not None]
        return tuple(known) if len(known) == len(turns) else "unknown"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        axes = len(x.shape) - 1
        keywords: list[tuple[str, Part]] = []
        for field, keyword, plain in (
            ("stride", "stride", 1),
            ("pad", "padding", 0),
            ("output_pad", "output_padding", 0),
            ("groups", "groups", 1),
        ):
            value = getattr(self, field)
            if value not in (plain, (plain,) * axes):
                keywords.append((keyword, Given(field, written(value))))
        if not self.bias:
            keywords.append(("bias", False))
        if self.dilation not in (1, (1,) * axes):
            keywords.append(("dilation", Given("dilation", written(self.dilation))))
        args = (
            Inferred("in_channels", channels_of(x, self.kind)),
            Given("filters", self.filters),
            Given("kernel", written(self.kernel)),
        )
        return Torch(Call(f"nn.ConvTranspose{axes}d", args, tuple(keywords)))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        axes = len(x.shape) - 1
        sizes = ", ".join(
            f"{name} {_grown(size, *numbers)} = {out}"
            for name, size, numbers, out in zip(
                AXIS_NAMES[axes], x.shape[1:], self._spread(axes), output.shape[1:], strict=True
            )
        )
        weights = self.weights(inputs)
        reads, kernels = reads_of(x.shape[0], self.groups), weights[0].shape[2:]
        made = reads_of(self.filters, self.groups)
        return Why(
            f"{counted(self.filters, 'filter')}; {sizes}",
            f"{params_text(kernels, reads, self.filters, weights)} = {learned(weights)}",
            f"{times(*x.shape, made, *kernels)} = {self.macs(inputs, output)}",
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        weights = self.weights(inputs)
        groups = "" if self.groups == 1 else "g"
        kernels = axis_letters("k", weights[0].shape[2:])
        before = [f"n_{name[0]}" for name in AXIS_NAMES[len(kernels)]]
        return Formulas(
            _grown("n", "k", "s", "p", "o", "d"),
            params_text(kernels, reads_of("c", groups), "f", weights),
            times("c", *before, reads_of("f", groups), *kernels),
        )

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        kernels, strides, pads, _, _ = zip(*self._spread(len(x.shape) - 1), strict=True)
        shared = f", in {self.groups} groups of channels" if self.groups > 1 else ""
        cut = f", {by(once(pads))} cut off at every end" if any(pads) else ""
        return (
            f"spreads each place of {image_said(x.shape)} over {windows_said(kernels)} with "
            f"{counted(self.filters, 'filter')}{shared}, the windows {by(once(strides))} apart{cut}"
        )


def _grown(
    n: Size | str, k: int | str, s: int | str, p: int | str, extra: int | str, d: int | str
) -> str:
    """The output-size formula of a transposed convolution, of numbers or of letters."""
    return f"({n} − 1)·{s} − 2·{p} + {d}·({k} − 1) + 1 + {extra}"
