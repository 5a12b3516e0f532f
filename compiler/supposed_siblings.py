"""A line left out that is like those beside it, but for its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.nodes import is_whole, plain_lines
from netc.compiler.supposed import SMALL, Supposed
from netc.compiler.supposed_lines import copy_of, word_of

_Numbers: TypeAlias = dict[object, tree.Number]

MOST_CHOICES = 16
"""Choices of small numbers that are tried at one place."""


class Gap(Struct, frozen=True, eq=False):
    """A place below a line where one more like it may stand.

    Attributes:
        numbers: those that the line gives its call by place.
        small: what stands for each of them that is a stride or a count in the lines like it; the
            others are widths, and may be any.
    """

    definition: program.Definition
    body: program.Body
    at: int
    numbers: tuple[tree.Number, ...]
    small: dict[int, tuple[int, ...]]

    @property
    def widths(self) -> tuple[int, ...]:
        """The places of the numbers that may be any."""
        return tuple(n for n in range(len(self.numbers)) if n not in self.small)

    def choices(self) -> Iterator[tuple[int, ...]]:
        """The numbers with each choice of the small ones, at first as in the line."""
        each: list[list[int]] = []
        for place, number in enumerate(self.numbers):
            own = int(number.value)
            others = (value for value in self.small.get(place, ()) if value != own)
            each.append([own, *others])
        return islice(product(*each), MOST_CHOICES)

    def filled(self, values: Sequence[int]) -> Supposed:
        """The line once more, with these numbers. A width is usual as a multiple of 8."""
        line = self.body[self.at]
        assert isinstance(line, program.Flow)
        others = tuple(
            (number, replace(number, value=value), str(value))
            for number, value in zip(self.numbers, values, strict=True)
            if value != number.value
        )
        usual = all(v <= SMALL or v % SMALL == 0 for v in values)
        return replace(copy_of(line, self.body, self.at, self.definition, others), usual=usual)


def gaps(definition: program.Definition) -> Iterator[Gap]:
    """The places below each line that has others of its word in its body."""
    alike: dict[object, list[tuple[program.Body, int, _Numbers]]] = {}
    for body, at in plain_lines(definition):
        line = body[at]
        if isinstance(line, program.Flow) and not line.output:
            numbers = _numbers(line.elements[0])
            alike.setdefault((id(body), word_of(line)), []).append((body, at, numbers))
    for group in alike.values():
        small = _small([numbers for _, _, numbers in group])
        for body, at, numbers in group if len(group) > 1 else ():
            if numbers:
                of_these = {n: small[p] for n, p in enumerate(numbers) if p in small}
                yield Gap(definition, body, at, tuple(numbers.values()), of_these)


def _small(lines: Sequence[_Numbers]) -> dict[object, tuple[int, ...]]:
    """The numbers of some calls that are small in all of them, by what they are for."""
    columns: dict[object, dict[int, None]] = {}
    for numbers in lines:
        for place, number in numbers.items():
            columns.setdefault(place, {})[int(number.value)] = None
    return {place: tuple(found) for place, found in columns.items() if max(found) <= SMALL}


def _numbers(element: program.Element) -> _Numbers:
    """The whole numbers that a call is given, by what for: an argument's name or its place."""
    given: list[tuple[object, tree.Expr]] = []
    match element:
        case program.LayerUse() | program.BlockUse():
            given = [*element.arguments.items()]
        case program.HandedUse():
            given = [*enumerate(argument.value for argument in element.call.arguments)]
    return {place: expr for place, expr in given if is_whole(expr)}
