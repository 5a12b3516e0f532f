"""What one change of the text would make of a net: the change after which its claims are true.

Each supposition is tried: the net is built again with it and measured. So what is offered is no
guess. The likely ones come first, those near the finding before others, while the budget lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, TypeAlias

from msgspec.structs import replace

from netc.compiler import program
from netc.compiler.claims import counts_claimed
from netc.compiler.diagnostics import Diagnostic, Label
from netc.compiler.left_out import filled
from netc.compiler.nodes import used_blocks
from netc.compiler.rebuilding import Budget, Counts, Rebuilding
from netc.compiler.supposed import SMALL, Open, Supposed, near, roots
from netc.compiler.supposed_arguments import (
    biases,
    borrowed,
    defaults,
    kernels,
    other_numbers,
    swaps,
    unknown_numbers,
    windows,
)
from netc.compiler.supposed_given import supplied
from netc.compiler.supposed_lines import (
    averages,
    copied,
    copied_with_number,
    doubled,
    flattens,
)
from netc.compiler.supposed_missing import meant
from netc.compiler.supposed_names import common, forgotten, unused, unused_with_number
from netc.compiler.supposed_siblings import gaps
from netc.compiler.supposed_values import first_rounds, joins, multiples, pictures

MOST_TIMES = 16
"""How many times as large or as small a number may be as the one written in its place."""

Slips: TypeAlias = Callable[[program.Definition], Iterable[Supposed]]
Unknowns: TypeAlias = Callable[[program.Definition], Iterable[Open]]


class Supposing:
    """Looks for the one change of a net's text after which all that is claimed of it is true."""

    def __init__(
        self, program_: program.Program, net: str, values: Mapping[str, Any], budget: Budget
    ) -> None:
        self.program, self.net = program_, net
        self.rebuilding = Rebuilding(program_, net, values, budget)
        source = program_.definitions[net].span.source
        self._file = [d for d in program_.definitions.values() if d.span.source == source]
        self._own = [
            key
            for key in self.rebuilding.reached(net)
            if program_.definitions[key].span.source == source
        ]
        self._own.sort(key=lambda key: key != net)
        self._spare: Supposed | None = None  # what mends this net, and not all others

    def explain(self, actual: Counts, claimed: Counts) -> Supposed | None:
        """The change after which a net that is built is as claimed; None if none is found.

        `claimed` may be all true: then another claim is false, of its receptive field or depth.
        """
        wrong = next((name for name in claimed if actual[name] != claimed[name]), "")

        def true(*slips: Slips) -> Iterator[Supposed]:
            return (one for key, one in self._all(*slips) if self._mends(key, one, claimed))

        def solved(unknowns: Unknowns) -> Iterator[Supposed]:
            for key, number in self._unknown(unknowns):
                one = self._solved(key, number, actual, claimed, wrong)
                if one is not None:
                    yield one

        odd: list[Supposed] = []
        likely = true(unused, self._forgotten, swaps, biases, flattens, averages)
        for one in chain(likely, solved(unknown_numbers)):
            if one.usual:
                return one
            odd.append(one)
        rest = (
            true(doubled),
            odd,
            true(self._borrowed, self._defaults, first_rounds, multiples, pictures),
            solved(unused_with_number),
            true(kernels, windows),
            solved(copied_with_number),
            true(copied),
        )
        return next(chain(*rest), None) or self._left_out(claimed, wrong) or self._spare

    def mend(self, wrong: Diagnostic, claimed: Counts) -> Supposed | None:
        """The change after which a net that is not built is, and is as claimed.

        Where no count is claimed there is nothing to hold a change against: none is offered.
        """
        if not claimed:
            return None
        self.rebuilding.counts(self.net)
        offs = _offs(self.rebuilding)

        def numbers(definition: program.Definition) -> Iterator[Supposed]:
            return other_numbers(definition, offs)

        words = (flattens, averages, unused, self._forgotten)
        values = (joins, pictures, first_rounds, multiples)
        small = (*words, *values, self._borrowed, swaps, windows, kernels, numbers, self._defaults)
        lines = sorted({s.line for s in (wrong.span, *(label.span for label in wrong.labels))})
        for key, number in self._unknown(unused_with_number):
            solved = self._solved(key, number, {}, claimed, next(iter(claimed)))
            if solved is not None:
                return solved
        for slips in (small, (doubled, copied)):
            found = sorted(self._all(*slips), key=lambda pair: _distance(pair[1], lines))
            for key, one in found:
                if self._mends(key, one, claimed):
                    return one
        for key, number in self._unknown(copied_with_number):
            solved = self._solved(key, number, {}, claimed, next(iter(claimed)))
            if solved is not None:
                return solved
        return self._spare or self._left_out(claimed, next(iter(claimed)))

    def supply(self, wrong: Diagnostic, claimed: Counts) -> Supposed | None:
        """The name (E0202) or the argument (E0205) that is missing, by the claims.

        Where no count is claimed there is nothing to hold it against: none is offered.
        """
        for key in self._own if claimed else ():
            for one in self._missing(wrong, self.program.definitions[key]):
                if isinstance(one, Open):
                    solved = self._solved(key, one, {}, claimed, next(iter(claimed)))
                    if solved is not None:
                        return solved
                elif self._mends(key, one, claimed):
                    return one
        return self._spare

    # -- what is tried

    def _all(self, *slips: Slips) -> Iterator[tuple[str, Supposed]]:
        for tried in slips:
            for key in self._own:
                for one in tried(self.program.definitions[key]):
                    yield key, one

    def _left_out(self, claimed: Counts, wrong: str) -> Supposed | None:
        """A line like one beside it, with the numbers that the claims ask for; or a common one."""
        budget = self.rebuilding.budget
        before, budget.left = budget.left, budget.more
        plain = (one for key, one in self._all(common) if self._mends(key, one, claimed))
        found = next(chain(self._filled(claimed, wrong), plain), None)
        budget.left, budget.more = before, max(budget.left, 0)
        return found

    def _filled(self, claimed: Counts, wrong: str) -> Iterator[Supposed]:
        for key in self._own:
            family = [(self.rebuilding, claimed), *self._family(key)]

            def solve(number: Open, key: str = key) -> Supposed | None:
                return self._solved(key, number, {}, claimed, wrong)

            for gap in gaps(self.program.definitions[key]):
                for one in filled(key, gap, family, solve):
                    if self._mends(key, one, claimed):
                        yield one

    def _family(self, key: str) -> Iterator[tuple[Rebuilding, Counts]]:
        """The other nets of the file that a definition is part of, with what is claimed of them."""
        for net in self._beside(key):
            here = self.rebuilding
            other = Rebuilding(self.program, net, here.values, here.budget)
            yield other, expected(self.program.definitions[net])

    def _unknown(self, unknowns: Unknowns) -> Iterator[tuple[str, Open]]:
        for key in self._own:
            for one in unknowns(self.program.definitions[key]):
                yield key, one

    def _borrowed(self, definition: program.Definition) -> Iterator[Supposed]:
        return borrowed(definition, self._file)

    def _forgotten(self, definition: program.Definition) -> Iterator[Supposed]:
        used = {key for one in self._file for key in used_blocks(one)}
        all_ = self.program.definitions
        return forgotten(
            definition,
            {
                name: key
                for name, key in definition.blocks.items()
                if key not in used
                and all_[key].word == "block"
                and None not in all_[key].parameters.values()
            },
        )

    def _missing(
        self, wrong: Diagnostic, definition: program.Definition
    ) -> Iterator[Supposed | Open]:
        if wrong.code == "E0202":
            return meant(wrong.span, definition)
        return supplied(wrong.span, definition, self.program.definitions, self._file)

    def _defaults(self, definition: program.Definition) -> Iterator[Supposed]:
        return defaults(definition, self.program.definitions)

    # -- whether it mends

    def _mends(self, key: str, one: Supposed, claimed: Counts) -> bool:
        counts = self.rebuilding.counts(key, one.changes)
        if counts is None or any(counts.get(name) != claimed[name] for name in claimed):
            return False
        if not self.rebuilding.holds(key, one.changes):
            return False
        if all(self.rebuilding.holds(key, one.changes, net) for net in self._beside(key)):
            return True
        self._spare = self._spare or one
        return False

    def _beside(self, key: str) -> Iterator[str]:
        """The other nets of the file that a definition is part of."""
        for net in self.program.nets():
            if net.name != self.net and key in self.rebuilding.reached(net.name):
                yield net.name

    def _solved(
        self, key: str, number: Open, actual: Counts, claimed: Counts, wrong: str
    ) -> Supposed | None:
        """The change with the number after which all claims are true."""
        first = actual if number.counted else self._counted(key, number, number.value)
        apart = _apart(self.rebuilding, number.value) if first is None else ()
        seen = [] if first is None or wrong not in first else [first]
        if (
            not number.counted
            and seen
            and self._mends(key, one := number.at(number.value), claimed)
        ):
            return one
        for more in (1, 2) if seen else ():
            counts = self._counted(key, number, number.value + more)
            if counts is None or wrong not in counts:
                break
            seen.append(counts)
            if more == 1 and _is_hopeless(seen[0], counts, claimed, wrong):
                return None
        found = roots([counts[wrong] for counts in seen], number.value, claimed.get(wrong, 0))
        others = [*found, *(near(number.value) if number.value <= SMALL else ())]
        if not number.counted:
            others += [number.value, *apart]
        for other in dict.fromkeys(others):
            same = other == number.value and number.counted
            if not same and number.value <= MOST_TIMES * other <= MOST_TIMES**2 * number.value:
                one = number.at(other)
                if self._mends(key, one, claimed):
                    return one
        return None

    def _counted(self, key: str, number: Open, value: int) -> Counts | None:
        return self.rebuilding.counts(key, number.at(value).changes)


