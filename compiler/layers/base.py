"""What every layer says of itself: arguments, shape rule, weights, cost, PyTorch call, explanation.

A layer is one class. Its fields are its arguments, in the order in which they may be written
without a name; pydantic checks them. Its methods are pure functions of the arguments and of the
tensors that flow in. Nothing here has a default that could hide an omission: a layer without
weights says so.
"""

# no postponed annotations here: pydantic would evaluate them again for every subclass

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from netc.compiler.layers.calls import Torch
from netc.compiler.sizes import Shape, Size, Symbolic, product_of, shape_spec_text

DType: TypeAlias = Literal["float", "int"]


class Tensor(Struct, frozen=True):
    """What flows between layers: sizes of one example (no batch axis) and the kind of number."""

    shape: Shape
    dtype: DType = "float"

    @property
    def elements(self) -> Size:
        """How many numbers one example holds."""
        return product_of(self.shape)

    def __str__(self) -> str:
        return self._kind + f"[{', '.join(map(str, self.shape))}]"

    @property
    def spec_text(self) -> str:
        """As a spec has it, and a comment in Python: `[8, (H - 1)//2 + 1]`."""
        return self._kind + shape_spec_text(self.shape)

    @property
    def _kind(self) -> str:
        return "" if self.dtype == "float" else self.dtype


class Weight(Struct, frozen=True):
    """A tensor that a layer owns: its key below the layer's name, as in PyTorch's state dict.

    `dtype_bytes` is 4 for float32 and 8 for batch norm's int64 step counter. A buffer is saved with
    the weights but not learned.
    """

    name: str
    shape: tuple[int, ...]
    buffer: bool = False
    dtype_bytes: int = 4

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        total = 1
        for size in self.shape:
            total *= size
        return total


class Window(Struct, frozen=True):
    """How one spatial axis is read: a receptive field grows by `(size - 1) * jump`.

    The jump grows by the factor `stride`.
    `pad` is the padding before the first element. `size` counts dilation in: `d*(k - 1) + 1`.
    `apart` is the distance between the elements that are read: the dilation.
    """

    size: int
    stride: int
    pad: int
    apart: int = 1


class Turns(Struct, frozen=True):
    """How one spatial axis is read where neighbours read differently, in turn.

    Output `o` reads the elements `reads[o % n]`, moved by `step` for every `n` outputs.
    """

    reads: tuple[range, ...]
    step: int


MOST_TURNS = 256
"""Neighbours that are told apart; with more the receptive field is unknown."""

Receptive: TypeAlias = Literal["same", "whole", "unknown"] | tuple[Window | Turns, ...]
"""How a layer reads its input: each position alone, everything, a window per spatial axis, or in a
way that these words cannot say."""


class Held(Struct, frozen=True, eq=False):
    """Numbers that autograd keeps beside inputs and output of a call.

    Attributes:
        what: in a few words.
        factors: their product is how many bytes they take; the last is the bytes of each number.
        once: kept once, however many examples there are (batch norm's statistics).
    """

    what: str
    factors: tuple[Size, ...]
    once: bool = False

    @property
    def bytes(self) -> Size:
        """How many bytes they take."""
        return product_of(self.factors)


class Kept(Struct, frozen=True, eq=False):
    """What autograd keeps of a layer's call for the backward pass.

    Attributes:
        inputs: which of the inputs are kept, by index.
        output: whether the output is kept.
        beside: what is kept beside them (indices, masks, statistics).
        view: the output shares its input's memory, as `flatten` does.
        passes: the gradient of the output is handed on to the inputs, whole or in pieces.
        back: bytes of one example that the backward call holds for itself at its worst moment;
            below 0 where much of what was kept is freed by then.
        wider: bytes by which the gradients of the inputs are larger while they are made: those of
            padded inputs.
        early: as `back` before the gradients of the inputs are made, where that is another moment.
        unknown: what more PyTorch holds, of unknown size, in a few words.
        reshaped: the output may be a view of what the call made. To write over one costs autograd a
            copy of the gradient.
        over: what is kept instead where PyTorch writes the output over the input; None where it
            cannot, or where values or gradients would differ in the last bit.

    Bytes are those of float32 on a CPU, as PyTorch's saved-tensor hooks show them.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    beside: tuple[Held, ...] = ()
    view: bool = False
    passes: bool = False
    back: Size = 0
    wider: Size = 0
    early: Size = 0
    unknown: str = ""
    reshaped: bool = False
    over: "Kept | None" = None

    @property
    def known(self) -> bool:
        """Whether this is all; else it is the least."""
        return not self.unknown

    @property
    def extra(self) -> Size:
        """Bytes of one example kept beside inputs and output."""
        return sum([held.bytes for held in self.beside if not held.once], 0)

    @property
    def fixed(self) -> int:
        """Bytes kept once, however many examples there are."""
        total = sum([held.bytes for held in self.beside if held.once], 0)
        assert isinstance(total, int)
        return total

    @property
    def spares_output(self) -> bool:
        """Whether the output is memory of its own that the layer's backward pass does not read."""
        written = self.over is not None and self.over.output
        return self.known and not (self.output or self.view or self.reshaped or written)


class Why(Struct, frozen=True, eq=False):
    """The arithmetic behind a layer's numbers, as text: every `a = b` in it holds.

    Statements stand apart by `; `, those of single axes by `, `, each after its axis' name.
    """

    output: str
    params: str
    macs: str


