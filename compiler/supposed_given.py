"""A call with one argument too few: what it may be, by others of its word and by the claims."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.edits import Edit, Fix
from netc.compiler.nodes import is_whole, nodes, numbers
from netc.compiler.source import Span
from netc.compiler.supposed import Open, Supposed
from netc.compiler.supposed_arguments import KERNELS, means_the_same
from netc.compiler.supposed_names import nothing_takes

Call: TypeAlias = program.LayerUse | program.BlockUse | program.HandedUse


class Given(Struct, frozen=True, eq=False):
    """What a call is given.

    Attributes:
        placed: the values by place, in order; `named` those by name.
        fields: what the places are called, as far as they may be used; none where a parameter
            stands for the block: which one it is, its caller says.
    """

    use: Call
    placed: tuple[tree.Expr, ...]
    named: Mapping[str, tree.Expr]
    fields: tuple[str, ...]

    def places(self) -> Iterator[int]:
        """Where one more may stand by place, the last place first."""
        count = len(self.placed)
        most = count + 1 if isinstance(self.use, program.HandedUse) else len(self.fields)
        return iter(range(count, -1, -1) if count < most else ())

    def longer(self, at: int, expr: tree.Expr, text: str) -> Supposed:
        """The call with one more value at a place; those behind it go one place on."""
        placed = [*self.placed]
        placed.insert(at, expr)
        call = self.use.span
        if at < len(self.placed):
            edit = Edit(self.placed[at].span.before, f"{text}, ")
        elif self.placed:
            edit = Edit(self.placed[-1].span.after, f", {text}")
        else:
            comma = "," if self.named else ""
            edit = Edit(_word(self.use).after, f" {text}{comma}")
        start = edit.span.column - call.column
        hint = f"write `{call.text[:start]}{edit.text}{call.text[start:]}`"
        return Supposed(call, Fix(hint, (edit,)), ((self.use, self._with(placed)),))

    def _with(self, placed: Sequence[tree.Expr]) -> Call:
        if isinstance(self.use, program.HandedUse):
            call = self.use.call
            named = (a for a in call.arguments if a.name is not None)
            arguments = (*(tree.Argument(None, e, e.span) for e in placed), *named)
            return replace(self.use, call=replace(call, arguments=arguments))
        by_place = dict(zip(self.fields, placed, strict=False))
        return replace(self.use, arguments={**by_place, **self.named})


def supplied(
    place: Span,
    definition: program.Definition,
    definitions: Mapping[str, program.Definition],
    others: Sequence[program.Definition],
) -> Iterator[Supposed | Open]:
    """The call whose word is at a place with one argument more.

    First as other calls of its word have it there or names that nothing takes, then any number,
    then a kernel in use. `others` are the definitions whose calls are looked at.
    """
    for use in _calls(definition):
        if _word(use) == place and (given := _given(use, definitions)) is not None:
            yield from _supplied(given, definition, definitions, others)


def _supplied(
    given: Given,
    definition: program.Definition,
    definitions: Mapping[str, program.Definition],
    others: Sequence[program.Definition],
) -> Iterator[Supposed | Open]:
    same = [
        found
        for other in (definition, *others)
        for one in _calls(other)
        if one is not given.use and _meant(one) == _meant(given.use)
        if (found := _given(one, definitions)) is not None
    ]
    beside = {at: [*_at(at, given, same)] for at in given.places()}
    names = dict.fromkeys((*nothing_takes(definition), *definition.parameters))
    for at, exprs in beside.items():
        known = {e.span.text: e for e in exprs if means_the_same(e, definition)}
        for text, expr in (*known.items(), *((n, tree.Name(n, given.use.span)) for n in names)):
            yield given.longer(at, expr, text)
    for at, exprs in beside.items():
        factor = next((pair for pair in map(_factor, exprs) if pair is not None), None)
        if factor is not None:
            yield Open(int(factor[0].value), partial(_with_factor, given, at, factor[1]))
        near = (*exprs, *given.placed[at : at + 1], *reversed(given.placed[:at]))
        every = chain(near, numbers(definition))
        first = next((int(expr.value) for expr in every if is_whole(expr)), 0)
        if first > 0:
            yield Open(first, partial(_with_number, given, at))
    for at in beside:
        for size in KERNELS if given.fields[at : at + 1] == ("kernel",) else ():
            yield given.longer(at, tree.Dims((size, size), given.use.span), f"{size}x{size}")


def _with_number(given: Given, at: int, value: int) -> Supposed:
    return given.longer(at, tree.Number(value, given.use.span), str(value))


def _factor(expr: tree.Expr) -> tuple[tree.Number, tree.Binary] | None:
    """The number of `4*width`, with the whole."""
    if isinstance(expr, tree.Binary) and expr.operator == "*" and is_whole(expr.left):
        return expr.left, expr
    return None


def _with_factor(given: Given, at: int, product: tree.Binary, value: int) -> Supposed:
    number = tree.Number(value, product.left.span)
    return given.longer(at, replace(product, left=number), f"{value}*{product.right.span.text}")


def _at(at: int, given: Given, same: Sequence[Given]) -> Iterator[tree.Expr]:
    """What others have at a place, by place or by the name of it."""
    name = given.fields[at] if given.fields else ""
    for one in same:
        if at < len(one.placed) and one.fields[at : at + 1] == given.fields[at : at + 1]:
            yield one.placed[at]
        elif name in one.named:
            yield one.named[name]


def _calls(definition: program.Definition) -> Iterator[Call]:
    for node in nodes(definition):
        if isinstance(node, program.LayerUse | program.BlockUse | program.HandedUse):
            yield node


def _word(use: Call) -> Span:
    return use.call.name.span if isinstance(use, program.HandedUse) else use.word


def _meant(use: Call) -> object:
    match use:
        case program.LayerUse():
            return use.layer
        case program.BlockUse():
            return use.block
    return "", use.call.name.text


def _given(use: Call, definitions: Mapping[str, program.Definition]) -> Given | None:
    """What a call on one line is given; None where values by place stand behind named ones."""
    if isinstance(use, program.HandedUse):
        placed = tuple(a.value for a in use.call.arguments if a.name is None)
        named = {a.name.text: a.value for a in use.call.arguments if a.name is not None}
        fields: tuple[str, ...] = ()
    else:
        named = {n: expr for n, expr in use.arguments.items() if _is_named(n, expr)}
        placed = tuple(expr for n, expr in use.arguments.items() if n not in named)
        fields = tuple(name for name in _places(use, definitions) if name not in named)
    ends = [expr.span for expr in (*placed, *named.values())]
    if use.span.line != use.span.end_line or ends != sorted(ends, key=lambda s: s.column):
        return None
    closed = any(_before(expr.span).endswith("(") for expr in placed)
    return None if closed else Given(use, placed, named, fields)


def _places(
    use: program.LayerUse | program.BlockUse, definitions: Mapping[str, program.Definition]
) -> Sequence[str]:
    if isinstance(use, program.BlockUse):
        return [*definitions[use.block].parameters]
    fields = (name for name in use.layer.model_fields if name not in use.layer.operands)
    return [*fields][: use.layer.positional]


def _is_named(name: str, expr: tree.Expr) -> bool:
    return re.search(rf"\b{name}\s*=\s*\(*$", _before(expr.span)) is not None


def _before(span: Span) -> str:
    """The text of a line up to a span."""
    return span.source.line(span.line)[: span.column - 1]
