"""What errors leave unknown of a file, so that nothing is said that only follows from them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec import Struct, field

_HEAD = re.compile(
    r"(?!(?:train|tune|use|allow)\b)(?:net|block|\w+(?=[^#]*[(:]))"
    r"[ \t]+([A-Za-z_]\w*)[ \t]*(?:[(:#]|$)"
)
"""The first line of a definition, even if its keyword is misspelt or its `:` is missing."""
_NO_NAME = re.compile(r"train\b|tune\b|#|[)\]]|$")
"""Lines at the left margin that bring no name into sight."""


class Gaps(Struct):
    """What a file may define beside what could be read of it.

    Attributes:
        names: of definitions that could not be read, or are not clear.
        blind: whether it may define names that nobody knows: a `use` that failed, a line that could
            be anything.
        hushed: whether an `allow` could not be read: then it is not known which warnings are
            wanted.
    """

    names: set[str] = field(default_factory=set)
    blind: bool = False
    hushed: bool = False

    def add(self, names: Iterable[str]) -> None:
        """Notes names that a line may have brought; any name, if it gives none."""
        listed = [*names]
        self.names.update(listed)
        self.blind |= not listed

    def may_define(self, name: str) -> bool:
        """Whether a name that is not known may be defined here all the same."""
        return self.blind or name in self.names

    def take(self, other: Gaps) -> None:
        """Notes that a file with gaps is used for all it has."""
        self.names |= other.names
        self.blind |= other.blind

    def read(self, text: str, heads: Collection[str] | None = None) -> None:
        """Notes what a text with errors may define.

        `heads` are the names whose line was read whole; all were, if it is None.
        """
        codes = [line for line in text.split("\n") if line.split("#")[0].strip()]
        for place, line in enumerate(codes):
            margin = place == 0 or not line.startswith((" ", "\t"))
            if not margin and line.split()[:1] not in (["net"], ["block"]):
                continue
            head = _HEAD.match(line.strip())
            if head is not None:
                self.names.add(head[1])
                after = line.strip()[head.end() :].split("#")[0].strip()
                ended = head[0][-1] == "(" or (head[0][-1] == ":" and not after)
                whole = ended and (heads is None or head[1] in heads)
                self.blind |= not whole  # the name may be part of what is wrong
            elif not _NO_NAME.match(line.strip()):
                self.blind = self.hushed = True
