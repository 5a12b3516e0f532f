"""Fully connected layers."""

from collections.abc import Sequence

from netc.compiler.layers.base import (
    Formulas,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Why,
    counted,
    numbered,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Torch
from netc.compiler.layers.fields import Positive
from netc.compiler.layers.refusals import need_float, need_known, need_rank
from netc.compiler.layers.starting import Init, Std, check_start
from netc.compiler.sizes import Size, product_of


class Dense(Layer):
    """A fully connected layer over the last axis: `y = W x + b`.

    Shape: `[..., n] -> [..., units]`; with axes before the last, each position is mapped alone.
    Weights: `weight [units, n]`, `bias [units]`. MACs: `positions * n * units`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    kind = "dense"
    letters = (("n", "features in"), ("u", "units"), ("t", "positions"))
    positional = 1
    examples = (
        ("dense 120", "[400]", "[120]"),
        ("dense 512, bias=no", "[7, 256]", "[7, 512]"),
    )
    refused = (
        ("dense 0", "[400]", "greater than 0"),
        ("dense", "[400]", "units"),
        ("dense 10", "int[T]", "whole numbers"),
    )

    units: Positive  #: features of the output
    bias: bool = True  #: whether each unit adds a learned number
    init: Init | None = None  #: how the weights begin, biases then at 0; none: by what follows
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, range(1, 9), self.kind, "at least one axis of features")
        need_known(x.shape[-1], "the number of features", self.kind)
        check_start(self)
        return Tensor((*x.shape[:-1], self.units))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        features = need_known(inputs[0].shape[-1], "the number of features", self.kind)
        weight = Weight("weight", (self.units, features))
        return (weight, Weight("bias", (self.units,))) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return inputs[0].elements * self.units

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole" if len(inputs[0].shape) == 1 else "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,), reshaped=len(output.shape) > 1)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        features = need_known(inputs[0].shape[-1], "the number of features", self.kind)
        keywords = () if self.bias else (("bias", False),)
        args = (Inferred("in_features", features), Given("units", self.units))
        return Torch(Call("nn.Linear", args, keywords))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        *positions, features = inputs[0].shape
        factors = (*positions, features, self.units)
        return Why(
            f"the last axis becomes the number of units: {self.units}",
            f"{self._params(features, self.units)} = {sum(w.count for w in self.weights(inputs))}",
            f"{times(*factors)} = {product_of(factors)}",
        )

    def _params(self, features: Size | str, units: int | str) -> str:
        """Numbers to learn, of numbers or of letters: `(400 + 1)·120`, the 1 for the bias."""
        return f"({features} + 1)·{units}" if self.bias else f"{features}·{units}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        positions = numbered("t", len(inputs[0].shape) - 1)
        return Formulas("", self._params("n", "u"), times(*positions, "n", "u"))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        *positions, features = inputs[0].shape
        each = f", at each of {times(*positions)} positions" if positions else ""
        return f"makes {counted(self.units, 'weighted sum')} of all {features} numbers{each}"
