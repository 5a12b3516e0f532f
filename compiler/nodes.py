"""The nodes of a resolved spec: all of them in order, and a copy with some of them replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias, TypeGuard

from netc.compiler import program, tree
from netc.compiler.source import Source, Span

Changes: TypeAlias = tuple[tuple[Any, Any], ...]
"""Nodes of a definition, each with the one to put in its place."""

_LEAVES = (Span, Source, str, int, float, type, type(None))
_LEFT_ALONE = {"condition", "when", "blocks", "kind"}
"""Parts of nodes that decide, or name; what they hold is not supposed to be otherwise."""


def nodes(node: Any) -> Iterator[Any]:
    """A node and all nodes in it, in the text's order; claims and conditions are left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (*_LEAVES, program.ShapeClaim, program.Expect)):
            continue
        if isinstance(one, tuple):
            waiting += reversed(one)
        elif isinstance(one, dict):
            waiting += reversed([*one.values()])
        else:
            yield one
            parts = [getattr(one, name) for name in _fields(one) if name not in _LEFT_ALONE]
            waiting += reversed(parts)


def changed(node: Any, changes: Changes) -> Any:
    """A node with others in the place of some inside it; what holds none of them is kept."""
    return _changed(node, {id(old): new for old, new in changes})


def _changed(node: Any, new: dict[int, Any]) -> Any:
    if id(node) in new:
        return new[id(node)]
    if isinstance(node, _LEAVES):
        return node
    if isinstance(node, tuple):
        parts = tuple(_changed(part, new) for part in node)
        return parts if any(a is not b for a, b in zip(parts, node, strict=True)) else node
    if isinstance(node, dict):
        values = {name: _changed(value, new) for name, value in node.items()}
        return values if any(values[name] is not node[name] for name in node) else node
    old = [getattr(node, name) for name in _fields(node)]
    found = [_changed(value, new) for value in old]
    same = all(a is b for a, b in zip(found, old, strict=True))
    return node if same else type(node)(*found)


def _fields(node: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = type(node).__match_args__
    return names


def is_whole(node: Any) -> TypeGuard[tree.Number]:
    """Whether a node is a whole number."""
    return isinstance(node, tree.Number) and isinstance(node.value, int)


def calls(definition: program.Definition) -> Iterator[tuple[tree.Expr, ...]]:
    """What calls in a definition are given, and the defaults of its parameters."""
    yield tuple(expr for expr in definition.parameters.values() if expr is not None)
    for node in nodes(definition):
        match node:
            case program.LayerUse() | program.BlockUse():
                yield tuple(node.arguments.values())
            case program.HandedUse():
                yield tuple(argument.value for argument in node.call.arguments)
            case program.Repeat():
                yield tuple(expr for expr in (node.count, node.items) if expr is not None)


def numbers(definition: program.Definition) -> Iterator[tree.Number]:
    """The whole numbers that are handed to layers, blocks and repeats, in the text's order."""
    for given in calls(definition):
        for expr in given:
            yield from filter(is_whole, nodes(expr))


def uses(definition: program.Definition) -> Iterator[program.LayerUse]:
    """The layers of a definition, in the text's order."""
    return (node for node in nodes(definition) if isinstance(node, program.LayerUse))


def bodies(definition: program.Definition) -> Iterator[program.Body]:
    """The bodies of a definition: its own, and those of the structure in it."""
    for node in nodes(definition):
        body = getattr(node, "body", None)
        if isinstance(body, tuple):
            yield body


def plain_lines(definition: program.Definition) -> Iterator[tuple[program.Body, int]]:
    """Flows that stand alone on one line of the text, each as its body and its place there."""
    for body in bodies(definition):
        for at, line in enumerate(body):
            if isinstance(line, program.Flow) and _is_alone(line):
                yield body, at


def _is_alone(line: program.Flow) -> bool:
    """Whether a line begins its line of the text, and nothing of it stands on another one."""
    number = line.span.line
    before = line.span.source.line(number)[: line.span.column - 1]
    return not before.strip() and all(
        node.span.line == number == node.span.end_line for node in nodes(line)
    )


def used_blocks(definition: program.Definition) -> Iterable[str]:
    """The keys of the blocks that a definition uses itself, or can hand on."""
    for node in nodes(definition):
        if isinstance(node, program.BlockUse):
            yield node.block
        elif isinstance(node, tree.Name) and node.text in definition.blocks:
            yield definition.blocks[node.text]
