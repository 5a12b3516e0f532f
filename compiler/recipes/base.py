"""What every part of a training recipe has in common: a word, checked options, a docstring."""

# no postponed annotations here: pydantic would evaluate them again for every subclass

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from netc.compiler.sizes import Shape

Text: TypeAlias = Annotated[str, Field(min_length=1)]
"""A path, or a name."""

Scaling: TypeAlias = bool | Literal["zscore", "center", "minmax"]
"""How each input feature is scaled, with statistics of the training split alone:

* `yes` or `zscore`: `(x − μ) / σ`, σ = sqrt(1/m · Σ(x − μ)²);
* `center`: `x − μ`;
* `minmax`: `(x − min) / (max − min)`.

A feature that is constant in the training split is centred only, or under `minmax` set to 0.
Source: https://scikit-learn.org/stable/modules/preprocessing.html (StandardScaler, MinMaxScaler)
"""


class Part(BaseModel):
    """A named choice with its options: `adam, lr=1e-3`. Its fields are the options.

    Class attributes:
        kind: the word in the language.
        positional: how many leading fields may be written without a name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, strict=True)

    kind: ClassVar[str]
    positional: ClassVar[int] = 0


class Data(Part):
    """Where examples come from.

    Class attributes:
        classes: how many classes the targets are, of a set that is always the same.
        amounts: between what numbers the targets lie, of such a set where they are amounts.
    """

    classes: ClassVar[int | None] = None
    amounts: ClassVar[tuple[float, float] | None] = None

    def example(self) -> tuple[int, ...] | None:
        """Sizes of one example's input, where they are known before anything is read."""
        return None

    def mend(self, found: Sequence[int], name: str, declared: Shape) -> str:
        """What to write where examples `found` do not fit the input `name`."""
        change, option = f"declare `input {name}: {list(found)}`", self.fitting(found, declared)
        return f"write `{option}` at `data {self.kind}`, or {change}" if option else change

    def fitting(self, found: Sequence[int], declared: Shape) -> str:
        """The option with which examples fit an input; empty where there is none."""
        return ""


def matches(found: Sequence[int], declared: Shape) -> bool:
    """Whether an example fits an input; a size that the spec leaves open fits every number."""
    return len(found) == len(declared) and all(
        not isinstance(size, int) or size == number
        for number, size in zip(found, declared, strict=True)
    )


class Loss(Part):
    """What training minimises."""


class Optimizer(Part):
    """How weights move along their gradients."""
