"""Which sizes are left for the names in a net's inputs, as joins and claims are met one by one.

What cannot be decided stays a condition: a conflict is found where it is proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import gcd, lcm, prod

from msgspec import Struct

from netc.compiler.conditions import (
    Condition,
    Equation,
    Only,
    Remainders,
    Values,
    both,
    equal_when,
    is_in,
    together,
)
from netc.compiler.graph import LayerStep, Module, Placed, Wire, walk
from netc.compiler.positive import Least, Most, has_sizes, positive_when
from netc.compiler.sizes import Size, Symbolic, evaluate, names_in, period
from netc.compiler.source import Span

_MOST = 4096
"""Combinations of remainders that are tried; beyond them nothing is proved."""
_MOST_EARLIER = 3
"""Earlier lines that a conflict points at."""


class Conflict(Struct, frozen=True):
    """What excludes a condition: in words, and where that was said."""

    places: tuple[tuple[Span, str], ...]

    @property
    def text(self) -> str:
        """What was asked for before, in words."""
        return " and ".join(dict.fromkeys(text for _, text in self.places))


class Possible:
    """The sizes that are left; narrowed by every condition."""

    def __init__(self) -> None:
        self._left: dict[str, Values] = {}
        self._equations: dict[Equation, Span] = {}
        self._held: dict[Condition, Span] = {}
        self._checked: dict[str, set[Wire]] = {}

    def narrow(
        self, condition: Condition, place: Span, wires: Sequence[Wire]
    ) -> Condition | Conflict:
        """The condition, or what excludes it: earlier ones, or the sizes on the way to `wires`."""
        if isinstance(condition, Equation):
            return self._equal(condition, place)
        if condition in self._held or not isinstance(condition, Remainders | Only):
            return condition
        before = self._left.get(condition.name)
        left = condition if before is None else both(before, condition)
        if left is None:
            return condition
        if _is_empty(left):
            return self._conflict([condition.name], condition)
        if isinstance(left, Only):
            fitting = self._fitting(left, wires)
            if isinstance(fitting, Conflict):
                return fitting
            left = fitting
            condition = left if isinstance(condition, Only) else condition
        self._held[condition] = place
        self._left[condition.name] = left
        if left != before:
            for equation in [*self._equations]:
                if condition.name in _names(equation):
                    if not self._solvable(equation):
                        return self._conflict(_names(equation), condition)
                    if (conflict := self._carry(equation, place)) is not None:
                        return conflict
        return condition

    def _equal(self, equation: Equation, place: Span) -> Condition | Conflict:
        if equation in self._equations:
            return equation
        if not self._solvable(equation):
            return self._conflict(_names(equation), equation)
        solved = equation
        for other in self._equations:
            if (name := _alone(other)) is not None and name in _names(solved):
                here = _solution(other, name)
                left, right = evaluate(solved.left, here), evaluate(solved.right, here)
                follows = equal_when(left, right)
                if follows is False:
                    return Conflict(((self._equations[other], str(other)),))
                if follows is True:
                    return equation
                if isinstance(follows, Remainders | Only):
                    found = self.narrow(follows, place, ())
                    return found if isinstance(found, Conflict) else equation
                solved = Equation(left, right)
        self._equations[equation] = place
        self._held[equation] = place
        return self._carry(equation, place) or equation

    def _carry(self, equation: Equation, place: Span) -> Conflict | None:
        """What holds for a name that an equation gives holds for the name that gives it."""
        name = _alone(equation)
        if name is None or (values := self._left.get(name)) is None:
            return None
        follows = _carried(values, _solution(equation, name)[name])
        found = None if follows is None else self.narrow(follows, place, ())
        return found if isinstance(found, Conflict) else None

    def _conflict(self, names: Iterable[str], condition: Condition) -> Conflict:
        """The earlier condition that leaves nothing with this one, or those on its names."""
        wanted = {*names}
        known = [(one, span) for one, span in self._held.items() if wanted & _names(one)]
        alone = [
            (one, span)
            for one, span in known
            if isinstance(one, Remainders | Only) and isinstance(condition, Remainders | Only)
            if (left := both(one, condition)) is not None and _is_empty(left)
        ]
        shown = (alone[:1] or known)[-_MOST_EARLIER:]
        return Conflict(tuple((span, together([one])[0]) for one, span in shown))

    def _solvable(self, equation: Equation) -> bool:
        return solvable(equation.left - equation.right, self._left)

    def _fitting(self, few: Only, wires: Iterable[Wire]) -> Only | Conflict:
        """Of a few values those for which every size on the way to the wires is 1 or more."""
        checked = self._checked.setdefault(few.name, set())
        left = few.values
        for wire in _before(wires, checked):
            kept = frozenset(n for n in left if has_sizes(wire.tensor.shape, {few.name: n}))
            if not kept:
                return Conflict(((wire.made, _needed(wire, few.name)),))
            left = kept
        return Only(few.name, left)

    def too_small(self, module: Module, asked: Sequence[Condition]) -> TooSmall | None:
        """The first layer that takes or gives none of the few sizes that are left.

        `asked` is all that must hold in the module.
        """
        left = {name: one.values for name, one in self._left.items() if isinstance(one, Only)}
        rules = {name: together([Only(name, values)]) for name, values in left.items()}
        for one in asked:
            if isinstance(one, Most) and one.name not in left and one.value <= _MOST:
                told = [other for other in asked if _names(other) == {one.name}]
                left[one.name] = _beyond(told, self._left.get(one.name))
                rules[one.name] = together(told)
        known: set[Size] = set()  # what was looked at once holds for all that is left
        for placed in walk(module) if left else ():
            for sizes, given in _sizes(placed):
                new = [size for size in sizes if size not in known]
                known.update(new)
                for name in left:
                    if concerned := [size for size in new if name in names_in(size)]:
                        left[name] = frozenset(
                            n for n in left[name] if has_sizes(concerned, {name: n})
                        )
                        if not left[name]:
                            return TooSmall(placed, given, rules[name])
        return None


class TooSmall(Struct, frozen=True, eq=False):
    """A layer for which no size is left.

    Attributes:
        given: whether it is its output that has sizes below 1; else it does not take its input.
        left: what must hold for the sizes, in words.
    """

    placed: Placed
    given: bool
    left: tuple[str, ...]


def _beyond(told: Iterable[Condition], rule: Values | None) -> frozenset[int]:
    """The values that a rule leaves, up to one above the ends that are told."""
    last = max(one.value for one in told if isinstance(one, Least | Most))
    last += rule.period if isinstance(rule, Remainders) else 1
    return frozenset(n for n in range(1, last + 1) if rule is None or is_in(n, rule))


def _sizes(placed: Placed) -> Iterator[tuple[Sequence[Size], bool]]:
    """Sizes that must be 1 or more: those of a layer's output, and what it asks of its inputs."""
    step = placed.step
    yield step.output.tensor.shape, True
    if isinstance(step, LayerStep):
        yield step.layer.fitting([wire.tensor for wire in step.inputs]), False


