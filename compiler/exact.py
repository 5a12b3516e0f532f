"""Exact divisions in claims: `[3, H/2]` says that H is even, and `[3, H//2]` rounds down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netc.compiler import tree
from netc.compiler.conditions import Condition, equal_when
from netc.compiler.evaluate import EvaluationError, evaluate, factor, round_down
from netc.compiler.sizes import Symbolic


def exact(expr: tree.Expr, env: Mapping[str, Any]) -> tuple[Any, list[Condition]]:
    """The value of an expression, and the conditions under which its divisions leave nothing.

    Raises EvaluationError, and Poisoned, as `evaluate` does.
    """
    if type(expr) is tree.Number:
        return expr.value, []
    found: list[Condition] = []
    return evaluate(_rounded(expr, env, found), env), found


def _rounded(expr: tree.Expr, env: Mapping[str, Any], found: list[Condition]) -> tree.Expr:
    """The expression with `//` for each `/` of an open size, the conditions put into the list."""
    match expr:
        case tree.Unary(operator="-"):
            return tree.Unary("-", _rounded(expr.operand, env, found), expr.span)
        case tree.Binary(operator="+" | "-" | "*" | "/"):
            left, right = _rounded(expr.left, env, found), _rounded(expr.right, env, found)
            operator = expr.operator
            if operator == "/":
                size, divisor = evaluate(left, env), evaluate(right, env)
                if isinstance(size, Symbolic) and type(divisor) is int and divisor > 0:
                    operator = "//"
                    found += _whole(size, divisor, expr)
            return tree.Binary(operator, left, right, expr.span)
    return expr


def _whole(size: Symbolic, divisor: int, expr: tree.Binary) -> list[Condition]:
    """The condition under which a divisor divides a size; none if it always does."""
    equal = equal_when(size // divisor * divisor, size)
    if isinstance(equal, bool):
        if not equal:
            text = f"{factor(size)}/{divisor} is a whole number for no size"
            raise EvaluationError(expr.span, text, round_down(expr))
        return []
    return [equal]
