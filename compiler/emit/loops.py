"""Repeats as loops over modules, where each round is called alike."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from netc.compiler.emit.classes import Plans
from netc.compiler.expression import torch_of
from netc.compiler.graph import LayerStep, Module, RepeatStep, Step, Wire


class Loop(Struct, frozen=True, eq=False):
    """Loops inside each other over the modules of a repeat.

    Attributes:
        text: the call of a module, `{m}`, with what flows as `{0}` and values from outside as
            `{1}`, `{2}` …
        depth: how many loops there are.
        handed: what the first module is handed, by instance: what flows, then the others.
        steady: whether all rounds leave the same shape.
    """

    text: str
    depth: int
    handed: tuple[tuple[Wire, ...], ...]
    steady: bool


def loop_of(repeats: Sequence[RepeatStep], plans: Plans, around: Module) -> Loop | None:
    """The loop of a repeat in all instances of a class, `around` in one; None if its rounds differ.

    A module is handed what the one before gave, and the same values from outside as the others.
    """
    found = [_leaves(step, plans) for step in repeats]
    depths = {depth for _, depth in found}
    texts = {_text(leaf, plans, around) for leaves, _ in found for leaf in leaves}
    counts = {len(plans.takes(leaf)) for leaves, _ in found for leaf in leaves}
    if 0 in depths or len(depths) > 1 or len(texts) > 1 or len(counts) > 1:
        return None
    flows = set(range(counts.pop()))
    stays = set(flows)
    for leaves, _ in found:
        first = plans.takes(leaves[0])
        flowing = first[0]
        for leaf in leaves:
            taken = plans.takes(leaf)
            flows = {n for n in flows if taken[n] is flowing}
            stays = {n for n in stays if taken[n] is first[n]}
            flowing = leaf.output
    stays -= flows
    if 0 not in flows or len(flows) + len(stays) < len(plans.takes(found[0][0][0])):
        return None
    outside = sorted(stays)
    places = dict.fromkeys(flows, 0) | {n: place for place, n in enumerate(outside, 1)}
    text = texts.pop()
    for n, place in places.items():
        text = text.replace(f"{{{n}}}", f"{{<{place}}}")
    handed = [plans.takes(leaves[0]) for leaves, _ in found]
    chosen = tuple((taken[0], *(taken[n] for n in outside)) for taken in handed)
    shapes = {leaf.output.tensor.shape for leaves, _ in found for leaf in leaves}
    return Loop(text.replace("{<", "{"), depths.pop(), chosen, len(shapes) == 1)


def _text(leaf: Step, plans: Plans, around: Module) -> str:
    if isinstance(leaf, LayerStep):
        return torch_of(leaf).call
    return plans.call(leaf, "{m}", around)


def _leaves(step: RepeatStep, plans: Plans) -> tuple[list[Step], int]:
    """The modules that are called and in how many loops; 0 where loops cannot reach them."""
    inner = [
        _leaves(item, plans)
        for item in step.items
        if isinstance(item, RepeatStep) and not plans.unary(item)
    ]
    if not inner:
        flat = not any(map(plans.is_dictionary, step.items))
        return list(step.items), int(flat)
    depths = {depth for _, depth in inner}
    if len(inner) < len(step.items) or len(depths) > 1 or 0 in depths:
        return [], 0
    return [leaf for leaves, _ in inner for leaf in leaves], 1 + depths.pop()
