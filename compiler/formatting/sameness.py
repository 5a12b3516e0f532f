"""Whether two texts say the same: equal trees, wherever their parts stand, and equal comments."""

from __future__ import annotations

from msgspec import Struct

from netc.compiler.parse import words
from netc.compiler.source import Span


def same(left: object, right: object) -> bool:
    """Whether two trees, or parts of trees, are equal but for their places in the text."""
    if type(left) is not type(right):
        return False
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, Span):
        return True
    if not isinstance(left, Struct):
        return left == right
    names = left.__struct_fields__
    return all(same(getattr(left, name), getattr(right, name)) for name in names)


def comments(text: str) -> list[str]:
    """All comments of a text that parses, in its order, without the blanks at their ends."""
    lines = (line.strip(" \t\r") for word in words(text) for line in word.gap.split("\n"))
    return [line for line in lines if line]
