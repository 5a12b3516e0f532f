"""Depthwise convolution: a filter for each channel by itself."""

from collections.abc import Sequence

from msgspec.structs import replace

from netc.compiler.layers.base import Formulas, Kept, Layer, Receptive, Tensor, Weight, Why
from netc.compiler.layers.calls import Given, Inferred, Part, Torch
from netc.compiler.layers.conv import SPATIAL, Conv
from netc.compiler.layers.fields import Padding, PerAxis, Positive
from netc.compiler.layers.refusals import need_float, need_known, need_rank
from netc.compiler.layers.starting import Init, Std
from netc.compiler.sizes import Size


class _Channelwise(Conv):
    """The convolution it is, under its own name in messages."""

    kind = "depthwise_conv"


class DepthwiseConv(Layer):
    """Convolution of each channel alone: as many groups as channels, and nothing is mixed.

    With a 1x1 `conv` behind it, which mixes, it is a separable convolution: `SeparableConv` of
    `std.vision`.
    Shape: `[c, n...] -> [multiplier·c, ⌊(n + 2p − d·(k − 1) − 1)/s⌋ + 1 ...]`, one to three
    spatial axes; `pad` as in `conv`.
    Weights: `weight [multiplier*c, 1, k...]`, `bias [multiplier*c]`.
    MACs: `multiplier * c * positions * k...`.
    Source: Chollet 2016; https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    kind = "depthwise_conv"
    positional = 1
    letters = Conv.letters
    examples = (
        ("depthwise_conv 3x3, pad=1", "[32, 112, 112]", "[32, 112, 112]"),
        ("depthwise_conv 3, stride=2, multiplier=2, bias=no", "[16, 9]", "[32, 4]"),
        ("depthwise_conv 5x5, pad=same", "[8, H, W]", "[8, H, W]"),
    )
    refused = (
        ("depthwise_conv 5x5", "[8, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
        ("depthwise_conv 3x3", "[400]", "one to three spatial axes"),
        ("depthwise_conv", "[8, 4, 4]", "kernel"),
    )

    kernel: PerAxis  #: the window's size
    stride: PerAxis = 1  #: how far the window moves
    pad: Padding = 0  #: zeros at either end; `same` keeps `ceil(n/s)`, `valid` is 0
    dilation: PerAxis = 1  #: the distance between elements of the window
    multiplier: Positive = 1  #: filters for each channel
    bias: bool = True  #: whether each filter adds a learned number
    init: Init | None = None  #: how the weights begin, biases then at 0; none: by what follows
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def grouped(self, x: Tensor) -> Conv:
        """The convolution in groups that it is. Raises ShapeError."""
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, SPATIAL)
        channels = need_known(x.shape[0], "the number of channels", self.kind)
        return _Channelwise(
            filters=self.multiplier * channels,
            kernel=self.kernel,
            stride=self.stride,
            pad=self.pad,
            dilation=self.dilation,
            groups=channels,
            bias=self.bias,
            init=self.init,
            std=self.std,
        )

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.grouped(inputs[0]).output(inputs)

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return self.grouped(inputs[0]).weights(inputs)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return self.grouped(inputs[0]).macs(inputs, output)

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return self.grouped(inputs[0]).receptive(inputs)

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return self.grouped(inputs[0]).kept(inputs, output)

    def copied(self, inputs: Sequence[Tensor]) -> Size:
        return self.grouped(inputs[0]).copied(inputs)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return self.grouped(inputs[0]).working(inputs, output)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        conv = self.grouped(inputs[0])
        written = conv.torch(inputs, output)
        assert written.module is not None
        follows = {"filters": conv.filters, "groups": conv.groups}  # from the input's channels

        def part(value: Part) -> Part:
            if isinstance(value, Given) and value.field in follows:
                return Inferred(value.field, follows[value.field])
            return value

        args = tuple(map(part, written.module.args))
        named = {"groups": Given("groups", conv.groups), **dict(written.module.keywords)}
        keywords = tuple((name, part(value)) for name, value in named.items())
        return replace(written, module=replace(written.module, args=args, keywords=keywords))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        return self.grouped(inputs[0]).why(inputs, output)

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return self.grouped(inputs[0]).formulas(inputs, output)

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        told = self.grouped(inputs[0]).does(inputs, output)
        alone = ", each of one channel alone"
        return told.replace(f", in {inputs[0].shape[0]} groups of channels", "", 1) + alone
