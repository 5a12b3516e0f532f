"""`netc diff` and `netc compare`: which nets are meant, and the text of what was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from netc.compiler.difference import Change, Difference, Fact, difference, said, totals
from netc.compiler.sizes import Symbolic

if TYPE_CHECKING:
    from netc.api import NetHandle, Spec

FORMAT = 2
"""Version of the JSON of both commands; it grows by new keys only, else this number rises."""

Read: TypeAlias = "Callable[[str], Spec | None]"
"""How to compile a file; None for an empty one, which has no nets."""

_WORDS = {
    "params": "parameters",
    "macs": "MACs",
    "params.total": "parameters",
    "params.buffers": "buffers",
    "memory.weights": "weights, bytes",
    "memory.inference_peak": "inference peak, bytes",
    "memory.training_peak": "training peak, bytes",
    "receptive_field": "receptive field",
}
"""What people call the keys of the JSON."""

_MARKS = {"added": "+", "gone": "-", "changed": "~", "renamed": ">", "affected": " "}
_MOST = 12
"""Lines of one kind in a row from which on they are counted."""
_WIDE = 48
"""Characters from which on a value stands on a line of its own, below the table."""


class Unclear(Exception):
    """It is not clear which nets are meant."""


class Named(Struct, frozen=True, eq=False):
    """A net with the words that name it: its own name, and its file where that is needed."""

    title: str
    net: NetHandle


def nets_of(target: str, read: Read) -> list[Named]:
    """The nets of `FILE`, or the one that `FILE:NET` names. Raises Unclear if there is none."""
    file, _, name = target.rpartition(":")
    if not (file and name.isidentifier()) or Path(target).exists():
        file, name = target, ""  # a colon of its own, or of a revision: `HEAD~1:specs/lenet5.net`
    spec = read(file)
    if spec is None:
        return []
    try:
        names = [spec.net(name).name] if name else list(spec.names)
    except KeyError as error:
        raise Unclear(str(error.args[0])) from None
    return [Named(one, spec.net(one)) for one in names]


def pairs(old: Sequence[Named], new: Sequence[Named]) -> list[tuple[Named | None, Named | None]]:
    """Which net is compared with which: one with one, else those of equal name."""
    if len(old) == len(new) == 1:
        return [(old[0], new[0])]
    by_name = {one.title: one for one in new}
    known = {one.title for one in old}
    return [
        *((one, by_name.get(one.title)) for one in old),
        *((None, one) for one in new if one.title not in known),
    ]


def diff(old: Sequence[Named], new: Sequence[Named]) -> tuple[str, dict[str, Any], bool]:
    """The difference as text, as JSON, and whether there is none."""
    parts: list[str] = []
    entries: list[dict[str, Any]] = []
    same = True
    for a, b in pairs(old, new):
        entry: dict[str, Any] = {"old": a and a.title, "new": b and b.title}
        if a is None or b is None:
            same = False
            found = Difference((), ())
            parts.append(f"net {b.title} was added\n" if b else f"net {a and a.title} is gone\n")
            entry["same"] = False
        else:
            found = difference(a.net.report(), b.net.report())
            same = same and found.same
            parts.append(_text(a, b, found))
        entries.append({**found.to_json(), **entry})
    return "\n".join(parts), {"format": FORMAT, "nets": entries}, same


def _text(a: Named, b: Named, found: Difference) -> str:
    title = a.title if a.title == b.title else f"{a.title} → {b.title}"
    if found.same:
        return f"{title}: no difference\n"
    lines = _changes(found.changes)
    if found.totals:
        rows = [_total(fact) for fact in found.totals]
        lines += ["", *_aligned([("", "old", "new", "change"), *rows])]
    return "\n".join([f"{title}:", *lines]) + "\n"


def _changes(changes: Sequence[Change]) -> list[str]:
    lines: list[str] = []
    run: list[Change] = []
    for change in changes:
        if run and run[-1].kind != change.kind:
            lines += _run(run)
            run = []
        run.append(change)
    return lines + _run(run)


def _run(run: Sequence[Change]) -> list[str]:
    """Changes of one kind in a row; what follows from earlier ones is counted."""
    if not run:
        return []
    kind = run[0].kind
    if kind == "affected":
        keyed = [c for c in run if any(f.what == "params" for f in c.facts)]
        shown = [_line(change) for change in keyed[:_MOST]]
        rest = len(run) - len(shown)
        return [*shown, *([f"  … {_count(rest)} after that with other sizes"] if rest else [])]
    shown = [_line(change) for change in run[: _MOST if len(run) > _MOST + 1 else None]]
    rest = len(run) - len(shown)
    return [*shown, *([f"{_MARKS[kind]} … {rest:,} more layers {kind}"] if rest else [])]


def _count(number: int) -> str:
    return f"{number:,} layer{'s' if number != 1 else ''}"


def _line(change: Change) -> str:
    row = change.new or change.old
    assert row is not None
    facts = "; ".join(map(_fact, change.facts))
    text = row.text if len(row.text) <= 40 else row.text[:39] + "…"
    size = f" -> {row.output}" + (f", {row.params:,} parameters" if row.params else "")
    place = text if row.path == text else f"{row.path} · {text}"
    return f"{_MARKS[change.kind]} {place}{f': {facts}' if facts else size}"


def _fact(fact: Fact) -> str:
    what, old, new = _WORDS.get(fact.what, fact.what), said(fact.old), said(fact.new)
    if fact.what == "macs" and max(len(old), len(new)) > _WIDE:
        return f"other {what}"  # a long sum of products, which the output's sizes explain
    return f"{what} {old} → {new}"


def _total(fact: Fact) -> tuple[str, str, str, str]:
    old, new = fact.old, fact.new
    change = ""
    if isinstance(old, int) and isinstance(new, int):
        change = f"{new - old:+,}{_share(old, new)}"
    what = fact.what
    return _WORDS.get(what, what), shown(what, old), shown(what, new), change


def _share(old: int, new: int) -> str:
    if not old:
        return ""
    if abs(new - old) < old / 2000:
        return " (< 0.1%)"
    if old / 2 < new < 2 * old:
        return f" ({(new - old) / old:+.1%})"
    return f" (×{new / old:,.3g})" if new < 1000 * old else f" (×{new // old:,})"


def shown(what: str, value: Any) -> str:
    """A number with commas; a word for what is not known, a dash for what is not there."""
    if value is None:
        return "–" if what == "receptive_field" else "unknown"
    return f"{value:,}" if isinstance(value, int | Symbolic) else str(value) or "–"


def compare(nets: Sequence[Named]) -> tuple[str, dict[str, Any]]:
    """The totals of several nets side by side, as text and as JSON."""
    columns = [dict(totals(one.net.report())) for one in nets]
    keys = [key for key in columns[0] if any(one[key] not in (0, "", None) for one in columns)]
    rows = [("", *(one.title for one in nets))]
    rows += [
        (_WORDS.get(what, what), *(shown(what, column[what]) for column in columns))
        for what in keys
    ]
    if len(nets) == 2:
        ratios = ["ratio", *(_ratio(columns[0][what], columns[1][what]) for what in keys)]
        rows = [(*row, ratio) for row, ratio in zip(rows, ratios, strict=True)]
    content = [
        {"file": one.net.spec.source.name, **_without_layers(one.net.report().to_json())}
        for one in nets
    ]
    return "\n".join(_aligned(rows)) + "\n", {"format": FORMAT, "nets": content}


def _without_layers(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in ("layers", "claims")}


def _ratio(old: Any, new: Any) -> str:
    """How many times the first the second is."""
    if isinstance(old, int) and isinstance(new, int) and old:
        return f"{new / old:,.0f}" if new >= 100 * old else f"{new / old:.3g}"
    return ""


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns: the first to the left, the others to the right; below them rows of long values."""
    head, *others = rows
    long = [row for row in others if max(map(len, row)) > _WIDE]
    cells = [head, *(row for row in others if row not in long)]
    below = [
        line
        for name, *values in long
        for line in ["", name, *(f"  {a}: {b}" for a, b in zip(head[1:], values, strict=True) if b)]
    ]
    return [*_columns(cells), *below] if len(cells) > 1 else below[1:]


def _columns(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[n]) for row in cells) for n in range(len(cells[0]))]
    return [
        "  ".join(
            cell.rjust(width) if n else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
