"""Characters that begin no word of the language, and words that begin with none of its letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from netc.compiler.diagnostics import Diagnostic, finding
from netc.compiler.edits import Fix, append, rewrite
from netc.compiler.source import Span
from netc.compiler.words import as_python_reads

if TYPE_CHECKING:
    from netc.compiler.unexpected import Part

BRACES = "blocks are indented after a `:`; there are no braces"
_STRANGE = {
    "'": ('text stands in double quotes: "…"', None),
    "{": (BRACES, None),
    "}": (BRACES, None),
    ";": ("write each line of the net on a line of its own", None),
    "→": ("write the arrow as `->`", "->"),
    "×": ("write `x` between sizes, as in `3x3`, and `*` to multiply", "x"),
    "−": ("write the minus as `-`", "-"),
    "!": ("write `not`, or `!=`", "not "),
    "&": ("write `and`", "and"),
    "|": ("write `or`", "or"),
    "\u00a0": ("write a plain blank", " "),
    "\u2009": ("write a plain blank", " "),
    "\u202f": ("write a plain blank", " "),
    "\u3000": ("write a plain blank", " "),
    "\u201c": ('write plain quotes: `"`', '"'),
    "\u201d": ('write plain quotes: `"`', '"'),
    "\u201e": ('write plain quotes: `"`', '"'),
    "\uff0c": ("write a plain comma: `,`", ","),
    "\uff1a": ("write a plain colon: `:`", ":"),
    "\uff08": ("write a plain parenthesis: `(`", "("),
    "\uff09": ("write a plain parenthesis: `)`", ")"),
    "\r": ("end the lines as Unix or Windows does: this is the line end of an old Mac", None),
}
"""Characters of other languages: what to write here, and the text for it if there is but one."""


def strange(column: int, allowed: str, number: int, part: Part) -> Diagnostic:
    """What to say of a character that no word of the language has."""
    line = part.lines[number - 1]
    character = line[column - 1 : column]
    if character == '"':
        span = part.span(number, column, len(line) + 1)
        fix = append(part.code(number), '"', 'end it with `"`')
        return finding("E0106", span, "the text is never closed", fix)
    span = part.span(number, column, column + 1)
    hint, text = _STRANGE.get(character, ("", None))
    if not hint and (told := _foreign(column, number, part)) is not None:
        return told
    fix = Fix(hint)
    if character == ";":
        fix = _parted(span, part.code(number))
    elif character == "'" and (end := line.find("'", column)) > 0 and '"' not in line[column:end]:
        quoted = part.span(number, column, end + 2)
        text = f'"{line[column:end]}"'
        fix = rewrite(quoted, text, "text stands in double quotes: `{}`", safe=True)
    elif character == "×" and not re.search(r"\d×\d", line[column - 2 : column + 1]):
        fix = rewrite(span, "*", hint)
    elif character == "|" and not _is_condition(line, column):
        fix = rewrite(span, "->", "write the arrow as `{}`, and `or` between conditions")
    elif text is not None:
        twice = character in "&|" and line[column : column + 1] == character
        fix = rewrite(part.span(number, column, column + 1 + twice), text, hint, safe=True)
    shown = character if character.isprintable() else repr(character)
    expected = "" if hint else f"; expected {allowed}"
    return finding("E0102", span, f"`{shown}` does not fit here{expected}", fix)


def _parted(span: Span, code: Span) -> Fix:
    """What stands behind a `;` on a line of its own; one at the end is taken out.

    In brackets it is a comma.
    """
    before = code.text[: span.column - code.column]
    if before.count("[") + before.count("(") > before.count("]") + before.count(")"):
        return rewrite(span, ",", "write `{}` between values")
    if span.end_column >= code.end_column:
        return rewrite(span, "", "take it out: the end of the line is enough", safe=True)
    blanks = len(code.text[span.end_column - code.column :])
    blanks -= len(code.text[span.end_column - code.column :].lstrip())
    gap = replace(span, end_column=span.end_column + blanks)
    indented = " " * (code.column - 1)
    return rewrite(gap, "\n" + indented, "write each line of the net on a line of its own")


_ALIKE = str.maketrans(
    "асеорхуіјѕАВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "aceopxyijsABEKMHOPCTXABEZHIKMNOPTYXo"
)
"""Letters of other alphabets that look like those of the language."""


def _foreign(column: int, number: int, part: Part) -> Diagnostic | None:
    """What to say of a word that has letters of another alphabet where names have none."""
    word = "".join(re.findall(r"^\w+", part.lines[number - 1][column - 1 :]))
    if word.isascii():
        return None
    span = part.span(number, column, column + len(word))
    plain = as_python_reads(word.translate(_ALIKE))
    if plain.isascii():
        letter, like = next(p for p in zip(word, plain, strict=False) if p[0] != p[1])
        message = f"`{letter}` of `{word}` is U+{ord(letter):04X}, which only looks like `{like}`"
        return finding("E0102", span, message, rewrite(span, plain, safe=True))
    if not word.isidentifier():
        return None
    message = f"no name begins with `{word[0]}`, but with a letter from `a` to `z` or `_`"
    return finding("E0102", span, message, rewrite(span, f"_{word}"))


def _is_condition(line: str, column: int) -> bool:
    """Whether the bar at a column joins conditions: it is two bars, or the line has one."""
    return line[column : column + 1] == "|" or re.search(r"\b(when|if)\b", line) is not None


def strange_columns(line: str, after: int) -> Iterator[int]:
    """Where further characters of other languages stand in a line, outside of text and comments."""
    for match in re.finditer(r"\"[^\"]*\"|'[^']*'|#.*|&&|\|\||!=|\w+|.", line):
        text = match[0]
        foreign = not text.isascii() and not re.match(r"[A-Za-z_]", text) and text.isalnum()
        strange = text[0] in _STRANGE and text not in ("!=", "\r")
        if match.start() >= after and (strange or foreign):
            yield match.start() + 1
