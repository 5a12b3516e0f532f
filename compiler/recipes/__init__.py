"""The parts of a training recipe: one class each. `find` imports only the module it needs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netc.compiler.recipes.base import Part

_MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "data": (
        "data",
        (
            "breast_cancer", "circles", "diabetes", "digits", "idx", "images", "iris", "linnerud",
            "npz", "wine",
        ),
    ),
    "loss": ("losses", ("bce", "cross_entropy", "mse")),
    "optimizer": ("optimizers", ("adam", "adamw", "sgd")),
}  # fmt: skip


def roles() -> tuple[str, ...]:
    """What a recipe needs to be told: the words before a part (`loss mse`), sorted."""
    return tuple(sorted(_MODULES))


def words(role: str) -> tuple[str, ...]:
    """Every choice for a role, sorted; none for an unknown role."""
    return tuple(sorted(_MODULES[role][1])) if role in _MODULES else ()


def find(role: str, word: str) -> type[Part] | None:
    """The class behind a word in a role; None if the role has no such choice.

    >>> find("optimizer", "adam").__name__
    'Adam'
    """
    if word not in words(role):
        return None
    name = "".join(piece.capitalize() for piece in word.split("_"))
    part: type[Part] = getattr(import_module(f"netc.compiler.recipes.{_MODULES[role][0]}"), name)
    return part
