"""Which definitions use which: circles, and what is sound in spite of errors elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import TypeAlias

from netc.compiler import program
from netc.compiler.diagnostics import Label, Log
from netc.compiler.scope import mentioned

Uses: TypeAlias = Mapping[str, Mapping[str, program.BlockUse]]
"""By the keys of definitions: the blocks that each uses, with the place of a use."""


def uses_of(definitions: Mapping[str, program.Definition]) -> Uses:
    """The blocks that each definition uses or hands on."""
    return {key: {u.block: u for u in _all_uses(d)} for key, d in definitions.items()}


def sound(uses: Uses, wrong: Collection[str]) -> frozenset[str]:
    """The definitions that are not wrong, are in no circle and use only sound ones."""
    users: dict[str, list[str]] = {key: [] for key in uses}
    for key, used in uses.items():
        for block in used:
            users[block].append(key)
    waiting = {key: len(used) for key, used in uses.items()}
    ready = [key for key, count in waiting.items() if not count and key not in wrong]
    found: set[str] = set()
    while ready:
        key = ready.pop()
        found.add(key)
        for user in users[key]:
            waiting[user] -= 1
            if not waiting[user] and user not in wrong:
                ready.append(user)
    return frozenset(found)


def refuse_circles(uses: Uses, definitions: Mapping[str, program.Definition], log: Log) -> None:
    """A block that uses itself, directly or through others, would never end."""
    from graphlib import CycleError, TopologicalSorter

    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        name = {key: definition.name for key, definition in definitions.items()}
        first, *others = [(uses[a][b], name[a], name[b]) for a, b in pairwise(circle)]
        message = f"`{name[circle[0]]}` uses itself: {' → '.join(name[key] for key in circle)}"
        hint = "a block is made of other blocks; use `repeat` for depth"
        labels = [Label(use.span, f"`{a}` uses `{b}`") for use, a, b in others]
        log.say("E0401", first[0].span, message, hint, labels)


def _all_uses(definition: program.Definition) -> Iterable[program.BlockUse]:
    """The blocks that a definition uses or hands on, each with its place."""
    exprs = [default for default in definition.parameters.values() if default is not None]
    for use in _uses(definition.body):
        if isinstance(use, program.BlockUse):
            yield use
            exprs += use.arguments.values()
        else:
            exprs += [argument.value for argument in use.call.arguments]
    for name in mentioned(exprs):
        if name.text in definition.blocks and name.text not in definition.parameters:
            yield program.BlockUse(definition.blocks[name.text], {}, name.span, name.span)


def _uses(body: program.Body) -> Iterable[program.BlockUse | program.HandedUse]:
    """Every block use in a body, however deep."""
    for item in body:
        elements: tuple[program.Element, ...] = ()
        if isinstance(item, program.Flow):
            elements = item.elements
        elif isinstance(item, program.Share):
            elements = (item.element,)
        for element in elements:
            if isinstance(element, program.BlockUse | program.HandedUse):
                yield element
            for inner in program.lines_in(element):
                yield from _uses(inner)
