"""What a name that nothing has may be: another name, a line without its own, a line left out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.edits import Edit, Fix, rewrite
from netc.compiler.nodes import bodies, is_whole, nodes, plain_lines
from netc.compiler.source import Span
from netc.compiler.supposed import Open, Supposed
from netc.compiler.supposed_lines import copy_of, copy_with_number
from netc.compiler.supposed_names import nothing_takes


def meant(place: Span, definition: program.Definition) -> Iterator[Supposed | Open]:
    """What an unknown name at a place may be, if that is in a line of this definition.

    A name that nothing takes, a line's own, that of a line that is missing, any other.
    """
    if not any(_holds(flow.span, place) for flow in _flows(definition)):
        return
    name = place.text
    free = [*nothing_takes(definition)]
    yield from _other_names(name, free, definition)
    yield from _named_lines(name, place, definition)
    yield from _copies(name, place, definition)
    above = (flow.target for flow in _flows(definition) if flow.span.line < place.line)
    known = [target for target in above if target is not None and target not in free]
    yield from _other_names(name, known[::-1], definition)


def _flows(definition: program.Definition) -> Iterator[program.Flow]:
    for body in bodies(definition):
        yield from (item for item in body if isinstance(item, program.Flow))


def _holds(whole: Span, part: Span) -> bool:
    return whole.source == part.source and whole.line <= part.line <= whole.end_line


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
    """The name for each line above that has none, the nearest first.

    What the line right above gives flows here without a name: that comes last.
    """
    found = [flow for flow in _flows(definition) if flow.span.line < place.line]
    above = sorted(found, key=lambda flow: -flow.span.line)
    for flow in (*above[1:], *above[:1]):
        first = flow.elements[0]
        before = flow.span.source.line(flow.span.line)[: flow.span.column - 1]
        if flow.target is None and not before.strip() and not isinstance(first, program.ShapeClaim):
            hint = f"give line {flow.span.line} this name: `{name} = {first.span.text}`"
            fix = rewrite(flow.span.before, f"{name} = ", hint)
            yield Supposed(first.span, fix, ((flow, replace(flow, target=name)),))


def _copies(name: str, place: Span, definition: program.Definition) -> Iterator[Supposed | Open]:
    """A line like the one that is missing once more, under this name, right above or further up.

    Alike are those whose names differ by the number alone; where the name has none, all with a
    name, and then a number in them may differ too.
    """
    lines = [(body, at) for body, at in plain_lines(definition) if body[at].span.line < place.line]
    lines.sort(key=lambda found: -found[0][found[1]].span.line)
    stem = name.rstrip("0123456789")
    like = [
        flow
        for flow in _flows(definition)
        if flow.target is not None and not flow.output and flow.span.line == flow.span.end_line
        if stem == name or flow.target.rstrip("0123456789") == stem
    ]
    for body, at in lines:
        for line in like:
            yield copy_of(line, body, at, definition, (), name)
    for body, at in lines:
        for line in like:
            number = next((n for n in nodes(line) if is_whole(n)), None)
            if number is not None:
                copies = partial(copy_with_number, line, (body, at), definition, number, ())
                yield Open(int(number.value), partial(copies, name=name))
