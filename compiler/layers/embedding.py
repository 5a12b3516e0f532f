"""From ids to vectors, and from places to vectors."""

from collections.abc import Sequence
from typing import Literal

from netc.compiler.layers.base import (
    NO_MACS,
    NO_WEIGHTS,
    Formulas,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Why,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Torch
from netc.compiler.layers.fields import Positive
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank
from netc.compiler.layers.starting import Plain, Std, check_start
from netc.compiler.positive import never_positive
from netc.compiler.sizes import Size


class Embedding(Layer):
    """A learned vector for each id: row `i` of the weight, which is the product with a one-hot `i`.

    Shape: `int[...] -> [..., dim]`.
    Weights: `weight [words, dim]`. A lookup multiplies nothing: MACs 0.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
    """

    kind = "embedding"
    letters = (("w", "words"), ("d", "numbers in each vector"))
    positional = 2
    examples = (
        ("embedding 10000, 300", "int[T]", "[T, 300]"),
        ("embedding 5000, dim=128", "int[]", "[128]"),
    )
    refused = (
        ("embedding 100, 8", "[T]", "takes ids"),
        ("embedding 100", "int[T]", "dim"),
    )

    words: Positive  #: how many ids there are
    dim: Positive  #: features of each vector
    init: Plain | None = None  #: how the vectors begin; none: normal numbers of variance 1
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        if x.dtype != "int":
            raise ShapeError(
                f"`embedding` takes ids, and here flow real numbers: {x}",
                "say `int[...]` at the input, or use `dense` for real numbers",
                code="E0304",
            )
        check_start(self)
        return Tensor((*x.shape, self.dim))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return (Weight("weight", (self.words, self.dim)),)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        return Torch(Call("nn.Embedding", (Given("words", self.words), Given("dim", self.dim))))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        rule = f"each id becomes a vector of {self.dim}: a new last axis"
        return Why(rule, f"{self.words}·{self.dim} = {self.words * self.dim}", NO_MACS)

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(params="w·d")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"looks up a learned vector of {self.dim} for each id, of {self.words}"


class Positions(Layer):
    """Adds to each vector of a sequence one that depends on its place.

    Shape: `[T, d] -> [T, d]`. `sinusoid` adds fixed numbers for any T: at place `p`, column `2i`
    gets `sin(p/10000^(2i/d))` and column `2i + 1` `cos(p/10000^(2i/d))`. `learned` adds row `p` of
    a weight, for sequences of at most `max`.
    Weights: none; with `learned` `weight [max, d]`.
    Source: Vaswani et al. 2017, Attention is all you need, section 3.5
    """

    kind = "positions"
    letters = (("m", "places at most"), ("d", "features"))
    positional = 1
    examples = (
        ("positions sinusoid", "[T, 512]", "[T, 512]"),
        ("positions learned, max=256", "[T, 64]", "[T, 64]"),
    )
    refused = (
        ("positions learned", "[T, 64]", "how many"),
        ("positions learned, max=50", "[60, 64]", "60"),
        ("positions sinusoid, max=50", "[T, 64]", "any number"),
        ("positions", "[T, 64]", "form"),
    )

    form: Literal["sinusoid", "learned"]  #: fixed numbers or learned ones
    max: Positive | None = None  #: the longest sequence, for `learned` alone

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2,), self.kind, "a sequence of vectors, [T, d]")
        need_known(x.shape[1], "the number of features", self.kind)
        if self.form == "sinusoid" and self.max is not None:
            raise ShapeError(
                "`positions sinusoid` takes any number of places, so `max` says nothing",
                "leave out `max`",
                code="E0309",
                argument="max",
                change=("max", None),
            )
        if self.form == "learned":
            self._places(x)
        return x

    def _places(self, x: Tensor) -> int:
        if self.max is None:
            raise ShapeError(
                "`positions learned` must know for how many places it learns vectors",
                "write `max=`, the longest sequence",
                code="E0309",
            )
        steps = x.shape[0]
        if never_positive(self.max + 1 - steps):
            change = ("max", str(steps)) if isinstance(steps, int) else None
            raise ShapeError(
                f"`positions learned` has vectors for {self.max} places, and {x} has {steps}",
                f"write `max={steps}`" if change else "write a larger `max`",
                code="E0314",
                argument="max",
                change=change,
            )
        return self.max

    def fitting(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        return () if self.max is None else (self.max + 1 - inputs[0].shape[0],)

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        if self.form == "sinusoid":
            return ()
        return (Weight("weight", (self._places(inputs[0]), self._features(inputs[0]))),)

    def _features(self, x: Tensor) -> int:
        return need_known(x.shape[1], "the number of features", self.kind)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def depth(self, weights: Sequence[Weight]) -> int:
        return 0  # its weights are added, not multiplied by

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(passes=True)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        features = Inferred("dim", self._features(inputs[0]))
        if self.form == "sinusoid":
            call = Call("SinusoidPositions", (features,))
        else:
            places = Given("max", self._places(inputs[0]))
            call = Call("LearnedPositions", (places, features))
        return Torch(call, support=(call.function,))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        params = NO_WEIGHTS
        if self.form == "learned":
            places, features = self._places(inputs[0]), self._features(inputs[0])
            params = f"{places}·{features} = {places * features}"
        return Why("each place alone: the shape stays", params, NO_MACS)

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(params="m·d" if self.form == "learned" else "")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        what = "a learned vector" if self.form == "learned" else "fixed sines and cosines"
        return f"adds to the vector at each place {what} for that place"
