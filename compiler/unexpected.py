"""What a syntax error is told as: the fact, the edit, and how the line is read all the same.

Imported where a file has such an error, and not before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler.diagnostics import Diagnostic, finding
from netc.compiler.edits import Edit, Fix, append, rewrite, whole_line
from netc.compiler.layout import JOINING
from netc.compiler.source import Source, Span
from netc.compiler.strange import BRACES, strange, strange_columns
from netc.compiler.words import DEFINING, PLACEHOLDER, STRUCTURE


class Stop(Struct, frozen=True):
    """Where the parser stopped. Lines and columns count in the part that was parsed.

    Attributes:
        kind: the grammar's name of the word that does not fit; `LIMIT` and `UNCLOSED` for a limit
            and a bracket, empty for a character that begins no word.
        text: the word; of a limit, what is beyond it.
        end: the column after the word.
        allowed: the grammar's names of what could stand here.
        expected: those that the parser's state names, before it is asked which would be taken.
        level: how many blanks the lines of the innermost block have; of an indented line, those of
            the block around it.
    """

    kind: str
    text: str
    line: int
    column: int
    end: int
    allowed: Collection[str] = ()
    expected: Collection[str] = ()
    level: int = 0


class Part(Struct, frozen=True):
    """The lines that were parsed, and how many lines of the file lie before them."""

    source: Source
    offset: int
    lines: list[str]

    def span(self, line: int, column: int, end: int) -> Span:
        """A stretch of one line, where it stands in the file."""
        number = line + self.offset
        return Span(
            self.source, number, self._column(line, column), number, self._column(line, end)
        )

    def is_mended(self, line: int, column: int) -> bool:
        """Whether text at a column stands in the place of what the file has."""
        read, written = self.lines[line - 1], self.source.line(line + self.offset)
        if read == written or written.startswith("\ufeff"):
            return False
        first, behind = _equal(read, written), len(read) - column + 1
        return column > first + 1 and behind > _equal(reversed(read), reversed(written))

    def _column(self, line: int, column: int) -> int:
        """The file's column of one in a line as it is read: what was mended may be shorter."""
        read, written = self.lines[line - 1], self.source.line(line + self.offset)
        if read == written or written.startswith("\ufeff"):
            return column
        behind = len(read) - column + 1
        if behind <= _equal(reversed(read), reversed(written)):
            return len(written) - behind + 1
        return min(column, _equal(read, written) + 1)

    def code(self, number: int) -> Span:
        """Where a line's text stands, without its indentation and its comment."""
        code = self.lines[number - 1].split("#")[0].rstrip()
        return self.span(number, len(code) - len(code.lstrip()) + 1, len(code) + 1)

    def above(self, number: int) -> int:
        """The nearest line above that has more than blanks and a comment; without one, itself."""
        for above in range(number - 1, 0, -1):
            if self.lines[above - 1].split("#")[0].strip():
                return above
        return number


