"""The parts of a training recipe: one class each. `find` imports only the module it needs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netc.compiler.recipes.base import Part

_MODULES: dict[str, dict[str, tuple[str, ...]]] = {
    "data": {
        "arrays": ("circles", "npz"),
        "pictures": ("digits", "idx", "images"),
        "tables": ("breast_cancer", "diabetes", "iris", "linnerud", "wine"),
    },
    "loss": {"losses": ("bce", "cross_entropy", "mse")},
    "optimizer": {"optimizers": ("adam", "adamw", "sgd")},
}

_HOMES = {
    role: {word: module for module, words in modules.items() for word in words}
    for role, modules in _MODULES.items()
}


def roles() -> tuple[str, ...]:
    """What a recipe needs to be told: the words before a part (`loss mse`), sorted."""
    return tuple(sorted(_HOMES))


def words(role: str) -> tuple[str, ...]:
    """Every choice for a role, sorted; none for an unknown role."""
    return tuple(sorted(_HOMES.get(role, ())))


def find(role: str, word: str) -> type[Part] | None:
    """The class behind a word in a role; None if the role has no such choice.

    >>> find("optimizer", "adam").__name__
    'Adam'
    """
    home = _HOMES.get(role, {}).get(word)
    if home is None:
        return None
    name = "".join(piece.capitalize() for piece in word.split("_"))
    part: type[Part] = getattr(import_module(f"netc.compiler.recipes.{home}"), name)
    return part
