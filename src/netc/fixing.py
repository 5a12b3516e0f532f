"""`netc check --fix`: the edits that are safe are made, and only those that help are kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.edits import applied
from netc.compiler.source import Source
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

    All safe edits of a round are made together; where that does not help, each is tried alone.
    A mended error may show others that it hid; the last text with no more errors than the first
    is kept. The findings that are left are no longer safe: their edits did not help.
    """
    mended: list[Diagnostic] = []
    most = _errors(found)
    kept = source, len(mended), found
    for _ in range(MOST_ROUNDS):
        safe = [d for d in found if _is_safe(d, source)]
        for group in (safe, *([one] for one in safe)) if safe else ():
            text = applied(source, [edit for d in group for edit in d.edits])
            after = _findings(Source(source.name, text), base)
            if badness(after) < badness(found) and not _places(group) & _places(after):
                mended += group
                source, found = Source(source.name, text), after
                break
        else:
            break
        if _errors(found) <= most:
            kept = source, len(mended), found
    source, count, found = kept
    left = (replace(d, safe=False) if _is_safe(d, source) else d for d in found)
    return Fixed(source.text, tuple(mended[:count]), tuple(left))


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


def badness(found: Sequence[Diagnostic]) -> tuple[int, ...]:
    """Findings counted by stage: the smaller tuple is the better text.

    A mended spec may show what an error of an earlier stage hid; so fewer findings of the earliest
    stage in which two texts differ are better, whatever comes later.
    """
    return tuple(sum(d.code.startswith(stage) for d in found) for stage in _STAGES)