def _equal(one: Iterable[str], other: Iterable[str]) -> int:
    """How many characters are the same before the first that differ."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


class Told(Struct, frozen=True):
    """What is said of a line, and the text that is read in its stead."""

    line: int
    findings: tuple[Diagnostic, ...]
    instead: str
    joined: tuple[int, ...] = ()
    """Further lines that are part of this one; they are read as empty."""


def explain(stop: Stop, part: Part) -> Told:
    """The line that is at fault, what to say of it, and how to read it."""
    span = part.span(stop.line, stop.column, stop.end)
    if stop.kind == "LIMIT":
        return _without(part, stop.line, finding("E0107", span, stop.text))
    if stop.kind == "UNCLOSED":
        close = {"(": ")", "[": "]"}[stop.text]
        fix = append(part.code(stop.line), close, f"write `{close}` where the list ends")
        message = f"`{stop.text}` is never closed"
        return _without(part, stop.line, finding("E0105", span, message, fix))
    if (told := _imported(stop.line, part)) is not None:
        return told
    inside = stop.kind not in ("_INDENT", "_DEDENT", "$END") and not _wants_block(stop)
    if inside and part.is_mended(stop.line, stop.column):
        return _without(part, stop.line)  # said already, and what was written for it is no help
    if inside and (told := _of_habit(stop, part)) is not None:
        return told
    if stop.text in ("{", "}") and (told := _braced(stop, part)) is not None:
        return told
    if not stop.kind:
        first = strange(stop.column, _expected(stop.allowed), stop.line, part)
        # the line is taken out: say all of them now
        columns = strange_columns(part.lines[stop.line - 1], first.span.column)
        more = (strange(column, "", stop.line, part) for column in columns)
        return _without(part, stop.line, first, *(d for d in more if d.span != first.span))
    return _explain_word(stop, part)


def _without(part: Part, line: int, *findings: Diagnostic) -> Told:
    """The line is read as the placeholder, still opening its block if it opened one."""
    text = part.lines[line - 1]
    indentation = text[: len(text) - len(text.lstrip())]
    opens = text.split("#")[0].rstrip().endswith(":")
    return Told(line, findings, indentation + PLACEHOLDER + (":" if opens else ""))


def _with_colon(part: Part, line: int, found: Diagnostic) -> Told:
    return Told(line, (found,), part.lines[line - 1].split("#")[0].rstrip() + ":")


def _imported(line: int, part: Part) -> Told | None:
    """A line that imports as Python does; it is read as what it is here, or as none."""
    if not part.lines[line - 1].startswith(("from ", "import ")):
        return None
    from netc.compiler.elsewhere import import_fix

    code = part.code(line)
    if (found := import_fix(code)) is None:
        return None
    message, fix = found
    return Told(
        line, (finding("E0101", code, message, fix),), fix.edits[0].text if fix.edits else ""
    )


def _of_habit(stop: Stop, part: Part) -> Told | None:
    """A line in the writing of another language; it is read as what it is here."""
    from netc.compiler.habits import habit_at

    line = part.lines[stop.line - 1]
    found = habit_at(line, stop.column - 1)
    if found is None:
        return None
    span = part.span(stop.line, found.start + 1, found.end + 1)
    if found.text is None:
        return _without(part, stop.line, finding("E0101", span, found.message, found.hint))
    fix = Fix(found.hint, (Edit(span, found.text),), found.safe)
    shown = span if found.end > found.start else part.span(stop.line, stop.column, stop.end)
    instead = line[: found.start] + found.text + line[found.end :]
    return Told(stop.line, (finding("E0101", shown, found.message, fix),), instead)


# ------------------------------------------------------------------------------
# Braces


def _braced(stop: Stop, part: Part) -> Told | None:
    """A brace in the place of a `:`, or one that closes a block: it is left out."""
    line = part.lines[stop.line - 1]
    code = line.split("#")[0].rstrip()
    span = part.span(stop.line, stop.column, stop.column + 1)
    hint, text = BRACES, code[:-1].rstrip()
    if code.strip() == "}":
        fix = Fix(hint, (Edit(whole_line(span), ""),))
        return Told(stop.line, (finding("E0102", span, "`}` does not fit here", fix),), "")
    below = next((row for row in part.lines[stop.line :] if row.split("#")[0].strip()), "")
    opens = len(below) - len(below.lstrip()) > len(line) - len(line.lstrip())
    if not opens or not code.endswith("{") or code.count("{") > 1:
        return None
    colon = "" if text.endswith(":") else ":"
    gap = part.span(stop.line, len(text) + 1, stop.column + 1)
    fix = rewrite(gap, colon, hint)
    return Told(stop.line, (finding("E0102", span, "`{` does not fit here", fix),), text + colon)


# ------------------------------------------------------------------------------
# Words in a place that is not theirs

_OPERANDS = frozenset(["NAME", "NUMBER", "STRING", "DIMS", "LPAR", "LSQB", "IN", "NEGATE", "NOT"])
_CLOSED = frozenset(("expect", "input", "param", "use"))
"""First words of lines that cannot open a block."""
_OPENERS = frozenset(("net", "block", "train", *STRUCTURE))


def _explain_word(stop: Stop, part: Part) -> Told:
    if stop.kind == "_INDENT":
        return _indented(stop, part)
    if _wants_block(stop):
        return _empty_block(stop, part)
    if stop.kind in ("_NL", "$END", "_DEDENT"):
        return _too_early(stop, part)
    number, line = stop.line, part.lines[stop.line - 1]
    message = f"`{stop.text}` does not fit here; expected {_expected(stop.allowed)}"
    fix = Fix("")
    first = line.split()[:1]
    if first in (["net"], ["block"]):
        fix = Fix(f"a definition reads `{first[0]} NAME(parameter=default):`")
        if stop.text == ":" and "RPAR" in stop.allowed and stop.end == part.code(number).end_column:
            place = part.span(number, stop.column, stop.column)
            fix = rewrite(place, ")", f"write `{{}}` before the `:`; {fix.hint}", safe=True)
    elif "COMMA" in stop.allowed and stop.kind in _OPERANDS:
        message = f"a comma is missing before `{stop.text}`"
        end = len(line[: stop.column - 1].rstrip()) + 1
        place = part.span(number, end, end)
        fix = append(place, ",", "write `,` between arguments", safe=_is_argument(stop, line))
    span = part.span(number, stop.column, stop.end)
    if stop.text in (")", "]") and _opened(line[: stop.column - 1]) is None:
        fix = rewrite(span, "", f"take it out: no `{_OPENING[stop.text]}` stands before it")
    return _without(part, number, finding("E0101", span, message, fix))


def _wants_block(stop: Stop) -> bool:
    """Whether a block was opened in a line above, so that this line itself may be as it should."""
    return bool(stop.expected) and set(stop.expected) <= {"_INDENT", "_NL"}


def _is_argument(stop: Stop, line: str) -> bool:
    """Whether a word behind others can be the next argument and nothing else.

    A name, a bracket or a second number may belong to the word before it.
    """
    if stop.kind == "NAME":
        return re.match(r"[ \t]*=(?!=)", line[stop.end - 1 :]) is not None
    return stop.kind in ("DIMS", "STRING")


def _indented(stop: Stop, part: Part) -> Told:
    """A line that is indented though the line above opens no block, or has lost its `:`."""
    number, above = stop.line, part.above(stop.line)
    span = part.span(number, len(stop.text) + 1, len(part.lines[number - 1]) + 1)
    code = part.code(above)
    message = "the line is indented, and the line above opens no block"
    if above == number and not part.code(number).text.startswith(DEFINING):
        message = "the line is indented, and no line above opens a block"
        hint = "put it into a net: write `net NAME:` above it"
        return _without(part, number, finding("E0104", span, message, hint))
    if above == number or code.text.split(" ")[0] in _CLOSED or not _may_open(code.text):
        blanks = part.lines[above - 1][: code.column - 1]
        hint = f"indent it like line {above + part.offset}"
        if len(blanks.expandtabs(4)) != stop.level:
            blanks, hint = " " * stop.level, f"indent it by {stop.level}"
        if not stop.level:
            hint = "take the indentation out"
        gap = part.span(number, 1, len(stop.text) + 1)
        fix = rewrite(gap, blanks, hint)
        instead = blanks + part.lines[number - 1].lstrip()
        return Told(number, (finding("E0104", span, message, fix),), instead)
    hint = f"end line {above + part.offset} with `:` if this line belongs to it"
    fix = append(code, ":", hint, safe=code.text.split(" ")[0] in _OPENERS)
    return _with_colon(part, above, finding("E0104", span, message, fix))


def _may_open(code: str) -> bool:
    """Whether a line may have lost its `:`: it has a word that opens a block."""
    return not _OPENERS.isdisjoint(re.findall(r"\w+", code))


def _empty_block(stop: Stop, part: Part) -> Told:
    """A `:` at the end of a line, and no line that is indented below it."""
    opener = stop.line if stop.kind == "_NL" else part.above(stop.line)
    if not part.lines[opener - 1].split("#")[0].rstrip().endswith(":"):
        opener = part.above(stop.line)
    message = "the `:` opens a block, and no indented line follows"
    fix = Fix("indent the lines that belong to it", _indented_below(opener, part))
    return _without(part, opener, finding("E0104", part.code(opener), message, fix))


def _indented_below(opener: int, part: Part) -> tuple[Edit, ...]:
    """All lines below a definition's head indented; of a block within it nobody knows which."""
    if not part.lines[opener - 1].startswith(DEFINING):
        return ()
    below = range(opener + 1, len(part.lines) + 1)
    starts = [part.span(n, 1, 1) for n in below if part.lines[n - 1].strip()]
    return tuple(Edit(start, "    ") for start in starts)


