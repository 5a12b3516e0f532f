"""What every part of a training recipe has in common: a word, checked options, a docstring."""

# no postponed annotations here: pydantic would evaluate them again for every subclass

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

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
    """Where examples come from."""


class Loss(Part):
    """What training minimises."""


class Optimizer(Part):
    """How weights move along their gradients."""
