"""Everything that a training run needs to know, as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import Struct, field

from netc.compiler.layers.base import Tensor
from netc.compiler.recipe import Recipe
from netc.compiler.vocabularies import Vocabulary

Values: TypeAlias = tuple[tuple[str, Tensor], ...]
"""Names and sizes of a net's inputs or outputs, for one example."""


class Job(Struct, frozen=True):
    """A net's emitted source and the recipe to train it by.

    Attributes:
        spec: the spec's text, kept beside the results.
        source: the emitted PyTorch file's text. It defines `net_class`, whose constructor takes no
            argument and whose `forward` takes one batch per input, in order, and returns one
            tensor, or a tuple where there are several outputs.
        net_class: the class's name in the source.
        inputs: the declared inputs: name, and sizes of one example.
        outputs: the net's outputs, likewise.
        recipe: data, split, loss, optimizer, length, seed, claims.
        base: the folder that the data's paths are relative to.
        settings: how the command was given (file, parameters), so that a run can be resumed from
            its folder alone.
        params: how many parameters the net has by its report; None leaves it unchecked.
        weights: bytes of its weights; None leaves it unchecked that memory can hold them.
        vocabularies: how many ids the layers know that read the inputs.
        at: the outputs where the inputs' open sizes have these values; it raises CompileError if
            the net does not hold for them. None leaves that unchecked.
    """

    spec: str
    source: str
    net_class: str
    inputs: Values
    outputs: Values
    recipe: Recipe
    base: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    params: int | None = None
    weights: int | None = None
    vocabularies: tuple[Vocabulary, ...] = ()
    at: Callable[[Mapping[str, int]], Values] | None = None

    def options(self) -> dict[str, Any]:
        """What was chosen, as plain JSON: written to the run's folder and compared on resuming."""
        recipe = self.recipe
        chosen = {
            "net": recipe.net,
            "net_class": self.net_class,
            "data": {"kind": recipe.data.kind, **recipe.data.model_dump()},
            "split": recipe.split,
            "losses": [
                {
                    "kind": term.loss.kind,
                    **term.loss.model_dump(),
                    "output": term.output,
                    "weight": term.weight,
                }
                for term in recipe.terms
            ],
            "optimizer": {"kind": recipe.optimizer.kind, **recipe.optimizer.model_dump()},
            "epochs": recipe.epochs,
            "steps": recipe.steps,
            "batch": recipe.batch,
            "seed": recipe.seed,
            "claims": [claim.text for claim in recipe.claims],
            "settings": dict(self.settings),
        }
        plain: dict[str, Any] = json.loads(json.dumps(chosen))  # tuples as they will be read back
        return plain