def _too_early(stop: Stop, part: Part) -> Told:
    """A line that ends where more is needed."""
    code = part.code(stop.line)
    if {"RPAR", "RSQB"} & set(stop.allowed) and (told := _unclosed(code, stop.line, part)):
        return told
    message = f"the line ends too early; expected {_expected(stop.allowed)}"
    last = replace(code, column=max(code.end_column - 1, 1))
    if set(stop.allowed) == {"COLON"} and code.text.split(" ")[0] in _OPENERS:
        fix = append(code, ":", "end it with `:`")
        return _with_colon(part, stop.line, finding("E0101", last, message, fix))
    if code.text.endswith(",") and (told := _joined(code, stop.line, part)) is not None:
        return told
    fix = _without_last(code)
    return _without(part, stop.line, finding("E0101", last, message, fix))


_OPENING = {")": "(", "]": "["}


def _opened(text: str) -> int | None:
    """Where the innermost bracket stands that a text leaves open, from 0; None without one."""
    waiting: list[int] = []
    for match in re.finditer(r"\"[^\"]*\"|[(\[]|[)\]]", text):
        if match[0] in ("(", "["):
            waiting.append(match.start())
        elif match[0] in (")", "]") and waiting:
            waiting.pop()
    return waiting[-1] if waiting else None


