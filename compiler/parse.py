"""From text to tree; what Lark says of errors becomes diagnostics here.

A file is parsed definition by definition. Where the parser stops, the line is reported, replaced by
the placeholder `_`, and the definition is parsed again: several errors come out of one run, each in
its own line, and the parser's inner state is left alone.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from lark import Lark, Token
from lark.exceptions import UnexpectedInput, UnexpectedToken
from lark.lexer import BasicLexer
from msgspec.structs import replace

from netc import grammar as grammar_room
from netc.compiler import tree
from netc.compiler.building import Builder
from netc.compiler.diagnostics import Diagnostic, Log, finding
from netc.compiler.edits import Fix, rewrite
from netc.compiler.layout import Layout, LayoutError
from netc.compiler.source import Source

if TYPE_CHECKING:
    from netc.compiler.unexpected import Stop

MOST_ERRORS = 20
"""Syntax errors reported in one definition before parsing it is given up."""

_TOP = re.compile(r"^(?=(?:net|block|train|tune|use)\b)", re.MULTILINE)


def parse(source: Source, log: Log) -> tree.Tree:
    """Parses a whole file. Syntax errors (E01xx) go to the log; what could be read is returned."""
    text = source.text.removeprefix("\ufeff")
    starts = [0, *(m.start() for m in _TOP.finditer(text) if m.start()), len(text)]
    statements: list[tree.Statement] = []
    damaged: set[int] = set()
    unread: list[str] = []
    tabs: dict[int, Diagnostic] = {}
    line = 1
    for start, end in pairwise(starts):
        part = text[start:end]
        found, whole = _parse_part(part, source, line, log, tabs)
        if not whole:
            damaged.update(range(len(statements), len(statements) + len(found)))
            unread.append(part)
        statements += found
        line += part.count("\n")
    if tabs:
        log.add(_tabs_at_once(tabs))
    return tree.Tree(tuple(statements), frozenset(damaged), tuple(unread))


def _parse_part(
    text: str, source: Source, first: int, log: Log, tabs: dict[int, Diagnostic]
) -> tuple[list[tree.Statement], bool]:
    """One definition, tried again with the faulty line taken out until it parses.

    Also whether it was read whole, without a finding.
    """
    parser, layout, builder = _parser()
    # the empty line before lets the layout see the first line's indentation, the one after ends a
    # last line that nothing ends
    lines = ["", *text.split("\n"), ""]
    builder.place(source, first - 2)
    mended: set[tuple[int, str]] = set()
    for _ in range(MOST_ERRORS):
        try:
            found = parser.parse("\n".join(lines))
            _report_slips(layout, builder, log, tabs)
            return cast("list[tree.Statement]", found), not (mended or layout.slips)
        except (UnexpectedInput, LayoutError) as error:
            from netc.compiler.unexpected import Part, explain  # most files have no such error

            _report_slips(layout, builder, log, tabs)
            part = Part(source, first - 2, lines)
            told = explain(_stop(error, layout, lines), part)
            for problem in told.findings:
                log.add(problem)
            if (told.line, told.instead) in mended:
                break
            lines[told.line - 1] = told.instead
            for number in told.joined:
                lines[number - 1] = ""
            mended.add((told.line, told.instead))
    return [], False


def _report_slips(layout: Layout, builder: Builder, log: Log, tabs: dict[int, Diagnostic]) -> None:
    """Says what the layout read all the same; lines with tabs are gathered to be said at once."""
    for slip in layout.slips:
        span = builder.span_at(slip.line, slip.column, slip.end)
        hint = Fix(slip.hint)
        if slip.text is not None:
            hint = rewrite(span, slip.text, slip.hint, safe=slip.safe)
        problem = finding(slip.code, span, slip.message, hint)
        if slip.code == "E0103":
            tabs.setdefault(span.line, problem)
        else:
            log.add(problem)


def _tabs_at_once(tabs: dict[int, Diagnostic]) -> Diagnostic:
    """One finding for all lines of a file that are indented with tabs."""
    first, *more = (tabs[line] for line in sorted(tabs))
    if not more:
        return first
    message = f"{len(tabs)} lines are indented with tabs, this one first"
    edits = tuple(edit for found in (first, *more) for edit in found.edits)
    return replace(first, message=message, hint="indent with spaces", edits=edits)


def _stop(error: UnexpectedInput | LayoutError, layout: Layout, lines: list[str]) -> Stop:
    """Where the parser stopped, without anything of Lark's."""
    from netc.compiler.unexpected import Stop

    if isinstance(error, LayoutError):
        return Stop("LIMIT", error.message, *_place(error.token))
    number = max(1, min(int(error.line), len(lines)))
    if layout.brackets and (opened := layout.brackets[-1]).line < number:  # type: ignore[operator]
        return Stop("UNCLOSED", str(opened), *_place(opened))
    if not isinstance(error, UnexpectedToken):
        column = int(error.column)
        allowed = getattr(error, "allowed", None) or ()
        return Stop("", lines[number - 1][column - 1 : column], number, column, column + 1, allowed)
    token = error.token
    line, column, end = _place(token)
    line = max(1, min(line, len(lines)))
    allowed, level = error.accepts or error.expected, layout.levels[-2:][0]
    return Stop(token.type, str(token), line, column, end, allowed, error.expected, level)


