"""What one change of the text would make of a net: the change after which its claims are true.

Each supposition is tried: the net is built again with it and measured. So what is offered is no
guess. The likely ones come first, those near the finding before others, while the budget lasts.
"""

from __future__ import annotations

<<<<<<< /tmp/h/sup/new/compiler/supposing.py
from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import isqrt
from typing import Any, TypeAlias, TypeGuard

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.changing import change_argument
from netc.compiler.diagnostics import Diagnostic, Label, Log
from netc.compiler.edits import Edit, Fix, append, rewrite, whole_line
from netc.compiler.elaborate import elaborate
from netc.compiler.graph import LayerStep, Net, walk
from netc.compiler.layers.shapes import Flatten
from netc.compiler.source import Source, Span

MOST_LAYERS = 30_000
"""Layers built for all nets of a file before no change is offered: about a second."""

UNBUILT = 50
"""What a net that cannot be built counts for."""

Counts: TypeAlias = Mapping[str, int]
"""What is counted of a net, by the name that claims have for it."""


class Budget(Struct):
    """How many layers may still be built to try changes, for all nets of a file together."""

    left: int = MOST_LAYERS


Changes: TypeAlias = tuple[tuple[Any, Any], ...]
"""Nodes of the program, each with the one to put in its place."""


class Supposed(Struct, frozen=True):
    """A change of the text: `place` is where, and `fix` says it and makes it."""

    place: Span
    fix: Fix
    changes: Changes
=======
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice
from typing import Any, TypeAlias

from netc.compiler import program
from netc.compiler.diagnostics import Diagnostic, Label
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
from netc.compiler.supposed_lines import (
    averages,
    copied,
    copied_with_number,
    doubled,
    flattens,
)
from netc.compiler.supposed_names import forgotten, unused, unused_with_number

MOST_TIMES = 16
"""How many times as large or as small a number may be as the one written in its place."""

Slips: TypeAlias = Callable[[program.Definition], Iterable[Supposed]]
Unknowns: TypeAlias = Callable[[program.Definition], Iterable[Open]]
>>>>>>> compiler/supposing.py


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
            true(self._borrowed, self._defaults),
            solved(unused_with_number),
            true(kernels, windows),
            solved(copied_with_number),
            true(copied),
        )
        return next(chain(*rest), None)

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
        small = (*words, self._borrowed, swaps, windows, kernels, numbers, self._defaults)
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
        return None

    # -- what is tried

    def _all(self, *slips: Slips) -> Iterator[tuple[str, Supposed]]:
        for tried in slips:
            for key in self._own:
                for one in tried(self.program.definitions[key]):
                    yield key, one

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

    def _defaults(self, definition: program.Definition) -> Iterator[Supposed]:
        return defaults(definition, self.program.definitions)

    # -- whether it mends

    def _mends(self, key: str, one: Supposed, claimed: Counts) -> bool:
        counts = self.rebuilding.counts(key, one.changes)
        if counts is None or any(counts.get(name) != claimed[name] for name in claimed):
            return False
        return self.rebuilding.holds(key, one.changes)

    def _solved(
        self, key: str, number: Open, actual: Counts, claimed: Counts, wrong: str
    ) -> Supposed | None:
        """The change with the number after which all claims are true."""
        first = actual if number.counted else self._counted(key, number, number.value)
        seen = [] if first is None or wrong not in first else [first]
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
            others.append(number.value)
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


def mended(wrong: Diagnostic, supposed: Supposed | None) -> Diagnostic:
    """A finding with the change that mends it, said before what it says by itself."""
    if supposed is None:
        return wrong
    hint = f"{supposed.fix.hint}: then every claim is true"
    label = Label(supposed.place, "one change here mends it")
    return replace(
        wrong,
        hint=f"{hint}; or {wrong.hint}" if wrong.hint else hint,
        edits=supposed.fix.edits,
        labels=(label, *wrong.labels),
    )
<<<<<<< /tmp/h/sup/new/compiler/supposing.py


def roots(seen: list[int], first: int, wanted: int) -> Iterator[int]:
    """Where a count that depends on a number by a square or a line comes to what is wanted.

    `seen` are the counts at `first`, `first + 1` and `first + 2`.
    """
    if len(seen) < 3:
        return
    curve = seen[2] - 2 * seen[1] + seen[0]
    slope = seen[1] - seen[0]
    off = wanted - seen[0]
    if curve == 0:
        if slope and off % slope == 0:
            yield first + off // slope
        return
    # off = slope*n + curve*n*(n - 1)/2
    b = 2 * slope - curve
    under = b * b + 8 * curve * off
    if under < 0 or isqrt(under) ** 2 != under:
        return
    for root in (isqrt(under), -isqrt(under)):
        if (root - b) % (2 * curve) == 0:
            yield first + (root - b) // (2 * curve)


