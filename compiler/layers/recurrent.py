"""Recurrent layers: one step after the other along the first axis, from a state of zeros."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from msgspec.structs import replace
from pydantic import Field

from netc.compiler.layers.base import (
    Formulas,
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
from netc.compiler.layers.fields import Positive, Probability
from netc.compiler.layers.recurrent_memory import Cells
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank
from netc.compiler.layers.starting import Init, Std, check_start
from netc.compiler.sizes import Size


class Recurrent(Layer):
    """What the recurrent layers share: shapes, PyTorch's weights, stacking and both directions.

    Class attributes:
        module: PyTorch's class.
        maps: matrices side by side in one weight: a plain cell has 1, a GRU 3, an LSTM 4.
    """

    positional = 1
    letters = (("n", "features in"), ("u", "units"), ("t", "steps"), ("l", "layers"))
    module: ClassVar[str]
    maps: ClassVar[int]

    units: Positive  #: numbers in the state of one direction
    layers: Annotated[int, Field(gt=0, le=1000)] = 1  #: how many are stacked
    bidirectional: bool = False  #: whether the sequence is read backwards too
    dropout: Probability = 0.0  #: the share that is dropped between layers
    init: Init | None = None  #: how the weights begin, biases then at 0; none: as PyTorch has it
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    @property
    def directions(self) -> int:
        """How many ways the sequence is read."""
        return 2 if self.bidirectional else 1

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2,), self.kind, "a sequence of vectors, [T, n]")
        self._features(x)
        if self.dropout and self.layers == 1:
            raise ShapeError(
                f"`dropout` of `{self.kind}` works between its layers, and here is one layer",
                f"write a `dropout {self.dropout}` after it, or `layers=2`",
                code="E0309",
                argument="dropout",
                change=("layers", "2"),
            )
        check_start(self)
        return Tensor((x.shape[0], self.units * self.directions))

    def _features(self, x: Tensor) -> int:
        return need_known(x.shape[1], "the number of features", self.kind)

    def _widths(self, x: Tensor) -> list[int]:
        """What flows into each layer of the stack, per step."""
        above = self.units * self.directions
        return [self._features(x), *(above for _ in range(1, self.layers))]

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        rows = self.maps * self.units
        return tuple(
            Weight(f"{name}_l{layer}{end}", shape)
            for layer, width in enumerate(self._widths(inputs[0]))
            for end in ("", "_reverse")[: self.directions]
            for name, shape in (
                ("weight_ih", (rows, width)),
                ("weight_hh", (rows, self.units)),
                ("bias_ih", (rows,)),
                ("bias_hh", (rows,)),
            )
        )

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        reads = sum(width + self.units for width in self._widths(inputs[0]))
        return inputs[0].shape[0] * (self.directions * self.maps * self.units * reads)

    def depth(self, weights: Sequence[Weight]) -> int:
        return self.layers

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        cells = self._cells(inputs)
        return Kept(
            () if cells.steps != 1 else (0,),
            beside=cells.held,
            back=cells.late(),
            early=cells.early(),
            reshaped=True,
            unknown=cells.unknown,
        )

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size | None:
        return self._cells(inputs).working()

    def _cells(self, inputs: Sequence[Tensor]) -> Cells:
        (x,) = inputs
        return Cells(
            x.shape[0],
            self._features(x),
            self.units,
            self.layers,
            self.directions,
            self.maps,
            bool(self.dropout),
        )

    def options(self) -> tuple[tuple[str, Part], ...]:
        """Arguments of this kind alone."""
        return ()

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        keywords: list[tuple[str, Part]] = []
        if self.layers != 1:
            keywords.append(("num_layers", Given("layers", self.layers)))
        keywords += self.options()
        keywords.append(("batch_first", True))
        if self.dropout:
            keywords.append(("dropout", Given("dropout", self.dropout)))
        if self.bidirectional:
            keywords.append(("bidirectional", True))
        args = (Inferred("input_size", self._features(inputs[0])), Given("units", self.units))
        return Torch(Call(self.module, args, tuple(keywords)), "{m}({0})[0]")

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        learned = sum(weight.count for weight in self.weights(inputs))
        features, steps = self._features(x), x.shape[0]
        width = f"2·{self.units} = {output.shape[1]}" if self.bidirectional else str(self.units)
        return Why(
            f"every step of {x.shape[0]} gives the units of each direction: {width}",
            f"{self._params(features, self.units, self.layers)} = {learned}",
            f"{self._macs(steps, features, self.units, self.layers)} = {self.macs(inputs, output)}",
        )

    def _heads(self, *first: Size | str) -> str:
        """What stands before each sum: both directions, steps, maps, units."""
        both = (2,) if self.bidirectional else ()
        maps = (self.maps,) if self.maps > 1 else ()
        return times(*both, *first[:-1], *maps, first[-1])

    def _above(self, units: int | str) -> str:
        """What flows into each layer of a stack after the first."""
        return f"2·{units}" if self.bidirectional else str(units)

    def _params(self, n: int | str, u: int | str, stack: int | str) -> str:
        """Numbers to learn, of numbers or of letters; the 2 stands for both biases."""
        head = self._heads(u)
        text = f"{head}·({n} + {u} + 2)"
        if self.layers > 1:
            text += f" + ({stack} − 1)·{head}·({self._above(u)} + {u} + 2)"
        return text

    def _macs(self, t: Size | str, n: int | str, u: int | str, stack: int | str) -> str:
        """Multiply-accumulates, of numbers or of letters."""
        head = self._heads(t, u)
        text = f"{head}·({n} + {u})"
        if self.layers > 1:
            text += f" + ({stack} − 1)·{head}·({self._above(u)} + {u})"
        return text

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(
            "2·u" if self.bidirectional else "",
            self._params("n", "u", "l"),
            self._macs("t", "n", "u", "l"),
        )

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        steps, features = inputs[0].shape
        ways = ", from both ends" if self.bidirectional else ""
        stack = f" in {self.layers} layers" if self.layers > 1 else ""
        return (
            f"reads {counted(steps, 'step')} of {counted(features, 'number')} one after the "
            f"other{ways}, and keeps a state of {self.units}{stack}"
        )


class Rnn(Recurrent):
    """A plain recurrent layer: `h_t = act(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)`, `h_0 = 0`.

    Shape: `[T, n] -> [T, units]`, or `[T, 2*units]` when read in both directions. PyTorch has two
    biases, of which one would do.
    Weights of each layer and direction: `weight_ih [units, n]`, `weight_hh [units, units]`,
    `bias_ih [units]`, `bias_hh [units]`. MACs: `T * units * (n + units)`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
    """

    kind = "rnn"
    module = "nn.RNN"
    maps = 1
    examples = (
        ("rnn 20", "[T, 10]", "[T, 20]"),
        ("rnn 20, act=relu, layers=2", "[28, 28]", "[28, 20]"),
    )
    refused = (
        ("rnn 20", "[10]", "sequence of vectors"),
        ("rnn 20, act=sigmoid", "[T, 10]", "sigmoid"),
        ("rnn 20, dropout=0.5", "[T, 10]", "between its layers"),
    )

    act: Literal["tanh", "relu"] = "tanh"  #: the activation of the state

    def options(self) -> tuple[tuple[str, Part], ...]:
        return () if self.act == "tanh" else (("nonlinearity", "relu"),)


class Lstm(Recurrent):
    """Long short-term memory: gates `i, f, o` and a candidate `g` over a cell `c`.

    `c_t = f * c_(t-1) + i * g`, `h_t = o * tanh(c_t)`; gates are sigmoids and `g` is a tanh of
    `W_ih x_t + b_ih + W_hh h_(t-1) + b_hh`, in PyTorch's order `i, f, g, o`.
    Shape: `[T, n] -> [T, units]`, or `[T, 2*units]` when read in both directions.
    Weights of each layer and direction: `weight_ih [4*units, n]`, `weight_hh [4*units, units]`,
    `bias_ih [4*units]`, `bias_hh [4*units]`. MACs: `T * 4*units * (n + units)`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    """

    kind = "lstm"
    module = "nn.LSTM"
    maps = 4
    examples = (
        ("lstm 20", "[T, 10]", "[T, 20]"),
        ("lstm 256, layers=2, bidirectional=yes, dropout=0.3", "[T, 100]", "[T, 512]"),
    )
    refused = (
        ("lstm 20", "int[T]", "whole numbers"),
        ("lstm 20", "[T, n]", "number of features"),
        ("lstm 20, act=relu", "[T, 10]", "act"),
    )

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return replace(super().kept(inputs, output), output=True)


class Gru(Recurrent):
    """Gated recurrent unit: a reset gate `r`, and an update gate `z` that keeps the old state.

    `h_t = z * h_(t-1) + (1 - z) * tanh(W_in x_t + b_in + r * (W_hn h_(t-1) + b_hn))`: the reset
    comes after the product, as PyTorch has it; gates are sigmoids, in PyTorch's order `r, z, n`.
    Shape: `[T, n] -> [T, units]`, or `[T, 2*units]` when read in both directions.
    Weights of each layer and direction: `weight_ih [3*units, n]`, `weight_hh [3*units, units]`,
    `bias_ih [3*units]`, `bias_hh [3*units]`. MACs: `T * 3*units * (n + units)`.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """

    kind = "gru"
    module = "nn.GRU"
    maps = 3
    examples = (
        ("gru 20", "[T, 10]", "[T, 20]"),
        ("gru 128, bidirectional=yes", "[50, 40]", "[50, 256]"),
    )
    refused = (
        ("gru 0", "[T, 10]", "greater than 0"),
        ("gru 20, dropout=1, layers=2", "[T, 10]", "less than 1"),
    )
