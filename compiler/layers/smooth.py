"""Activations that weigh a number by a smooth share of it."""

from typing import Literal

from netc.compiler.layers.activations import Activation
from netc.compiler.layers.base import FLOAT_BYTES, Held, Kept, Tensor
from netc.compiler.layers.calls import Part


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

    def kept_in_place(self, output: Tensor) -> Kept:
        return Kept(beside=(Held("copy of the input", (*output.shape, FLOAT_BYTES)),))
