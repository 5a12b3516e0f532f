"""One form for every spec: blanks, line ends and empty lines change, and nothing else.

Words, comments and their order stay. The text is cut into rows (`rows.py`), blanks are set
(`spacing.py`), neighbours line up (`columns.py`), long rows are folded (`folding.py`). What comes
out is read again: the tree and the comments must be those that went in.
"""

from __future__ import annotations

from netc.compiler.diagnostics import CompileError, Log
from netc.compiler.formatting.blocks import space_out, unfold_bodies
from netc.compiler.formatting.columns import (
    comment_columns,
    line_up_bodies,
    line_up_claims,
    line_up_names,
)
from netc.compiler.formatting.folding import Line, fold
from netc.compiler.formatting.rows import STEP, Row, read
from netc.compiler.formatting.sameness import comments, same
from netc.compiler.parse import parse, words
from netc.compiler.source import Source
from netc.compiler.tree import Tree

_PASSES = (space_out, unfold_bodies, line_up_names, line_up_bodies, line_up_claims)


class ReadsDifferently(Exception):
    """With regular blanks a text would mean something else, as `x ->input a: relu` would."""


def formatted(source: Source) -> str:
    """A spec's text in form, with `\\n` at the end of every line and no byte order mark.

    Raises CompileError with all syntax errors of a text that does not parse, and ReadsDifferently
    for one that cannot be put in form without a change of its meaning.
    """
    before = _parsed(source)
    text = (source.text.removeprefix("\ufeff") + "\n").replace("\r\n", "\n")
    result = _in_form(text)
    try:
        after = _parsed(Source(source.name, result))
    except CompileError:
        raise ReadsDifferently from None
    if not same(before, after) or comments(text) != comments(result):
        raise ReadsDifferently
    return result


def _parsed(source: Source) -> Tree:
    log = Log()
    tree = parse(source, log)
    log.raise_errors()
    return tree


def _in_form(text: str) -> str:
    entries = read(words(text))
    for improve in _PASSES:
        entries = improve(entries)
    lines: list[Line] = []
    for entry in entries:
        if isinstance(entry, Row):
            lines += fold(entry)
        else:
            lines.append(Line(STEP * entry.depth, "", entry.text, entry.blank))
    gaps = comment_columns(lines)
    return "".join(_printed(line, gap) for line, gap in zip(lines, gaps, strict=True))


def _printed(line: Line, gap: int) -> str:
    start = "\n" if line.blank else ""
    comment = " " * gap * bool(line.text) + line.comment if line.comment else ""
    return f"{start}{' ' * line.indent}{line.text}{comment}\n"
