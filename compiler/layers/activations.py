"""Activations: functions of single numbers, and softmax."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from netc.compiler.layers.base import Kept, Receptive, Tensor, Weightless, feature_axis
from netc.compiler.layers.calls import Call, Part, Torch, applied
from netc.compiler.layers.fields import Natural
from netc.compiler.layers.refusals import ShapeError, need_axis, need_float
from netc.compiler.sizes import Size


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
        over = self.kept_in_place(output)
        return Kept((0,), over=over) if self.keeps == "input" else Kept(output=True, over=over)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def kept_in_place(self, output: Tensor) -> Kept | None:
        """What autograd keeps with `inplace=True`, which not every function has.

        `elu` has it and its slope is then computed from the output, which rounds.
        """
        return None

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

    def kept_in_place(self, output: Tensor) -> Kept:
        return Kept(output=True)


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
