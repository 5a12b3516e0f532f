"""Modules that `share` made: their uses, and stretches of lines that are no module of their own.

A module belongs to the class in whose lines its `share` stands. Lines of a `repeat` or of a named
`residual` are a class of their own, unless all weights in them are those of such modules.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from netc.compiler import program
from netc.compiler.applying import layer_step
from netc.compiler.diagnostics import Label
from netc.compiler.evaluate import UNKNOWN
from netc.compiler.frame import Frame, Shared
from netc.compiler.graph import BlockStep, LayerStep, Step, WhenStep, Wire, has_weights, walk
from netc.compiler.layers.base import Weight

if TYPE_CHECKING:
    from netc.compiler.elaborate import Elaborator


def ties(body: program.Body, frame: Frame) -> list[program.SharedUse]:
    """Where lines apply modules that are shared around them; none if they share some themselves."""
    from netc.compiler.nodes import nodes

    found: list[program.SharedUse] = []
    for node in nodes(body):
        if isinstance(node, program.Share):
            return []
        if isinstance(node, program.SharedUse):
            shared = frame.env.get(node.name)
            if isinstance(shared, Shared) and shared.owner is frame.owner:
                found.append(node)
    return found


def untied(steps: Sequence[Step], tied: Collection[Wire]) -> list[Step]:
    """The steps with weights of their own."""
    found: list[Step] = []
    for step in steps:
        if isinstance(step, WhenStep):
            found += untied(step.steps, tied)
        elif has_weights(step) and step.output not in tied:
            found.append(step)
    return found


def shared(elaborator: Elaborator, use: program.SharedUse, frame: Frame) -> None:
    """Applies a module that `share` made to what flows here."""
    made = frame.env[use.name]
    assert isinstance(made, Shared)
    element = made.share.element
    if made.owner is not frame.owner:
        message = f"`{use.name}` is shared around a stretch that is a module of its own"
        label = Label(made.share.span, "it is made here")
        hint = "write both `share` lines in the same block"
        elaborator.tell("E0408", use.span, message, frame, hint, [label])
        frame.flow(UNKNOWN)
        return
    inner = replace(frame, env=ChainMap({}, made.env))  # type: ignore[arg-type]
    step: LayerStep | BlockStep | None
    if isinstance(element, program.BlockUse):
        step = elaborator.call_block(element, inner)
    else:
        elaborator.count(1, use.span, frame)
        step = layer_step(elaborator, element, inner, frame.current)
    if step is None:
        frame.flow(UNKNOWN)
        return
    first = made.first
    if first is not None and _owned(first) != _owned(step):
        message = (
            f"`{use.name}` is shared, and its weights would need other sizes here: "
            f"{step.inputs[0].tensor} flows in, and at first {first.inputs[0].tensor}"
        )
        label = Label(first.span, "its weights got their sizes from its first use")
        elaborator.tell("E0404", use.span, message, frame, "share another module here", [label])
        frame.flow(UNKNOWN)
        return
    step = replace(step, name=use.name, reuse=first is not None, span=use.span)
    made.first = first or step
    elaborator.tied.add(step.output)
    frame.steps.append(step)
    frame.flow(step.output)


def _owned(step: LayerStep | BlockStep) -> list[tuple[str | None, tuple[Weight, ...]]]:
    if isinstance(step, LayerStep):
        return [(None, step.weights)]
    return [
        (placed.path, placed.step.weights)
        for placed in walk(step.module)
        if isinstance(placed.step, LayerStep)
    ]
