"""What a name or an argument that is missing may be: a line without its name, a line left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.diagnostics import Diagnostic
from netc.compiler.edits import Edit, Fix, append, rewrite
from netc.compiler.nodes import bodies, is_whole, nodes, plain_lines
from netc.compiler.source import Span
from netc.compiler.supposed import Open, Supposed
from netc.compiler.supposed_arguments import means_the_same
from netc.compiler.supposed_lines import copy_of

Call: TypeAlias = program.LayerUse | program.BlockUse


def supplied(
    wrong: Diagnostic,
    definition: program.Definition,
    definitions: Mapping[str, program.Definition],
) -> Iterator[Supposed | Open]:
    """What may be missing where a finding says so: a name (E0202) or an argument (E0205)."""
    if wrong.code == "E0205":
        for use in _calls(definition):
            if use.word == wrong.span:
                yield from _arguments(use, definition, definitions)
    elif any(_holds(flow.span, wrong.span) for flow, _, _ in _flows(definition)):
        yield from _names(wrong.span, definition)


def _calls(definition: program.Definition) -> Iterator[Call]:
    for node in nodes(definition):
        if isinstance(node, program.LayerUse | program.BlockUse):
            yield node


def _flows(
    definition: program.Definition,
) -> Iterator[tuple[program.Flow, program.Body, int]]:
    for body in bodies(definition):
        for at, item in enumerate(body):
            if isinstance(item, program.Flow):
                yield item, body, at


def _holds(whole: Span, part: Span) -> bool:
    return whole.source == part.source and whole.line <= part.line <= whole.end_line


# ------------------------------------------------------------------------------
# Arguments


def _arguments(
    use: Call, definition: program.Definition, definitions: Mapping[str, program.Definition]
) -> Iterator[Supposed | Open]:
    """One argument more, at its place or at one before: as others of this word have it, or open."""
    if isinstance(use, program.BlockUse):
        defaults = definitions[use.block].parameters
        fields = [*defaults]
        missing = [n for n, value in defaults.items() if value is None and n not in use.arguments]
    else:
        fields = [name for name in use.layer.model_fields if name not in use.layer.operands]
        required = (name for name in fields if use.layer.model_fields[name].is_required())
        missing = [name for name in required if name not in use.arguments]
    if len(missing) != 1 or use.span.line != use.span.end_line:
        return
    given = [*use.arguments.values()]
    last = fields.index(missing[0])
    by_place = fields[:last] == [*use.arguments][:last]
    same = [one for one in _calls(definition) if _word(one) == _word(use) and one is not use]
    own = next((int(expr.value) for expr in reversed(given) if is_whole(expr)), None)
    for at in range(last, -1, -1) if by_place else (last,):
        field = fields[at]
        beside = [one.arguments[field] for one in same if field in one.arguments]
        place = partial(_with_argument, use, fields, at, by_place)
        for expr in {expr.span.text: expr for expr in beside}.values():
            if not is_whole(expr) and means_the_same(expr, definition):
                yield place(expr, expr.span.text)
        first = next((int(expr.value) for expr in beside if is_whole(expr)), own)
        if first is not None and first > 0:
            yield Open(first, partial(_with_number, place, use.span))


def _word(use: Call) -> object:
    return use.block if isinstance(use, program.BlockUse) else use.layer


def _with_number(place: partial[Supposed], span: Span, value: int) -> Supposed:
    return place(tree.Number(value, span), str(value))


def _with_argument(
    use: Call, fields: list[str], at: int, by_place: bool, expr: tree.Expr, text: str
) -> Supposed:
    """A call with an argument put in at a place; those behind it go one place on."""
    given = [*use.arguments.items()]
    if not by_place:
        arguments = {**use.arguments, fields[at]: expr}
        comma = "," if given else ""
        fix = append(use.span, f"{comma} {fields[at]}={text}", "")
        written = f"{use.span.text}{comma} {fields[at]}={text}"
    else:
        last = len(fields[: next(n for n, f in enumerate(fields) if f not in use.arguments)])
        values = [value for _, value in given]
        values.insert(at, expr)
        names = [*fields[: last + 1], *(name for name, _ in given[last:])]
        arguments = dict(zip(names, values, strict=True))
        fix, written = _inserted(use.span, [value.span for _, value in given], at, text)
    hint = f"write `{written}`"
    changes = ((use, replace(use, arguments=arguments)),)
    return Supposed(use.span, replace(fix, hint=hint), changes)


def _inserted(call: Span, given: list[Span], at: int, text: str) -> tuple[Fix, str]:
    """The edit that puts an argument before the one at a place, and the call after it."""
    if at < len(given):
        place = given[at].before
        start = place.column - call.column
        written = f"{call.text[:start]}{text}, {call.text[start:]}"
        return Fix("", (Edit(place, f"{text}, "),)), written
    comma = "," if given else ""
    return append(call, f"{comma} {text}", ""), f"{call.text}{comma} {text}"


# ------------------------------------------------------------------------------
# Names


def _names(place: Span, definition: program.Definition) -> Iterator[Supposed]:
    """What a name that nothing has may be: a name that nothing takes, a line's own, a line's."""
    name = place.text
    used = {n.text for n in nodes((definition.body,)) if isinstance(n, tree.Name)}
    above = [flow.target for flow, _, _ in _flows(definition) if flow.span.line < place.line]
    known = [target for target in reversed(above) if target is not None]
    yield from _other_names(name, [one for one in known if one not in used], definition)
    yield from _named_lines(name, place, definition)
    yield from _copies(name, place, definition)
    yield from _other_names(name, [one for one in known if one in used], definition)


def _other_names(
    name: str, others: list[str], definition: program.Definition
) -> Iterator[Supposed]:
    """A name that a line has, wherever the unknown one stands."""
    places = [n for n in nodes(definition) if isinstance(n, tree.Name) and n.text == name]
    for other in others if places else ():
        edits = tuple(Edit(node.span, other) for node in places)
        changes = tuple((node, replace(node, text=other)) for node in places)
        fix = Fix(f"write `{other}` for `{name}`", edits)
        yield Supposed(places[0].span, fix, changes)


def _named_lines(name: str, place: Span, definition: program.Definition) -> Iterator[Supposed]:
    """The name for each line above that has none, the nearest first."""
    found = [flow for flow, _, _ in _flows(definition) if flow.span.line < place.line]
    for flow in sorted(found, key=lambda flow: -flow.span.line):
        first = flow.elements[0]
        before = flow.span.source.line(flow.span.line)[: flow.span.column - 1]
        if flow.target is None and not before.strip() and not isinstance(first, program.ShapeClaim):
            hint = f"give line {flow.span.line} this name: `{name} = {first.span.text}`"
            fix = rewrite(flow.span.before, f"{name} = ", hint)
            yield Supposed(first.span, fix, ((flow, replace(flow, target=name)),))


def _copies(name: str, place: Span, definition: program.Definition) -> Iterator[Supposed]:
    """A line with a name that differs by its number alone once more, under this name.

    It stands right above the line that asks for it, or further up.
    """
    lines = [(body, at) for body, at in plain_lines(definition) if body[at].span.line < place.line]
    lines.sort(key=lambda found: -found[0][found[1]].span.line)
    stem = name.rstrip("0123456789")
    like = [flow for flow, _, _ in _flows(definition) if _stem(flow.target) == stem]
    for body, at in lines if stem != name else ():
        for line in like:
            if line.span.line == line.span.end_line and not line.output:
                yield copy_of(line, body, at, definition, (), name)


def _stem(name: str | None) -> str | None:
    return None if name is None else name.rstrip("0123456789")
