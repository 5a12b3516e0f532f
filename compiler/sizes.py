"""Exact sizes: whole numbers, or whole-number expressions over the user's own names.

A size is an `int` wherever it is known and a `Symbolic` otherwise. A `Symbolic` is a polynomial
with integer coefficients over atoms; an atom is a name (`H`) or a floor division
(`⌊(H − 1)/2⌋`).
Expressions are kept in one normal form, so that equal expressions compare equal:

* whole parts leave a floor: `⌊(2·H + 4)/2⌋` is `H + 2`;
* floors of floors become one: `⌊⌊H/2⌋/2⌋` is `⌊H/4⌋`;
* the constant inside a floor lies in `(-divisor, 0]`, which prints the output-size formula the way
  people write it: `⌊(H − 1)/2⌋ + 1`.

A size has two spellings, both here: `str` and `format` give what people read, `2·⌊H/16⌋ + 1`;
`spec_text` gives text of the language, `2*(H//16) + 1`, which a spec and a program can read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import gcd, lcm
from typing import TypeAlias

from msgspec import Struct

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Floor(Struct, frozen=True):
    """The atom `⌊numerator/divisor⌋`; the divisor is a whole number of at least 2."""

    numerator: Symbolic
    divisor: int

    def __format__(self, numbers: str) -> str:
        inner = format(self.numerator, numbers)
        whole = inner if len(self.numerator.terms) == 1 else f"({inner})"
        return f"⌊{whole}/{self.divisor:{numbers}}⌋"

    def __str__(self) -> str:
        return format(self)


Atom: TypeAlias = str | Floor
Monomial: TypeAlias = tuple[Atom, ...]


class Symbolic(Struct, frozen=True):
    """A sum of `coefficient * product of atoms`, in normal form. A plain number is an int."""

    terms: tuple[tuple[Monomial, int], ...]

    def __add__(self, other: Size) -> Size:
        return _collect([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        return self + other * -1

    def __rsub__(self, other: Size) -> Size:
        return other + self * -1

    def __mul__(self, other: Size) -> Size:
        return _collect(
            (_ordered((*left, *right)), a * b)
            for left, a in self.terms
            for right, b in _terms(other)
        )

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Size:
        return floor_div(self, divisor)

    def __format__(self, numbers: str) -> str:
        """As people write it, its numbers in the given form: `,` groups their digits in threes."""
        text = ""
        for monomial, coefficient in self.terms:
            powers = Counter(a if isinstance(a, str) else format(a, numbers) for a in monomial)
            factors = [atom + power(count) for atom, count in powers.items()]
            if abs(coefficient) != 1 or not factors:
                factors.insert(0, format(abs(coefficient), numbers))
            text += _sign("−" if coefficient < 0 else "+", text) + "·".join(factors)
        return text

    def __str__(self) -> str:
        return format(self)


Size: TypeAlias = int | Symbolic
"""A number of elements along an axis, or a count made of such numbers."""

Shape: TypeAlias = tuple[Size, ...]
"""Sizes of one example, without the batch axis."""


def spec_text(size: Size) -> str:
    """A size as text of the language, which divides with `//`; Python reads it alike.

    >>> spec_text((symbol("H") - 1) // 2 * 2 + 1)
    '2*((H - 1)//2) + 1'
    """
    if isinstance(size, int):
        return str(size)
    text = ""
    for monomial, coefficient in size.terms:
        factors = [str(abs(coefficient))] if abs(coefficient) != 1 or not monomial else []
        for atom in monomial:
            factors.append(atom if isinstance(atom, str) else _division(atom, bool(factors)))
        text += _sign("-" if coefficient < 0 else "+", text) + "*".join(factors)
    return text


def shape_spec_text(shape: Iterable[Size]) -> str:
    """A shape as a claim in the language: `[8, 2*((H - 1)//2) + 1]`."""
    return f"[{', '.join(map(spec_text, shape))}]"


def symbol(name: str) -> Symbolic:
    """The size that is not known yet, by its name in the spec.

    >>> str((symbol("H") + 2 - 3) // 2 + 1)
    '⌊(H − 1)/2⌋ + 1'
    """
    return Symbolic((((name,), 1),))


def product_of(sizes: Iterable[Size]) -> Size:
    """The product of sizes; 1 for none.

    >>> product_of([3, 224, 224])
    150528
    """
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def floor_div(size: Size, divisor: int) -> Size:
    """`⌊size/divisor⌋` in normal form. Raises ValueError unless the divisor is positive."""
    if divisor <= 0:
        raise ValueError(f"a size can be divided by a positive whole number only, not by {divisor}")
    if isinstance(size, int):
        return size // divisor
    if divisor == 1:
        return size
    common = gcd(divisor, *(coefficient for monomial, coefficient in size.terms if monomial))
    if common > 1:  # ⌊(2·H + 3)/4⌋ is ⌊(H + 1)/2⌋
        return floor_div(_collect((m, c // common) for m, c in size.terms), divisor // common)
    if (nested := _nested(size, divisor)) is not None:
        return nested
    whole: list[tuple[Monomial, int]] = []
    rest: list[tuple[Monomial, int]] = []
    for monomial, coefficient in size.terms:
        quotient, remainder = divmod(coefficient, divisor)
        if not monomial and remainder:  # the constant stays in (-divisor, 0]
            quotient, remainder = quotient + 1, remainder - divisor
        whole.append((monomial, quotient))
        rest.append((monomial, remainder))
    inner = _collect(rest)
    if isinstance(inner, int):
        return _collect(whole) + inner // divisor
    if (outside := _collect(whole)) != 0:  # what is left may have a shorter form of its own
        return outside + floor_div(inner, divisor)
    return Symbolic((((Floor(inner, divisor),), 1),))


def ceil_div(size: Size, divisor: int) -> Size:
    """`ceil(size/divisor)`, as a floor division."""
    return floor_div(size + (divisor - 1), divisor)


def names_in(size: Size) -> frozenset[str]:
    """The user's names that a size is made of.

    >>> sorted(names_in(symbol("H") * symbol("W") // 2))
    ['H', 'W']
    """
    if isinstance(size, int):
        return frozenset()
    found: set[str] = set()
    for monomial, _ in size.terms:
        for atom in monomial:
            found |= {atom} if isinstance(atom, str) else names_in(atom.numerator)
    return frozenset(found)


def evaluate(size: Size, values: Mapping[str, Size]) -> Size:
    """The size with names replaced; names without a value stay.

    >>> evaluate((symbol("H") - 1) // 2 + 1, {"H": 224})
    112
    """
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, coefficient in size.terms:
        term: Size = coefficient
        for atom in monomial:
            if isinstance(atom, str):
                term = term * values.get(atom, symbol(atom))
            else:
                term = term * floor_div(evaluate(atom.numerator, values), atom.divisor)
        total = total + term
    return total


def period(size: Size, name: str) -> int:
    """A period after which every floor over `name` in the size repeats its remainder."""
    if isinstance(size, int):
        return 1
    repeats = 1
    for monomial, _ in size.terms:
        for atom in monomial:
            if isinstance(atom, Floor) and name in names_in(atom.numerator):
                repeats = lcm(repeats, atom.divisor * period(atom.numerator, name))
    return repeats


def degree(size: Size, name: str) -> int:
    """The highest power of a name in a size, floors counted as what is in them."""
    if isinstance(size, int):
        return 0
    return max(
        sum(
            int(atom == name) if isinstance(atom, str) else degree(atom.numerator, name)
            for atom in monomial
        )
        for monomial, _ in size.terms
    )


def power(count: int) -> str:
    """An exponent as people write it, raised; none for 1."""
    return "" if count == 1 else str(count).translate(_RAISED)


def _sign(sign: str, before: str) -> str:
    """The sign of a term; the first has one where it is negative only."""
    return f" {sign} " if before else sign.strip("+")


def _division(floor: Floor, follows: bool) -> str:
    """A rounded-down division; in parentheses behind a factor, which `//` would divide as well."""
    inner = spec_text(floor.numerator)
    text = f"{inner if inner.isidentifier() else f'({inner})'}//{floor.divisor}"
    return f"({text})" if follows else text


def _terms(size: Size) -> tuple[tuple[Monomial, int], ...]:
    return (((), size),) if isinstance(size, int) else size.terms


def _ordered(atoms: Iterable[Atom]) -> Monomial:
    return tuple(sorted(atoms, key=_place))


def _place(atom: Atom) -> tuple[bool, str]:
    """What atoms are sorted by: names first."""
    return isinstance(atom, Floor), str(atom)


def _collect(terms: Iterable[tuple[Monomial, int]]) -> Size:
    """Adds terms over equal monomials; an int where only the constant is left."""
    sums: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        sums[monomial] = sums.get(monomial, 0) + coefficient
    kept = [(monomial, value) for monomial, value in sums.items() if value]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    kept.sort(key=lambda term: (not term[0], -len(term[0]), [*map(_place, term[0])]))
    return Symbolic(tuple(kept))


def _nested(size: Symbolic, divisor: int) -> Size | None:
    """`⌊(⌊a/b⌋ + c)/d⌋` as `⌊(a + b·c)/(b·d)⌋`; None if there is no such form."""
    floors = [term for term in size.terms if any(isinstance(atom, Floor) for atom in term[0])]
    if len(floors) != 1:
        return None
    ((monomial, coefficient),) = floors
    if coefficient != 1 or len(monomial) != 1 or not isinstance(monomial[0], Floor):
        return None
    inner = monomial[0]
    rest = _collect(term for term in size.terms if term[0] != monomial)
    return floor_div(inner.numerator + rest * inner.divisor, inner.divisor * divisor)
