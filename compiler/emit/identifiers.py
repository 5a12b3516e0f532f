"""Names in the emitted file: one place gives them, scope by scope."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterable

BUILTINS = frozenset(dir(builtins))
GLOBALS = ("F", "nn", "torch")
_PYTHON = frozenset((*keyword.kwlist, "self"))
_MENTIONED = re.compile(r"""(?<![\w.'"])[A-Za-z_]\w*(?!\w|=(?!=))""")


class Names:
    """The names of one scope: each is given once, and none that means something there already."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*_PYTHON, *taken}
        self._counts: dict[str, int] = {}

    def give(self, name: str) -> str:
        """The name, with the next number behind it where it is taken.

        >>> names = Names(["nn"])
        >>> names.give("nn"), names.give("in"), names.give("a"), names.give("a"), names.give("1")
        ('nn2', 'in2', 'a', 'a2', '_1')
        """
        stem = name if name.isidentifier() else f"_{name}"
        chosen, count = stem, self._counts.get(stem, 1)
        while chosen in self._taken:
            count += 1
            chosen = f"{stem}{count}"
        self._counts[stem] = count
        self._taken.add(chosen)
        return chosen


def mentioned(texts: Iterable[str]) -> set[str]:
    """The names that expressions look up: a variable of the same name would hide them.

    >>> sorted(mentioned(["F.relu({0}, inplace=True)", "[f({0}, size) for size in self.sizes]"]))
    ['F', 'True', 'f', 'for', 'in', 'self', 'size']
    """
    return {name for text in texts for name in _MENTIONED.findall(text)}
