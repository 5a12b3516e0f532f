"""Values given from outside, by `--set` or to `load`: what they are in the language."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from netc.compiler import program, tree

LARGEST = 2**63 - 1


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with NumPy's numbers as Python's, and lists as tuples."""
    return {name: _plain(value) for name, value in values.items()}


def unusable(value: Any) -> str:
    """Why a value is none of the language's; empty if it is one."""
    if isinstance(value, bool | str) or value is None:
        return ""
    if isinstance(value, tuple):
        return next((why for why in map(unusable, value) if why), "")
    if not isinstance(value, int | float):
        return (
            f"is of type {type(value).__name__}, and should be a number, yes or no, a text or sizes"
        )
    if not math.isfinite(value):
        return f"is {value}, and numbers here are finite"
    if abs(value) > LARGEST and isinstance(value, int):
        return "is larger than 2^63"
    return ""


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float | str) and type(value).__module__ == "builtins":
        return value
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    from numbers import Integral, Real  # a value of this kind has loaded more than that

    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return value.item() if type(value).__name__ in ("bool", "bool_") else value


def names_of(definition: program.Definition) -> set[str]:
    """What can be set from outside: a net's parameters and the names of its inputs' sizes."""
    sizes = {
        expr.text
        for item in definition.body
        if isinstance(item, program.Input)
        for expr in item.kind.sizes
        if isinstance(expr, tree.Name)
    }
    return {*definition.parameters, *sizes}


def own(values: Mapping[str, Any], definition: program.Definition) -> dict[str, Any]:
    """Those of the values that a net has a place for."""
    known = names_of(definition)
    return {name: value for name, value in values.items() if name in known}
