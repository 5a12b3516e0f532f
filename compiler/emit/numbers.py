"""Numbers of a constructor: literals, expressions of the spec, or arguments of its own.

A number is written the way the spec has it where it can be (`4 * width`); an inferred one takes the
nearest expression above it that has its value in every instance (`nn.BatchNorm2d(width)`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from netc.compiler import tree
from netc.compiler.emit.classes import Parameter, Plan
from netc.compiler.emit.format import names, python
from netc.compiler.evaluate import EvaluationError, Poisoned, evaluate
from netc.compiler.graph import Module, Wire
from netc.compiler.layers.calls import literal

Values = dict[int, Any]
"""A number in each instance, by the instance's place in its class."""


class Numbers:
    """The numbers of one class as text, and the arguments that its constructor takes for them.

    Attributes:
        own: the block's parameters that are plain values in every instance.
        parameters: arguments that are none of the block's.
    """

    def __init__(self, plan: Plan, taken: Set[str]) -> None:
        self.own = _own_parameters(plan.instances)
        self.parameters: list[Parameter] = []
        self._defaults = dict(plan.instances[0].defaults)
        self._instances = len(plan.instances)
        self._taken = taken
        self._known: list[tuple[str, Values]] = []
        self._used: list[str] = []

    def arguments(self) -> list[Parameter]:
        """All arguments of the constructor, those with defaults last."""
        own = [
            Parameter(name, values, self._defaults.get(name), name in self._defaults)
            for name, values in self.own.items()
            if name in self._used
        ]
        return sorted([*self.parameters, *own], key=lambda p: p.has_default)

    def given(self, values: Values, expr: tree.Expr | None, hint: str) -> str:
        """A number that stands in the spec."""
        mentioned = names(expr) if expr is not None else set()
        if (
            expr is not None
            and mentioned
            and mentioned <= set(self.own)
            and all(_same(self.evaluated(expr, i), value) for i, value in values.items())
        ):
            text = python(expr, {name: self.use(name) for name in mentioned})
            self._known.append((text, values))
            return text
        if constant(values):
            value = next(iter(values.values()))
            if self.own:  # without arguments of its own a class has literals only
                self._known.append((literal(value), values))
            return literal(value)
        return self._matching(values) or self.new(hint, values)

    def inferred(self, values: Values, hint: str) -> str:
        """A number that follows from what flows in."""
        found = self._matching(values)
        if found is not None:
            return found
        if constant(values):
            return literal(next(iter(values.values())))
        return self.new(hint, values)

    def _matching(self, values: Values) -> str | None:
        """The nearest expression above with this value in every instance."""
        for text, known in reversed(self._known):
            if all(i in known and known[i] == value for i, value in values.items()):
                return text
        if self._instances > 1:
            fitting = [
                name
                for name, own in self.own.items()
                if all(_same(own[i], value) for i, value in values.items())
            ]
            if len(fitting) == 1:
                return self.use(fitting[0])
        return None

    def new(self, hint: str, values: Values) -> str:
        """A new constructor argument. Instances that never use it get a value of its type."""
        taken = {p.name for p in self.parameters} | set(self.own) | self._taken
        name, count = hint, 1
        while name in taken:
            count += 1
            name = f"{hint}{count}"
        filler = next(iter(values.values()))
        whole = {i: values.get(i, filler) for i in range(self._instances)}
        self.parameters.append(Parameter(name, whole))
        self._known.append((name, whole))
        return name

    def use(self, name: str) -> str:
        """One of the block's own parameters, which is then an argument."""
        if name not in self._used:
            self._used.append(name)
        return name

    def evaluated(self, expr: tree.Expr, instance: int, flowing: Wire | None = None) -> Any:
        """The value of an expression in one instance; None if its names are not known there."""
        env = {name: values[instance] for name, values in self.own.items()}
        if flowing is not None:
            env["in"] = flowing
        try:
            return evaluate(expr, env)
        except (EvaluationError, Poisoned):
            return None


def _own_parameters(instances: Sequence[Module]) -> dict[str, Values]:
    """A block's parameters that are plain values in every instance."""
    if instances[0].word != "block":
        return {}
    return {
        name: {i: m.parameters[name] for i, m in enumerate(instances)}
        for name in instances[0].parameters
        if all(
            m.parameters[name] is None
            or isinstance(m.parameters[name], bool | int | float | str | tuple)
            for m in instances
        )
    }


def constant(values: Values) -> bool:
    """Whether it is the same number in every instance."""
    first = next(iter(values.values()))
    return all(type(v) is type(first) and v == first for v in values.values())


def _same(one: Any, other: Any) -> bool:
    """Equal, where `(3, 3)` for all axes is the same as `3`."""
    if isinstance(one, tuple) and isinstance(other, int):
        return set(one) == {other}
    return type(one) is type(other) and bool(one == other)