def _unclosed(code: Span, line: int, part: Part) -> Told | None:
    """A bracket of the last line of a file that nothing closes."""
    if (place := _opened(code.text)) is None:
        return None
    column = code.column + place
    return explain(Stop("UNCLOSED", code.text[place], line, column, column + 1), part)


def _joined(code: Span, first: int, part: Part) -> Told | None:
    """A call whose arguments go on in deeper lines below: all of them are one line."""
    rows, texts, last = [], [code.text], code
    for number in range(first + 1, len(part.lines) + 1):
        below = part.code(number)
        if not below.text or below.column <= code.column or not texts[-1].endswith(","):
            break
        rows.append((number, last.after.to(below.before)))
        texts.append(below.text)
        last = below
    if not rows or texts[-1].endswith(","):
        return None
    edits = tuple(Edit(gap, " ") for _, gap in rows)
    comments = any("#" in part.lines[number - 1] for number in range(first, rows[-1][0]))
    fix = Fix("join the lines: a call is one line", () if comments else edits)
    end = replace(code, column=code.end_column - 1)
    found = finding("E0101", end, "the line ends before its last argument", fix)
    indented = " " * (code.column - 1)
    return Told(first, (found,), indented + " ".join(texts), tuple(number for number, _ in rows))


def _without_last(code: Span) -> Fix:
    """Offers to take out an arrow or a comma that nothing follows."""
    for text, name in (("->", "arrow"), (",", "comma")):
        kept = code.text.removesuffix(text).rstrip()
        if code.text.endswith(text) and kept:
            gap = replace(code, column=code.column + len(kept))
            return rewrite(gap, "", f"take the {name} out, or write what comes after it")
    return Fix("")


_WORDS = {
    "_NL": "the end of the line",
    "_INDENT": "an indented block",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "__ANON_0": "`->`",
    "ELSE": "`else`",
    "AS": "`as`",
}


def _expected(terminals: Collection[str]) -> str:
    """What the grammar allows here, in words."""
    terminals = set(terminals)
    found: list[str] = []
    if len(terminals) > 10:  # a value may go on in any way: name the two that end it
        terminals = terminals & {"_NL", "COMMA", "RPAR", "RSQB", "COLON"}
    if {"NUMBER", "STRING"} & terminals:
        found.append("a value")
    elif "NAME" in terminals:
        found.append("a name")
    found += [word for terminal, word in _WORDS.items() if terminal in terminals]
    if JOINING & terminals:
        found.append("an operator")
    return (
        " or ".join(filter(None, [", ".join(found[:-1]), found[-1]])) if found else "something else"
    )
