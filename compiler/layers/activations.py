"""Activations: functions of single numbers, and softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from netc.compiler.layers.base import (
    NO_MACS,
    Call,
    Formulas,
    Given,
    Inferred,
    Kept,
    Layer,
    Part,
    Receptive,
    ShapeError,
    Tensor,
    Torch,
    Weight,
    Weightless,
    Why,
    applied,
    count_text,
    feature_axis,
    need_axis,
    need_float,
    need_known,
    need_rank,
)
from netc.compiler.layers.windows import Natural
from netc.compiler.sizes import Size

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Activation(Weightless):
    """What activations share: the shape stays.

    Class attributes:
        told: what it does, with its arguments in braces.
        pytorch: the module and its function.
        keeps: what the gradient is computed from.
    """

    told: ClassVar[str]
    pytorch: ClassVar[tuple[str, str]]
    keeps: ClassVar[Literal["input", "output"]]

    def arguments(self) -> tuple[tuple[Part, ...], tuple[tuple[str, Part], ...]]:
        """PyTorch's arguments, without those that are its defaults."""
        return (), ()

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        return x

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "each number alone: the shape stays"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return self.told.format(**dict(self))

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,)) if self.keeps == "input" else Kept(output=True)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        module, function = self.pytorch
        call = Call(module, *self.arguments())
        return Torch(call, inline=applied(call, function))


class Relu(Activation):
    """Rectified linear unit: `max(0, x)`; its slope at 0 is 0.

    Shape: `[...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """

    kind = "relu"
    told = "keeps positive numbers and makes negative ones 0"
    positional = 0
    pytorch = ("nn.ReLU", "F.relu")
    keeps = "output"
    examples = (
        ("relu", "[6, 28, 28]", "[6, 28, 28]"),
        ("relu", "[6, H, W]", "[6, H, W]"),
    )
    refused = (
        ("relu", "int[9]", "whole numbers"),
        ("relu slope=0.1", "[9]", "slope"),
    )


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
        return Kept(inputs=(0,))

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        slopes = Inferred("num_parameters", self._count(inputs[0]))
        args = () if self.slopes == "shared" else (slopes,)
        keywords = () if self.init == 0.25 else (("init", Given("init", self.init)),)
        return Torch(Call("nn.PReLU", args, keywords))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        slopes = "one slope for all" if self.slopes == "shared" else "one slope for each channel"
        return Why(
            f"each number alone, {slopes}: the shape stays",
            count_text(self.weights(inputs)),
            NO_MACS,
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(params="c" if self.slopes == "channels" else "")

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


class Sigmoid(Activation):
    """The logistic function: `1/(1 + exp(-x))`, with the slope `a * (1 - a)` at output `a`.

    Shape: `[...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html
    """

    kind = "sigmoid"
    told = "squeezes each number x into 0 to 1 by 1/(1 + exp(−x))"
    positional = 0
    pytorch = ("nn.Sigmoid", "torch.sigmoid")
    keeps = "output"
    examples = (("sigmoid", "[1]", "[1]"),)
    refused = (("sigmoid", "int[9]", "whole numbers"),)


class Tanh(Activation):
    """Hyperbolic tangent: `(exp(x) - exp(-x))/(exp(x) + exp(-x))`, with the slope `1 - a*a`.

    Shape: `[...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html
    """

    kind = "tanh"
    told = "squeezes each number x into −1 to 1 by tanh(x)"
    positional = 0
    pytorch = ("nn.Tanh", "torch.tanh")
    keeps = "output"
    examples = (("tanh", "[6, 28, 28]", "[6, 28, 28]"),)
    refused = (("tanh", "int[9]", "whole numbers"),)


class Linear(Activation):
    """The identity: what an output layer of real numbers has for an activation.

    Shape: `[...] -> [...]`. Between two dense layers it changes nothing: `W2 (W1 x) = (W2 W1) x`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Identity.html
    """

    kind = "linear"
    told = "hands every number on as it is"
    positional = 0
    keeps = "input"
    examples = (("linear", "[1]", "[1]"),)
    refused = (
        ("linear", "int[9]", "whole numbers"),
        ("linear 10", "[9]", "linear"),
    )

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(view=True)

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(Call("nn.Identity"), inline="{0}")


class Gelu(Activation):
    """Gaussian error linear unit: `x * P(normal < x)`.

    Shape: `[...] -> [...]`. With `approximate=tanh`:
    `x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))`, as GPT-2 has it.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GELU.html
    """

    kind = "gelu"
    told = "multiplies each number x by the chance that a normal number is below x"
    positional = 0
    pytorch = ("nn.GELU", "F.gelu")
    keeps = "input"
    examples = (
        ("gelu", "[T, 3072]", "[T, 3072]"),
        ("gelu approximate=tanh", "[T, 3072]", "[T, 3072]"),
    )
    refused = (
        ("gelu", "int[9]", "whole numbers"),
        ("gelu approximate=relu", "[9]", "relu"),
    )

    approximate: Literal["none", "tanh"] = "none"  #: exact, or by the formula with a tanh

    def arguments(self) -> tuple[tuple[Part, ...], tuple[tuple[str, Part], ...]]:
        return (), (() if self.approximate == "none" else (("approximate", "tanh"),))


class Silu(Activation):
    """Sigmoid linear unit, also called swish: `x * sigmoid(x)`.

    Shape: `[...] -> [...]`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.SiLU.html
    """

    kind = "silu"
    told = "multiplies each number x by its sigmoid"
    positional = 0
    pytorch = ("nn.SiLU", "F.silu")
    keeps = "input"
    examples = (("silu", "[32, 7, 7]", "[32, 7, 7]"),)
    refused = (("silu", "int[9]", "whole numbers"),)


class Softmax(Activation):
    """Shares that sum to 1 over one axis: `exp(z_i)/sum_j exp(z_j)`.

    Shape: `[...] -> [...]`. The axis is that of the classes: the last of `[c]` and `[T, c]`, the
    first of `[c, h, w]` and longer; `axis` names another, counted from 0 without the batch.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html
    """

    kind = "softmax"
    positional = 0
    keeps = "output"
    examples = (
        ("softmax", "[10]", "[10]"),
        ("softmax", "[21, H, W]", "[21, H, W]"),
        ("softmax axis=0", "[T, 8]", "[T, 8]"),
    )
    refused = (
        ("softmax axis=1", "[10]", "axis 1"),
        ("softmax", "int[9]", "whole numbers"),
    )

    axis: Natural | None = None  #: counted from 0; none: the axis of the classes

    def _axis(self, x: Tensor) -> int:
        rank = len(x.shape)
        if not rank:
            raise ShapeError(
                "`softmax` shares 1 among the numbers of an axis, and here is one number",
                code="E0303",
            )
        return feature_axis(rank) if self.axis is None else need_axis(self.axis, rank, self.kind)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        self._axis(x)
        return x

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axis = self._axis(inputs[0])
        return f"shares over axis {axis} of size {inputs[0].shape[axis]}: the shape stays"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        axis = self._axis(inputs[0])
        return (
            f"turns the {inputs[0].shape[axis]} numbers along axis {axis} into shares that sum to 1"
        )

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        rank = len(inputs[0].shape)
        classes = rank > 1 and self._axis(inputs[0]) == feature_axis(rank)
        return "same" if classes else "whole"

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        call = Call("nn.Softmax", (), (("dim", self._axis(inputs[0]) + 1),))
        return Torch(call, inline=applied(call, "F.softmax"))
