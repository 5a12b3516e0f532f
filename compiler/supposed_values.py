"""Values of another form in the place of those written: a multiple, a choice, a join, a picture."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec.structs import replace

from netc.compiler import layers, program, tree
from netc.compiler.edits import Edit, Fix, rewrite
from netc.compiler.nodes import is_whole, nodes, uses
from netc.compiler.source import Span
from netc.compiler.supposed import Supposed

PICTURES = (28, 32, 64, 96, 224, 227, 256, 299, 384, 512)
"""Heights and widths of pictures in use."""


def multiples(definition: program.Definition) -> Iterator[Supposed]:
    """Each width that is a name, twice and four times as large."""
    for use in uses(definition):
        for field in ("filters", "units"):
            name = use.arguments.get(field)
            for factor in (2, 4) if isinstance(name, tree.Name) else ():
                assert isinstance(name, tree.Name)
                text = f"{factor}*{name.text}"
                number = tree.Number(factor, name.span)
                product = tree.Binary("*", number, name, name.span)
                yield _instead(name, product, text)


def first_rounds(definition: program.Definition) -> Iterator[Supposed]:
    """Each stride in a repeat with a name for its rounds: in the first round only."""
    for node in nodes(definition):
        if isinstance(node, program.Repeat) and node.variable is not None:
            for use in nodes((node.body,)):
                if isinstance(use, program.LayerUse | program.BlockUse):
                    stride = use.arguments.get("stride")
                    if isinstance(stride, tree.Name | tree.Number):
                        yield _in_first_round(stride, node.variable)


def _in_first_round(stride: tree.Name | tree.Number, variable: str) -> Supposed:
    span = stride.span
    zero, one = tree.Number(0, span), tree.Number(1, span)
    first = tree.Binary("==", tree.Name(variable, span), zero, span)
    choice = tree.Choice(first, stride, one, span)
    return _instead(stride, choice, f"{span.text} if {variable} == 0 else 1")


def _instead(old: tree.Expr, new: tree.Expr, text: str) -> Supposed:
    fix = rewrite(old.span, text, "write `{}` for " + f"`{old.span.text}`")
    return Supposed(old.span, fix, ((old, new),))


def joins(definition: program.Definition) -> Iterator[Supposed]:
    """The ways of each `parallel` side by side in the place of their sum."""
    for node in nodes(definition):
        if isinstance(node, program.Parallel) and node.join.layer.kind == "add":
            span = node.span
            found = re.search(r"join\s*=\s*add\b", span.source.line(span.line))
            concat = layers.find("concat")
            if found is not None and concat is not None:
                place = Span(span.source, span.line, found.start() + 1, span.line, found.end() + 1)
                fix = rewrite(place, "join=concat", "write `{}`")
                yield Supposed(place, fix, ((node.join, replace(node.join, layer=concat)),))


def pictures(definition: program.Definition) -> Iterator[Supposed]:
    """Each input that is a square picture, of another size in use; the nearest first."""
    for item in definition.body:
        if not isinstance(item, program.Input) or len(item.kind.sizes) != 3:
            continue
        _, height, width = item.kind.sizes
        if is_whole(height) and is_whole(width) and height.value == width.value:
            old = int(height.value)
            for size in sorted(PICTURES, key=lambda size: abs(size - old)):
                if size != old:
                    hint = f"let the pictures be {size} × {size}"
                    edits = (Edit(height.span, str(size)), Edit(width.span, str(size)))
                    changes = tuple((n, replace(n, value=size)) for n in (height, width))
                    yield Supposed(height.span, Fix(hint, edits), changes)
