"""Pools that draw or learn: one number of a window by chance, or its mean scaled as learned."""

from collections.abc import Sequence

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    INDEX_BYTES,
    NO_MACS,
    Formulas,
    Held,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Weightless,
    Why,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch
from netc.compiler.layers.fields import PerAxis
from netc.compiler.layers.refusals import need_float, need_known, need_rank
from netc.compiler.layers.windows import (
    PICTURE,
    WINDOW_LETTERS,
    Axis,
    formulas_of,
    image_said,
    sizes_after,
    squeeze,
    steps_said,
    window_axes,
    windows_said,
)
from netc.compiler.sizes import Size, product_of


class Windowed(Layer):
    """What both pools share: windows over a picture, channel by channel, and no padding."""

    positional = 1
    letters = (*WINDOW_LETTERS, ("c", "channels"))

    kernel: PerAxis  #: the window's size
    stride: PerAxis | None = None  #: how far the window moves; none: the kernel

    def axes(self, x: Tensor) -> tuple[Axis, ...]:
        """The window along height and width."""
        need_float(x, self.kind)
        need_rank(x, (3,), self.kind, PICTURE)
        stride = self.kernel if self.stride is None else self.stride
        return window_axes(self.kind, 2, kernel=self.kernel, stride=stride, pad=0)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        axes = self.axes(x)
        return Tensor((x.shape[0], *sizes_after(axes, x.shape[1:], self.kind)))

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def sized(self, x: Tensor) -> str:
        """The arithmetic behind the output's size."""
        pairs = zip(self.axes(x), x.shape[1:], strict=True)
        return f"channels stay {x.shape[0]}; {', '.join(axis.why(size) for axis, size in pairs)}"

    def said(self, x: Tensor) -> str:
        """What the windows are, in words."""
        axes = self.axes(x)
        windows = windows_said([axis.kernel for axis in axes])
        return f"each of {windows} of {image_said(x.shape)}{steps_said(axes)}"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return tuple(axis.window for axis in self.axes(inputs[0]))

    def written(self, x: Tensor) -> tuple[Part, Part]:
        """Kernel and stride as PyTorch takes them."""
        axes = self.axes(x)
        return squeeze([axis.kernel for axis in axes]), squeeze([axis.stride for axis in axes])


class StochasticPool(Windowed, Weightless):
    """Draws one number of each window, a larger one more often: with `p = a/(sum of a)`.

    Outside training it gives the mean with these shares, `(sum of a^2)/(sum of a)`. Numbers are
    those behind a `relu`: negative ones count as 0, and a window of zeros gives 0.
    Shape: `[c, h, w] -> [c, ⌊(h − k)/s⌋ + 1, ⌊(w − k)/s⌋ + 1]`; the stride is the kernel
    unless given.
    Source: Zeiler, Fergus 2013, Stochastic pooling
    """

    kind = "stochastic_pool"
    examples = (
        ("stochastic_pool 2x2", "[64, 28, 28]", "[64, 14, 14]"),
        ("stochastic_pool 3x3, stride=2", "[64, 15, 15]", "[64, 7, 7]"),
    )
    refused = (
        ("stochastic_pool 5x5", "[6, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
        ("stochastic_pool 2", "[6, 4]", "channels, height and width"),
        ("stochastic_pool 2x2, pad=1", "[6, 4, 4]", "pad"),
    )

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return self.sized(inputs[0])

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        (x,) = inputs
        return Formulas(formulas_of(self.axes(x), x.shape[1:]))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"draws one number by its share from {self.said(inputs[0])}"

    def _windows(self, x: Tensor, output: Tensor) -> tuple[Size, Size]:
        """Numbers in all windows, and those in memory: PyTorch begins with as many as flow in."""
        count = output.elements * product_of([axis.kernel for axis in self.axes(x)])
        if isinstance(count, int) and isinstance(x.elements, int):
            return count, max(count, x.elements)
        return count, count

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        _, stored = self._windows(inputs[0], output)
        beside = (
            Held("numbers of all windows", (stored, FLOAT_BYTES)),
            Held("places of those drawn", (*output.shape, INDEX_BYTES)),
        )
        return Kept(output=True, beside=beside, reshaped=True)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        count, stored = self._windows(inputs[0], output)
        # beside the windows those without negative numbers, and their squares or both sums
        single = count == output.elements
        return FLOAT_BYTES * (stored + count + (2 * output.elements if single else count))

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        kernel, stride = self.written(inputs[0])
        call = Call("StochasticPool", (Given("kernel", kernel), Given("stride", stride)))
        return Torch(call, support=("StochasticPool",))


class TrainableAvgPool(Windowed):
    """The mean of each window, times a learned number of its channel, plus another learned one.

    The subsampling of LeNet-5 in 1998. There the window's numbers are summed and not averaged,
    which is the same net: its learned factor is smaller by the window's size.
    Shape: `[c, h, w] -> [c, ⌊(h − k)/s⌋ + 1, ⌊(w − k)/s⌋ + 1]`; the stride is the kernel
    unless given.
    Weights: `weight [c, 1, 1]`, which begins as 1, `bias [c, 1, 1]`, which begins as 0.
    Source: LeCun, Bottou, Bengio, Haffner 1998, section II.B
    """

    kind = "trainable_avg_pool"
    examples = (
        ("trainable_avg_pool 2x2", "[6, 28, 28]", "[6, 14, 14]"),
        ("trainable_avg_pool 3x3, stride=2", "[16, 15, 15]", "[16, 7, 7]"),
    )
    refused = (
        ("trainable_avg_pool 5x5", "[6, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
        ("trainable_avg_pool 2", "[400]", "channels, height and width"),
        ("trainable_avg_pool 2", "[c, 4, 4]", "number of channels"),
    )

    def _channels(self, x: Tensor) -> int:
        return need_known(x.shape[0], "the number of channels", self.kind)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        output = super().output(inputs)
        self._channels(inputs[0])
        return output

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        shape = (self._channels(inputs[0]), 1, 1)
        return (Weight("weight", shape), Weight("bias", shape))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        channels = self._channels(x)
        return Why(self.sized(x), f"{times(2, channels)} = {2 * channels}", NO_MACS)

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        (x,) = inputs
        return Formulas(formulas_of(self.axes(x), x.shape[1:]), "2·c")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"takes the mean of {self.said(inputs[0])}, then scales and shifts as learned"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,), beside=(Held("means", (*output.shape, FLOAT_BYTES)),))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return FLOAT_BYTES * output.elements

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        (x,) = inputs
        kernel, stride = self.written(x)
        args = (Inferred("channels", self._channels(x)), Given("kernel", kernel))
        keywords = () if stride == kernel else (("stride", Given("stride", stride)),)
        return Torch(Call("TrainableAvgPool", args, keywords), support=("TrainableAvgPool",))
