"""Writing that other languages and frameworks teach: what it is here.

Asked where a line does not parse. A row of the table is a pattern of the line; where it meets the
place at which the parser stopped, it says what is written instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct


class Habit(Struct, frozen=True):
    """A stretch of a line that has another form here.

    Attributes:
        start: where it starts in the line, from 0.
        end: one past its last character.
        text: what to write instead; None where only the author can say.
        safe: whether nothing else can be meant; see `Fix`.
    """

    start: int
    end: int
    text: str | None
    message: str
    hint: str
    safe: bool = False


class _Row(Struct, frozen=True):
    """A pattern with what to say; its group `place` is what is rewritten, else all of it.

    `{}` in the message is the place's text, `{}` in the hint what `text` makes of the match.
    """

    pattern: re.Pattern[str]
    text: Callable[[re.Match[str]], str | None]
    message: str
    hint: str
    safe: bool = False


_LEAD = r"(?:^|->|:|(?<![=!<>])=)[ \t]*"
_CALL = r"[A-Za-z_]\w*\((?:[^()]|\([^()]*\))*\)"
"""Behind an arrow or where a line begins."""


def _calls(match: re.Match[str]) -> str:
    """The calls of a chain without their parentheses."""

    def plain(call: re.Match[str]) -> str:
        word, _, given = call[2][:-1].partition("(")
        return f"{call[1]}{word} {given.strip()}".rstrip()

    return re.sub(f"({_LEAD})({_CALL})", plain, match["place"])


def _sizes(match: re.Match[str]) -> str | None:
    written = match["place"].strip().strip("()").strip(" \t,")
    listed = re.split(r"[ \t]*,[ \t]*" if "," in written else r"(?<=\d)x(?=\d)", written)
    return f"[{', '.join(listed)}]" if all(re.fullmatch(r"\w+", one) for one in listed) else None


def _rounds(match: re.Match[str]) -> str:
    """`for i in 3` as a `repeat`; its rounds have a name where the line may use it."""
    name, over, rest = match["name"], match["over"], match["rest"]
    if over.startswith("["):
        return f"repeat in {over} as {name}"
    count = re.sub(r"^range\((.*)\)$", r"\1", over)
    used = not rest.strip() or re.search(rf"\b{name}\b", rest)
    return f"repeat {count} as {name}" if used else f"repeat {count}"


def _row(
    pattern: str,
    text: Callable[[re.Match[str]], str | None],
    message: str,
    hint: str,
    *,
    safe: bool = False,
) -> _Row:
    return _Row(re.compile(pattern), text, message, hint, safe)


def _opener(match: re.Match[str]) -> str:
    from netc.compiler.elsewhere import OPENERS

    return OPENERS[match["place"]]


_TABLE = [
    _row(
        r"\b\d+(?:[ \t]+x[ \t]*\d+|x[ \t]+\d+)+\b",
        lambda m: re.sub(r"\s", "", m[0]),
        "`{}` has blanks in it, and a size is one word",
        "write `{}`",
        safe=True,
    ),
    _row(
        r"(?P<place>=>|-[ \t]+>|-{2,3}>)",
        lambda _: "->",
        "`{}` is no arrow",
        "write `{}`",
        safe=True,
    ),
    _row(
        r"^[ \t]*(?P<place>for[ \t]+(?P<name>\w+)[ \t]+in[ \t]+(?P<over>[^:]*[^: \t]))[ \t]*:"
        r"(?P<rest>.*)",
        _rounds,
        "`for` opens no block",
        "write `{}:`",
    ),
    _row(
        r"^[ \t]*(?P<place>in)[ \t]*=(?!=).*",
        lambda _: None,
        "`in` has a meaning of its own: what flows in",
        "choose another name",
    ),
    _row(
        r"^[ \t]*(?:data|loss|optimizer|epochs|steps|batch|split|seed)(?P<place>[ \t]*=[ \t]*).*",
        lambda _: " ",
        "a clause of `train` has no `=`",
        "take it out",
    ),
    _row(
        r"^use[ \t]+(?P<place>[^\s\":]+\.net)\b",
        lambda m: f'"{m["place"]}"',
        "the name of a file stands in double quotes",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?P<place>if)\b[^:]*:",
        lambda _: "when",
        "`if` opens no block",
        "write `{} CONDITION:`",
    ),
    _row(
        r"^[ \t]*(?P<place>else|elif)\b.*",
        lambda _: None,
        "`{}` opens no block",
        "write a second `when`, with its condition",
    ),
    _row(
        r"^[ \t]*(?P<place>//).*",
        lambda _: "#",
        "`//` begins no comment",
        "write `{}`",
        safe=True,
    ),
    _row(
        r"(?P<place>//)[ \t]*[A-Za-z_]\w*[ \t]*[A-Za-z_.,].*",
        lambda _: "#",
        "`//` divides, and begins no comment",
        "write `{}` before a comment",
    ),
    _row(
        r"\brepeat[ \t]+in[ \t]+(?P<place>\w+)\b",
        lambda _: None,
        "`repeat in` takes a list in brackets, and here stands `{}`",
        "write the list itself, as in `repeat in [64, 128] as width:`",
    ),
    _row(
        r"^[ \t]*expect[ \t]+(?P<place>(?P<what>[\w.]+)[ \t]+in[ \t]+"
        r"(?P<low>[\w.]+?)[ \t]*\.\.[ \t]*(?P<high>[\w.]+))",
        lambda m: f"{m['low']} <= {m['what']} <= {m['high']}",
        "`{}` is no comparison",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?:input|state|noise)[ \t]+\w+(?:[ \t]*,[ \t]*\w+)*[ \t]*:"
        r"[ \t]*(?P<place>[\w(][^\[\]]*)$",
        _sizes,
        "the sizes of an input stand in brackets",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?:net|block)[ \t]+(?P<place>\d\w*)",
        lambda m: f"Net{m['place']}",
        "`{}` is no name: names begin with a letter",
        "write a name such as `{}`",
    ),
    _row(
        r"(?<=[\w)\]])(?P<place>[ \t]*)\[[^\[\]]*\][ \t]*$",
        lambda _: " -> ",
        "a claim about the shape follows an arrow",
        "write `{}` before the claim",
    ),
    _row(
        r"^(?P<place>class|model|network|def|function|module|layer)[ \t]+\w+[ \t]*\(.*",
        _opener,
        "no word `{}` opens a definition",
        "that is called `{}` here",
    ),
    _row(
        f"{_LEAD}(?P<place>{_CALL}.*)",
        _calls,
        "the arguments of a call stand in no parentheses",
        "write `{}`",
    ),
]


def habit_at(line: str, place: int) -> Habit | None:
    """The habit behind the column, from 0, at which a line stopped making sense."""
    code = re.sub(r'("[^"]*")|#.*', r"\1", line).rstrip()
    for row in _TABLE:
        for match in row.pattern.finditer(code):
            if match.start() <= place <= match.end() and (found := _habit(row, match)):
                return found
    return None


def _habit(row: _Row, match: re.Match[str]) -> Habit | None:
    group = "place" if "place" in row.pattern.groupindex else 0
    start, end = match.span(group)
    text = row.text(match)
    if text is None and row.text is _sizes:
        return None
    message = row.message.replace("{}", match.string[start:end])
    hint = row.hint.replace("{}", (text or "").strip())
    return Habit(start, end, text, message, hint, row.safe)
