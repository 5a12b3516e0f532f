"""What an argument may be, in one sentence, where its type is a choice among several."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from netc.compiler.sizes import Symbolic

_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "yes or no",
    str: "a text in quotes",
    Symbolic: "a size with a name",
}
_BOUNDS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}"}


def wanted(model: type[BaseModel], field: str) -> str:
    """What a field takes: `a whole number above 0 or a tuple of them`; empty if no words fit."""
    try:
        choices = _choices(model.model_fields[field].annotation)
    except KeyError:  # a field, or a kind, that is not known here
        return ""
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"


def _choices(annotation: Any) -> list[str]:
    """The things that a type accepts, in its order; `none` goes without saying."""
    if get_origin(annotation) in (Union, UnionType):
        found: list[str] = []
        for part in get_args(annotation):
            found += [text for text in _choices(part) if text not in found]
        return [
            "a tuple of them" if text == f"a tuple, each of it {found[0]}" else text
            for text in found
        ]
    if get_origin(annotation) is Annotated:
        kind, *extras = get_args(annotation)
        choices = _choices(kind)
        bounds = " and ".join(_bounds(extras))
        of = "of " if bounds.startswith("at") else ""
        return [f"{choices[0]} {of}{bounds}"] if bounds else choices
    if get_origin(annotation) is Literal:
        return [f"`{word}`" for word in get_args(annotation)]
    if get_origin(annotation) is tuple:
        return [f"a tuple, each of it {' or '.join(_choices(get_args(annotation)[0]))}"]
    return [] if annotation is NoneType else [_KINDS[annotation]]


def _bounds(extras: list[Any]) -> list[str]:
    """The limits of a number among what is said of its type."""
    said = [one for extra in extras for one in (getattr(extra, "metadata", None) or [extra])]
    return [
        words.format(getattr(one, name))
        for one in said
        for name, words in _BOUNDS.items()
        if getattr(one, name, None) is not None
    ]