def _is_hopeless(before: Counts, after: Counts, claimed: Counts, wrong: str) -> bool:
    """Whether a number is not the one: the wrong count stays, or one that is right does not."""
    if wrong and before[wrong] == after[wrong]:
        return True
    return any(before[n] == claimed[n] != after.get(n) for n in claimed)


def _apart(rebuilding: Rebuilding, value: int) -> Iterator[int]:
    """What a number may be instead where sizes differ by as much, or are as many times as large."""
    yield from (value + off for off in _offs(rebuilding))
    found, wanted = rebuilding.apart or ((), ())
    for f, w in zip(found, wanted, strict=False):
        if isinstance(f, int) and isinstance(w, int) and f != w and value * w % f == 0:
            yield value * w // f


def _offs(rebuilding: Rebuilding) -> list[int]:
    """By how much the sizes differ where a net is not built."""
    if rebuilding.apart is None:
        return []
    found, wanted = rebuilding.apart
    if len(found) != len(wanted):
        return []
    pairs = zip(found, wanted, strict=True)
    offs = (w - f for f, w in pairs if isinstance(f, int) and isinstance(w, int) and f != w)
    return [*dict.fromkeys(sign * off for off in islice(offs, 2) for sign in (1, -1))]


def _distance(one: Supposed, lines: list[int]) -> int:
    return min(abs(one.place.line - line) for line in lines)


def expected(definition: program.Definition) -> Counts:
    """The counts that the lines of a net claim that is not built."""
    return counts_claimed(
        (item.claim, {})
        for item in definition.body
        if isinstance(item, program.Expect) and not item.sizes
    )


def mended(wrong: Diagnostic, supposed: Supposed | None) -> Diagnostic:
    """A finding with the change that mends it, said before what it says by itself."""
    if supposed is None:
        return wrong
    hint = f"{supposed.fix.hint}: then every claim is true"
    label = Label(supposed.place, "one change here mends it")
    here = supposed.place.before == wrong.span.before  # the finding points there itself
    return replace(
        wrong,
        hint=f"{hint}; or {wrong.hint}" if wrong.hint else hint,
        edits=supposed.fix.edits,
        labels=wrong.labels if here else (label, *wrong.labels),
    )
