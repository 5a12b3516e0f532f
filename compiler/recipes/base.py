"""What every part of a training recipe has in common: a word, checked options, a docstring."""

# no postponed annotations here: pydantic would evaluate them again for every subclass

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


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
