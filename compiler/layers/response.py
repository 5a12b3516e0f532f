"""Normalisation by neighbours: each channel against those beside it, as AlexNet has it."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from netc.compiler.layers.base import FLOAT_BYTES, Held, Kept, Receptive, Tensor, Weightless
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch, applied
from netc.compiler.layers.fields import Positive
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank
from netc.compiler.sizes import Size, product_of

Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LocalResponseNorm(Weightless):
    """Divides each number by what its neighbours in other channels sum to, at the same position.

    `b = a/(k + alpha * sum of a^2)^beta`, the sum over `n` channels with `a`'s own in the middle,
    fewer at either end. The arguments are in the paper's scale: PyTorch takes the mean of the
    squares and not their sum, so its `alpha` is `n` times this one, and its `k` is 1 by itself.
    Shape: `[c, l]`, `[c, h, w]` or `[c, d, h, w]`, and it stays.
    Source: Krizhevsky, Sutskever, Hinton 2012, section 3.3;
    https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html
    """

    kind = "local_response_norm"
    positional = 0
    examples = (
        ("local_response_norm", "[96, 55, 55]", "[96, 55, 55]"),
        ("local_response_norm n=3, k=1, alpha=1e-3, beta=0.5", "[8, H, W]", "[8, H, W]"),
    )
    refused = (
        ("local_response_norm n=4", "[96, 55, 55]", "no middle"),
        ("local_response_norm k=0", "[96, 55, 55]", "greater than 0"),
        ("local_response_norm", "[400]", "one to three spatial axes"),
    )

    n: Positive = 5  #: how many neighbouring channels are summed, an odd number
    k: Above0 = 2.0  #: what is added to the sum
    alpha: Above0 = 1e-4  #: the weight of the sum of squares
    beta: Above0 = 0.75  #: the power

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (2, 3, 4), self.kind, "channels and one to three spatial axes")
        need_known(x.shape[0], "the number of channels", self.kind)
        if self.n % 2 == 0:
            raise ShapeError(
                f"`n` of `local_response_norm` is {self.n}: an even number of channels has no "
                "middle",
                f"write `n={self.n + 1}` or `n={self.n - 1}`",
                code="E0309",
                argument="n",
                change=("n", str(self.n + 1)),
            )
        return x

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"by the squares of {self.n} neighbouring channels: the shape stays"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return "same"

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        # the padded squares, and what they are scaled to before and after the power; on the way
        # back the quotient's two gradients and the power's are made from one another
        values = FLOAT_BYTES * output.elements
        beside = (
            Held("padded squares", (self._channels(output), *output.shape[1:], FLOAT_BYTES)),
            Held("scales before and after the power", (2, *output.shape, FLOAT_BYTES)),
        )
        return Kept(inputs=(0,), beside=beside, back=3 * values)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        # first squares and padded squares, then what was scaled, before and after the power
        channels = need_known(output.shape[0], "the number of channels", self.kind)
        twice = 2 * FLOAT_BYTES * output.elements
        return twice if 2 * channels >= channels + self.n - 1 else self._padded(output)

    def _padded(self, output: Tensor) -> Size:
        """Bytes of the squares with zeros for the channels that are missing at either end."""
        return FLOAT_BYTES * product_of((self._channels(output), *output.shape[1:]))

    def _channels(self, output: Tensor) -> int:
        """With those that are added at either end."""
        return need_known(output.shape[0], "the number of channels", self.kind) + self.n - 1

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        alpha = float(f"{self.n * self.alpha:.15g}")  # the product's last digits are noise
        keywords: list[tuple[str, Part]] = [("alpha", Inferred("alpha", alpha))]
        if self.beta != 0.75:
            keywords.append(("beta", Given("beta", self.beta)))
        if self.k != 1:
            keywords.append(("k", Given("k", self.k)))
        call = Call("nn.LocalResponseNorm", (Given("n", self.n),), tuple(keywords))
        inline = applied(call, "F.local_response_norm")
        if len(output.shape) < 4:
            return Torch(call, inline=inline)
        # PyTorch takes a volume as a picture by `view`, which one with its axes swapped has not
        flat = "{0}.contiguous()"
        return Torch(call, f"{{m}}({flat})", inline.replace("{0}", flat))

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return (
            f"divides each number by ({self.k:g} + {self.alpha:g}·s)^{self.beta:g}, where s is the "
            f"sum of the squares of {self.n} neighbouring channels at its position"
        )
