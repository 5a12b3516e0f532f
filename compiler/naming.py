"""Names in the state dict: a line's name is its key; without one, its word and count."""

from __future__ import annotations

import re
from functools import cache

from netc.compiler import program


class Namer:
    """Gives out names below one module, keeping clear of those that the text gives itself."""

    def __init__(self, body: program.Body) -> None:
        self._taken = set(targets(body))
        self._counts: dict[str, int] = {}
        self.mixed = False
        """Whether lines of other blocks are among these: their names may meet."""

    def claim(self, body: program.Body) -> None:
        """Keeps clear of the names of lines that come in from elsewhere, too."""
        self._taken.update(targets(body))
        self.mixed = True

    def next(self, kind: str) -> str:
        """`conv1`, `conv2`, …: the word with the next count that is free."""
        while True:
            count = self._counts.get(kind, 0) + 1
            self._counts[kind] = count
            if (name := f"{kind}{count}") not in self._taken:
                return name


def targets(body: program.Body) -> tuple[str, ...]:
    """The names that lines of a module give themselves, those inside unnamed structure too."""
    found: list[str] = []
    for item in body:
        if isinstance(item, program.Share | program.Learned):
            found.append(item.name)
        if not isinstance(item, program.Flow):
            continue
        if item.target is not None:
            found.append(item.target)
        for element in item.elements:
            if isinstance(element, program.Residual):
                found += targets(element.body)
                if element.shortcut is not None and element.shortcut.name is not None:
                    found.append(element.shortcut.name)
            elif isinstance(element, program.Parallel):
                for branch in element.branches:
                    found += [branch.name] if branch.name else targets(branch.body)
            elif isinstance(element, program.When):
                found += targets(element.body)
    return tuple(found)


@cache
def snake(word: str) -> str:
    """A block's name as a key: `FaceEncoder` is `face_encoder`.

    >>> snake("DoubleConv2"), snake("VGG19")
    ('double_conv2', 'vgg19')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower()


@cache
def camel(word: str) -> str:
    """A line's name as a class: `layer1` is `Layer1`, `down_path` is `DownPath`."""
    return "".join(part[:1].upper() + part[1:] for part in word.split("_")) or "Body"
