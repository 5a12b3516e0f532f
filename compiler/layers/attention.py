"""Attention."""

from collections.abc import Sequence
from typing import Literal

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    Formulas,
    Held,
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
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank, unshared
from netc.compiler.layers.starting import Init, Std, check_start
from netc.compiler.sizes import Size


class Attention(Layer):
    """Multi-head attention: each vector asks, and gets a mean of values, weighted by its match.

    `softmax(Q K^T/sqrt(d/heads)) V` in each of `heads` heads, put together by one more map. Queries
    come from the value that flows; keys and values from it too, or from the memory named by `over`.
    `mask=causal` hides later places.
    Shape: `[T, d] -> [T, d]` with a memory `[S, m]`; `heads` divides `d`.
    Weights: `query`, `key`, `value` and `out`, each a dense layer to `d`.
    MACs: `T*d*d + 2*S*m*d + T*d*d` for these maps, `2*T*S*d` for the matches and the means; masked
    ones count, since PyTorch's flop counter counts them.
    Source: Vaswani et al. 2017, Attention is all you need, section 3.2;
    https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
    """

    kind = "attention"
    letters = (
        ("t", "queries"),
        ("d", "features of each"),
        ("s", "places that are read"),
        ("m", "features of each of these"),
        ("h", "heads"),
    )
    positional = 1
    operands = ("over",)
    examples = (
        ("attention 8", "[T, 512]", "[T, 512]"),
        ("attention 4, mask=causal, dropout=0.1, bias=no", "[20, 64]", "[20, 64]"),
        ("attention 8, over=b", "[T, 512] ; [S, 256]", "[T, 512]"),
    )
    refused = (
        ("attention 7", "[T, 512]", "512 = 7·73 + 1"),
        ("attention 8, over=b, mask=causal", "[T, 512] ; [S, 256]", "another sequence"),
        ("attention 8", "[512]", "sequence of vectors"),
        ("attention 8, mask=later", "[T, 512]", "later"),
    )

    heads: Positive  #: how many heads share the features
    mask: Literal["none", "causal"] = "none"  #: `causal` hides later places
    over: int | None = None  #: the memory to read; none: the value itself
    dropout: Probability = 0.0  #: the share of the weights that is dropped in training
    bias: bool = True  #: whether the four maps have biases
    init: Init | None = None  #: how the maps begin, biases then at 0; none: as PyTorch has it
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        for value in inputs:
            need_float(value, self.kind)
            need_rank(value, (2,), self.kind, "a sequence of vectors, [T, d]")
        check_start(self)
        features, _ = self._features(inputs)
        if features % self.heads:
            fact = f"{self.heads} heads of `attention` cannot share {features} features"
            raise unshared(fact, "heads", self.heads, features, features)
        if self.over is not None and self.mask == "causal":
            raise ShapeError(
                "`mask=causal` hides later places of the same sequence, and `over` names another "
                "sequence",
                "leave out `mask`",
                code="E0309",
                argument="mask",
                change=("mask", None),
            )
        return inputs[0]

    def _memory(self, inputs: Sequence[Tensor]) -> Tensor:
        return inputs[0] if self.over is None else inputs[self.over]

    def _features(self, inputs: Sequence[Tensor]) -> tuple[int, int]:
        """The number of features of the value that flows, and of the memory."""
        features = need_known(inputs[0].shape[1], "the number of features", self.kind)
        memory = self._memory(inputs).shape[1]
        return features, need_known(memory, "the number of the memory's features", self.kind)

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        features, memory = self._features(inputs)
        maps = (("query", features), ("key", memory), ("value", memory), ("out", features))
        return tuple(
            Weight(f"{name}.{part}", shape)
            for name, width in maps
            for part, shape in (("weight", (features, width)), ("bias", (features,)))
            if part == "weight" or self.bias
        )

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        features, memory = self._features(inputs)
        asked, read = inputs[0].shape[0], self._memory(inputs).shape[0]
        maps = asked * (2 * features * features) + read * (2 * memory * features)
        return maps + asked * read * (2 * features)

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "whole"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        features, _ = self._features(inputs)
        asked, read = inputs[0].shape[0], self._memory(inputs).shape[0]
        matches = Held("sums of weights by place and head", (self.heads, asked, FLOAT_BYTES))
        early = features * (asked + 2 * read)  # the gradients of queries, keys and values
        if self.dropout:  # flash attention keeps the sums alone, PyTorch's other way more
            what = "weights before and after dropout and the mask"
            matches = Held(what, (3, self.heads, asked, read, FLOAT_BYTES))
            # the weights' gradient and the values', once the results of the heads are gone
            early = self.heads * asked * read + features * (read - asked)
        beside = (
            Held("queries and results of the heads", (2, features, asked, FLOAT_BYTES)),
            Held("keys and values", (2, features, read, FLOAT_BYTES)),
            matches,
        )
        return Kept(
            inputs=tuple(range(len(inputs))),
            beside=beside,
            early=FLOAT_BYTES * early,
            reshaped=True,
        )

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        features, _ = self._features(inputs)
        asked, read = inputs[0].shape[0], self._memory(inputs).shape[0]
        held = features * (asked + 2 * read) + self.heads * asked  # queries, keys, values, sums
        return FLOAT_BYTES * held

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        features, memory = self._features(inputs)
        keywords: list[tuple[str, Part]] = []
        if memory != features:
            keywords.append(("memory_dim", Inferred("memory_dim", memory)))
        if self.mask == "causal":
            keywords.append(("causal", True))
        if self.dropout:
            keywords.append(("dropout", Given("dropout", self.dropout)))
        if not self.bias:
            keywords.append(("bias", False))
        args = (Inferred("dim", features), Given("heads", self.heads))
        call = "{m}({0})" if self.over is None else f"{{m}}({{0}}, {{{self.over}}})"
        return Torch(Call("Attention", args, tuple(keywords)), call, support=("Attention",))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        d, m = self._features(inputs)
        asked, read = inputs[0].shape[0], self._memory(inputs).shape[0]
        learned = sum(weight.count for weight in self.weights(inputs))
        return Why(
            f"one vector for each of {asked} queries: the shape stays; "
            f"features in each head: {d}/{self.heads} = {d // self.heads}",
            f"{self._params(d, m)} = {learned}",
            f"{_macs(asked, d, read, m)} = {self.macs(inputs, output)}",
        )

    def _params(self, d: int | str, m: int | str) -> str:
        """Numbers to learn, of numbers or of letters: queries and output, then keys and values."""
        if self.bias:
            return f"2·({d} + 1)·{d} + 2·({m} + 1)·{d}"
        return f"2·{d}·{d} + 2·{m}·{d}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas("d/h", self._params("d", "m"), _macs("t", "d", "s", "m"))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        asked, memory = inputs[0].shape[0], self._memory(inputs)
        what = "of these places" if self.over is None else f"of the memory, {memory}"
        hidden = ", places further on hidden" if self.mask == "causal" else ""
        return (
            f"gives each of {asked} places a mean of the values {what}, weighted by how well they "
            f"match, in {counted(self.heads, 'head')}{hidden}"
        )


def _macs(t: Size | str, d: int | str, s: Size | str, m: int | str) -> str:
    """Multiply-accumulates, of numbers or of letters: the maps, then matches and means."""
    return f"{times(2, t, d, d)} + {times(2, s, m, d)} + {times(2, t, s, d)}"
