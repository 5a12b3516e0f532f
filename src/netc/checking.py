"""`netc check`, without click: it must answer within 150 ms, and click takes 15 of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from netc.api import Spec
    from netc.compiler.diagnostics import Diagnostic


FORMATS = ("text", "json", "github")


class Request(Struct, frozen=True):
    """What `netc check` is asked for.

    Attributes:
        files: paths of files and folders; `-` is standard input.
        form: text for people, json, or github for the annotations of a workflow.
        fix: whether to make the safe edits first.
    """

    files: tuple[str, ...]
    form: str = "text"
    fix: bool = False


def request_of(words: Sequence[str]) -> Request | None:
    """The words of a plain command line; None where click must read it or complain."""
    files: list[str] = []
    form, fix = "text", False
    for word in words:
        if word == "--json":
            form = "json"
        elif word == "--fix":
            fix = True
        elif word.startswith("--format=") and word[9:] in FORMATS:
            form = word[9:]
        elif word.startswith("-") and word != "-":
            return None
        else:
            files.append(word)
    return Request(tuple(files), form, fix) if files else None


def check(request: Request) -> int:
    """Prints every finding in the files; the exit status, 1 if there are errors or unread files."""
    found: list[Diagnostic] = []
    count = unread = 0
    for name in request.files:
        for file, said in _each(name, request.fix):
            count += 1
            unread += isinstance(said, OSError)
            found += _unread(file, said, request.form) if isinstance(said, OSError) else said
    out = sys.stderr if request.fix and "-" in request.files else sys.stdout  # where the text goes
    if found or request.form == "json":
        print(_shown(found, request.form, out), file=out)
    elif not unread and request.form == "text":
        print(f"{count} file{'s' if count > 1 else ''} checked: nothing to say", file=out)
    return int(unread > 0 or wrong(found))


def _each(name: str, fix: bool) -> Iterator[tuple[str, Sequence[Diagnostic] | OSError]]:
    """What is to say of a file, or of each file of a folder; an error does not stop the others."""
    files = [name]
    if name != "-" and Path(name).is_dir():
        from netc.files import specs_of

        try:
            files = specs_of(name)
        except OSError as error:
            yield name, error
            return
    for file in files:
        try:
            found = _findings(file, fix)
        except OSError as error:
            yield file, error
        else:
            yield file, found


def _unread(file: str, error: OSError, form: str) -> Sequence[Diagnostic]:
    """Says that a file cannot be read: to people at once, to programs as a finding."""
    if form != "text":  # programs read standard output alone
        return [not_read(file, error)]
    from netc.compiler.visible import visible

    print(f"Error: {visible(reason(error))}", file=sys.stderr)
    return ()


def _findings(file: str, fix: bool) -> Sequence[Diagnostic]:
    """What is to say of a file, mended first if so asked. Raises OSError."""
    try:
        if fix:
            from netc.fixing import fix_file

            return fix_file(file)
        spec = read_spec(file, {})
    except UnicodeDecodeError as error:
        return [not_text(file, error)]
    spec.judge()
    return [_mendable(found, spec) for found in spec.diagnostics]


def _mendable(found: Diagnostic, spec: Spec) -> Diagnostic:
    """A finding as it is for `--fix`, which writes no other file than the one that is checked."""
    if not found.safe or all(edit.span.source == spec.source for edit in found.edits):
        return found
    return replace(found, safe=False)


def _shown(found: Sequence[Diagnostic], form: str, out: TextIO) -> str:
    if form == "json":
        from netc.jsons import json_text

        return json_text({"diagnostics": [diagnostic.to_json() for diagnostic in found]})
    from netc.compiler.render import annotation, render, summary

    if form == "github":
        return "\n".join(map(annotation, found))
    return render(found, color=colored(out), width=width_of(out)) + "\n" + summary(found)


def not_read(file: str, error: OSError) -> Diagnostic:
    """The finding (E0111) that a file cannot be read, at its beginning."""
    from netc.compiler.diagnostics import finding
    from netc.compiler.source import Source, Span

    span = Span(Source("<stdin>" if file == "-" else file, ""), 1, 1, 1, 1)
    return finding("E0111", span, f"this file cannot be read: {error.strerror or error}")


def not_text(file: str, error: UnicodeDecodeError) -> Diagnostic:
    """The finding (E0109) that a file is not UTF-8 text, at the first byte that is not."""
    from netc.compiler.diagnostics import finding
    from netc.compiler.source import Source, Span

    data, at = error.object, error.start
    before = data[:at].decode("utf-8", "replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    name = "<stdin>" if file == "-" else file
    text = data.decode("utf-8", "replace").replace("\0", "\ufffd")
    span = Span(Source(name, text), line, column, line, column + 1)
    message = f"this file is not UTF-8 text: byte {at + 1:,} of {len(data):,} is 0x{data[at]:02x}"
    hint = (
        "save it as UTF-8"
        if at or data[:2] not in (b"\xff\xfe", b"\xfe\xff")
        else ("it is UTF-16: save it as UTF-8")
    )
    return finding("E0109", span, message, hint)


def read_spec(file: str, values: Mapping[str, Any]) -> Spec:
    """The spec in a file, on standard input for `-`, or in git for `HEAD~1:specs/lenet5.net`.

    Raises OSError or UnicodeDecodeError.
    """
    from netc.api import Spec, read, text_of
    from netc.compiler.source import Source
    from netc.revisions import committed, is_revision

    if file == "-":
        return Spec(Source("<stdin>", text_of(sys.stdin.buffer.read())), values, Path())
    if is_revision(file):
        return Spec(Source(file, text_of(committed(file))), values, Path())
    return read(Path(file), values)


def reason(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read or written, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return f"this file is not UTF-8 text: {error.reason}"
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def wrong(found: Sequence[Diagnostic]) -> bool:
    """Whether any finding is an error."""
    return any(diagnostic.severity == "error" for diagnostic in found)


def show(found: Sequence[Diagnostic]) -> None:
    """Prints findings on standard error."""
    from netc.compiler.render import render, summary

    if found:
        width = width_of(sys.stderr)
        print(render(found, color=colored(sys.stderr), width=width), file=sys.stderr)
        print(summary(found), file=sys.stderr)


def colored(stream: Any) -> bool:
    """Colour in a terminal only, and not where NO_COLOR asks for none."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")


def width_of(stream: Any) -> int | None:
    """A terminal's columns, or those that COLUMNS says; None for pipes and files."""
    if not stream.isatty():
        return None
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdigit() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        return None