# ------------------------------------------------------------------------------
# Suppositions


def _biases(definition: program.Definition) -> Iterator[Supposed]:
    """Each layer that can have a bias without the one it has, or with one."""
    for use in _uses(definition):
        if "bias" not in use.layer.model_fields:
            continue
        given = use.arguments.get("bias")
        if given is None:
            word = tree.Name("no", use.span)
            hint = f"write `bias=no` for `{use.span.text}`"
            fix = change_argument(use.span, use.arguments, "bias", "no", hint)
            arguments = {**use.arguments, "bias": word}
        elif given.span.text == "no":
            fix = change_argument(
                use.span, use.arguments, "bias", None, f"take `bias=no` out of `{use.span.text}`"
            )
            arguments = {k: v for k, v in use.arguments.items() if k != "bias"}
        else:
            continue
        yield Supposed(use.span, fix, ((use, replace(use, arguments=arguments)),))


def _borrowed(definition: program.Definition) -> Iterator[Supposed]:
    """Each call with a named argument of another call of its word, and then without one of its."""
    named = _named_arguments(definition)
    for use in _uses(definition):
        for name, expr in named.get(use.layer.kind, {}).values():
            if name not in use.arguments:
                hint = f"write `{name}={expr.span.text}` for `{use.span.text}`"
                fix = change_argument(use.span, use.arguments, name, expr.span.text, hint)
                arguments = {**use.arguments, name: expr}
                yield Supposed(use.span, fix, ((use, replace(use, arguments=arguments)),))
        for name in use.arguments:
            if not use.layer.model_fields[name].is_required():
                hint = f"take `{name}` out of `{use.span.text}`"
                fix = change_argument(use.span, use.arguments, name, None, hint)
                arguments = {n: expr for n, expr in use.arguments.items() if n != name}
                yield Supposed(use.span, fix, ((use, replace(use, arguments=arguments)),))
    yield from _borrowed_by_blocks(definition)


def _borrowed_by_blocks(definition: program.Definition) -> Iterator[Supposed]:
    """Each use of a block handed in with a named argument of another use of it."""
    calls = [node.call for node in _nodes(definition) if isinstance(node, program.HandedUse)]
    for call in calls:
        own = {a.name.text for a in call.arguments if a.name is not None}
        others = (a for c in calls if c.name.text == call.name.text for a in c.arguments)
        found = {a.span.text: a for a in others if a.name is not None and a.name.text not in own}
        for text, argument in found.items():
            comma = "," if call.arguments else ""
            hint = f"write `{text}` for `{call.span.text}`"
            longer = replace(call, arguments=(*call.arguments, argument))
            fix = append(call.span, f"{comma} {text}", hint)
            yield Supposed(call.span, fix, ((call, longer),))


def _named_arguments(
    definition: program.Definition,
) -> Mapping[str, dict[tuple[str, str], tuple[str, tree.Expr]]]:
    """The arguments in a definition's calls of layers, by the layers' words."""
    found: dict[str, dict[tuple[str, str], tuple[str, tree.Expr]]] = {}
    for use in _uses(definition):
        kept = found.setdefault(use.layer.kind, {})
        for name, expr in use.arguments.items():
            kept.setdefault((name, expr.span.text), (name, expr))
    return found


def _flattens(definition: program.Definition) -> Iterator[Supposed]:
    """`flatten` before each dense layer."""
    for node in _nodes(definition):
        for use in node.elements if isinstance(node, program.Flow) else ():
            if isinstance(use, program.LayerUse) and use.layer.kind == "dense":
                flat = program.LayerUse(Flatten, {}, (), use.span, use.span)
                at = node.elements.index(use)
                line = replace(node, elements=(*node.elements[:at], flat, *node.elements[at:]))
                hint = "write `{}" + f"{use.span.text}`"
                yield Supposed(
                    use.span, rewrite(use.span.before, "flatten -> ", hint), ((node, line),)
                )


def _swaps(definition: program.Definition) -> Iterator[Supposed]:
    """Each two numbers that stand beside each other in a call, in the other order."""
    for given in _calls(definition):
        for a, b in pairwise(given):
            if _is_whole(a) and _is_whole(b) and a.value != b.value:
                edits = (Edit(a.span, b.span.text), Edit(b.span, a.span.text))
                hint = f"write `{b.span.text}` and `{a.span.text}` in this order"
                changes = ((a, replace(a, value=b.value)), (b, replace(b, value=a.value)))
                yield Supposed(a.span, Fix(hint, edits), changes)


def _other_numbers(definition: program.Definition) -> Iterator[Supposed]:
    """Each number in a call, with another near it in its place."""
    for number in _numbers(definition):
        for other in _near(int(number.value)):
            changes = ((number, replace(number, value=other)),)
            yield _in_its_place(number, other, changes)


