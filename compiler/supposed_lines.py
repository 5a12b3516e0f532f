"""Lines forgotten, written twice or too many, and a flattening left out, each undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from netc.compiler import layers, program, tree
from netc.compiler.edits import Edit, Fix, rewrite, whole_line
from netc.compiler.layers.base import Layer
from netc.compiler.nodes import changed, is_whole, nodes, plain_lines, uses
from netc.compiler.supposed import Open, Supposed, below

Others: TypeAlias = tuple[tuple[tree.Expr, tree.Expr, str], ...]
"""Expressions of a line, each with the one to put in its place and the text of that."""

MOST_COPIES = 400
"""Places for copies of lines that are tried in one definition."""


def flattens(definition: program.Definition) -> Iterator[Supposed]:
    """`flatten` before each dense layer."""
    for flow, at, use in elements(definition):
        if isinstance(use, program.LayerUse) and use.layer.kind == "dense":
            flat = program.LayerUse(layer_of("flatten"), {}, (), use.span, use.span)
            hint = "write `{}" + f"{use.span.text}`"
            fix = rewrite(use.span.before, "flatten -> ", hint)
            yield Supposed(use.span, fix, ((flow, with_element(flow, at, flat)),))


def averages(definition: program.Definition) -> Iterator[Supposed]:
    """`global_avg_pool` in the place of each `flatten`."""
    for use in uses(definition):
        if use.layer.kind == "flatten":
            fix = rewrite(use.span, "global_avg_pool", "write `{}` for `flatten`")
            pool = replace(use, layer=layer_of("global_avg_pool"), arguments={})
            yield Supposed(use.span, fix, ((use, pool),))


def doubled(definition: program.Definition) -> Iterator[Supposed]:
    """Each line of layers twice, and then none of it."""
    for body, at in plain_lines(definition):
        line = body[at]
        assert isinstance(line, program.Flow)
        if line.target is None:
            twice = (*body[: at + 1], replace(line), *body[at + 1 :])
            yield below(line.span, line.span.source.line(line.span.line), ((body, twice),))
        if len(body) > 1:
            out = Fix(f"take line {line.span.line} out", (Edit(whole_line(line.span), ""),))
            yield Supposed(line.span, out, ((body, (*body[:at], *body[at + 1 :])),))


def copied(definition: program.Definition) -> Iterator[Supposed]:
    """Each line of layers once more, below another line."""
    for line, body, at in _places(definition):
        if body[at] is not line:
            yield copy_of(line, body, at, definition, ())


def copied_with_number(definition: program.Definition) -> Iterator[Open]:
    """Each line with a number once more, below one that begins alike, its first number unknown."""
    for line, body, at in _places(definition):
        number = next((n for n in nodes(line) if is_whole(n)), None)
        if number is not None and word_of(line) == word_of(body[at]):
            tried = partial(copy_with_number, line, (body, at), definition, number, ())
            yield Open(int(number.value), tried)


def word_of(line: program.Item) -> str:
    """The word that a line's first element begins with."""
    first = line.elements[0] if isinstance(line, program.Flow) else line
    return first.span.text.removeprefix("inline ").split(" ")[0]


def _places(
    definition: program.Definition,
) -> Iterator[tuple[program.Flow, program.Body, int]]:
    """Each line with each place below a line, the nearest places first."""
    found = [*plain_lines(definition)]
    pairs = sorted(
        ((a, b) for a in range(len(found)) for b in range(len(found))),
        key=lambda pair: abs(pair[0] - pair[1]),
    )
    for a, b in pairs[:MOST_COPIES]:
        body, at = found[a]
        line = body[at]
        if isinstance(line, program.Flow) and not line.output:
            yield line, *found[b]


def copy_of(
    line: program.Flow,
    body: program.Body,
    at: int,
    definition: program.Definition,
    other: Others,
    name: str | None = None,
) -> Supposed:
    """A line with some other expressions, below the line of a body; under a name of its own.

    `name` is that name, where it is known.
    """
    above = body[at].span
    indent = above.source.line(above.line)[: above.column - 1]
    start = line.span.column - 1
    kept = _without_claims(line)
    end = None if len(kept) == len(line.elements) else kept[-1].span.end_column - 1
    text = line.span.source.line(line.span.line)[start:end]
    places = [(old.span, written) for old, _, written in other]
    target = line.target
    if target is not None:
        target = name or _free_name(target, definition)
        places.append((replace(line.span, end_column=start + len(str(line.target)) + 1), target))
    for span, written in sorted(places, key=lambda place: -place[0].column):
        text = text[: span.column - 1 - start] + written + text[span.end_column - 1 - start :]
    new = changed(line, tuple((old, fresh) for old, fresh, _ in other))
    new = replace(new, target=target, elements=new.elements[: len(kept)])
    longer = (*body[: at + 1], new, *body[at + 1 :])
    return below(above, f"{indent}{text}", ((body, longer),))


def copy_with_number(
    line: program.Flow,
    place: tuple[program.Body, int],
    definition: program.Definition,
    number: tree.Number,
    other: Others,
    value: int,
    name: str | None = None,
) -> Supposed:
    """The same, with another value of one of its numbers."""
    written = (number, replace(number, value=value), str(value))
    return copy_of(line, *place, definition, (*other, written), name)


def _without_claims(line: program.Flow) -> tuple[program.Element, ...]:
    """A line's elements without the claims at its end: they are about another place."""
    count = len(line.elements)
    while count > 1 and isinstance(line.elements[count - 1], program.ShapeClaim):
        count -= 1
    return line.elements[:count]


def _free_name(name: str, definition: program.Definition) -> str:
    """A name like another one that no line has yet: `norm5` for `norm0`, `join5b` for `join5a`."""
    stem = name.rstrip("0123456789")
    taken = {node.target for node in nodes(definition) if isinstance(node, program.Flow)}
    if re.search(r"[0-9][a-y]$", name):
        letters = (f"{name[:-1]}{chr(n)}" for n in range(ord(name[-1]) + 1, ord("z") + 1))
        if (letter := next((one for one in letters if one not in taken), None)) is not None:
            return letter
    ends = [t.removeprefix(stem) for t in taken if t is not None and t.startswith(stem)]
    largest = max((int(end) for end in ends if end.isdigit()), default=0)
    return f"{stem}{largest + 1}"


def layer_of(word: str) -> type[Layer]:
    found = layers.find(word)
    assert found is not None
    return found


def elements(
    definition: program.Definition,
) -> Iterator[tuple[program.Flow, int, program.Element]]:
    """Every element of every line, with the line and its place in it."""
    for node in nodes(definition):
        if isinstance(node, program.Flow):
            for at, element in enumerate(node.elements):
                yield node, at, element


def with_element(flow: program.Flow, at: int, element: program.Element) -> program.Flow:
    return replace(flow, elements=(*flow.elements[:at], element, *flow.elements[at:]))
