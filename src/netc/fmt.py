"""`netc fmt`: brings spec files in form, or says which are not."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from netc.checking import not_text, reason, show
from netc.compiler.diagnostics import CompileError
from netc.start import OK

DIFFERENT, FAILED = 1, 2


class Outcome(Enum):
    """What became of a file."""

    CHANGED, UNCHANGED, FAILED = range(3)


@dataclass(frozen=True, slots=True)
class Mode:
    """What is done with a file that is not in form: listed, shown as a diff, or else rewritten."""

    check: bool = False
    diff: bool = False

    @property
    def writes(self) -> bool:
        """Whether files are rewritten."""
        return not (self.check or self.diff)


def fmt(files: Sequence[str], mode: Mode) -> int:
    """Formats files, folders with all their `.net` files, and standard input for `-`.

    The exit status: 2 if a file has syntax errors or cannot be read or written, else 1 if one is
    not in form and the mode writes nothing, else 0.
    """
    outcomes: list[Outcome] = []
    for name in dict.fromkeys(files):
        try:
            outcomes += [_one(file, mode) for file in _specs_of(name)]
        except OSError as error:
            print(f"Error: {reason(error)}", file=sys.stderr)
            outcomes.append(Outcome.FAILED)
    if list(files) != ["-"]:
        data_printed = "-" in files or not mode.writes
        print(_summary(outcomes, mode), file=sys.stderr if data_printed else sys.stdout)
    if Outcome.FAILED in outcomes:
        return FAILED
    return DIFFERENT if Outcome.CHANGED in outcomes and not mode.writes else OK


def _specs_of(name: str) -> Iterator[str]:
    """The file itself, or the `.net` files of a folder but for hidden ones, in order."""
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        yield name
        return
    found = [
        path
        for path in sorted(folder.rglob("*.net"))
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise FileNotFoundError(None, "there is no `.net` file in this folder", name)
    yield from map(str, found)


def _one(file: str, mode: Mode) -> Outcome:
    """Formats one file; its errors are printed, and then it is left alone."""
    from netc.compiler.formatting import ReadsDifferently, formatted
    from netc.compiler.source import Source

    name = "<stdin>" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        text = data.decode("utf-8")
        result = formatted(Source(name, text))
        _deliver(file, text, result, mode)
    except OSError as error:
        print(f"Error: {reason(error)}", file=sys.stderr)
    except UnicodeDecodeError as error:
        show([not_text(file, error)])
    except CompileError as error:
        show(error.diagnostics)
    except ReadsDifferently:
        message = "left alone: with regular blanks it would mean something else"
        print(f"Error: {name}: {message}", file=sys.stderr)
    else:
        return Outcome.UNCHANGED if text == result else Outcome.CHANGED
    return Outcome.FAILED


def _deliver(file: str, text: str, result: str, mode: Mode) -> None:
    """Writes or prints what the mode asks for. Raises OSError."""
    from netc.files import write_atomically

    name = "<stdin>" if file == "-" else file
    if mode.writes and file == "-":
        sys.stdout.buffer.write(result.encode("utf-8"))  # whatever the terminal's encoding is
        sys.stdout.buffer.flush()
    elif text == result:
        return
    elif mode.writes:
        write_atomically(Path(file).resolve(), result)  # a link stays a link
    else:
        print(_difference(name, text, result) if mode.diff else name, end="" if mode.diff else "\n")


def _difference(name: str, before: str, after: str) -> str:
    """A unified diff, as `patch` takes it."""
    import difflib

    lines = difflib.unified_diff(_lines(before), _lines(after), name, name)
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
