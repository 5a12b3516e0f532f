"""Python text in the shape that `ruff format` gives it."""

from __future__ import annotations

from netc.compiler import tree

WIDTH = 88
"""ruff's default line length."""

_CLOSING = {"(": ")", "[": "]"}
_STRENGTH = {
    "or": 1,
    "and": 2,
    "not": 3,
    "==": 4,
    "!=": 4,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "//": 6,
    "%": 6,
    "**": 8,
}


def statement(text: str, indent: int, comment: str = "") -> list[str]:
    """The lines of one statement; the comment is left out where it does not fit."""
    pad = " " * indent
    if len(pad) + len(text) <= WIDTH:
        with_comment = f"{pad}{text}  # {comment}" if comment else pad + text
        return [with_comment if len(with_comment) <= WIDTH else pad + text]
    return _broken(text, indent, "")


def _broken(text: str, indent: int, suffix: str) -> list[str]:
    """A statement that is too long for one line, broken at its outermost brackets."""
    pad = " " * indent
    if len(pad) + len(text) + len(suffix) <= WIDTH:
        return [pad + text + suffix]
    start = _outermost(text)
    if start is None:
        return [pad + text + suffix]
    end = _match(text, start)
    head, inner, tail = text[: start + 1], text[start + 1 : end], text[end:]
    parts = split(inner)
    if len(pad) + 4 + len(inner) <= WIDTH and not inner.endswith(","):
        return [pad + head, f"{pad}    {inner}", pad + tail + suffix]
    lone = len(parts) == 1 and parts[0].startswith("*")
    lines = [pad + head]
    for part in parts:
        comma = "" if lone or (" for " in part and len(parts) == 1) else ","
        lines += _broken(part, indent + 4, comma)
    return [*lines, pad + tail + suffix]


def _outermost(text: str) -> int | None:
    """Where the last bracket opens that is not inside another."""
    depth, found = 0, None
    for index, char in enumerate(text):
        if char in "([":
            if depth == 0:
                found = index
            depth += 1
        elif char in ")]":
            depth -= 1
    return found


def _match(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        if text[index] in "([":
            depth += 1
        elif text[index] in ")]":
            depth -= 1
            if depth == 0:
                return index
    raise ValueError(f"unbalanced brackets: {text}")


def split(text: str) -> list[str]:
    """Arguments between commas that stand in no bracket of their own."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        if char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    rest = text[start:].strip()
    return [*parts, rest] if rest else parts


def literal(value: object) -> str:
    """A value as Python writes it, in double quotes where it is text."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        inner = ", ".join(literal(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e16:
        return repr(float(value))
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    raise TypeError(f"{type(value).__name__} has no literal")


def names(expr: tree.Expr) -> set[str]:
    """The names that an expression mentions; attributes as `in.channels`."""
    match expr:
        case tree.Name(text=text):
            return set() if text in ("yes", "no", "none") else {text}
        case tree.Attribute(target=target, name=name):
            return {f"{next(iter(names(target)), '')}.{name}"}
        case tree.Binary(left=left, right=right):
            return names(left) | names(right)
        case tree.Unary(operand=operand):
            return names(operand)
        case tree.Choice(condition=condition, then=then, otherwise=otherwise):
            return names(condition) | names(then) | names(otherwise)
        case tree.Items(items=items):
            return set().union(*map(names, items))
        case tree.Tuple(items=chains):
            found: set[str] = set()
            for chain in chains:
                element = chain.elements[0]
                if not isinstance(element, tree.Call):
                    found |= names(element)
            return found
    return set()


def python(expr: tree.Expr, known: dict[str, str], outer: int = 0) -> str:
    """An expression of the spec as Python. `known` gives the text for each name in it."""
    match expr:
        case tree.Number(value=value) | tree.String(value=value):
            return literal(value)
        case tree.Dims(values=values):
            return literal(values)
        case tree.Name(text=text):
            return {"yes": "True", "no": "False", "none": "None"}.get(text) or known[text]
        case tree.Attribute():
            return known[next(iter(names(expr)))]
        case tree.Unary(operator=operator, operand=operand):
            strength = 3 if operator == "not" else 7
            sign = "not " if operator == "not" else "-"
            return _grouped(sign + python(operand, known, strength), strength, outer)
        case tree.Binary(operator=operator, left=left, right=right):
            strength = _STRENGTH[operator]
            shown = "//" if operator == "/" else operator
            text = f"{python(left, known, strength)} {shown} {python(right, known, strength + 1)}"
            return _grouped(text, strength, outer)
        case tree.Choice(condition=condition, then=then, otherwise=otherwise):
            text = f"{python(then, known, 1)} if {python(condition, known, 1)} else "
            return _grouped(text + python(otherwise, known), 0, outer)
        case tree.Items(items=items):
            return _sequence([python(item, known) for item in items])
        case tree.Tuple(items=chains):
            elements = [chain.elements[0] for chain in chains]
            return _sequence([python(e, known) for e in elements if not isinstance(e, tree.Call)])


def _grouped(text: str, strength: int, outer: int) -> str:
    return f"({text})" if strength < outer else text


def _sequence(items: list[str]) -> str:
    return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
