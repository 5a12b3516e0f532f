"""Modules that `share` made: their uses, and stretches of lines that are no module of their own.

A module belongs to the class in whose lines its `share` stands. Lines of a `repeat` or of a named
`residual` are a class of their own, which is handed the shared ones. Where all weights in them are
those of modules shared around them, there is nothing to number: they stand among the lines around.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from netc.compiler import program
from netc.compiler.applying import layer_step
from netc.compiler.diagnostics import Label
from netc.compiler.evaluate import UNKNOWN
from netc.compiler.frame import Frame, Shared
from netc.compiler.graph import BlockStep, LayerStep, Step, WhenStep, has_weights, walk
from netc.compiler.layers.base import Weight

if TYPE_CHECKING:
    from netc.compiler.elaborate import Elaborator


def is_shared(step: Step) -> bool:
    """Whether a step applies a module that `share` made."""
    return isinstance(step, LayerStep | BlockStep) and step.home is not None


def owns(step: Step) -> bool:
    """Whether a step has weights that no `share` made."""
    if isinstance(step, WhenStep):
        return any(map(owns, step.steps))
    return has_weights(step) and not is_shared(step)


def only_shared(steps: Sequence[Step]) -> bool:
    """Whether all weights of some steps are those of modules shared further out."""
    return not any(map(has_weights, steps)) and any(_outer(steps))


def raised(steps: Sequence[Step], *, straight: bool) -> list[Step]:
    """Steps of a stretch as they are written among the lines around it.

    `straight`: there is no place for conditions; what stands under one that holds is spliced, too.
    """
    found: list[Step] = []
    for step in steps:
        if isinstance(step, WhenStep):
            inner = raised(step.steps, straight=straight)
            found += inner if straight else [replace(step, steps=tuple(inner))]
        elif isinstance(step, LayerStep | BlockStep) and step.home:
            found.append(replace(step, home=step.home - 1))
        else:
            found.append(step)
    return found


def _outer(steps: Sequence[Step]) -> Iterator[bool]:
    for step in steps:
        if isinstance(step, WhenStep):
            yield from _outer(step.steps)
        else:
            yield isinstance(step, LayerStep | BlockStep) and bool(step.home)


def shared(elaborator: Elaborator, use: program.SharedUse, frame: Frame) -> None:
    """Applies a module that `share` made to what flows here."""
    made = frame.env.get(use.name)
    if not isinstance(made, Shared):  # what it shares is not understood
        elaborator.unknown(frame)
        return
    element = made.share.element
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
    step = replace(step, span=use.span)
    if has_weights(step):
        home = frame.level - made.level
        step = replace(step, name=made.key, reuse=first is not None, home=home)
    made.first = first or step
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
