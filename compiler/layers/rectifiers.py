"""Activations that differ below 0: leaky, clipped, learned, exponential."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from netc.compiler.layers.activations import Activation
from netc.compiler.layers.base import (
    FLOAT_BYTES,
    NO_MACS,
    Formulas,
    Held,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Why,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch
from netc.compiler.layers.refusals import need_float, need_known, need_rank
from netc.compiler.sizes import Size

Finite = Annotated[float, Field(allow_inf_nan=False)]


class LeakyRelu(Activation):
    """Rectified linear unit with a small slope below 0: `x` if `x > 0`, else `slope * x`.

    Shape: `[...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html
    """

    kind = "leaky_relu"
    told = "keeps positive numbers and multiplies negative ones by {slope:g}"
    positional = 1
    pytorch = ("nn.LeakyReLU", "F.leaky_relu")
    keeps = "input"
    examples = (
        ("leaky_relu", "[84]", "[84]"),
        ("leaky_relu slope=0.2", "[64, 14, 14]", "[64, 14, 14]"),
    )
    refused = (
        ("leaky_relu", "int[9]", "whole numbers"),
        ("leaky_relu alpha=0.2", "[9]", "alpha"),
    )

    slope: Finite = 0.01  #: the slope below 0

    def kept_in_place(self, output: Tensor) -> Kept | None:
        if self.slope < 0:  # the output's sign would not tell the input's
            return None
        return Kept(output=True)

    def arguments(self) -> tuple[tuple[Part, ...], tuple[tuple[str, Part], ...]]:
        return (() if self.slope == 0.01 else (Given("slope", self.slope),)), ()


class Relu6(Activation):
    """Rectified linear unit that stops at 6: `min(max(x, 0), 6)`.

    Shape: `[...] -> [...]`.
    Source: Sandler et al. 2018, MobileNetV2, where it holds in arithmetic of few bits;
    https://pytorch.org/docs/stable/generated/torch.nn.ReLU6.html
    """

    kind = "relu6"
    told = "sets negative numbers to 0 and those above 6 to 6"
    pytorch = ("nn.ReLU6", "F.relu6")
    keeps = "input"
    examples = (
        ("relu6", "[32, 112, 112]", "[32, 112, 112]"),
        ("relu6", "[9]", "[9]"),
    )
    refused = (
        ("relu6", "int[9]", "whole numbers"),
        ("relu6 5", "[9]", "relu6"),
    )

    def kept_in_place(self, output: Tensor) -> Kept:
        return Kept(beside=(Held("copy of the input", (*output.shape, FLOAT_BYTES)),))


class Prelu(Layer):
    """A rectified linear unit that learns its slope below 0: `x` if `x > 0`, else `weight * x`.

    Shape: `[...] -> [...]`; with `slopes=channels` `[c]`, `[c, l]`, `[c, h, w]` or `[c, d, h, w]`.
    Weights: `weight [1]`, or `weight [c]` with `slopes=channels`; each begins as `init`. Weight
    decay pulls the slopes to 0, where it is a `relu`: the paper leaves them out of the decay.
    Source: He, Zhang, Ren, Sun 2015, Delving deep into rectifiers;
    https://pytorch.org/docs/stable/generated/torch.nn.PReLU.html
    """

    kind = "prelu"
    positional = 1
    letters = (("c", "channels"),)
    examples = (
        ("prelu", "[T, 84]", "[T, 84]"),
        ("prelu channels", "[64, H, W]", "[64, H, W]"),
        ("prelu channels, init=0.1", "[84]", "[84]"),
    )
    refused = (
        ("prelu", "int[9]", "whole numbers"),
        ("prelu channels", "[T, 84]", "number of channels as a number"),
        ("prelu 0.25", "[9]", "shared"),
    )

    slopes: Literal["shared", "channels"] = "shared"  #: one for all, or one for each channel
    init: Finite = 0.25  #: what the slopes are before training

    def _count(self, x: Tensor) -> int:
        if self.slopes == "shared":
            return 1
        need_rank(x, (1, 2, 3, 4), self.kind, "channels and up to three spatial axes")
        return need_known(x.shape[0], "the number of channels", self.kind)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        self._count(x)
        return x

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return (Weight("weight", (self._count(inputs[0]),)),)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        # on the way back the gradient of the slopes is made number by number, and then summed
        return Kept(inputs=(0,), back=FLOAT_BYTES * output.elements)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        slopes = Inferred("num_parameters", self._count(inputs[0]))
        args = () if self.slopes == "shared" else (slopes,)
        keywords = () if self.init == 0.25 else (("init", Given("init", self.init)),)
        return Torch(Call("nn.PReLU", args, keywords))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        count = self._count(inputs[0])
        slopes, params = "one slope for all", f"one slope: {count}"
        if self.slopes == "channels":
            slopes, params = "one slope for each channel", f"{times(1, count)} = {count}"
        return Why(f"each number alone, {slopes}: the shape stays", params, NO_MACS)

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(params="1·c" if self.slopes == "channels" else "")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        slopes = "one learned slope" if self.slopes == "shared" else "its channel's learned slope"
        return f"keeps positive numbers and multiplies negative ones by {slopes}"


class Elu(Activation):
    """Exponential linear unit: `x` if `x > 0`, else `alpha * (exp(x) - 1)`.

    Shape: `[...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.ELU.html
    """

    kind = "elu"
    told = "keeps positive numbers x and makes negative ones {alpha:g}·(exp(x) − 1)"
    positional = 1
    pytorch = ("nn.ELU", "F.elu")
    keeps = "input"
    examples = (
        ("elu", "[84]", "[84]"),
        ("elu alpha=0.5", "[T, 8]", "[T, 8]"),
    )
    refused = (
        ("elu", "int[9]", "whole numbers"),
        ("elu alpha=-1", "[9]", "greater than or equal to 0"),
    )

    alpha: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0  #: it tends to `-alpha`

    def arguments(self) -> tuple[tuple[Part, ...], tuple[tuple[str, Part], ...]]:
        return (() if self.alpha == 1 else (Given("alpha", self.alpha),)), ()
