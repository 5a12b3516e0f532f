"""One layer explained: formula, numbers put in, result. All arithmetic is that of `Row.why`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

from msgspec import Struct

from netc.compiler.beginning import Makers, at_first, makers
from netc.compiler.graph import BlockStep, LayerStep, Wire
from netc.compiler.parts import Outline, Part, every
from netc.compiler.report import Row, row_json
from netc.compiler.sizes import power
from netc.compiler.source import Source, Span
from netc.compiler.why import FLOPS, MEMORY, Reasons

LISTED = 6
"""So many places are named where a layer stands at several; the rest are counted."""
MARGIN, WIDTH = 17, 88
_DIGITS = re.compile(r"(?<![\w.])\d{4,}(?![\w.]*[A-Za-z_])")
_POWER = re.compile(r"(?<![\w·])((?:\d[\d,]*·)?)([A-Za-z]\w*|⌊[^⌊⌋]*⌋)((?:·\2(?!\w))+)")
_LETTER = re.compile(r"[A-Za-z]+(?:_\w+)?")
_AXIS = re.compile(r"(jump along )?(depth|height|width|length|axis \d+) (.+)")
AXIS_WORDS = {"d": "depth", "h": "height", "w": "width", "l": "length"}


class Found(Struct, frozen=True, eq=False):
    """What a word names in a net: layers, or blocks and repeats to walk through."""

    rows: tuple[Row, ...] = ()
    parts: tuple[Part, ...] = ()


def find(word: str, tree: Sequence[Part], source: Source) -> Found:
    """The layers of a path, a line number or a layer's word; else the parts so called.

    A block's name names every place where it is used.
    """
    if is_line(word):
        return _in_line(int(word), tree, source)
    known = list(every(tree))
    rows = [part.rows[0] for part in known if not part.inner and part.path == word]
    if not rows:
        outer = tuple(part for part in known if part.inner and part.path == word)
        if outer:
            return Found(parts=outer[:1])
        rows = [part.rows[0] for part in known if not part.inner and part.rows[0].layer == word]
    if not rows:
        return Found(parts=tuple(part for part in known if block_of(part) == word))
    return Found(tuple(rows))


def block_of(part: Part) -> str | None:
    """The name of the block that stands there, if one does."""
    if not isinstance(part.step, BlockStep) or part.step.module.word == "body":
        return None
    return part.step.module.name


def is_line(word: str) -> bool:
    """Whether a word is a line's number."""
    return word.isdecimal() and len(word) < 10


def _in_line(number: int, tree: Sequence[Part], source: Source) -> Found:
    rows: list[Row] = []
    outer: list[Part] = []
    waiting = [*reversed(tree)]
    while waiting:
        part = waiting.pop()
        span = part.step.span
        if span.source == source and span.line == number:
            if part.inner:
                outer.append(part)
                continue  # what is in it stands in the same line, or is told with it
            rows.append(part.rows[0])
        waiting += reversed(part.inner)
    return Found(tuple(rows), tuple(outer))


def missing(word: str, trees: Iterable[Sequence[Part]], source: Source) -> str:
    """That no layer is called so, or stands in this line, with the nearest that does."""
    known = [part for tree in trees for part in every(tree)]
    if is_line(word):
        lines = sorted({p.step.span.line for p in known if p.step.span.source == source})
        near = min(lines, key=lambda line: abs(line - int(word)), default=None)
        hint = f"; the nearest that does is line {near}" if near else ""
        return f"line {word} of {source.name} makes no layer{hint}"
    from netc.compiler.diagnostics import did_you_mean

    names = {part.path for part in known} | {row.layer for part in known for row in part.rows}
    names |= {name for part in known if (name := block_of(part))}
    ends = dict.fromkeys(part.path for part in known if part.path.endswith(f".{word}"))
    hint = _whole(list(ends)) if ends else did_you_mean(word, names)
    return f"no layer here is called `{word}`" + (f": {hint}" if hint else "")