def _place(token: Token) -> tuple[int, int, int]:
    """Line, first column and the column after the last, where a token has them."""
    column = token.column or 1
    return token.line or 1, column, token.end_column or column


# ------------------------------------------------------------------------------
# The parser's tables, built once and kept in the user's cache


@lru_cache(maxsize=1)
def _parser() -> tuple[Lark, Layout, Builder]:
    """Lark with its tables from the cache: 4 ms instead of 180.

    Lark checks the cache against the grammar and its own version, and builds the tables anew where
    the file is missing, old or cut short.
    """
    grammar = Path(grammar_room.__file__).with_name("net.lark").read_text(encoding="utf-8")
    layout, builder = Layout(), Builder()
    parser = Lark(
        grammar,
        parser="lalr",
        lexer="basic",  # one table of words; one for each state would cost 10 ms a start
        postlex=layout,
        transformer=builder,
        cache=_cache_file(),
    )
    return parser, layout, builder


def terminals() -> tuple[tuple[str, str], ...]:
    """Names and patterns of the grammar's words, in the order in which the lexer tries them.

    Words such as `if`, which NAME matches too, are listed after it; the lexer prefers them.
    """
    tried = BasicLexer(_parser()[0].lexer_conf).terminals
    return tuple((terminal.name, terminal.pattern.to_regexp()) for terminal in tried)


def _cache_file() -> str | bool:
    """The cache's path, one for each Python; False where no folder can be made for it."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netc"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return str(folder / f"grammar-{sys.implementation.cache_tag}.tables")


# ------------------------------------------------------------------------------
# The words of a text, for those who print it again


class Word(NamedTuple):
    """A word or mark: the kind the grammar gives it, its text, and all that stands before it."""

    kind: str
    text: str
    gap: str


def words(text: str) -> Iterator[Word]:
    """Every word and mark of a text that parses, with the blanks and comments before each.

    Between them `_NL` ends a line, `_INDENT` and `_DEDENT` begin and end a block; they hold no
    text. The last word is empty and has the end of the text before it: all gaps and texts together
    are the text.
    """
    place = 0
    for token in _parser()[0].lex("\n" + text):
        if token.type in ("_NL", "_INDENT", "_DEDENT"):
            yield Word(token.type, "", "")
        else:
            start, end = cast("int", token.start_pos) - 1, cast("int", token.end_pos) - 1
            yield Word(token.type, str(token), text[place:start])
            place = end
    yield Word("", "", text[place:])
