"""`netc check --fix`: the edits that are safe are made, and only those that help are kept."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.edits import applied, written
from netc.compiler.source import Source, Span
from netc.compiler.visible import visible

if TYPE_CHECKING:
    from netc.compiler.diagnostics import Diagnostic

MOST_ROUNDS = 20
"""Mending one error can show the next; so often is a file read again."""


class Fixed(Struct, frozen=True):
    """A spec's text after the safe edits, the findings mended, and those that are left."""

    text: str
    mended: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]


def fix_file(file: str) -> Sequence[Diagnostic]:
    """Mends a file in place, or standard input to standard output; what is left to say of it.

    Raises OSError, or UnicodeDecodeError if the file is not text.
    """
    from netc.checking import read_spec

    spec = read_spec(file, {})
    spec.judge()
    fixed = fix(spec.source, spec.base, spec.diagnostics)
    for diagnostic in fixed.mended:
        print(visible(f"fixed {diagnostic.span}: {diagnostic.message}"), file=sys.stderr)
    if file == "-":
        sys.stdout.write(fixed.text)
    elif fixed.mended:
        from netc.files import write_atomically

        write_atomically(Path(file), fixed.text)
    return fixed.left


def fix(source: Source, base: Path, found: Sequence[Diagnostic]) -> Fixed:
    """Makes the safe edits of a spec's findings again and again, until there are none that help.

    All safe edits of a round are made together; where one of them does not help, the others are,
    or each is tried alone. A mended error may show others that it hid; the last text with no more
    errors than the first is kept. The findings that are left are no longer safe: their edits did
    not help, or are in other files.
    """
    mended: list[Diagnostic] = []
    most = _errors(found)
    kept = source, len(mended), found
    seen = {source.text}
    for _ in range(MOST_ROUNDS):
        step = _step(source, base, found, seen)
        if step is None:
            break
        group, source, found = step
        mended += group
        seen.add(source.text)
        if _errors(found) <= most:
            kept = source, len(mended), found
    source, count, found = kept
    left = (replace(d, safe=False) if d.safe else d for d in found)
    return Fixed(source.text, tuple(mended[:count]), tuple(left))


def _step(
    source: Source, base: Path, found: Sequence[Diagnostic], seen: Collection[str]
) -> tuple[Sequence[Diagnostic], Source, Sequence[Diagnostic]] | None:
    """Findings that are mended together, the text without them, and what is to say of that."""
    safe = [d for d in found if _is_safe(d, source)]
    waiting = [safe, *([one] for one in safe)] if len(safe) > 1 else [safe] if safe else []
    while waiting:
        group = waiting.pop(0)
        after = Source(source.name, applied(source, (e for d in group for e in d.edits)))
        said = _findings(after, base)
        wrong = _blamed(source, group, found, said)
        if after.text not in seen and not wrong and _helps(group, found, said):
            return group, after, said
        if 0 < len(wrong) < len(group):
            waiting.insert(0, [d for d in group if d not in wrong])
    return None


def _helps(
    group: Sequence[Diagnostic], found: Sequence[Diagnostic], after: Sequence[Diagnostic]
) -> bool:
    """Whether the findings of a group are gone, and none of an earlier stage came for them."""
    if _places(group) & _places(after):
        return False
    first = min(_stage(d) for d in group)
    return badness(after)[:first] <= badness(found)[:first]


def _blamed(
    source: Source,
    group: Sequence[Diagnostic],
    found: Sequence[Diagnostic],
    after: Sequence[Diagnostic],
) -> list[Diagnostic]:
    """The findings whose edits wrote what is now an error of the same stage, or an earlier one.

    What comes up elsewhere was there before, and hidden.
    """
    known = _places(found)
    new = [d for d in after if (d.code, d.message, d.span.line) not in known]
    owners = [d for d in group for _ in d.edits]
    places = written(source, [edit for d in group for edit in d.edits])
    return [
        owner
        for owner, spans in zip(owners, places, strict=True)
        if any(
            _stage(d) <= _stage(owner) and any(_overlap(d.span, span) for span in spans)
            for d in new
        )
    ]


def _overlap(one: Span, other: Span) -> bool:
    """Whether two stretches of the same text share a character."""
    first, last = (one.line, one.column), (one.end_line, one.end_column)
    start, end = (other.line, other.column), (other.end_line, other.end_column)
    return one.source.name == other.source.name and first < end and start < last


def _is_safe(diagnostic: Diagnostic, source: Source) -> bool:
    """Whether a finding has safe edits, and all of them are in this file."""
    return diagnostic.safe and all(edit.span.source == source for edit in diagnostic.edits)


def _errors(found: Sequence[Diagnostic]) -> int:
    return sum(d.severity == "error" for d in found)


def _places(found: Sequence[Diagnostic]) -> set[tuple[str, str, int]]:
    """Findings as they can be known again in an edited text: their columns may have moved."""
    return {(d.code, d.message, d.span.line) for d in found}


def _findings(source: Source, base: Path) -> Sequence[Diagnostic]:
    from netc.api import Spec

    spec = Spec(source, {}, base)
    spec.judge()
    return spec.diagnostics


_STAGES = (("E01",), ("E02", "E04"), ("E03",), ("E05",), ("E06",), ("W",))


def _stage(diagnostic: Diagnostic) -> int:
    """Which stage of the compiler says this, counted from 0."""
    stages = (n for n, codes in enumerate(_STAGES) if diagnostic.code.startswith(codes))
    return next(stages, len(_STAGES))


def badness(found: Sequence[Diagnostic]) -> tuple[int, ...]:
    """Findings counted by stage: the smaller tuple is the better text.

    A mended spec may show what an error of an earlier stage hid; so fewer findings of the earliest
    stage in which two texts differ are better, whatever comes later.
    """
    return tuple(sum(d.code.startswith(stage) for d in found) for stage in _STAGES)