class Formulas(Struct, frozen=True, eq=False):
    """The arithmetic of `Why` in symbols; empty where words say all.

    With numbers put in for its letters a formula is the side before the first `=` of a statement
    in `Why`. Where axes differ in form there are several, apart by `; `.
    """

    output: str = ""
    params: str = ""
    macs: str = ""


FLOAT_BYTES = 4
INDEX_BYTES = 8

NO_WEIGHTS = "no weights: 0"
NO_MACS = "no multiply-accumulates of a matrix product or convolution: 0"


class Layer(BaseModel):
    """One kind of layer with its arguments.

    Class attributes:
        kind: the word in the language.
        inputs: how many values it joins, as (least, most) with None for any number; operands that
            are named (`over=memory`) are not counted.
        positional: how many leading fields may be written without a name (`conv 64, 3x3`: 2).
        operands: fields that name other values of the net (`over=memory`); the field then holds the
            index of that value among the inputs.
        measured: those of them that no gradient goes to: only their sizes are read, or their
            numbers say no more than where to read.
        needs: what it asks of the pairs of `joins`, in words.
        at_rest: outside training it hands its input on as it is.
        letters: what the letters of its formulas stand for.
        examples: lines of `.net` that must compile, each with its input shape and output shape.
        refused: lines that must not, each with its input shape and a piece of the message.

    A field's comment `#: …` says what the argument means, for the layer's page in docs/layers/.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, strict=True, arbitrary_types_allowed=True
    )

    kind: ClassVar[str]
    inputs: ClassVar[tuple[int, int | None]] = (1, 1)
    positional: ClassVar[int] = 99
    operands: ClassVar[tuple[str, ...]] = ()
    measured: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[str] = "needs equal sizes"
    at_rest: ClassVar[bool] = False
    letters: ClassVar[tuple[tuple[str, str], ...]] = ()
    examples: ClassVar[tuple[tuple[str, str, str], ...]]
    refused: ClassVar[tuple[tuple[str, str, str], ...]]

    def joins(self, inputs: Sequence[Tensor]) -> list[tuple[Size, Size, int]]:
        """Pairs of sizes that must be equal, each with its axis: none unless it joins values.

        The left size is of the first input, the right one of each later input in turn. The compiler
        checks the pairs before it asks for the output, since sizes with names may turn out equal.
        """
        return []

    def fitting(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        """Sizes that must be 1 or more for the inputs to fit, beside those of the output."""
        return ()

    @abstractmethod
    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        """The tensor that flows out. Raises ShapeError if the inputs do not fit."""

    @abstractmethod
    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        """The tensors it owns, in the order of PyTorch's state dict."""

    @abstractmethod
    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        """Multiply-accumulates of matrix products and convolutions, for one example."""

    def depth(self, weights: Sequence[Weight]) -> int:
        """As how many layers with a weight matrix, one after the other, it counts."""
        return int(any(len(weight.shape) >= 2 for weight in weights))

    @abstractmethod
    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        """How much of its input one element of the output reads."""

    @abstractmethod
    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        """What autograd keeps for the backward pass."""

    @abstractmethod
    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size | None:
        """Bytes of one example that a call holds for itself at its worst moment.

        They come on top of inputs and output and are freed when it returns: padded copies, the
        places that max pooling notes. Without gradients, in evaluation mode. None if it is unknown.
        """

    def copied(self, inputs: Sequence[Tensor]) -> Size:
        """Bytes of the padded copy of the input that is made first, for the call to read."""
        return 0

    @abstractmethod
    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        """How it is written in PyTorch."""

    @abstractmethod
    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        """The arithmetic behind output size, parameters and MACs."""

    @abstractmethod
    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        """The same arithmetic in symbols."""

    @abstractmethod
    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        """What it does here, in a few words that follow its name: `puts all axes into one`."""


class Weightless(Layer):
    """A layer without weights and without matrix products: it says so here, once."""

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        return ()

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    @abstractmethod
    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        """The arithmetic behind the output size, as text."""

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        return Why(self.rule(inputs, output), NO_WEIGHTS, NO_MACS)

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas()  # where the output's size is arithmetic, the layer says so


def feature_axis(rank: int) -> int:
    """Where features lie: last in `[c]` and `[T, c]`, first in `[c, h, w]` and longer."""
    return rank - 1 if rank <= 2 else 0


def times(*sizes: Size | str) -> str:
    """A product as text, sums of sizes in parentheses: `28·(H + 1)·6`; letters as they are."""
    return "·".join(
        f"({size})" if isinstance(size, Symbolic) and len(size.terms) > 1 else str(size)
        for size in sizes
    )


def by(sizes: Sequence[Size]) -> str:
    """Sizes as people say them, sums in parentheses: `5 × 5`, `(H + 1) × W`."""
    return " × ".join(times(size) for size in sizes)


def counted(count: Size, thing: str) -> str:
    """A count with its noun: `1 filter`, `6 filters`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def numbered(letter: str, count: int) -> list[str]:
    """A letter for each of several sizes: `n`, or `n_1`, `n_2` …"""
    return [letter] if count == 1 else [f"{letter}_{index}" for index in range(1, count + 1)]
