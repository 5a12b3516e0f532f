"""`netc check`, without click: it must answer within 150 ms, and click takes 15 of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netc.api import Spec
    from netc.compiler.diagnostics import Diagnostic


def check(files: Sequence[str], as_json: bool) -> int:
    """Prints every finding in the files; the exit status, 1 if there are errors or unread files."""
    found: list[Diagnostic] = []
    unread = False
    for file in files:
        try:
            spec = read_spec(file, {})
        except (OSError, UnicodeDecodeError) as error:  # the others are checked all the same
            print(f"Error: {reason(error)}", file=sys.stderr)
            unread = True
            continue
        spec.judge()
        found += spec.diagnostics
    if as_json:
        import json

        content = {"diagnostics": [diagnostic.to_json() for diagnostic in found]}
        print(json.dumps(content, indent=2, ensure_ascii=False))
    elif found:
        from netc.compiler.render import render, summary

        print(render(found, color=colored(sys.stdout)))
        print(summary(found))
    elif not unread:
        print(f"{len(files)} file{'s' if len(files) > 1 else ''} checked: nothing to say")
    return int(unread or wrong(found))


def read_spec(file: str, values: Mapping[str, Any]) -> Spec:
    """The spec in a file, or on standard input for `-`. Raises OSError or UnicodeDecodeError."""
    from netc.api import Spec, read
    from netc.compiler.source import Source

    if file == "-":
        text = sys.stdin.buffer.read().decode("utf-8")
        return Spec(Source("<stdin>", text), values, Path())
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
        print(render(found, color=colored(sys.stderr)), file=sys.stderr)
        print(summary(found), file=sys.stderr)


def colored(stream: Any) -> bool:
    """Colour in a terminal only, and not where NO_COLOR asks for none."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")
