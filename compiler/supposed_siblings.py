"""A line left out that is like those beside it, but for its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from itertools import islice, product
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.nodes import is_whole, plain_lines
from netc.compiler.supposed import SMALL, Supposed
from netc.compiler.supposed_lines import copy_of, word_of

_Numbers: TypeAlias = dict[object, tree.Number]
_Line: TypeAlias = tuple[program.Body, int, program.Flow, _Numbers]

MOST_CHOICES = 16
"""Choices of small numbers that are tried at one place."""


class Gap(Struct, frozen=True, eq=False):
    """A place below a line where one more like another may stand.

    Attributes:
        line: the other: the one above or the next of its word.
        numbers: those that the line gives its call by place.
        small: what stands for each of them that is a stride or a count in the lines like it; the
            others are widths, and may be any.
    """

    definition: program.Definition
    body: program.Body
    at: int
    line: program.Flow
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
        others = tuple(
            (number, replace(number, value=value), str(value))
            for number, value in zip(self.numbers, values, strict=True)
            if value != number.value
        )
        usual = all(v <= SMALL or v % SMALL == 0 for v in values)
        return replace(copy_of(self.line, self.body, self.at, self.definition, others), usual=usual)


def gaps(definition: program.Definition) -> Iterator[Gap]:
    """The places below each line that has others of its word in its body, and above the first."""
    alike: dict[object, list[_Line]] = {}
    plain = [*plain_lines(definition)]
    for body, at in plain:
        line = body[at]
        if isinstance(line, program.Flow) and not line.output:
            numbers = _numbers(line.elements[0])
            alike.setdefault((id(body), word_of(line)), []).append((body, at, line, numbers))
    lines = {(id(body), at) for body, at in plain}
    for group in alike.values():
        if len(group) > 1:
            yield from _beside(definition, group, lines)


def _beside(
    definition: program.Definition, group: Sequence[_Line], lines: Set[tuple[int, int]]
) -> Iterator[Gap]:
    """The places beside lines of one word; of two there that differ in their form, like each."""
    small = _small([numbers for *_, numbers in group])
    body, top, *_ = group[0]
    places = [(at, group[n : n + 2]) for n, (_, at, *_) in enumerate(group)]
    if (id(body), top - 1) in lines:
        places.append((top - 1, group[:1]))
    for place, beside in places:
        for line, numbers in {tuple(found): (line, found) for *_, line, found in beside}.values():
            of_these = {n: small[what] for n, what in enumerate(numbers) if what in small}
            if numbers:
                yield Gap(definition, body, place, line, tuple(numbers.values()), of_these)


def _small(lines: Sequence[_Numbers]) -> dict[object, tuple[int, ...]]:
    """The numbers that are small in all of some calls, and those below, by what they are for."""
    columns: dict[object, dict[int, None]] = {}
    for numbers in lines:
        for place, number in numbers.items():
            columns.setdefault(place, {})[int(number.value)] = None
    return {
        place: tuple(dict.fromkeys((*found, *range(1, max(found)))))
        for place, found in columns.items()
        if max(found) <= SMALL
    }


def _numbers(element: program.Element) -> _Numbers:
    """The whole numbers that a call is given, by what for: an argument's name or its place."""
    given: list[tuple[object, tree.Expr]] = []
    match element:
        case program.LayerUse() | program.BlockUse():
            given = [*element.arguments.items()]
        case program.HandedUse():
            given = [*enumerate(argument.value for argument in element.call.arguments)]
    return {place: expr for place, expr in given if is_whole(expr)}
