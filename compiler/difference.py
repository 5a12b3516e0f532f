"""What differs between two nets: layers, names, wiring, sizes, and what it does to the totals.

Not the text is compared but what was compiled from it, so that comments, blanks and other words for
the same net make no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct

from netc.compiler.graph import Wire
from netc.compiler.pairing import Pair, keyed, pairs_of, settings
from netc.compiler.report import Report, Row, number
from netc.compiler.sizes import Symbolic

Kind = Literal["added", "gone", "changed", "renamed", "affected"]

_UNORDERED = ("add", "mul")


class Fact(Struct, frozen=True):
    """One thing that is not what it was: `Fact("filters", 6, 8)`; None where there was none."""

    what: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.what} {said(self.old)} → {said(self.new)}"

    def to_json(self) -> dict[str, Any]:
        """The fact with its key names of docs/json.md."""
        return {"what": self.what, "old": _plain_size(self.old), "new": _plain_size(self.new)}


class Change(Struct, frozen=True, eq=False):
    """A layer that is not what it was.

    Attributes:
        kind: `changed` is another argument or another input; `renamed` is another key in the state
            dict and nothing else; `affected` is the same layer with other sizes, since something
            before it changed.
    """

    kind: Kind
    old: Row | None
    new: Row | None
    facts: tuple[Fact, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry of the JSON contract (docs/json.md)."""
        return {
            "kind": self.kind,
            "old": _row_json(self.old),
            "new": _row_json(self.new),
            "facts": [fact.to_json() for fact in self.facts],
        }


class Difference(Struct, frozen=True, eq=False):
    """All that differs between two nets; both parts are empty if they are the same."""

    changes: tuple[Change, ...]
    totals: tuple[Fact, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.changes and not self.totals

    def to_json(self) -> dict[str, Any]:
        """The entry of the JSON contract (docs/json.md)."""
        return {
            "same": self.same,
            "changes": [change.to_json() for change in self.changes],
            "totals": [fact.to_json() for fact in self.totals],
        }


def difference(old: Report, new: Report) -> Difference:
    """Compares two nets layer by layer, in the order of computation of the new one."""
    pairs = pairs_of(old.rows, new.rows)
    wiring = _Wiring(old, new, pairs)
    changes = []
    for a, b in pairs:
        if a is None or b is None:
            changes.append(Change("added" if a is None else "gone", a, b))
        elif change := _change(a, b, wiring):
            changes.append(change)
    return Difference(tuple(changes), tuple(_totals(old, new)))


def _change(a: Row, b: Row, wiring: _Wiring) -> Change | None:
    own = [*_arguments(a, b), *wiring.facts(a, b)]
    name = [Fact("name", a.path, b.path)] if a.path != b.path and keyed(a, b) else []
    sizes = [
        Fact(what, left, right)
        for what, left, right in (
            ("output", str(a.output), str(b.output)),
            ("params", a.params, b.params),
            ("macs", a.macs, b.macs),
        )
        if left != right
    ]
    if not (own or name or sizes):
        return None
    kind: Kind = "changed" if own else "renamed" if name else "affected"
    return Change(kind, a, b, (*own, *name, *sizes))


def _arguments(a: Row, b: Row) -> Iterator[Fact]:
    if a.layer != b.layer:
        yield Fact("layer", a.layer, b.layer)
        return
    left, right = settings(a), settings(b)
    for field in dict.fromkeys((*left, *right)):
        if left.get(field) != right.get(field):
            yield Fact(field, _plain(left.get(field)), _plain(right.get(field)))


class _Wiring:
    """Which value of the new net each value of the old one became, and what to call it."""

    def __init__(self, old: Report, new: Report, pairs: Sequence[Pair]) -> None:
        self.olds, self.news = _sources(old), _sources(new)
        entering = {name: wire for wire, name in self.news.items() if name.startswith("input ")}
        self.became = {wire: entering[name] for wire, name in self.olds.items() if name in entering}
        self.became |= {a.step.output: b.step.output for a, b in pairs if a and b}
        self.kept = set(self.became.values())

    def facts(self, a: Row, b: Row) -> Iterator[Fact]:
        """Inputs that come from elsewhere. A layer that came or went between tells it itself."""
        before, after = list(a.step.inputs), list(b.step.inputs)
        if len(before) != len(after):
            yield Fact(
                "reads",
                ", ".join(self.olds[wire] for wire in before),
                ", ".join(self.news[wire] for wire in after),
            )
            return
        if a.layer in _UNORDERED:
            same = [w for w in before if self.became.get(w) in after]
            before = [w for w in before if w not in same]
            after = [w for w in after if w not in {self.became[s] for s in same}]
        for left, right in zip(before, after, strict=False):
            partner = self.became.get(left)
            if partner is not None and partner is not right and right in self.kept:
                yield Fact("reads", self.olds[left], self.news[right])


def _sources(report: Report) -> dict[Wire, str]:
    """What to call each value: the layer that made it, or the input."""
    made = {row.step.output: row.path for row in report.rows}
    return {**{wire: f"input {name}" for name, wire in report.entering}, **made}


# -- totals


def _totals(old: Report, new: Report) -> Iterator[Fact]:
    for (what, left), (_, right) in zip(totals(old), totals(new), strict=True):
        if left != right:
            yield Fact(what, left, right)


def totals(report: Report) -> list[tuple[str, Any]]:
    """The numbers that a net is quoted by, under their keys in the report's JSON.

    For one example. Bytes are whole numbers; what is not known is None, and so is the receptive
    field of a net without windows.
    """
    return [
        ("inputs", ", ".join(f"{name} {tensor}" for name, tensor in report.inputs)),
        ("outputs", ", ".join(f"{name} {tensor}" for name, tensor in report.outputs)),
        ("params.total", report.params),
        ("params.buffers", report.buffers),
        ("macs", report.macs),
        ("memory.weights", report.weights_bytes),
        ("memory.inference_peak", report.inference_peak),
        ("memory.training_peak", report.training_peak),
        ("receptive_field", _fields(report)),
        ("depth", report.depth),
        ("conditions", "; ".join(report.conditions)),
    ]


def _fields(report: Report) -> str | None:
    """The receptive field; of each output where they differ."""
    known = {name: _field(field) for name, field in report.output_fields if field is not None}
    if len({*known.values()}) > 1:
        return ", ".join(f"{field} of {name}" for name, field in known.items())
    return _field(report.receptive_field)


def _field(sizes: Sequence[int] | str | None) -> str | None:
    return sizes if sizes is None or isinstance(sizes, str) else " × ".join(map(str, sizes))


def _plain(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _plain_size(value: Any) -> Any:
    """A value as JSON has it: sizes with names as text of the language."""
    return number(value) if isinstance(value, Symbolic) else value


def said(value: Any) -> str:
    """A setting in the language's own words: `yes`, `3x5`, `1,000`; `none` where there is none."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int() | Symbolic():
            return f"{value:,}"
        case list():
            return "x".join(map(said, value))
    return str(value)


def _row_json(row: Row | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {"path": row.path, "layer": row.layer, "text": row.text, "line": row.span.line}
