"""When two symbolic sizes are equal: always, never, or for which values of the user's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import gcd, lcm, prod

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.positive import Least, Most, Positive, has_sizes
from netc.compiler.sizes import Size, degree, evaluate, names_in, period, symbol

_LONGEST = 4096
"""Periods beyond this are stated as the equation itself."""
_MOST_RUNS = 8
"""And so are more values than these with gaps between them."""


class Remainders(Struct, frozen=True):
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


class Only(Struct, frozen=True):
    """The name's value must be one of these few."""

    name: str
    values: frozenset[int]

    def __str__(self) -> str:
        runs = (range(a, b + 1) for a, b in _runs(self.values))
        parts = [
            part
            for run in runs
            for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))
        ]
        *most, last = parts
        return f"{self.name} must be {', '.join(most)}{' or ' if most else ''}{last}"


class Equation(Struct, frozen=True):
    """Two sizes must be equal, and no simpler way to say it was found."""

    left: Size
    right: Size

    def __str__(self) -> str:
        return f"{self.left} must equal {self.right}"


Values = Remainders | Only
Condition = Values | Least | Most | Positive | Equation


def equal_when(left: Size, right: Size) -> bool | Condition:
    """True if two sizes are always equal, False if never, else the condition under which they are.

    Names stand for 1 or more, and so do sizes. Over the remainders by its periods the difference is
    a polynomial, and one of degree `d` in each name is known by its values at `d + 1` places.

    >>> from netc.compiler.sizes import symbol
    >>> str(equal_when(symbol("H") // 2 * 2, symbol("H")))
    'H must be even'
    >>> equal_when(symbol("H") // 2 * 4, symbol("H"))
    False
    >>> str(equal_when(symbol("H") // 2 + 4, symbol("H")))
    'H must be 7 or 8'
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
    return _for_one(left, right, names[0], periods[0], rounds[0])


def _for_one(left: Size, right: Size, name: str, length: int, places: int) -> bool | Condition:
    """The same for sizes of one name, from the difference at so many places of each remainder."""
    always: set[int] = set()
    few: set[int] = set()
    difference = left - right
    for rest in range(length):
        numbers = [length * n + rest for n in range(places)]
        values = [int(str(evaluate(difference, {name: number}))) for number in numbers]
        if not any(values):
            always.add(rest)
        elif (found := _roots(values)) is None:
            return Equation(left, right)
        else:
            few |= {length * n + rest for n in found}
    if always:
        held = Remainders(name, length, frozenset(always))
        return Equation(left, right) if few else len(always) == length or held
    kept = frozenset(n for n in few if n >= 1 and has_sizes((left, right), {name: n}))
    if not kept:
        return False
    return Only(name, kept) if len(_runs(kept)) <= _MOST_RUNS else Equation(left, right)


def _roots(values: Sequence[int]) -> list[int] | None:
    """Where a polynomial is 0 at 0, 1, 2 …, from its values there; None if that is too far.

    Once all its differences have one sign it goes away from 0 for good.
    """
    differences = [*values]
    for order in range(1, len(values)):
        for n in range(len(values) - 1, order - 1, -1):
            differences[n] -= differences[n - 1]
    if len(values) == 2 and (slope := differences[1]):
        n, rest = divmod(-values[0], slope)
        return [n] if not rest and n >= 0 else []
    found: list[int] = []
    for n in range(_LONGEST):
        if differences[0] == 0:
            found.append(n)
        elif min(differences) >= 0 or max(differences) <= 0:
            return found
        for order in range(len(differences) - 1):
            differences[order] += differences[order + 1]
    return None


def _runs(values: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last of numbers that follow one another."""
    found: list[tuple[int, int]] = []
    for value in sorted(values):
        if found and found[-1][1] == value - 1:
            found[-1] = (found[-1][0], value)
        else:
            found.append((value, value))
    return found


def single_remainders(conditions: Iterable[Condition]) -> dict[str, tuple[int, int]]:
    """The names that conditions leave one remainder, each with the period and the remainder.

    Of `H must be 12 more than a multiple of 16` comes `{"H": (16, 12)}`.
    """
    left: dict[str, Values | None] = {}
    for condition in conditions:
        if isinstance(condition, Remainders):
            known = left.setdefault(condition.name, condition)
            left[condition.name] = known and both(known, condition)
    return {
        name: (one.period, rest)
        for name, one in left.items()
        if isinstance(one, Remainders) and one.period > 1 and len(one.remainders) == 1
        for rest in one.remainders
    }


def with_remainders(size: Size, known: Mapping[str, tuple[int, int]]) -> Size:
    """A size where names leave known remainders, made of other names: of `H` that of `(H - r)/p`.

    >>> from netc.compiler.sizes import symbol
    >>> str(with_remainders(symbol("H") // 4, {"H": (8, 2)}))
    '2·H'
    """
    return evaluate(size, {name: p * symbol(name) + rest for name, (p, rest) in known.items()})


