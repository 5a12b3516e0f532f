"""Whether two texts say the same: equal trees, wherever their parts stand, and equal comments."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

from netc.compiler.parse import words


def same(left: Any, right: Any) -> bool:
    """Whether two trees, or parts of trees, are equal but for their places in the text."""
    if type(left) is not type(right):
        return False
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    names = _parts(type(left))
    if not names:
        return left == right
    return all(same(getattr(left, name), getattr(right, name)) for name in names)


@cache
def _parts(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a node, but for its span; none for what is no node."""
    if not hasattr(kind, "__dataclass_fields__"):
        return ()
    return tuple(field.name for field in fields(kind) if field.name != "span")


def comments(text: str) -> list[str]:
    """All comments of a text, in its order, without blanks at their ends."""
    lines = (line for word in words(text) for line in word.gap.split("\n"))
    stripped = (line.strip(" \t\r") for line in lines)
    return [line for line in stripped if line]
