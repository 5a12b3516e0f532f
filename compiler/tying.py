"""Modules that `share` made around a stretch of lines: the stretch then has no module of its own.

A module belongs to the class in whose lines its `share` stands. Lines of a `repeat` or of a named
`residual` are a class of their own, unless all weights in them are those of such modules.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from netc.compiler import program
from netc.compiler.frame import Frame, Shared
from netc.compiler.graph import Step, WhenStep, Wire, has_weights


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
