"""Which edit mends a finding: the spec's text is changed, and what then comes of it is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from netc.compiler import claims, program
from netc.compiler.diagnostics import Diagnostic, Label, Log, order
from netc.compiler.edits import Edit, applied
from netc.compiler.elaborate import elaborate
from netc.compiler.gather import Reader
from netc.compiler.report import report
from netc.compiler.resolve import resolve
from netc.compiler.source import Source
from netc.given import own

if TYPE_CHECKING:
    from netc.compiler.rebuilding import Budget, Counts
    from netc.compiler.supposed import Supposed
    from netc.compiler.supposing import Supposing

_MISSING = ("E0202", "E0205")
"""Codes of names and arguments that are missing."""


class Mender:
    """Tries changes of a spec, as many as one budget allows.

    What searches for them is imported where a finding asks for it: that costs 10 ms.
    """

    def __init__(
        self, source: Source, program_: program.Program, values: Mapping[str, Any], read: Reader
    ) -> None:
        self.source, self._program = source, program_
        self._values, self._read = values, read
        self._budget: Budget | None = None

    def mended(
        self, definition: program.Definition, found: list[Diagnostic], log: Log
    ) -> list[Diagnostic]:
        """The findings of a net that is not built; the first with the change that mends it.

        One whose own edit makes every claim true is left as it is, for that edit is near its place;
        and so is one that another net of the file has at the same place.
        """
        first = next(n for n, d in enumerate(found) if d.severity == "error")
        wrong = found[first]
        if wrong.code[:3] not in ("E02", "E03", "E04", "E05") or log.has(wrong):
            return found
        if (turned := self._channels_first(definition, found, first)) is not None:
            return turned
        of_claim = wrong.code == "E0501" and "change what leads here" in wrong.hint
        if wrong.edits and not of_claim and self._is_true_with(wrong, definition):
            return found
        from netc.compiler.supposing import expected, mended

        claimed = expected(definition)
        supposing = self._supposing(definition)
        supposed = supposing.supply(wrong, claimed) if wrong.code in _MISSING else None
        if supposed is not None:
            better = mended(replace(wrong, hint=""), supposed)
        else:
            better = mended(wrong, supposing.mend(wrong, claimed))
        return [*found[:first], better, *found[first + 1 :]]

    def supply(self, log: Log) -> None:
        """Says of a name or an argument that is missing what it is, if every claim says so."""
        wrong = [found for found in log if found.severity == "error"]
        if not wrong or any(found.code not in _MISSING for found in wrong):
            return
        if len({found.span.text for found in wrong}) > 1 or self._program.gaps.hushed:
            return
        from netc.compiler.supposing import expected, mended

        for definition in self._program.nets():
            claimed = expected(definition)
            if wrong[0].edits and self._is_true_with(wrong[0], definition):
                return
            supposed = self._supposing(definition).supply(wrong[0], claimed)
            if supposed is not None:
                log.put(mended(replace(wrong[0], hint=""), supposed))
                return

    def _channels_first(
        self, definition: program.Definition, found: list[Diagnostic], first: int
    ) -> list[Diagnostic] | None:
        """The findings that are left if the net's pictures had their channels last; else None.

        The first of them has the edit that puts these first: with it no error is left up to there.
        """
        from netc.compiler.channels_last import channels_first

        fix, wrong = channels_first(definition), found[first]
        if fix is None or wrong.code[:3] not in ("E03", "E05"):
            return None
        _, after = self.edited(fix.edits, definition)
        if any(d.severity == "error" and order(d) <= order(wrong) for d in after):
            return None
        label = Label(fix.edits[0].span, "the channels stand last here")
        better = replace(
            wrong, hint=fix.hint, edits=fix.edits, safe=False, labels=(label, *wrong.labels)
        )
        return [*found[:first], better, *(d for d in found[first + 1 :] if after.has(d))]

    def _is_true_with(self, wrong: Diagnostic, definition: program.Definition) -> bool:
        """Whether a net compiles and its claims hold after a finding's edits; none repeats it."""
        if any(edit.span.source != self.source for edit in wrong.edits):
            return False
        edited, log = self.edited(wrong.edits, definition)
        others = Log()
        for other in self._program.nets():
            if other is not definition:
                elaborate(edited, other.name, own(self._values, other), others)
        return (
            definition.name in edited.definitions and not log.has_errors and not others.has(wrong)
        )

    def edited(
        self, edits: Iterable[Edit], definition: program.Definition, *, lenient: bool = False
    ) -> tuple[program.Program, Log]:
        """The spec with edits made, and what is then to say of a net; `lenient` as `elaborate`."""
        log = Log()
        edited = resolve(Source(self.source.name, applied(self.source, edits)), log, self._read)
        if not log.has_errors and definition.name in edited.definitions:
            values = own(self._values, definition)
            net = elaborate(edited, definition.name, values, log, lenient=lenient)
            if net is not None:
                claims.judge(net, report(net), log)
        return edited, log

    def explained(
        self, definition: program.Definition, actual: Counts, claimed: Counts
    ) -> Supposed | None:
        """The one change of the text after which a net's counts are as claimed."""
        from netc.compiler.channels_last import channels_first
        from netc.compiler.supposed import Supposed

        fix = channels_first(definition)
        if fix is not None and not self.edited(fix.edits, definition)[1].has_errors:
            return Supposed(fix.edits[0].span, fix, ())
        return self._supposing(definition).explain(actual, claimed)

    def _supposing(self, definition: program.Definition) -> Supposing:
        from netc.compiler.rebuilding import Budget
        from netc.compiler.supposing import Supposing

        self._budget = self._budget or Budget()
        values = own(self._values, definition)
        return Supposing(self._program, definition.name, values, self._budget)
