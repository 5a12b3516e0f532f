"""When two symbolic sizes are equal: always, never, or for which values of the user's names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import lcm, prod

from netc.compiler.sizes import Size, degree, evaluate, names_in, period

_LONGEST = 4096
"""Periods beyond this are stated as the equation itself."""


@dataclass(frozen=True, slots=True)
class Remainders:
    """The name's value, divided by `period`, must leave one of these remainders."""

    name: str
    period: int
    remainders: frozenset[int]

    def __str__(self) -> str:
        step, rest = _progression(self)
        if step is None:
            listed = ", ".join(map(str, sorted(self.remainders)))
            return f"{self.name} divided by {self.period} must leave {listed}"
        if rest == 0:
            return f"{self.name} must be " + ("even" if step == 2 else f"a multiple of {step}")
        if step == 2:
            return f"{self.name} must be odd"
        return f"{self.name} must be {rest} more than a multiple of {step}"


@dataclass(frozen=True, slots=True)
class Least:
    """The name's value must be so large for every size that is made of it to be 1 or more."""

    name: str
    value: int

    def __str__(self) -> str:
        return f"{self.name} must be at least {self.value}"


@dataclass(frozen=True, slots=True)
class Positive:
    """A size must be 1 or more, and no simpler way to say when was found."""

    size: Size

    def __str__(self) -> str:
        return f"{self.size} must be at least 1"


@dataclass(frozen=True, slots=True)
class Equation:
    """Two sizes must be equal, and no simpler way to say it was found."""

    left: Size
    right: Size

    def __str__(self) -> str:
        return f"{self.left} must equal {self.right}"


Condition = Remainders | Least | Positive | Equation


def equal_when(left: Size, right: Size) -> bool | Condition:
    """True if two sizes are always equal, False if never, else the condition under which they are.

    Over the remainders by its periods the difference is a polynomial, and one of degree `d` in each
    name is known by its values at `d + 1` places.

    >>> from netc.compiler.sizes import symbol
    >>> str(equal_when(symbol("H") // 2 * 2, symbol("H")))
    'H must be even'
    """
    difference = left - right
    if isinstance(difference, int):
        return difference == 0
    names = sorted(names_in(difference))
    periods = [period(difference, name) for name in names]
    rounds = [degree(difference, name) + 1 for name in names]
    if prod(periods) * prod(rounds) > _LONGEST:
        return Equation(left, right)
    if len(names) > 1:
        grid = product(*(range(p * r) for p, r in zip(periods, rounds, strict=True)))
        values = (evaluate(difference, dict(zip(names, point, strict=True))) for point in grid)
        return True if not any(values) else Equation(left, right)
    name, length = names[0], periods[0]
    first, *others = (
        [evaluate(difference, {name: length * n + r}) for r in range(length)]
        for n in range(1, rounds[0] + 1)
    )
    if any(first != other for other in others):  # the difference grows: few sizes, if any, fit
        return Equation(left, right)
    zeros = frozenset(r for r, value in enumerate(first) if value == 0)
    if not zeros:
        return False
    return True if len(zeros) == length else Remainders(name, length, zeros)


def positive_when(sizes: Iterable[Size]) -> list[Condition]:
    """What must hold for all of the sizes to be 1 or more: windows must fit into what they read.

    >>> from netc.compiler.sizes import symbol
    >>> [str(condition) for condition in positive_when([(symbol("H") - 5) // 2 + 1])]
    ['H must be at least 5']
    """
    found: list[Condition] = []
    for size in dict.fromkeys(sizes):
        if isinstance(size, int):
            continue
        name, *others = sorted(names_in(size))
        if others:
            if any(coefficient < 0 for _, coefficient in size.terms):
                found.append(Positive(size))
            continue  # sums and products of sizes that are looked at alone
        value = _least(size, name)
        if value is None:
            found.append(Positive(size))
        elif value > 1:
            found.append(Least(name, value))
    return found


def _least(size: Size, name: str) -> int | None:
    """From which value of the name on the size is 1 or more; None if there is none.

    A size that does not fall from one period to the next, and was 1 or more for a whole period,
    stays so.
    """
    length = period(size, name)
    values: list[int] = []
    fitting = 0  # how many in a row were 1 or more
    while fitting <= length < _LONGEST and len(values) < 2 * _LONGEST:
        value = evaluate(size, {name: len(values) + 1})
        assert isinstance(value, int)
        if len(values) >= length and value < values[-length]:
            return None
        values.append(value)
        fitting = fitting + 1 if value >= 1 else 0
    return len(values) - fitting + 1 if fitting > length else None


def together(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """All conditions in words: those on one name as one, equal ones over names in one line.

    Contradictions are said as such.
    """
    joined: dict[str, Remainders] = {}
    least: dict[str, int] = {}
    equations: list[str] = []
    for condition in conditions:
        if isinstance(condition, Equation | Positive):
            equations.append(str(condition))
            continue
        if isinstance(condition, Least):
            least[condition.name] = max(least.get(condition.name, 1), condition.value)
            continue
        before = joined.get(condition.name)
        joined[condition.name] = _both(before, condition) if before else condition
    found: list[str] = []
    alike: dict[tuple[int, frozenset[int]], list[str]] = {}
    for one in joined.values():
        alike.setdefault((one.period, one.remainders), []).append(one.name)
    for (length, remainders), names in alike.items():
        if not remainders:
            found.append(f"no size {' or '.join(sorted(names))} satisfies all joins and claims")
            continue
        text = str(Remainders(" and ".join(sorted(names)), length, remainders))
        found.append(
            text.replace("must be a multiple", "must be multiples") if len(names) > 1 else text
        )
    return (*found, *_at_least(least, joined), *dict.fromkeys(equations))


def _at_least(least: dict[str, int], joined: dict[str, Remainders]) -> list[str]:
    """The smallest values, where the remainders do not ask for as much anyway."""
    by_value: dict[int, list[str]] = {}
    for name, value in least.items():
        one = joined.get(name)
        if one is None or any(n % one.period in one.remainders for n in range(1, value)):
            by_value.setdefault(value, []).append(name)
    return [str(Least(" and ".join(sorted(names)), value)) for value, names in by_value.items()]


def _both(one: Remainders, other: Remainders) -> Remainders:
    length = lcm(one.period, other.period)
    kept = frozenset(
        r
        for r in range(length)
        if r % one.period in one.remainders and r % other.period in other.remainders
    )
    return Remainders(one.name, length, kept)


def _progression(one: Remainders) -> tuple[int | None, int]:
    """(step, rest) if the remainders are rest, rest + step, …; (None, 0) otherwise."""
    ordered = sorted(one.remainders)
    step = one.period // len(ordered)
    if step * len(ordered) == one.period and ordered == list(range(ordered[0], one.period, step)):
        return step, ordered[0]
    return None, 0
