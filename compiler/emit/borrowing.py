"""Modules that `share` made, for the classes of lines inside: they are handed to `forward`.

A share belongs to the class in whose lines it stands; `self.unit` there is `unit` further in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from netc.compiler.emit.identifiers import BUILTINS, GLOBALS, Names
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    RepeatStep,
    Step,
    WhenStep,
)

Key: TypeAlias = tuple[int, str]
"""How many classes further out a share stands, and its name."""
Applied: TypeAlias = LayerStep | BlockStep


class Borrowing:
    """What each class is handed, and what it makes for the classes inside."""

    def __init__(self) -> None:
        self._uses: dict[int, dict[Key, tuple[Applied, bool]]] = {}

    def handed(self, module: Module) -> tuple[Key, ...]:
        """The shared modules that a class is handed, in the order of their first uses."""
        return tuple(key for key in self._of(module) if key[0])

    def made(self, module: Module) -> list[Applied]:
        """The shared modules that a class makes and first applies further in."""
        return [
            step
            for (home, _), (step, direct) in self._of(module).items()
            if not home and not direct and not step.reuse
        ]

    def names(self, module: Module) -> dict[Key, str]:
        """How the `forward` of a class calls the modules that it is handed."""
        names = Names({*BUILTINS, *GLOBALS, "x"})
        return {key: names.give(key[1]) for key in self.handed(module)}

    def given(self, module: Module, inner: Module) -> list[str]:
        """What a class hands to a class inside it."""
        names = self.names(module)
        keys = [(home - 1, name) for home, name in self.handed(inner)]
        return [names[key] if key[0] else f"self.{key[1]}" for key in keys]

    def member(self, module: Module, step: Applied) -> str:
        """How a class reaches the module of a shared step."""
        assert step.home is not None and step.name is not None
        own = not step.home
        return f"self.{step.name}" if own else self.names(module)[step.home, step.name]

    def _of(self, module: Module) -> dict[Key, tuple[Applied, bool]]:
        """The first use of each shared module in a class, and whether it is a line of its own."""
        known = self._uses.get(id(module))
        if known is None:
            known = self._uses[id(module)] = {}
            for key, step, direct in self._found(module.steps, direct=True):
                known.setdefault(key, (step, direct))
        return known

    def _found(self, steps: Sequence[Step], *, direct: bool) -> Iterator[tuple[Key, Applied, bool]]:
        for step in steps:
            match step:
                case LayerStep(home=int(home), name=str(name)):
                    yield (home, name), step, direct
                case BlockStep(home=int(home), name=str(name)):
                    yield (home, name), step, direct
                case BlockStep(module=inner) if inner.word == "body":
                    for (home, name), (first, _) in self._of(inner).items():
                        if home:
                            yield (home - 1, name), first, False
                case WhenStep():
                    yield from self._found(step.steps, direct=direct)
                case GroupStep(steps=inner) | RepeatStep(items=inner):
                    yield from self._found(inner, direct=False)
                case _:
                    pass
