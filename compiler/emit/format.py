"""Python text in the shape that `ruff format` gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netc.compiler import tree
from netc.compiler.layers.calls import literal

WIDTH = 88
"""ruff's default line length."""

_BEGIN = re.compile(r"[\w.]+ \+?= |return |(?:el)?if |for [\w, ]+ in ")
_OPERATORS = (
    ("for",),
    ("if", "else"),
    ("or",),
    ("and",),
    ("==", "!=", "<=", ">=", "<", ">", "is not"),
    ("+", "-"),
    ("*", "/", "//", "%", "@"),
    ("**",),
)
"""What a line may begin with when an expression is broken, the loosest first."""
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
    begin = _BEGIN.match(text)
    if begin is None:
        return _broken("", text, indent, "")
    suffix = ":" if text.endswith(":") else ""
    if text.startswith("for "):
        return _loop(text.removeprefix("for ").removesuffix(":"), indent)
    return _value(begin[0], text[begin.end() :].removesuffix(":"), indent, suffix)


def _loop(text: str, indent: int) -> list[str]:
    """A `for` that is too long: its variables are broken before what it goes over, if that helps.

    One variable gets parentheses if the rest then fits, else what it goes over does, if that fits;
    several always stand one a line. Brackets are broken first.
    """
    pad = " " * indent
    variable, _, over = text.partition(" in ")
    several = split(variable)
    groups = _groups(over)
    first = groups[0][0] + 1 if groups else len(over)  # what stands on the line in any case
    if len(_steps(over)) > 2:
        return [f"{pad}for {variable} in (", *_broken("", over, indent + 4, ""), f"{pad}):"]
    whole = _broken(f"for {variable} in ", over, indent, ":")
    if groups and len(pad) + len(f"for {variable} in ") + first <= WIDTH:
        return whole
    listed = [f"{pad}    {one}{',' if len(several) > 1 else ''}" for one in several]
    apart = [f"{pad}for (", *listed]
    behind = _broken(") in ", over, indent, ":")
    if len(pad) + len(") in ") + first + (not groups) <= WIDTH:
        return [*apart, *behind]
    inner = [*_broken("", over, indent + 4, ""), f"{pad}):"]
    fits = len(pad) + 4 + first <= WIDTH
    if len(several) > 1:
        return [*apart, f"{pad}) in (", *inner] if fits else [*apart, *behind]
    return [f"{pad}for {variable} in (", *inner] if fits else whole


def _value(prefix: str, text: str, indent: int, suffix: str) -> list[str]:
    """What a statement assigns, returns or asks: in parentheses where it has none to break at."""
    pad = " " * indent
    first = next(iter(_groups(text)), (len(text), len(text)))[0] + 1
    several = len(split(text)) > 1
    inner = _listed(text, indent + 4) if several else _broken("", text, indent + 4, "")
    if not several and len(_operands(text)) == 1:
        fits = len(pad) + len(prefix) + first <= WIDTH and len(_steps(text)) < 3
        if fits or any(len(line) > WIDTH for line in inner):  # then parentheses help nothing
            return _broken(prefix, text, indent, suffix)
    return [f"{pad}{prefix}(", *inner, f"{pad}){suffix}"]


def _broken(prefix: str, text: str, indent: int, suffix: str) -> list[str]:
    """An expression that may take several lines, broken at its operators or in its brackets."""
    pad = " " * indent
    if len(pad) + len(prefix) + len(text) + len(suffix) <= WIDTH:
        return [pad + prefix + text + suffix]
    operands = _operands(text)
    if len(operands) > 1:
        lines = _broken(prefix, operands[0][1], indent, "")
        for operator, operand in operands[1:]:
            lines += _broken(f"{operator} ", operand, indent, "")
        return [*lines[:-1], lines[-1] + suffix]
    steps = _steps(text)
    if len(steps) > 2:
        lines = _broken(prefix, steps[0], indent, "")
        for step in steps[1:-1]:
            lines += _broken("", step, indent, "")
        return [*lines, *_broken("", steps[-1], indent, suffix)]
    group = _too_long(text, WIDTH - len(pad) - len(prefix), len(suffix))
    if group is None:
        return [pad + prefix + text + suffix]
    start, end = group
    inner = text[start + 1 : end]
    lines = [pad + prefix + text[: start + 1]]
    if len(pad) + 4 + len(inner) <= WIDTH and not inner.endswith(","):
        lines.append(f"{pad}    {inner}")
    else:
        literal_ = text[start] != "(" and (start == 0 or text[start - 1] in " (=")
        lines += _listed(inner, indent + 4, lone=not literal_)
    return [*lines, *_broken(text[end], text[end + 1 :], indent, suffix)]


def _listed(text: str, indent: int, *, lone: bool = False) -> list[str]:
    """Items, one a line; an argument that stands alone and a loop take no comma."""
    parts = split(text)
    lone = len(parts) == 1 and (lone or len(_operands(parts[0])) > 1)
    lines: list[str] = []
    for part in parts:
        lines += _broken("", part, indent, "" if lone else ",")
    return lines


def _too_long(text: str, room: int, suffix: int) -> tuple[int, int] | None:
    """The first brackets that cannot stay on the line with what follows up to the next ones."""
    groups = _groups(text)
    for number, group in enumerate(groups):
        last = number + 1 == len(groups)
        ends = len(text) + suffix if last else groups[number + 1][0] + 1
        if ends > room:
            return group
    return None


def _groups(text: str) -> list[tuple[int, int]]:
    """Where brackets open and close that are in no others and hold something."""
    found: list[tuple[int, int]] = []
    for start, depth in _depths(text):
        if text[start] in "([{" and depth == 0:
            end = _match(text, start)
            if end > start + 1:
                found.append((start, end))
    return found


def _steps(text: str) -> list[str]:
    """A chain, cut before each attribute of what a call or an index gave."""
    cuts = [
        i for i, depth in _depths(text) if not depth and i and text[i - 1 : i + 1] in (").", "].")
    ]
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _operands(text: str) -> list[tuple[str, str]]:
    """The parts around the loosest operators in no bracket, each after its operator."""
    for operators in _OPERATORS:
        parts: list[tuple[str, str]] = []
        start, operator = 0, ""
        for index, depth in _depths(text):
            if depth or index < start:
                continue
            found = next((o for o in operators if text.startswith(f" {o} ", index)), None)
            if found is not None:
                parts.append((operator, text[start:index]))
                start, operator = index + len(found) + 2, found
        if parts:
            return [*parts, (operator, text[start:])]
    return [("", text)]


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Each place of a text with the number of brackets around it."""
    depth = 0
    for index, char in enumerate(text):
        depth -= char in ")]}"
        yield index, depth
        depth += char in "([{"


def _match(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        if text[index] in "([{":
            depth += 1
        elif text[index] in ")]}":
            depth -= 1
            if depth == 0:
                return index
    raise ValueError(f"unbalanced brackets: {text}")


def split(text: str) -> list[str]:
    """Arguments between commas that stand in no bracket of their own."""
    parts, start = [], 0
    for index, depth in _depths(text):
        if text[index] == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    rest = text[start:].strip()
    return [*parts, rest] if rest else parts


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
