"""For which values of the user's names sizes are 1 or more: windows must fit into what they read.

Names stand for 1 or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import gcd

from msgspec import Struct

from netc.compiler.sizes import Floor, Size, Symbolic, degree, evaluate, names_in, period, symbol

_LONGEST = 4096
"""With longer periods no simpler way to say when is looked for."""


class Least(Struct, frozen=True):
    """The name's value must be so large for every size that is made of it to be 1 or more."""

    name: str
    value: int

    def __str__(self) -> str:
        return f"{self.name} must be at least {self.value}"


class Most(Struct, frozen=True):
    """The name's value must not be larger for every size that is made of it to be 1 or more."""

    name: str
    value: int

    def __str__(self) -> str:
        return f"{self.name} must be at most {self.value}"


class Positive(Struct, frozen=True):
    """A size must be 1 or more, and no simpler way to say when was found."""

    size: Size

    def __str__(self) -> str:
        rest, constant = _apart(self.size)
        if all(factor < 0 for _, factor in rest.terms):
            return f"{-rest} must be at most {constant - 1}"
        return f"{rest} must be at least {1 - constant}"


Fitting = Least | Most | Positive


def positive_when(sizes: Iterable[Size]) -> list[Fitting]:
    """What must hold for all of the sizes to be 1 or more.

    >>> [str(one) for one in positive_when([(symbol("H") - 5) // 2 + 1, 8 - symbol("T")])]
    ['H must be at least 5', 'T must be at most 7']
    >>> [str(one) for one in positive_when([(symbol("S") + symbol("T")) // 3])]
    ['S + T must be at least 3']
    """
    found: list[Fitting] = []
    wide: list[Symbolic] = []  # those of several names, which the others may make 1 or more
    for size in dict.fromkeys(sizes):
        if isinstance(size, int):
            continue
        name, *others = sorted(names_in(size))
        if others:
            wide.append(size)
        else:
            found += _for_one(size, name)
    least = {one.name: one.value for one in found if isinstance(one, Least)}
    return found + [Positive(_plain(size)) for size in wide if not _follows(size, least)]


def _for_one(size: Symbolic, name: str) -> list[Fitting]:
    """The same for a size of one name."""
    value = _least(size, name)
    if value is not None:
        return [Least(name, value)] if value > 1 else []
    most = _most(size, name)
    return [Positive(_plain(size)) if most is None else Most(name, most)]


def _least(size: Size, name: str) -> int | None:
    """From which value of the name on the size is 1 or more; None if there is none.

    Over the remainders by its period it is a polynomial: one whose differences are not below 0
    does not fall any more.
    """
    length, most = period(size, name), degree(size, name)
    values: list[int] = []
    fitting = 0  # how many in a row were 1 or more
    while length < _LONGEST and len(values) < 2 * _LONGEST:
        value = evaluate(size, {name: len(values) + 1})
        assert isinstance(value, int)
        if len(values) >= length and value < values[-length]:
            return None
        values.append(value)
        fitting = fitting + 1 if value >= 1 else 0
        known = len(values) >= length * (most + 1)
        if known and fitting > length * most and _rises(values, length, most):
            return len(values) - fitting + 1
    return None


def _rises(values: Sequence[int], length: int, most: int) -> bool:
    """Whether all differences of the last values of each remainder are 0 or more."""
    rounds = [values[len(values) - length * n :][:length] for n in range(most + 1, 0, -1)]
    for _ in range(most):
        rounds = [
            [b - a for a, b in zip(one, other, strict=True)] for one, other in pairwise(rounds)
        ]
        if any(difference < 0 for difference in rounds[-1]):
            return False
    return True


def _most(size: Size, name: str) -> int | None:
    """Up to which value of the name the size is 1 or more; None if there is none.

    Of degree 1 it falls by the same number from period to period.
    """
    length = period(size, name)
    if degree(size, name) > 1 or length > _LONGEST:
        return None
    fitting: list[int] = []  # of each remainder how many values from the first on, and the last
    most = 0
    for first in range(1, length + 1):
        value, then = (int(str(evaluate(size, {name: n}))) for n in (first, first + length))
        if then >= value:
            return None
        fitting.append(max(0, (value - 1) // (value - then) + 1))
        most = max(most, first + (fitting[-1] - 1) * length)
    return most if sum(fitting) == most >= 1 else None


def _follows(size: Symbolic, least: Mapping[str, int]) -> bool:
    """Whether a size is 1 or more wherever its names have the least values that others ask for."""
    moved = {name: symbol(name) + (least.get(name, 1) - 1) for name in names_in(size)}
    from_1 = evaluate(size, moved)
    return _grows(from_1) and _at_1(from_1) >= 1


def _at_1(size: Size) -> int:
    return int(str(evaluate(size, dict.fromkeys(names_in(size), 1))))


def _grows(size: Size) -> bool:
    """Whether a size falls with no name: sums of products of what is not below 0 and grows."""
    if isinstance(size, int):
        return True
    for monomial, factor in size.terms:
        floors = [atom for atom in monomial if isinstance(atom, Floor)]
        if (monomial and factor < 0) or not all(_grows(floor.numerator) for floor in floors):
            return False
        if len(monomial) > 1 and any(_at_1(floor.numerator) < 0 for floor in floors):
            return False
    return True


def _apart(size: Size) -> tuple[Symbolic, int]:
    """A size's terms without the constant, and the constant."""
    assert isinstance(size, Symbolic)
    constant = dict(size.terms).get((), 0)
    rest = size - constant
    assert isinstance(rest, Symbolic)
    return rest, constant


def _plain(size: Symbolic) -> Size:
    """A size that is 1 or more for the same values, without a factor and without a rounding."""
    while True:
        rest, constant = _apart(size)
        common = gcd(*(factor for _, factor in rest.terms))
        rest, constant = _apart(_over(rest, common) + (constant - 1) // common + 1)
        (monomial, factor), *others = rest.terms
        if others or len(monomial) > 1 or not isinstance(atom := monomial[0], Floor):
            return rest + constant
        inner, divisor = atom.numerator, atom.divisor
        plain = inner - divisor * (1 - constant) + 1 if factor > 0 else divisor * constant - inner
        assert isinstance(plain, Symbolic)
        size = plain


def _over(size: Symbolic, divisor: int) -> Size:
    """A size divided by a common factor of its terms."""
    return Symbolic(tuple((monomial, factor // divisor) for monomial, factor in size.terms))


def never_positive(size: Size) -> bool:
    """Whether a size is below 1 whatever its name; False where that is not seen at once.

    Of one name and degree 1 it changes from period to period by the same number.

    >>> never_positive(symbol("H") // 2 * 2 - symbol("H")), never_positive(symbol("H") - 5)
    (True, False)
    """
    if isinstance(size, int):
        return size < 1
    name, *others = sorted(names_in(size))
    length = period(size, name)
    if others or degree(size, name) > 1 or length > _LONGEST:
        return False
    values = [int(str(evaluate(size, {name: n}))) for n in range(1, 2 * length + 1)]
    return all(
        now < 1 and later <= now
        for now, later in zip(values[:length], values[length:], strict=True)
    )


def has_sizes(sizes: Iterable[Size], values: Mapping[str, int]) -> bool:
    """Whether all sizes are 1 or more with these values; those that stay unknown may be."""
    found = (evaluate(size, values) for size in sizes)
    return all(not isinstance(size, int) or size >= 1 for size in found)
