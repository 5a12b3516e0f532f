"""Expressions of a spec to values: numbers, sizes, words, tuples. No `eval` is near."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from netc.compiler import tree
from netc.compiler.edits import Edit, Fix, begins_line, rewrite
from netc.compiler.graph import Wire
from netc.compiler.sizes import Size, Symbolic, names_in
from netc.compiler.source import Span

Env = Mapping[str, Any]

_LARGEST = 2**63 - 1


class Unknown:
    """The value of what an error made unknown. Whatever it touches is unknown too, and silent."""


UNKNOWN = Unknown()


class Range(Struct, frozen=True):
    """`low..high`, both ends within."""

    low: Any
    high: Any

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


class Block(Struct, frozen=True):
    """A block that stands where a value could: it is handed to another block."""

    key: str
    name: str

    def __str__(self) -> str:
        return f"the block `{self.name}`"


class Poisoned(Exception):
    """An expression uses a value that an earlier error made unknown: nothing more to say."""


class Uneven(ValueError):
    """A division that leaves nothing for some sizes only."""


class EvaluationError(Exception):
    """An expression has no value; span, message and hint are the diagnostic's."""

    def __init__(self, span: Span, message: str, hint: str | Fix = "", code: str = "E0210") -> None:
        super().__init__(message)
        self.span, self.message, self.hint, self.code = span, message, hint, code


def evaluate(expr: tree.Expr, env: Env, words: Sequence[str] = ()) -> Any:
    """The value of an expression.

    `words` are choices that the place accepts by name (`same`, `causal`) and that win over names.
    Raises EvaluationError, or Poisoned if an earlier error is the cause.
    """
    match expr:
        case tree.Number(value=value) | tree.String(value=value):
            return value
        case tree.Dims(values=values):
            return values
        case tree.Name():
            return _name(expr, env, words)
        case tree.Attribute():
            return _attribute(expr, evaluate(expr.target, env))
        case tree.Choice():
            chosen = expr.then if _truth(expr.condition, env) else expr.otherwise
            return evaluate(chosen, env, words)
        case tree.Unary(operator="not"):
            return not _truth(expr.operand, env)
        case tree.Unary():
            return _arithmetic(expr, "-", 0, evaluate(expr.operand, env))
        case tree.Binary(operator="or"):
            return _truth(expr.left, env) or _truth(expr.right, env)
        case tree.Binary(operator="and"):
            return _truth(expr.left, env) and _truth(expr.right, env)
        case tree.Binary(operator=operator) if operator in _COMPARE:
            return _compare(expr, evaluate(expr.left, env), evaluate(expr.right, env))
        case tree.Binary():
            return _arithmetic(
                expr, expr.operator, evaluate(expr.left, env), evaluate(expr.right, env)
            )
        case tree.Items(items=items):
            return tuple(evaluate(item, env, words) for item in items)
        case tree.Tuple(items=chains):
            return tuple(_item(chain, env, words) for chain in chains)


def _item(chain: tree.Chain, env: Env, words: Sequence[str]) -> Any:
    element = chain.elements[0]
    assert not isinstance(element, tree.Call)  # resolve refuses chains inside tuples
    return evaluate(element, env, words)


def _name(name: tree.Name, env: Env, words: Sequence[str]) -> Any:
    text = name.text
    if text in words:
        return text
    if text in ("yes", "no"):
        return text == "yes"
    if text == "none":
        return None
    value = env.get(text, UNKNOWN)
    if text in _FLOWING and (value is None or text not in env):
        message, hint = _FLOWING[text]
        fix: str | Fix = hint
        if text == "in" and isinstance(env.get("out"), Wire):
            fix = rewrite(name.span, "out", "what the line above leaves is `{}`")
        raise EvaluationError(name.span, message, fix, "E0202")
    if isinstance(value, Unknown):
        raise Poisoned
    return value


_FLOWING = {
    "in": (
        "nothing is called `in` here: it is what flows into a block or a stretch of lines",
        "write the name of one of the net's inputs",
    ),
    "out": (
        "`out` is what the line above leaves, and no line has left a value here",
        "write the name of the value that you mean",
    ),
}


_AXES = {
    "channels": (0, (2, 3, 4)),
    "length": (1, (2,)),
    "depth": (1, (4,)),
    "height": (-2, (3, 4)),
    "width": (-1, (3, 4)),
    "features": (-1, range(1, 99)),
}


def _attribute(expr: tree.Attribute, target: Any) -> Any:
    if not isinstance(target, Wire):
        raise EvaluationError(
            expr.span, f"only a value has a `{expr.name}`, and this is {_say(target)}"
        )
    shape = target.tensor.shape
    if expr.name == "rank":
        return len(shape)
    if expr.name not in _AXES:
        known = ", ".join(f"`{name}`" for name in (*_AXES, "rank"))
        raise EvaluationError(
            expr.span, f"a value has no `{expr.name}`", f"it has {known}", "E0202"
        )
    index, ranks = _AXES[expr.name]
    if len(shape) not in ranks:
        raise EvaluationError(expr.span, f"a value of shape {target.tensor} has no `{expr.name}`")
    return shape[index]