def _is_empty(values: Values) -> bool:
    return not (values.values if isinstance(values, Only) else values.remainders)


def _names(condition: Condition) -> frozenset[str]:
    match condition:
        case Equation(left=left, right=right):
            return names_in(left - right)
        case Remainders(name=name) | Only(name=name) | Least(name=name) | Most(name=name):
            return frozenset({name})
    return names_in(condition.size)


def _before(wires: Iterable[Wire], checked: set[Wire]) -> Iterator[Wire]:
    """The values that some are made from, and these; each once."""
    waiting = [*wires]
    while waiting:
        if (wire := waiting.pop()) not in checked:
            checked.add(wire)
            waiting += wire.read
            yield wire


def _needed(wire: Wire, name: str) -> str:
    """What a value's sizes ask of a name."""
    sizes = [size for size in wire.tensor.shape if names_in(size) == {name}]
    return together(positive_when(sizes))[0]


def _alone(equation: Equation) -> str | None:
    """A name that stands in a difference once, as a whole: the equation says what it is."""
    difference = equation.left - equation.right
    assert isinstance(difference, Symbolic)
    for monomial, factor in difference.terms:
        if len(monomial) == 1 and abs(factor) == 1 and isinstance(name := monomial[0], str):
            rest = difference - factor * Symbolic(((monomial, 1),))
            if name not in names_in(rest):
                return name
    return None


