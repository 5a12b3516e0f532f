"""Arguments that are wrong whatever flows in, said of lines that elaboration did not come to.

What follows an error is unknown, and so are the lines of a residual or a repeat behind it; the
numbers and words that are written there are known all the same.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netc.compiler import program
from netc.compiler.applying import make_layer
from netc.compiler.arguments import words_of
from netc.compiler.diagnostics import Diagnostic, Log
from netc.compiler.evaluate import EvaluationError, Poisoned, evaluate
from netc.compiler.frame import Findings, Frame
from netc.compiler.nodes import nodes, used_blocks
from netc.compiler.source import Span


def wrong_literals(
    program_: program.Program, nets: Iterable[program.Definition], found: Iterable[Diagnostic]
) -> Log:
    """What is wrong (E0210) with arguments of nets that are not built, and of their blocks.

    `found` are the errors that are said already: a call with one of them is left alone.
    """
    log = Log()
    places: dict[tuple[str, int], list[Span]] = {}
    for diagnostic in found:
        places.setdefault(_line(diagnostic.span), []).append(diagnostic.span)
    for definition in _reached(program_, nets):
        env = _defaults(definition) if definition.word == "net" else {}
        for use in _unconditional(definition):
            fields = _fields(use, env)
            near = places.get(_line(use.span), ())
            if fields is not None and not any(_is_inside(place, use.span) for place in near):
                frame = Frame(ChainMap(), [], None, None)
                make_layer(Findings(log), use, fields, frame)
    return log


def _reached(
    program_: program.Program, nets: Iterable[program.Definition]
) -> Iterator[program.Definition]:
    """Definitions, and the blocks that they use, each once."""
    waiting, seen = [*nets], set[Span]()
    while waiting:
        definition = waiting.pop()
        if definition.span not in seen:
            seen.add(definition.span)
            yield definition
            blocks = (program_.definitions.get(key) for key in used_blocks(definition))
            waiting += [block for block in blocks if block is not None]


def _unconditional(definition: program.Definition) -> Iterator[program.LayerUse]:
    """The layers that no `when` decides about."""
    decided: set[int] = set()
    for node in nodes(definition):
        under_condition = isinstance(node, program.When) or (
            isinstance(node, program.Shortcut) and node.when is not None
        )
        if under_condition:
            decided |= {id(inner) for inner in nodes(node.body)}
        elif isinstance(node, program.LayerUse) and id(node) not in decided:
            yield node


def _defaults(definition: program.Definition) -> dict[str, Any]:
    """A net's parameters, as far as their values stand in the text."""
    found: dict[str, Any] = {}
    for name, default in definition.parameters.items():
        try:
            found[name] = evaluate(default, {}) if default is not None else None
        except (EvaluationError, Poisoned):
            continue
    return {name: value for name, value in found.items() if value is not None}


def _fields(use: program.LayerUse, env: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values of a layer's arguments; None if one of them is not known here."""
    found: dict[str, Any] = {}
    for name, expr in use.arguments.items():
        try:
            found[name] = evaluate(expr, env, words_of(use.layer, name))
        except (EvaluationError, Poisoned):
            return None
    for number, (name, _) in enumerate(use.operands):
        if name:
            found[name] = number
    return found


def _line(span: Span) -> tuple[str, int]:
    return span.source.name, span.line


def _is_inside(place: Span, around: Span) -> bool:
    """Whether a place in a line is within a call there."""
    return around.column <= place.column < around.end_column
