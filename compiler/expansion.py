"""How large a net becomes at least, told before it is expanded.

Blocks that use blocks twice, twenty levels deep, would take minutes to count by expanding them. The
bound is computed once a block (and set of numbers given to it); what depends on sizes that flow
counts as nothing, so that the bound is never above the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from netc.compiler import program, tree
from netc.compiler.evaluate import Block, EvaluationError, Poisoned, evaluate

MOST = 200_000
"""Layers that one net may expand to, and rounds that its repeats may run."""
_DEEPEST = 100
_MOST_KNOWN = 2000
"""Blocks with different numbers given to them that are kept apart; beyond, numbers are left out."""
_SATURATED = 10**12


class Work(Struct, frozen=True):
    """Layers, block uses counted among them, and rounds of repeats."""

    layers: int = 0
    rounds: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.layers + other.layers, self.rounds + other.rounds)

    def times(self, count: int) -> Work:
        """The work of so many rounds."""
        layers, rounds = self.layers * count, (self.rounds + 1) * count
        return Work(min(layers, _SATURATED), min(rounds, _SATURATED))

    @property
    def too_much(self) -> bool:
        """Whether it is beyond what a net may be."""
        return self.layers > MOST or self.rounds > MOST


class Bounds:
    """The least work of a net's lines, taken one by one in their order."""

    def __init__(self, program_: program.Program) -> None:
        self._program = program_
        self._known: dict[Any, Work] = {}
        self._shares: dict[str, Work] = {}

    def line(self, item: program.Item, values: Mapping[str, Any]) -> Work:
        """The least work of one line; `values` are the numbers known there."""
        return self._body((item,), values, self._shares, 0)

    def _body(
        self, body: program.Body, values: Mapping[str, Any], shares: dict[str, Work], depth: int
    ) -> Work:
        work = Work()
        for item in body:
            match item:
                case program.Flow(elements=elements):
                    for element in elements:
                        work += self._element(element, values, shares, depth)
                case program.Share(name=name, element=element):
                    shares[name] = self._element(element, values, shares, depth)
                case _:
                    pass
        return work

    def _element(
        self,
        element: program.Element,
        values: Mapping[str, Any],
        shares: dict[str, Work],
        depth: int,
    ) -> Work:
        if depth > _DEEPEST:
            return Work()
        match element:
            case program.LayerUse():
                return Work(1)
            case program.BlockUse():
                return Work(1) + self._block(element, values, depth + 1)
            case program.HandedUse(call=call):
                return Work(1) + self._handed(call, values, depth + 1)
            case program.ValueUse(value=tree.Name() as name):
                return self._handed(tree.Call(name, (), name.span), values, depth + 1)
            case program.Sequential(body=body):
                return Work(1) + self._body(body, values, shares, depth + 1)
            case program.When(condition=condition, body=body):
                holds = _known(condition, values) is True
                return self._body(body, values, shares, depth + 1) if holds else Work()
            case program.SharedUse(name=name):
                return shares.get(name, Work())
            case program.Residual(body=body, shortcut=shortcut):
                work = Work(1) + self._body(body, values, shares, depth + 1)
                if shortcut is not None and shortcut.when is None:
                    work += self._body(shortcut.body, values, shares, depth + 1)
                return work
            case program.Parallel(branches=branches):
                work = Work(1)
                for branch in branches:
                    work += self._body(branch.body, values, shares, depth + 1)
                return work
            case program.Repeat(body=body, variable=variable):
                count = _rounds(element, values)
                inner = {k: v for k, v in values.items() if k != variable}
                return self._body(body, inner, shares, depth + 1).times(count) if count else Work()
        return Work()

    def _handed(self, call: tree.Call, values: Mapping[str, Any], depth: int) -> Work:
        """The work of a parameter that stands for a block."""
        handed = values.get(call.name.text)
        if not isinstance(handed, Block):
            return Work()
        named = {a.name.text: a.value for a in call.arguments if a.name is not None}
        free = [n for n in self._program.definitions[handed.key].parameters if n not in named]
        placed = (a.value for a in call.arguments if a.name is None)
        arguments = {**named, **dict(zip(free, placed, strict=False))}
        use = program.BlockUse(handed.key, arguments, call.span, call.span)
        return self._block(use, values, depth)

    def _block(self, use: program.BlockUse, values: Mapping[str, Any], depth: int) -> Work:
        definition = self._program.definitions[use.block]
        given: dict[str, Any] = {}
        for name, default in definition.parameters.items():
            expr = use.arguments.get(name)
            value = _given(expr, values) if expr is not None else _given(default, given)
            if value is not None:
                given[name] = value
        key = (use.block, tuple(given.items()))
        if key not in self._known and len(self._known) > _MOST_KNOWN:
            given, key = {}, (use.block, ())
        if key not in self._known:
            self._known[key] = self._body(definition.body, given, {}, depth)
        return self._known[key]


def _rounds(repeat: program.Repeat, values: Mapping[str, Any]) -> int:
    """How often a repeat runs at least: 0 where that is not known yet."""
    if isinstance(repeat.items, tree.Items):
        return len(repeat.items.items)
    count = _number(repeat.count, values)
    return count if isinstance(count, int) and count > 0 else 0


def _given(expr: tree.Expr | None, values: Mapping[str, Any]) -> Any:
    """A parameter's value where it decides what a block is made of; None if it is not known."""
    value = _known(expr, values) if expr is not None else None
    return value if isinstance(value, bool | int | float | Block) else None


def _known(expr: tree.Expr, values: Mapping[str, Any]) -> Any:
    try:
        return evaluate(expr, values)
    except (EvaluationError, Poisoned):
        return None


def _number(expr: tree.Expr | None, values: Mapping[str, Any]) -> int | float | None:
    """The number that an expression is; None if it is something else or not known."""
    if expr is None:
        return None
    try:
        value = evaluate(expr, values)
    except (EvaluationError, Poisoned):
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
