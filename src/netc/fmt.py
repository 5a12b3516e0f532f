"""`netc fmt`: brings spec files in form, or says which are not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from msgspec import Struct

from netc.checking import not_text, reason, show
from netc.compiler.diagnostics import CompileError, Diagnostic
from netc.compiler.visible import visible, visible_lines
from netc.files import specs_of, write_atomically
from netc.start import OK

DIFFERENT, FAILED = 1, 2
STDIN = "<stdin>"


class Outcome(Enum):
    """What became of a file."""

    CHANGED, UNCHANGED, FAILED = range(3)


class Mode(Struct, frozen=True):
    """What is done with a file that is not in form: listed, shown as a diff, or else rewritten.

    `json`: what became of all files is printed as one object.
    """

    check: bool = False
    diff: bool = False
    json: bool = False

    @property
    def writes(self) -> bool:
        """Whether files are rewritten."""
        return not (self.check or self.diff)


class Result(Struct, frozen=True):
    """What became of a file: its text before and in form, or why it was left alone."""

    name: str
    outcome: Outcome
    before: str = ""
    after: str = ""
    found: Sequence[Diagnostic] = ()
    error: str = ""

    def to_json(self, mode: Mode) -> dict[str, Any]:
        """The form that `netc fmt --json` prints; documented in docs/json.md."""
        changed = self.outcome is Outcome.CHANGED
        piped = self.name == STDIN and mode.writes and self.outcome is not Outcome.FAILED
        return {
            "file": self.name,
            "changed": None if self.outcome is Outcome.FAILED else changed,
            "written": changed and mode.writes and self.name != STDIN,
            "text": self.after if piped else None,
            "diff": _difference(self) if changed and mode.diff else None,
            "diagnostics": [diagnostic.to_json() for diagnostic in self.found],
            "error": self.error or None,
        }


def fmt(files: Sequence[str], mode: Mode) -> int:
    """Formats files, folders with all their `.net` files, and standard input for `-`.

    The exit status: 2 if a file has syntax errors or cannot be read or written, else 1 if one is
    not in form and the mode writes nothing, else 0.
    """
    results: list[Result] = []
    for name in dict.fromkeys(files):
        for result in _results(name, mode):
            if not mode.json:
                _show(result, mode)
            results.append(result)
    outcomes = [result.outcome for result in results]
    if mode.json:
        from netc.jsons import json_text

        print(json_text({"files": [result.to_json(mode) for result in results]}))
    elif list(files) != ["-"]:
        data_printed = "-" in files or not mode.writes
        print(_summary(outcomes, mode), file=sys.stderr if data_printed else sys.stdout)
    if Outcome.FAILED in outcomes:
        return FAILED
    return DIFFERENT if Outcome.CHANGED in outcomes and not mode.writes else OK


def _results(name: str, mode: Mode) -> Iterator[Result]:
    """The file, or each of a folder, formatted and written if the mode asks for it."""
    try:
        files = specs_of(name)
    except OSError as error:
        yield Result(name, Outcome.FAILED, error=reason(error))
        return
    for file in files:
        yield _one(file, mode)


def _one(file: str, mode: Mode) -> Result:
    """Formats one file, and writes it if the mode asks for it; with errors it is left alone."""
    from netc.compiler.formatting import ReadsDifferently, formatted
    from netc.compiler.source import Source

    name = STDIN if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        before = data.decode("utf-8")
        after = formatted(Source(name, before))
        if before != after and mode.writes and file != "-":
            write_atomically(Path(file).resolve(), after)  # a link stays a link
    except OSError as error:
        return Result(name, Outcome.FAILED, error=reason(error))
    except UnicodeDecodeError as error:
        return Result(name, Outcome.FAILED, found=(not_text(file, error),))
    except CompileError as error:
        return Result(name, Outcome.FAILED, found=error.diagnostics)
    except ReadsDifferently:
        message = "left alone: with regular blanks it would mean something else"
        return Result(name, Outcome.FAILED, error=f"{name}: {message}")
    return Result(name, Outcome.UNCHANGED if before == after else Outcome.CHANGED, before, after)


def _show(result: Result, mode: Mode) -> None:
    """Prints what is to say of a file: errors, its name, a diff; standard input in form."""
    if result.error:
        print(f"Error: {visible(result.error)}", file=sys.stderr)
    show(result.found)
    if result.outcome is Outcome.FAILED:
        return
    if mode.writes and result.name == STDIN:
        sys.stdout.buffer.write(result.after.encode("utf-8"))  # whatever the terminal's encoding is
        sys.stdout.buffer.flush()
    elif result.outcome is Outcome.CHANGED and not mode.writes:
        text = _difference(result) if mode.diff else f"{visible(result.name)}\n"
        print(visible_lines(text) if sys.stdout.isatty() else text, end="")  # `patch` wants it raw


def _difference(result: Result) -> str:
    """A unified diff, as `patch` takes it."""
    import difflib

    before, after = _lines(result.before), _lines(result.after)
    lines = difflib.unified_diff(before, after, result.name, result.name)
    marked = (
        line if line[-1] == "\n" else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
    return "".join(marked)


def _lines(text: str) -> list[str]:
    """Lines with their ends, cut at line feeds alone."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _summary(outcomes: Sequence[Outcome], mode: Mode) -> str:
    """`3 files formatted, 2 left unchanged`."""
    verbs = {
        Outcome.CHANGED: "formatted" if mode.writes else "to format",
        Outcome.UNCHANGED: "left unchanged" if mode.writes else "in form",
        Outcome.FAILED: "with errors",
    }
    counts = {outcome: outcomes.count(outcome) for outcome in verbs}
    parts = [f"{count} {verbs[outcome]}" for outcome, count in counts.items() if count]
    first, _, rest = ", ".join(parts).partition(" ")
    return f"{first} file{'' if first == '1' else 's'} {rest}"