def _near(value: int) -> tuple[int, ...]:
    """Numbers that are taken for another: one off, twice or four times as much or as little."""
    found = (value - 1, value + 1, value * 2, value // 2, value * 4, value // 4)
    return tuple(other for other in found if other > 0 and other != value)


def _in_its_place(number: tree.Number, other: int, changes: Changes) -> Supposed:
    hint = "write `{}` for " + f"`{number.span.text}`"
    return Supposed(number.span, rewrite(number.span, str(other), hint), changes)


def _lines(definition: program.Definition) -> Iterator[Supposed]:
    """Each line of layers twice, and then none of it."""
    for body, at in _plain_lines(definition):
        span = body[at].span
        twice = (*body[: at + 1], replace(body[at]), *body[at + 1 :])
        yield _below(span, span.source.line(span.line), ((body, twice),))
        if len(body) > 1:
            out = Fix(f"take line {span.line} out", (Edit(whole_line(span), ""),))
            yield Supposed(span, out, ((body, (*body[:at], *body[at + 1 :])),))


def _below(span: Span, text: str, changes: Changes) -> Supposed:
    """A line of text below the one of a span."""
    place = replace(span, line=span.line + 1, column=1, end_line=span.line + 1, end_column=1)
    hint = f"write `{text.strip()}` below line {span.line}"
    return Supposed(span, Fix(hint, (Edit(place, f"{text}\n"),)), changes)


def _plain_lines(definition: program.Definition) -> Iterator[tuple[program.Body, int]]:
    """Lines of the text that are a chain without a name, each as its body and its place there."""
    for body in _bodies(definition):
        for at, line in enumerate(body):
            plain = isinstance(line, program.Flow) and line.target is None
            if plain and line.span.line == line.span.end_line and _alone(line.span):
                yield body, at


def _alone(span: Span) -> bool:
    return not span.source.line(span.line)[: span.column - 1].strip()


def _numbers(definition: program.Definition) -> Iterator[tree.Number]:
    """The whole numbers that are handed to layers, blocks and repeats, in the text's order."""
    for given in _calls(definition):
        for expr in given:
            for node in _nodes(expr):
                if _is_whole(node):
                    yield node


def _is_whole(node: Any) -> TypeGuard[tree.Number]:
    return isinstance(node, tree.Number) and isinstance(node.value, int)


def _calls(definition: program.Definition) -> Iterator[tuple[tree.Expr, ...]]:
    """What calls in a definition are given, and the defaults of its parameters."""
    yield tuple(expr for expr in definition.parameters.values() if expr is not None)
    for node in _nodes(definition):
        match node:
            case program.LayerUse() | program.BlockUse():
                yield tuple(node.arguments.values())
            case program.HandedUse():
                yield tuple(argument.value for argument in node.call.arguments)
            case program.Repeat():
                yield tuple(expr for expr in (node.count, node.items) if expr is not None)


def _uses(definition: program.Definition) -> Iterator[program.LayerUse]:
    return (node for node in _nodes(definition) if isinstance(node, program.LayerUse))


def _bodies(definition: program.Definition) -> Iterator[program.Body]:
    for node in _nodes(definition):
        body = getattr(node, "body", None)
        if isinstance(body, tuple):
            yield body


# ------------------------------------------------------------------------------
# Nodes

_LEAVES = (Span, Source, str, int, float, type, type(None))
_LEFT_ALONE = {"condition", "when", "blocks", "kind"}
"""Parts of nodes that decide, or name; what they hold is not supposed to be otherwise."""


def _nodes(node: Any) -> Iterator[Any]:
    """A node and all nodes in it, in the text's order; claims are left out."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (*_LEAVES, program.ShapeClaim, program.Expect)):
            continue
        if isinstance(one, tuple):
            waiting += reversed(one)
        elif isinstance(one, dict):
            waiting += reversed([*one.values()])
        elif isinstance(one, Struct):
            yield one
            names = [name for name in one.__struct_fields__ if name not in _LEFT_ALONE]
            waiting += [getattr(one, name) for name in reversed(names)]


def _with(node: Any, old: Any, new: Any) -> Any:
    """A node with another one in the place of one inside it; what does not hold it is kept."""
    if node is old:
        return new
    if isinstance(node, _LEAVES):
        return node
    if isinstance(node, tuple):
        parts = tuple(_with(part, old, new) for part in node)
        return parts if any(a is not b for a, b in zip(parts, node, strict=True)) else node
    if isinstance(node, dict):
        values = {name: _with(value, old, new) for name, value in node.items()}
        return values if any(values[name] is not node[name] for name in node) else node
    if not isinstance(node, Struct):
        return node
    found = {name: _with(getattr(node, name), old, new) for name in node.__struct_fields__}
    changed = {name: value for name, value in found.items() if value is not getattr(node, name)}
    return replace(node, **changed) if changed else node
=======
>>>>>>> compiler/supposing.py
