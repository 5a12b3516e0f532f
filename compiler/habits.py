"""Writing that other languages and frameworks teach: what it is here.

Asked where a line does not parse. A row of the table is a pattern of the line; where it meets the
place at which the parser stopped, it says what is written instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from netc.compiler.input_habits import INPUTS, NUMBERS


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
    written = match["place"].strip().strip("()]{}").strip(" \t,")
    if written == "int":
        return "int[]"
    listed = re.split(r"[ \t]*,[ \t]*" if "," in written else r"(?<=\d)x(?=\d)", written)
    return f"[{', '.join(listed)}]" if all(re.fullmatch(r"\w+", one) for one in listed) else None


def _rounds(match: re.Match[str]) -> str:
    """`for i in 3` as a `repeat`; its rounds have a name where the line may use it."""
    name, over, rest = match["name"], match["over"], match["rest"]
    if over.startswith("["):
        return f"repeat in {over} as {name}"
    if re.fullmatch(r"\w+(?:[ \t]*,[ \t]*\w+)+", over):
        return f"repeat in [{over}] as {name}"
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


def as_name(text: str) -> str:
    """Words in quotes, or with blanks and hyphens between them, as one name."""
    return re.sub(r"\W+", "_", text).strip("_")


def _valued(match: re.Match[str]) -> str | None:
    """`stride 2` as `stride=2`; not where a layer stands behind a comma."""
    from netc.compiler.layers import find

    return None if find(match["name"]) else f"{match['name']}={match['value']}"


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
        r"^[ \t]*(?:\w+[ \t]*=[ \t]*)?(?P<place>repeat[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]+in[ \t]+"
        r"(?P<over>[^:]*[^: \t]))[ \t]*:(?P<rest>.*)",
        _rounds,
        "the name of the rounds stands behind `as`",
        "write `{}:`",
    ),
    _row(
        r"^[ \t]*(?P<place>\(?\w+(?:[ \t]*,[ \t]*\w+)+\)?)[ \t]*=(?!=).*",
        lambda _: None,
        "`{}` are several names, and what a line leaves has one",
        "write one name: a layer gives one value",
    ),
    *(_row(*row) for row in INPUTS),
    _row(
        r"^[ \t]*(?P<place>in)[ \t]*=(?!=).*",
        lambda _: None,
        "`in` has a meaning of its own: what flows in",
        "choose another name",
    ),
    _row(
        r"^[ \t]*(?:data|loss|optimizer|epochs|steps|batch|split|seed)"
        r"(?P<place>[ \t]*[=:][ \t]*).*",
        lambda _: " ",
        "a clause of `train` has neither `=` nor `:` behind its word",
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
        r"[ \t]*(?P<place>[\w({][^\[\]]*\]?)$",
        _sizes,
        "the sizes of an input stand in brackets",
        "write `{}`",
    ),
    _row(
        r"^(?:net|block)[ \t]+(?P<place>\w+(?:[ \t-]+\w+)+|[\"'][^\"']*[\"'])[ \t]*[(:]",
        lambda m: as_name(m["place"]),
        "`{}` is no name: a name has letters, digits and `_`",
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
        r"^(?:net|block)[ \t]+\w+[ \t]*\(.*?\w(?P<place>[ \t]*:[ \t]*\w+)(?=[ \t]*[=,)])",
        lambda _: "",
        "a parameter has no type",
        "take it out",
    ),
    _row(
        r"^(?:net|block)[ \t]+\w+[ \t]*\(.*?(?P<place>(?:int|float|str|bool)[ \t]+)(?=\w)",
        lambda _: "",
        "a parameter has no type",
        "take it out",
    ),
    _row(
        r"\w[ \t]+[^,].*?,[ \t]*(?P<place>(?P<name>[A-Za-z_]\w*)[ \t]+"
        r"(?P<value>\d[\d.]*(?:[eE][+-]?\d+)?\w*|\([^()]*\)|\"[^\"]*\"))",
        _valued,
        "a value follows the name of its argument after `=`",
        "write `{}`",
    ),
    _row(
        r"(?<=[\w)])(?P<place>[ \t]+(?P<name>batch|lr|momentum|weight_decay|stride|pad"
        r"|kernel)[ \t]+(?P<value>\d[\d.]*(?:[eE][+-]?\d+)?\w*))",
        lambda m: f", {m['name']}={m['value']}",
        "an argument stands behind a comma, and its value behind `=`",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?P<place>(?P<count>\d+)[ \t]+(?P<word>epochs|steps))\b",
        lambda m: f"{m['word']} {m['count']}",
        "a clause begins with its word",
        "write `{}`",
    ),
    _row(
        r"(?<=\d)(?P<place>[ \t]+(?:times|rounds|epochs|steps|parameters|params|layers|filters"
        r"|units|neurons|channels|classes|macs|bytes)\b)",
        lambda _: "",
        "`{}` says nothing behind a number",
        "take it out",
    ),
    _row(
        r"^[ \t]*expect[ \t]+[\w.]+[ \t]*(?P<place>(?:is|equals|=|==|~|≈|~=)[ \t]*"
        r"(?P<number>\d[\d_.]*)[ \t]*(?P<unit>[kKM]?))$",
        lambda m: f"== {m['number']}" + {"": "", "k": "e3", "K": "e3", "M": "e6"}[m["unit"]],
        "`{}` is no comparison with a number",
        "write `{}`, or `<=` and `>=`",
    ),
    *(_row(*row) for row in NUMBERS),
    _row(
        r"^[ \t]*repeat[ \t]+(?P<place>(?P<count>\d+)x)\b",
        lambda m: m["count"],
        "`{}` is no number",
        "write `{}`",
    ),
    _row(
        r"(?P<place>\b(?P<number>\d+(?:\.\d+)?)[ \t]*%)[ \t]*(?=,|->|$)",
        lambda m: f"{float(m['number']) / 100:g}",
        "`{}` is no number: `%` is the rest of a division",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?P<place>(?:[-*•]|\d+[.)])[ \t]+)[A-Za-z_].*",
        lambda _: "",
        "a line has no mark before it",
        "take it out",
    ),
    _row(
        r"^[ \t]*(?P<place>->[ \t]*)[A-Za-z_].*",
        lambda _: "",
        "no value stands before this arrow",
        "take it out: a line takes what the line above left",
    ),
    _row(
        r"^[ \t]*(?P<place>/\*[ \t]*(?P<said>.*?)[ \t]*\*/)",
        lambda m: f"# {m['said']}",
        "`/*` begins no comment",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?:\w+[ \t]*=[ \t]*)?(?P<place>\w+(?:[ \t]*,[ \t]*\w+)+)[ \t]*->.*",
        lambda m: f"({m['place']})",
        "several values stand in parentheses",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*[A-Za-z_]\w*(?P<place>[ \t]*,[ \t]*)[A-Za-z_]\w*[ \t]+[\w(\[].*$",
        lambda _: " -> ",
        "calls follow each other after arrows, not after commas",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?!(?:when|expect|repeat)\b)[^>]*?[^-=<>](?P<place>>)[ \t]*[A-Za-z_]\w*[ \t]+\S.*",
        lambda _: "->",
        "`>` compares, and leads to no layer",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?P<place>(?:(?P<name>\w+)[ \t]*=[ \t]*(?=(?P=name)\b))?[A-Za-z_]\w*[ \t]*\+[ \t]*"
        r"(?P<call>[A-Za-z_]\w*[ \t]+[^+#=]\S*.*))",
        lambda m: f"residual: {m['call']}",
        "`+` adds numbers and no layers",
        "a `residual` adds what flowed in to what its lines leave: write `{}`",
    ),
    _row(
        r"^[ \t]*\w+[ \t]+[^=\[\]]*[^=\[\]<>! \t](?P<place>[ \t]*=[ \t]*)\[[^\[\]]*\]$",
        lambda _: " -> ",
        "a claim about the shape follows an arrow",
        "write `{}` before the claim",
    ),
    _row(
        r"->[ \t]*(?P<place>\d+(?:x\d+)+)[ \t]*(?=->|$)",
        lambda m: f"[{m['place'].replace('x', ', ')}]",
        "the sizes of a shape stand in brackets",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?:data|loss|optimizer)[ \t]+(?P<place>(?P<kind>\w+)\((?P<given>[^()]*)\))",
        lambda m: ", ".join(filter(None, (m["kind"], m["given"].strip()))),
        "the arguments of a call stand in no parentheses",
        "write `{}`",
    ),
    _row(
        r"^[ \t]*(?P<place>(?:.*[=(][ \t]*|return[ \t]+)?(?:nn|F|tf|torch|keras|layers|self|super"
        r"|\w+(?=\.(?:fit|compile)\b))(?:\(\))?\.[\w.]+[ \t]*[(=].*)",
        lambda _: None,
        "this is Python, and a spec calls no functions",
        "write layers one below the other, as in `conv 32, 3x3 -> relu`",
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
    if text is None and row.text in (_sizes, _valued):
        return None
    if text == match.string[start:end]:  # the line stopped for another reason
        return None
    message = row.message.replace("{}", match.string[start:end].strip())
    hint = row.hint.replace("{}", (text or "").strip())
    return Habit(start, end, text, message, hint, row.safe)
