"""Dropout."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from netc.compiler.layers.base import FLOAT_BYTES, Held, Kept, Receptive, Tensor, Weightless
from netc.compiler.layers.calls import Call, Given, Torch, literal
from netc.compiler.layers.fields import Probability
from netc.compiler.layers.refusals import ShapeError, need_float
from netc.compiler.sizes import Size


class Dropout(Weightless):
    """Sets numbers to 0 at random while training, and scales the rest by `1/(1 - p)`.

    Shape: `[...] -> [...]`. `p` is the share that is dropped, 0.5 unless given; `keep` is the share
    that stays: `keep=0.8` is `p=0.2`. While testing it changes nothing.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html
    """

    kind = "dropout"
    at_rest = True
    positional = 1
    examples = (
        ("dropout", "[4096]", "[4096]"),
        ("dropout 0.1", "[T, 512]", "[T, 512]"),
        ("dropout keep=0.8", "[84]", "[84]"),
    )
    refused = (
        ("dropout 1", "[84]", "less than 1"),
        ("dropout 0.5, keep=0.5", "[84]", "told twice"),
        ("dropout", "int[T]", "whole numbers"),
    )

    p: Probability = 0.5  #: the share that is dropped
    keep: Annotated[float, Field(gt=0, le=1)] | None = None  #: the share that stays, instead of `p`

    @property
    def share(self) -> float:
        """The share that is dropped, whichever way it was said."""
        return self.p if self.keep is None else round(1 - self.keep, 12)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        if self.keep is not None and "p" in self.model_fields_set:
            raise ShapeError(
                f"`dropout` is told twice: p={self.p} is dropped, and keep={self.keep} stays",
                f"write one of them: leave out `keep={self.keep}`",
                code="E0309",
                argument="keep",
                change=("keep", None),
            )
        return x

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return "each number alone: the shape stays"

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"sets a share of {self.share:g} of the numbers to 0 while training"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        # a CPU keeps the scaled mask as float32, CUDA one byte a number
        mask = Held("scaled mask", (*output.shape, FLOAT_BYTES))
        return Kept(beside=(mask,)) if self.share else Kept(view=True)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        call = Call("nn.Dropout", (Given("p", self.p) if self.keep is None else self.share,))
        return Torch(call, inline=f"F.dropout({{0}}, {literal(self.share)}, self.training)")