def _truth(expr: tree.Expr, env: Env) -> bool:
    value = evaluate(expr, env)
    if isinstance(value, bool):
        return value
    raise EvaluationError(
        expr.span, f"a condition is yes or no, and this is {_say(value)}", "compare it: `… > 0`"
    )


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def _compare(expr: tree.Binary, left: Any, right: Any) -> bool:
    if isinstance(left, Symbolic) or isinstance(right, Symbolic):
        difference = left - right if _is_size(left) and _is_size(right) else None
        if isinstance(difference, int):
            return _COMPARE[expr.operator](difference, 0)
        raise EvaluationError(
            expr.span,
            f"whether {_say(left)} {expr.operator} {_say(right)} depends on an unknown size",
            _give_numbers(left, right),
        )
    if expr.operator in ("==", "!="):
        return _COMPARE[expr.operator](left, right)
    if not (_is_number(left) and _is_number(right)):
        raise EvaluationError(
            expr.span, f"only numbers can be ordered, not {_say(left)} and {_say(right)}"
        )
    return _COMPARE[expr.operator](left, right)


def _give_numbers(*values: Any) -> str:
    """The hint that sizes need numbers, with their names."""
    names = sorted({name for v in values if isinstance(v, Symbolic) for name in names_in(v)})
    settings = " ".join(f"--set {name}=224" for name in names)
    return f"write numbers for {', '.join(names)} in the input, or try `netc report {settings}`"


def _joined(expr: tree.Expr, operator: str) -> str | Fix:
    """`x + y` as `(x, y) -> add`, where all of a line is that."""
    join = {"+": "add", "*": "mul"}.get(operator)
    if join and isinstance(expr, tree.Binary) and begins_line(expr.span):
        left, right = expr.left, expr.right
        if isinstance(left, tree.Name) and isinstance(right, tree.Name):
            return rewrite(expr.span, f"({left.text}, {right.text}) -> {join}")
    return "write `(a, b) -> add` or `(a, b) -> mul`"


def _arithmetic(expr: tree.Expr, operator: str, left: Any, right: Any) -> Any:
    if not ((_is_number(left) or _is_size(left)) and (_is_number(right) or _is_size(right))):
        if isinstance(left, Wire) or isinstance(right, Wire):
            raise EvaluationError(
                expr.span,
                "arithmetic on values is written with layers",
                _joined(expr, operator),
            )
        raise EvaluationError(
            expr.span, f"`{operator}` takes numbers, not {_say(left)} and {_say(right)}"
        )
    try:
        result = _ARITHMETIC[operator](left, right)
    except ZeroDivisionError:
        raise EvaluationError(expr.span, "this divides by zero") from None
    except Uneven as error:
        raise EvaluationError(expr.span, f"{error}", round_down(expr)) from None
    except (ValueError, OverflowError, TypeError) as error:
        raise EvaluationError(expr.span, f"this has no value: {error}") from None
    if (isinstance(result, int) and abs(result) > _LARGEST) or (
        isinstance(result, float) and not math.isfinite(result)
    ):
        raise EvaluationError(expr.span, "the number is larger than 2^63")
    return result


def factor(size: Symbolic) -> str:
    """A size as it is written before `*` and `/`."""
    return str(size) if len(size.terms) == 1 else f"({size})"


def round_down(expr: tree.Expr) -> Fix:
    """Another slash where a division has one."""
    assert isinstance(expr, tree.Binary)
    before, after = expr.left.span.after, expr.right.span.before
    gap = before.to(after)
    text = gap.text
    edits = (Edit(gap, text.replace("/", "//")),) if before.line == after.line else ()
    return Fix("write `//` to round down, or give the size a number", edits)


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, Symbolic):
        if isinstance(right, int) and right > 0:
            floored = left // right
            if floored * right == left:
                return floored
            raise Uneven(f"{factor(left)}/{right} is a whole number for some sizes only")
        raise ValueError("a size can be divided by a positive whole number only")
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return left / right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, Symbolic) or isinstance(right, Symbolic):
        raise ValueError("a power needs numbers")
    if abs(left) > 1 and right * math.log2(abs(left)) > 64:
        raise OverflowError("larger than 2^63")
    result = left**right
    if isinstance(result, complex):
        raise ValueError("the root of a negative number")
    return result


def _whole(left: Any, right: Any) -> Any:
    if isinstance(left, Symbolic) and not isinstance(right, int):
        raise ValueError("a size can be divided by a positive whole number only")
    return left // right


def _remainder(left: Any, right: Any) -> Any:
    return left - right * _whole(left, right) if isinstance(left, Symbolic) else left % right


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": _whole,
    "%": _remainder,
    "**": _power,
    "..": lambda a, b: Range(a, b),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return isinstance(value, Symbolic) or (isinstance(value, int) and not isinstance(value, bool))


def _say(value: Any) -> str:
    """A value in words, for messages."""
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return f'the text "{value}"'
        case tuple():
            return f"({', '.join(map(_say, value))})"
        case Wire():
            return f"a value of shape {value.tensor}"
        case Range():
            return f"the range {value}"
        case None:
            return "none"
    return str(value)


def as_size(value: Any, span: Span) -> Size:
    """The value as a size of an axis: a positive whole number or an expression over names."""
    if isinstance(value, Symbolic):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise EvaluationError(
        span, f"a size is a whole number of at least 1, and this is {_say(value)}"
    )


say = _say
