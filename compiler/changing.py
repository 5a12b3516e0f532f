"""Edits of a call as text: one argument set or left out, wherever it stands."""

from __future__ import annotations

import re
from dataclasses import replace

from netc.compiler import program
from netc.compiler.edits import Fix, append, rewrite, take_argument_out


def change_argument(use: program.LayerUse, name: str, text: str | None, hint: str) -> Fix:
    """A layer's call with an argument set to a text; None leaves the argument out."""
    written = use.arguments.get(name)
    if written is not None and text is not None:
        return rewrite(written.span, text, hint.replace("{", "{{").replace("}", "}}"))
    if written is not None:
        left = written.span.source.line(written.span.line)[: written.span.column - 1]
        named = re.search(r"\w+\s*=\s*$", left)
        whole = replace(written.span, column=named.start() + 1) if named else written.span
        return take_argument_out(whole, hint)
    if text is None:
        return Fix(hint)
    comma = "," if use.span.end_column != use.word.end_column else ""
    return append(use.span, f"{comma} {name}={text}", hint)