def where_they_hold(size: Size, known: Mapping[str, tuple[int, int]]) -> Size:
    """A size for the values that conditions leave, without the roundings that change nothing there.

    As it is, where that takes fractions.

    >>> from netc.compiler.sizes import symbol
    >>> str(where_they_hold(symbol("H") // 16 * 16 + 3, {"H": (16, 0)}))
    'H + 3'
    """
    inner = with_remainders(size, known)
    if isinstance(inner, int):
        return inner
    total: Size = 0
    for monomial, coefficient in inner.terms:
        term: Size = 1
        for atom in monomial:
            if not isinstance(atom, str):
                return size
            p, rest = known.get(atom, (1, 0))
            if coefficient % p:
                return size
            coefficient //= p
            term = term * (symbol(atom) - rest)
        total = total + coefficient * term
    return total


def together(conditions: Iterable[Condition]) -> tuple[str, ...]:
    """All conditions in words: those on one name as one, equal ones over names in one line."""
    joined: dict[str, list[Values]] = {}
    least: dict[str, int] = {}
    most: dict[str, int] = {}
    equations: list[str] = []
    for condition in dict.fromkeys(conditions):
        match condition:
            case Equation(left=left, right=right):
                if str(Equation(right, left)) not in equations:
                    equations.append(str(condition))
            case Positive():
                equations.append(str(condition))
            case Least(name=name, value=value):
                least[name] = max(least.get(name, 1), value)
            case Most(name=name, value=value):
                most[name] = min(most.get(name, value), value)
            case Remainders() | Only():
                held = joined.setdefault(condition.name, [])
                one = both(held[-1], condition) if held else condition
                held[max(0, len(held) - 1) :] = [*held[-1:], condition] if one is None else [one]
    for name, held in joined.items():
        held[:] = [_within(one, least.get(name, 1), most.get(name)) for one in held]
    found: dict[str, list[str]] = {}  # the names that the same holds for
    for name, held in joined.items():
        for one in held:
            found.setdefault(str(replace(one, name="{}")), []).append(name)
    texts = [_for_names(text, sorted(names)) for text, names in found.items()]
    ends = (*_at_least(least, joined), *_at_most(most, joined))
    return (*texts, *ends, *dict.fromkeys(equations))


def _for_names(text: str, names: Sequence[str]) -> str:
    said = text.replace("{}", " and ".join(names))
    return said.replace("must be a multiple", "must be multiples") if len(names) > 1 else said


def _within(one: Values, least: int, most: int | None) -> Values:
    """What is left of values that must not be smaller, or larger."""
    if isinstance(one, Only):
        fits = (n for n in one.values if n >= least and (most is None or n <= most))
        return Only(one.name, frozenset(fits))
    return one


def _at_least(least: dict[str, int], joined: Mapping[str, Sequence[Values]]) -> list[str]:
    """The smallest values, where the other conditions do not ask for as much anyway."""
    by_value: dict[int, list[str]] = {}
    for name, value in least.items():
        held = joined.get(name, ())
        if any(all(is_in(n, one) for one in held) for n in range(1, value)):
            by_value.setdefault(value, []).append(name)
    return [str(Least(" and ".join(sorted(names)), value)) for value, names in by_value.items()]


def _at_most(most: dict[str, int], joined: Mapping[str, Sequence[Values]]) -> list[str]:
    """The largest values, where the other conditions do not leave a few alone."""
    by_value: dict[int, list[str]] = {}
    for name, value in most.items():
        if not any(isinstance(one, Only) for one in joined.get(name, ())):
            by_value.setdefault(value, []).append(name)
    return [str(Most(" and ".join(sorted(names)), value)) for value, names in by_value.items()]


def is_in(number: int, values: Values) -> bool:
    """Whether a condition on one name holds for a number."""
    if isinstance(values, Only):
        return number in values.values
    return number % values.period in values.remainders


def holds(condition: Condition, values: Mapping[str, int]) -> bool:
    """Whether a condition may hold for these values; names without a value may have any."""
    match condition:
        case Equation(left=left, right=right):
            difference = evaluate(left - right, values)
            return not isinstance(difference, int) or difference == 0
        case Positive(size=size):
            return has_sizes([size], values)
        case Least(name=name, value=value):
            return values.get(name, value) >= value
        case Most(name=name, value=value):
            return values.get(name, value) <= value
    return condition.name not in values or is_in(values[condition.name], condition)


def both(one: Values, other: Values) -> Values | None:
    """What two conditions on one name leave; None if that is too long to work out.

    >>> both(Remainders("H", 2, frozenset({0})), Remainders("H", 4, frozenset({1, 3}))).remainders
    frozenset()
    """
    if isinstance(one, Only) or isinstance(other, Only):
        few, rule = (one, other) if isinstance(one, Only) else (other, one)
        assert isinstance(few, Only)
        return Only(one.name, frozenset(n for n in few.values if is_in(n, rule)))
    shared = gcd(one.period, other.period)
    rests = {r % shared for r in one.remainders} & {r % shared for r in other.remainders}
    length = lcm(one.period, other.period)
    if rests and length > _LONGEST:
        return None
    kept = [r for r in range(length) if is_in(r, one) and is_in(r, other)] if rests else []
    return Remainders(one.name, length, frozenset(kept))


def _progression(one: Remainders) -> tuple[int | None, int]:
    """(step, rest) if the remainders are rest, rest + step, …; (None, 0) otherwise."""
    ordered = sorted(one.remainders)
    step = one.period // len(ordered)
    if step * len(ordered) == one.period and ordered == list(range(ordered[0], one.period, step)):
        return step, ordered[0]
    return None, 0