def _whole(paths: Sequence[str]) -> str:
    """The layers whose last word was meant, by their whole names."""
    first = ", ".join(f"`{path}`" for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"did you mean {first}{more}?"


# -- text


def explanation(rows: Sequence[Row], net: Outline) -> str:
    """The layers as text; those that differ in the place alone are told once."""
    by = makers(net.report.rows)
    return "\n".join(_told(places, net.makers, by) for places in folded(rows))


def folded(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows in groups that are equal but for where they stand and what they see.

    They take their values from the same places of the text: the second block of a `repeat` reads
    what the first gives, and the third what the second gives.
    """
    groups: dict[object, list[Row]] = {}
    for row in rows:
        groups.setdefault(_key(row), []).append(row)
    return list(groups.values())


def _key(row: Row) -> object:
    layer = row.step.layer if isinstance(row.step, LayerStep) else row.step.weight
    inputs = tuple((wire.tensor, *_spot(wire.made)) for wire in row.step.inputs)
    span = row.span
    place = (*_spot(span), row.place.reuse, row.place.learns)
    return (*place, layer, inputs, row.output)


def _spot(span: Span) -> tuple[str, int, int]:
    return span.source.name, span.line, span.column


def grouped(text: str) -> str:
    """Arithmetic as people write it, the digits of its numbers in threes: `61,706·T²`."""
    return _POWER.sub(_raised, _DIGITS.sub(lambda match: f"{int(match[0]):,}", text))


def _raised(match: re.Match[str]) -> str:
    """The same factor several times as its power: `T·T` as `T²`."""
    factor, again = match[2], match[3]
    count = 1 + len(again) // (len(factor) + 1)
    return f"{match[1]}{factor}{power(count)}"


def _told(places: Sequence[Row], names: dict[Wire, str], by: Makers) -> str:
    row, why = places[0], places[0].why
    head = f"{row.path}  {' '.join(row.text.split())}  ({row.span.source.name}:{row.span.line})"
    used = _legend(why)
    where = _entry("where", used) if used else []
    lines = [head, "", *_stands(places, names, by), "", *_numbers(why, _elsewhere(places)), *where]
    return "\n".join(lines) + "\n"


def _stands(places: Sequence[Row], names: dict[Wire, str], by: Makers) -> list[str]:
    """Where it stands, what it does, what flows in and out."""
    row, inputs = places[0], places[0].step.inputs
    lines = _entry("line", [row.span.source.line(row.span.line).strip()])
    if len(places) > 1:
        lines += _entry(f"at {len(places)} places", [_listed([place.path for place in places])])
    if isinstance(row.step, LayerStep):
        does = row.step.layer.does([wire.tensor for wire in inputs], row.output)
        does += at_first(row.step, by, names)
        lines += _entry("does", wrap(does, WIDTH - MARGIN))
    taken = [f"{wire.tensor} from {names[wire]}" for wire in inputs] or ["nothing"]
    if any(place.step.inputs != inputs for place in places):
        taken += ["at the other places from the same lines of the spec"]
    lines += _entry("takes", taken)
    return lines + _entry("gives", [str(row.output)])


def _numbers(why: Reasons, elsewhere: Sequence[str]) -> list[str]:
    """Formula, numbers put in and result of each number."""
    formulas = why.formulas
    field = [*_formula(why.field_formula), *statements(why.receptive_field), *elsewhere]
    return [
        *_entry("output size", [*_formula(formulas.output), *statements(why.output)]),
        *_entry("parameters", [*_formula(formulas.params), grouped(why.params)]),
        *_entry("MACs", [*_formula(formulas.macs), grouped(why.macs)]),
        *_entry("FLOPs", [*_formula(FLOPS if formulas.macs else ""), grouped(why.flops)]),
        *_entry("receptive field", field),
        *_entry("memory", [*_formula(MEMORY if why.stores else ""), *_memory(why)]),
    ]


def _entry(title: str, lines: Sequence[str]) -> list[str]:
    first, *others = lines
    return [f"{title:<{MARGIN}}{first}", *(" " * MARGIN + line for line in others)]


def _formula(text: str) -> list[str]:
    return text.split("; ") if text else []


def statements(text: str) -> list[str]:
    """The statements of an arithmetic text, a line each; equal axes together."""
    found: list[str] = []
    for part in text.split("; "):
        axes = [match for one in part.split(", ") if (match := _AXIS.fullmatch(one))]
        if len(axes) != len(part.split(", ")):
            found += [grouped(part)] if "=" in part else wrap(part, WIDTH - MARGIN)
            continue
        same: dict[str, list[str]] = {}
        for match in axes:
            same.setdefault(match[3], []).append(match[2])
        jump = axes[0][1] or ""
        found += [f"{jump}{_and(who)} {grouped(what)}" for what, who in same.items()]
    return found


def _and(names: Sequence[str]) -> str:
    """`height`, `height and width`, `depth, height and width`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _elsewhere(places: Sequence[Row]) -> list[str]:
    """What the layer sees at its other places."""
    here = places[0].receptive_field
    others = [row for row in places[1:] if row.receptive_field != here]
    lines = [f"at {row.path}: {_seen(row)}" for row in others[:LISTED]]
    more = len(others) - LISTED
    return lines + ([f"and something else at {more:,} more places"] if more > 0 else [])


def _seen(row: Row) -> str:
    field = row.receptive_field
    return " × ".join(map(str, field)) if isinstance(field, tuple) else str(field or "everything")


def _memory(why: Reasons) -> list[str]:
    return [
        f"weights: {grouped(why.weights)}",
        f"output: {grouped(why.activation)}",
        f"kept for the backward pass: {grouped(why.kept)}",
    ]


def _legend(why: Reasons) -> list[str]:
    """What the letters in the formulas stand for."""
    texts = (why.formulas.output, why.formulas.params, why.formulas.macs, why.field_formula)
    known = dict(why.letters)
    said: dict[str, str] = {}
    for letter in _LETTER.findall(" ".join(texts)):
        stem, _, axis = letter.partition("_")
        meaning = known.get(letter) or known.get(stem, "")
        of_axis = f" ({AXIS_WORDS[axis]})" if letter not in known and axis in AXIS_WORDS else ""
        if meaning:
            said.setdefault(letter, f"{letter} {meaning}{of_axis}")
    return wrap("; ".join(said.values()), WIDTH - MARGIN)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more:,} more" if more > 0 else "")


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The layers as in `netc report --json`, with what the letters of the formulas mean."""
    return [row_json(row) | {"letters": dict(row.why.letters)} for row in rows]
