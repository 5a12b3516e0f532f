"""Evaluates the arithmetic in `why` texts: every `a = b` must hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil, floor

SIGNS = str.maketrans({"·": "*", "−": "-", "⌋": ")", "⌉": ")"})


def statements(text: str) -> Iterator[list[str]]:
    """The chains `a = b = c` of a text, as lists of sides without the words between numbers."""
    text = re.sub(r"\((?=[a-z])[^()0-9]*\)", "", text)
    for part in re.split(r"[;,:]", text):
        if "=" in part:
            yield part.split("=")


def sides(statement: list[str], names: Mapping[str, int]) -> list[Fraction]:
    """The values of a chain's sides."""
    return [_value(side, names) for side in statement]


def _value(side: str, names: Mapping[str, int]) -> Fraction:
    side = re.sub(r"(\w+|⌊[^⌊⌋]*⌋)²", r"\1·\1", side)
    text = side.translate(SIGNS).replace("⌊", "floor(").replace("⌈", "ceil(")
    text = re.sub(
        r"[A-Za-z_][A-Za-z_0-9.]*",
        lambda m: m[0] if m[0] in names or m[0] in ("floor", "ceil") else "",
        text,
    )
    tree = ast.parse(text.strip(), mode="eval")
    return _evaluated(tree.body, names)


def _evaluated(node: ast.expr, names: Mapping[str, int]) -> Fraction:
    match node:
        case ast.Constant(value=int(number)):
            return Fraction(number)
        case ast.Name(id=name):
            return Fraction(names[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand, names)
        case ast.Call(func=ast.Name(id="floor"), args=[inner]):
            return Fraction(floor(_evaluated(inner, names)))
        case ast.Call(func=ast.Name(id="ceil"), args=[inner]):
            return Fraction(ceil(_evaluated(inner, names)))
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _evaluated(left, names), _evaluated(right, names)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
    raise ValueError(f"no arithmetic: {ast.dump(node)}")
