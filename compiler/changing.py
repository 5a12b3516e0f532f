"""Edits of a call as text: one argument set or left out, wherever it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from netc.compiler import tree
from netc.compiler.edits import Edit, Fix, append, take_argument_out
from netc.compiler.source import Span


def change_argument(
    call: Span, given: Mapping[str, tree.Expr], name: str, text: str | None, hint: str
) -> Fix:
    """A call with an argument set to a text; None leaves the argument out.

    `given` are the arguments as written, by field.
    """
    written = given.get(name)
    if written is not None and text is not None:
        return Fix(hint, (Edit(written.span, text),))
    if written is not None:
        left = written.span.source.line(written.span.line)[: written.span.column - 1]
        named = re.search(r"\w+\s*=\s*$", left)
        whole = replace(written.span, column=named.start() + 1) if named else written.span
        return take_argument_out(whole, hint)
    if text is None:
        return Fix(hint)
    comma = "" if call.text.isidentifier() else ","
    return append(call, f"{comma} {name}={text}", hint)
