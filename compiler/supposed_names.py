"""Names that nothing uses, and what they may be for: each a line or a layer that was forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.edits import append, rewrite
from netc.compiler.nodes import changed, is_whole, nodes, plain_lines
from netc.compiler.source import Span
from netc.compiler.supposed import Open, Supposed, ahead, below
from netc.compiler.supposed_lines import copy_of, copy_with_number, elements, layer_of, with_element


def unused(definition: program.Definition) -> Iterator[Supposed]:
    """What a parameter that nothing uses may be for: a layer, a branch, a line, a value beside."""
    for name in nothing_takes(definition):
        yield from _calls_of_it(definition, name)
        yield from _branches_of_it(definition, name)
        yield from _lines_of_it(definition, name)
        for flow, at, element in elements(definition):
            if isinstance(element, program.LayerUse):
                operand = tree.Name(name, element.span)
                join = program.LayerUse(
                    layer_of("concat"), {}, (("", operand),), element.span, element.span
                )
                hint = f"write `{element.span.text} -> concat {name}`"
                fix = append(element.span, f" -> concat {name}", hint)
                line = with_element(flow, at + 1, join)
                yield Supposed(element.span, fix, ((flow, line),))


def unused_with_number(definition: program.Definition) -> Iterator[Open]:
    """A line once more for a value that nothing uses, in the place of another; its number open."""
    for name in nothing_takes(definition):
        for body, at in plain_lines(definition):
            line = body[at]
            number = next((n for n in nodes(line) if is_whole(n)), None)
            if isinstance(line, program.Flow) and not line.output and number is not None:
                for old in _names(line, definition):
                    place, other = (body, at), ((old, replace(old, text=name), name),)
                    tried = partial(copy_with_number, line, place, definition, number, other)
                    yield Open(int(number.value), tried)


def forgotten(definition: program.Definition, blocks: Mapping[str, str]) -> Iterator[Supposed]:
    """A line of a block that needs no arguments below each line; `blocks` are keys by name."""
    for body, at in plain_lines(definition) if blocks else ():
        above = body[at].span
        indent = above.source.line(above.line)[: above.column - 1]
        for name, key in blocks.items():
            line = program.Flow((program.BlockUse(key, {}, above, above),), above)
            longer = (*body[: at + 1], line, *body[at + 1 :])
            yield below(above, f"{indent}{name}", ((body, longer),))


def common(definition: program.Definition) -> Iterator[Supposed]:
    """A line of a layer that most nets have above each line, and below the last of a body."""
    for body, at in plain_lines(definition):
        span = body[at].span
        indent = span.source.line(span.line)[: span.column - 1]
        for word, arguments, text in (*_common(span), *_ends(definition, span)):
            use = program.LayerUse(layer_of(word), arguments, (), span, span)
            line, written = program.Flow((use,), span), f"{indent}{text}"
            yield ahead(span, written, ((body, (*body[:at], line, *body[at:])),))
            if not any(isinstance(item, program.Flow) for item in body[at + 1 :]):
                longer = (*body[: at + 1], line, *body[at + 1 :])
                yield below(span, written, ((body, longer),))


_Layer: TypeAlias = tuple[str, dict[str, tree.Expr], str]


def _common(span: Span) -> Iterator[_Layer]:
    yield "max_pool", {"kernel": tree.Dims((2, 2), span)}, "max_pool 2x2"
    for word in ("global_avg_pool", "flatten", "batch_norm"):
        yield word, {}, word


def _ends(definition: program.Definition, span: Span) -> Iterator[_Layer]:
    """A dense layer of as many units as a parameter says that nothing takes."""
    for name in nothing_takes(definition):
        if name in definition.parameters:
            yield "dense", {"units": tree.Name(name, span)}, f"dense {name}"


def nothing_takes(definition: program.Definition) -> Iterator[str]:
    """Parameters that no line takes.

    And values with a name, where others of the definition are taken by theirs: most names of lines
    are there for the state dict alone.
    """
    named = {n.text for n in nodes((definition.body,)) if isinstance(n, tree.Name)}
    for name in definition.parameters:
        if name not in named and not _is_asked(name, definition):
            yield name
    lines = [n for n in nodes(definition) if isinstance(n, program.Flow) and not n.output]
    if any(line.target in named for line in lines):
        for line in lines:
            if line.target is not None and line.target not in named:
                yield line.target


def _is_asked(name: str, definition: program.Definition) -> bool:
    """Whether a name stands in a condition."""
    asked = [n.condition for n in nodes(definition) if isinstance(n, program.When)]
    asked += [n.condition for n in nodes(definition) if isinstance(n, tree.Choice)]
    text = " ".join(expr.span.text for expr in asked)
    return re.search(rf"\b{name}\b", text) is not None


def _calls_of_it(definition: program.Definition, name: str) -> Iterator[Supposed]:
    """A layer like another with this name in it, and what follows it, before each layer."""
    for flow, at, element in elements(definition):
        is_call = isinstance(element, program.LayerUse | program.BlockUse | program.HandedUse)
        for old in _names(element, definition) if is_call else ():
            copies = [changed(element, ((old, replace(old, text=name)),))]
            written = [_renamed(element.span, old, name)]
            for more in flow.elements[at + 1 : at + 2]:
                if isinstance(more, program.LayerUse) and not more.layer.positional:
                    copies.append(more)
                    written.append(more.span.text)
            for other, here, before in elements(definition):
                if isinstance(before, program.LayerUse) and before.arguments:
                    text = " -> ".join(written)
                    hint = f"write `{text} -> {before.span.text}`"
                    fix = rewrite(before.span.before, f"{text} -> ", hint)
                    chain = (*other.elements[:here], *copies, *other.elements[here:])
                    line = replace(other, elements=chain)
                    yield Supposed(before.span, fix, ((other, line),))


def _branches_of_it(definition: program.Definition, name: str) -> Iterator[Supposed]:
    """A branch like another with this name in it, below the last one."""
    for node in nodes(definition):
        if not isinstance(node, program.Parallel):
            continue
        last = node.branches[-1]
        for branch in node.branches:
            names = _names(branch.body, definition)
            if len(names) != 1 or len(branch.body) != 1:
                continue
            old = names[0]
            new = replace(
                branch, name=None, body=changed(branch.body, ((old, replace(old, text=name)),))
            )
            body = branch.body[0].span
            indent = re.match(r"\s*", last.span.source.line(last.span.line))
            text = f"{indent[0] if indent else ''}branch: {_renamed(body, old, name)}"
            whole = replace(node, branches=(*node.branches, new))
            yield below(last.body[-1].span, text, ((node, whole),))


def _lines_of_it(definition: program.Definition, name: str) -> Iterator[Supposed]:
    """A line like another with this name in it, below that one or the one before."""
    for body, at in plain_lines(definition):
        line = body[at]
        if isinstance(line, program.Flow) and not line.output:
            for old in _names(line, definition):
                other = ((old, replace(old, text=name), name),)
                for below_it in (at, at - 1) if at else (at,):
                    if isinstance(body[below_it], program.Flow):
                        yield copy_of(line, body, below_it, definition, other)


def _names(node: object, definition: program.Definition) -> list[tree.Name]:
    """The names in a node that stand for parameters or for values of lines."""
    known = {*definition.parameters}
    known |= {n.target for n in nodes(definition) if isinstance(n, program.Flow) and n.target}
    return [n for n in nodes(node) if isinstance(n, tree.Name) and n.text in known]


def _renamed(span: Span, old: tree.Name, name: str) -> str:
    text, start = span.text, old.span.column - span.column
    return text[:start] + name + text[start + len(old.text) :]