def _solution(equation: Equation, name: str) -> dict[str, Size]:
    """The name's size by the equation."""
    difference = equation.left - equation.right
    assert isinstance(difference, Symbolic)
    factor = dict(difference.terms)[(name,)]
    rest = difference - factor * Symbolic((((name,), 1),))
    return {name: rest * -factor}


def _carried(values: Values, size: Size) -> Values | None:
    """What must hold for a name for a size made of it to have one of these values."""
    names = names_in(size)
    if len(names) != 1 or degree_of(size) != 1:
        return None
    (name,) = names
    if isinstance(values, Only):
        found = [equal_when(size, value) for value in values.values]
        few = [one.values for one in found if isinstance(one, Only)]
        return Only(name, frozenset[int]().union(*few)) if len(few) == len(found) else None
    length = values.period * period(size, name)
    if length > _MOST:
        return None
    numbers = range(length)
    kept = [n for n in numbers if is_in(int(str(evaluate(size, {name: n}))), values)]
    return Remainders(name, length, frozenset(kept))


# ------------------------------------------------------------------------------
# Equations over several names


def solvable(difference: Size, left: Mapping[str, Values]) -> bool:
    """Whether a size may be 0 for values that are left; False only where it cannot.

    Over the remainders by its periods a size of degree 1 is `a·n + b·m + … + z`, which no whole
    numbers make 0 if the greatest common divisor of a, b, … does not divide z.
    """
    few = {name: one for name, one in left.items() if isinstance(one, Only)}
    given = [name for name in sorted(names_in(difference)) if name in few]
    if prod(len(few[name].values) for name in given) > _MOST:
        return True
    return any(
        _may_vanish(evaluate(difference, dict(zip(given, point, strict=True))), left)
        for point in product(*(few[name].values for name in given))
    )


def _may_vanish(difference: Size, left: Mapping[str, Values]) -> bool:
    if isinstance(difference, int):
        return difference == 0
    names = sorted(names_in(difference))
    rules = [left.get(name) or Remainders(name, 1, frozenset({0})) for name in names]
    lengths = [
        lcm(rule.period if isinstance(rule, Remainders) else 1, period(difference, name))
        for name, rule in zip(names, rules, strict=True)
    ]
    if degree_of(difference) > 1 or prod(lengths) > _MOST:
        return True
    places = [
        [n for n in range(length) if is_in(n, rule)]
        for length, rule in zip(lengths, rules, strict=True)
    ]
    return any(_has_root(difference, names, lengths, point) for point in product(*places))


def _has_root(
    difference: Size, names: Sequence[str], lengths: Sequence[int], point: Sequence[int]
) -> bool:
    """Whether whole numbers of periods from a point on may make the size 0."""
    here = dict(zip(names, point, strict=True))
    start = int(str(evaluate(difference, here)))
    slopes = [
        int(str(evaluate(difference, {**here, name: here[name] + length}))) - start
        for name, length in zip(names, lengths, strict=True)
    ]
    if start == 0:
        return True
    grows = [slope for slope in slopes if slope * start < 0]
    return bool(grows) and start % gcd(*slopes) == 0


def degree_of(size: Size) -> int:
    """The highest number of names multiplied in a size, floors counted as what is in them."""
    if isinstance(size, int):
        return 0
    return max(
        sum(1 if isinstance(atom, str) else degree_of(atom.numerator) for atom in monomial)
        for monomial, _ in size.terms
    )
