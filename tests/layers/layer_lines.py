"""Reads the lines of `examples` and `refused` without the compiler's parser."""

from __future__ import annotations

import ast
import re
from typing import Any

from netc.compiler.layers import find
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.sizes import Size, Symbolic, symbol


def size(text: str) -> Size:
    """A size with names: `floor((H - 1)/2) + 1`."""
    floors = {"floor": lambda value: value}
    code = re.sub(r"[A-Za-z]+", lambda m: m[0] if m[0] == "floor" else f"symbol({m[0]!r})", text)
    value: Size = eval(code.replace("/", "//"), {"symbol": symbol, **floors})
    return value


def tensor(text: str) -> Tensor:
    """`[3, H, W]` or `int[T]`."""
    kind, inner = re.fullmatch(r"(int|)\[(.*)\]", text.strip()).groups()  # type: ignore[union-attr]
    shape = tuple(size(part) for part in inner.split(",")) if inner else ()
    return Tensor(shape, "int" if kind else "float")


def tensors(text: str) -> list[Tensor]:
    """Several of them, separated by ` ; `."""
    return [tensor(part) for part in text.split(" ; ")]


def _value(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    if re.fullmatch(r"\d+(x\d+)+", text):
        return tuple(map(int, text.split("x")))
    if re.fullmatch(r"\d+/\d+", text):
        above, below = text.split("/")
        return int(above) / int(below)
    if text[0] in "[(" and "[" in text[1:]:
        return ast.literal_eval(text)
    if text[0] in "[(":
        return tuple(_value(part.strip()) for part in text[1:-1].split(",") if part.strip())
    if re.search(r"[A-Z]", text):
        sized = size(text)
        assert isinstance(sized, Symbolic)
        return sized
    try:
        return ast.literal_eval(text)
    except ValueError:
        return text


def _arguments(text: str) -> list[str]:
    """The arguments, apart by commas that stand in no list."""
    found, depth = [""], 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [argument.strip() for argument in found] if text else []


def layer(line: str) -> Layer:
    """The layer that a line makes. In layers that join, a letter by itself names another value."""
    word, _, rest = line.partition(" ")
    kind = find(word)
    assert kind is not None
    fields = [name for name in kind.model_fields if name not in kind.operands]
    places = iter(fields[: kind.positional])
    given: dict[str, Any] = {}
    for argument in _arguments(rest):
        name, _, text = argument.rpartition("=")
        if not name and kind.inputs != (1, 1):
            continue
        if not name:
            name = next(places, "")
            if not name:
                raise ValueError(f"`{word}` takes no more arguments without a name")
        given[name] = 1 if name in kind.operands else _value(text)
    return kind(**given)
