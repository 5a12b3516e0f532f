"""`allow W0301`: warnings switched off for a file, a net, a block or a train block."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from netc.compiler import tree
from netc.compiler.diagnostics import Diagnostic, Log, finding
from netc.compiler.edits import (
    Edit,
    Fix,
    indentation,
    rewrite,
    suggest,
    take_argument_out,
    take_line_out,
    whole_line,
)
from netc.compiler.source import Source, Span

if TYPE_CHECKING:
    from netc.compiler.graph import Net
    from netc.compiler.program import Program

CODES = (
    "N0301",
    "W0201", "W0202",
    "W0301", "W0302", "W0303", "W0304", "W0305", "W0306", "W0307", "W0308",
    "W0601", "W0602", "W0603", "W0604", "W0605",
)  # fmt: skip
"""Every warning and note there is."""

WORD = "allow"
UNNEEDED = "W0202"


class Allow(Struct, frozen=True, eq=False):
    """One code of an `allow` line.

    Attributes:
        where: what it is said of: the file, or a net, a block or a train block.
        name: of the net or block; of a train block, its net.
        first, last: the lines from which findings with this code are left out.
        fix: takes it out of the text.
    """

    code: str
    span: Span
    where: Literal["file", "net", "block", "train"]
    name: str
    first: int
    last: float
    fix: Fix

    def covers(self, diagnostic: Diagnostic) -> bool:
        """Whether a finding is switched off.

        It is, if it stands in these lines. What is said about a training (W06) stands at a layer
        and points at the train block, or the other way round; either may allow it.
        """
        if diagnostic.code != self.code:
            return False
        places = [diagnostic.span]
        if diagnostic.code.startswith("W06"):
            places += [label.span for label in diagnostic.labels]
        source = self.span.source.name
        return any(p.source.name == source and self.first <= p.line <= self.last for p in places)


def is_allow(statement: tree.Statement) -> bool:
    """Whether a line is an `allow` line."""
    if not isinstance(statement, tree.Line) or statement.target is not None:
        return False
    first = statement.chain.elements[0]
    if isinstance(first, tree.Call):
        first = first.role or first.name
    return isinstance(first, tree.Name) and first.text == WORD


def allows(statements: Sequence[tree.Statement], log: Log) -> Iterator[Allow]:
    """The `allow` lines of a file, each code by itself. Codes that are none are errors."""
    for statement in statements:
        if is_allow(statement):
            yield from _codes(statement, "file", "", 1, float("inf"), log)
            continue
        body = getattr(statement, "body", None) or ()
        where, name = _place(statement)
        for line in body:
            if is_allow(line):
                yield from _codes(line, where, name, statement.span.line, _last(statement), log)


def _place(statement: tree.Statement) -> tuple[Literal["net", "block", "train"], str]:
    if isinstance(statement, tree.Definition):
        return ("net" if statement.word == "net" else "block"), statement.name.text
    element = statement.chain.elements[0] if isinstance(statement, tree.Line) else None
    arguments = element.arguments if isinstance(element, tree.Call) else ()
    return "train", arguments[0].value.span.text if arguments else ""


def _last(statement: tree.Statement) -> int:
    """The last line of a statement with its block."""
    while body := getattr(statement, "body", None):
        statement = body[-1]
    return statement.span.end_line


def _codes(
    line: tree.Statement,
    where: Literal["file", "net", "block", "train"],
    name: str,
    first: int,
    last: float,
    log: Log,
) -> Iterator[Allow]:
    assert isinstance(line, tree.Line)
    call = line.chain.elements[0]
    arguments = call.arguments if isinstance(call, tree.Call) and call.role is None else ()
    plain = all(a.name is None and isinstance(a.value, tree.Name) for a in arguments)
    if not arguments or not plain or len(line.chain.elements) > 1 or line.body is not None:
        log.say("E0209", line.span, "`allow` takes the codes of warnings", _plainly(line))
        return
    for argument in arguments:
        code, span = argument.value.span.text, argument.value.span
        if code in CODES:
            yield Allow(code, span, where, name, first, last, _out(span, len(arguments) == 1))
        elif re.fullmatch(r"E\d{4}", code):
            message = f"`{code}` is an error, and errors cannot be allowed"
            hint = "take it out: `allow` is for the codes that start with W or N"
            log.say("E0210", span, message, _out(span, len(arguments) == 1, hint))
        else:
            log.say("E0201", span, f"there is no warning `{code}`", suggest(span, code, CODES))


def _plainly(line: tree.Line) -> Fix:
    """The codes that stand in a line, and nothing else; without any, the line means nothing."""
    if line.body is not None:
        return Fix("write it as in `allow W0301, W0302`")
    found = dict.fromkeys(re.findall(r"\b[NW]\d{4}\b", line.span.text))
    codes = [code for code in found if code in CODES]
    if codes:
        return rewrite(line.span, f"{WORD} {', '.join(codes)}")
    return take_line_out(line.span, "take the line out, or write it as in `allow W0301, W0302`")


def moved_out(line: tree.Statement, definition: tree.Definition, *, alone: bool) -> Fix:
    """An `allow` line of a part of a definition as the first line of that definition.

    `alone`: it is all that its part has, and no part is empty.
    """
    hint = "move it out, to the lines of the net or the block"
    head, text = definition.body[0].span, line.span.text
    if alone or line.span.line != line.span.end_line:
        return Fix(hint)
    first = Span(head.source, head.line, 1, head.line, 1)
    above = Edit(first, f"{indentation(head)}{text}\n")
    return Fix(f"{hint}: `{text}`", (above, Edit(whole_line(line.span), "")))


def _out(span: Span, alone: bool, hint: str = "take it out") -> Fix:
    """Takes a code out of its line, or the line with it."""
    return take_line_out(span, hint) if alone else take_argument_out(span, hint)


def reached(program: Program, nets: Mapping[str, Net], source: Source) -> Iterator[Allow]:
    """The `allow`s of the file itself that had their chance to be needed.

    In a block that no net uses, no layer was looked at; then nothing is known of the file either.
    """
    from netc.compiler.graph import blocks_used

    used = {span for net in nets.values() for span in blocks_used(net.module)}
    blocks = [program.definitions[name] for name in program.own]
    unused = {block.name for block in blocks if block.word == "block" and block.span not in used}
    for allow in program.allows:
        if allow.span.source is not source or (allow.where == "block" and allow.name in unused):
            continue
        if allow.where != "file" or (nets and not unused):
            yield allow


def quiet(
    found: Iterable[Diagnostic], allowed: Sequence[Allow], judged: Iterable[Allow]
) -> Iterator[Diagnostic]:
    """The findings that are not switched off, and a warning (W0202) for what switched none off.

    `judged` are the `allow`s that had their chance: nothing is said of those in a block that no net
    uses, or where errors kept the lints from looking.
    """
    needed: set[Span] = set()
    for diagnostic in found:
        covering = [allow for allow in allowed if allow.covers(diagnostic)]
        needed |= {allow.span for allow in covering}
        if not covering:
            yield diagnostic
    for allow in judged:
        if allow.span in needed or allow.code == UNNEEDED:
            continue
        where = "this file" if allow.where == "file" else f"this {allow.where}"
        if allow.where == "train":
            where = "this train block"
        message = f"nothing in {where} has the warning `{allow.code}` that is allowed here"
        diagnostic = finding(UNNEEDED, allow.span, message, allow.fix)
        if not any(other.covers(diagnostic) for other in allowed):
            yield diagnostic
