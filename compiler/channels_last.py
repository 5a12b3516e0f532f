"""Pictures whose channels stand last, as Keras has them: the edit that puts them first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.edits import Edit, Fix
from netc.compiler.nodes import nodes

CHANNELS = (1, 3, 4)
"""Channels of pictures: grey, of three colours, with opacity."""


def channels_first(definition: program.Definition) -> Fix | None:
    """The inputs and claims of a net with their channels first; None if no input has them last.

    Claims are turned whose first two sizes are written alike, or as those of an input.
    """
    inputs = [
        item.kind.sizes
        for item in definition.body
        if isinstance(item, program.Input) and _is_last(item.kind.sizes)
    ]
    if not inputs:
        return None
    names = {(sizes[0].span.text, sizes[1].span.text) for sizes in inputs}
    flows = (node for node in nodes(definition) if isinstance(node, program.Flow))
    claims = [
        element.items.items
        for flow in flows
        for element in flow.elements
        if isinstance(element, program.ShapeClaim) and _is_turned(element.items.items, names)
    ]
    edits = tuple(_turned(sizes) for sizes in [*inputs, *claims])
    texts = dict.fromkeys(f"`[{edit.text}]`" for edit in edits)
    return Fix(f"the channels come first: write {', '.join(texts)}", edits)


def _is_last(sizes: Sequence[tree.Expr]) -> bool:
    """Whether sizes are those of a picture with its channels last: `[224, 224, 3]`, `[H, W, 3]`."""
    if len(sizes) != 3 or not isinstance(sizes[2], tree.Number) or sizes[2].value not in CHANNELS:
        return False
    return all(not isinstance(size, tree.Number) or size.value > 4 for size in sizes[:2])


def _is_turned(sizes: Sequence[tree.Expr], names: Collection[tuple[str, str]]) -> bool:
    if len(sizes) != 3:
        return False
    height, width, channels = (size.span.text for size in sizes)
    return (height, width) in names or height == width != channels


def _turned(sizes: Sequence[tree.Expr]) -> Edit:
    height, width, channels = sizes
    place = replace(
        height.span, end_line=channels.span.end_line, end_column=channels.span.end_column
    )
    return Edit(place, f"{channels.span.text}, {height.span.text}, {width.span.text}")
