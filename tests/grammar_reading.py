"""Texts as the parser's lexer, a TextMate editor and Pygments read them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

from compiling import REPOSITORY
from lark import Lark, UnexpectedCharacters
from pygments import token

from netc.grammar import textmate
from netc.highlight import NetLexer

GRAMMAR = REPOSITORY / "grammar" / "net.tmLanguage.json"


@dataclass(frozen=True)
class Part:
    """A stretch of a text and the terminal that it is."""

    start: int
    end: int
    terminal: str


@lru_cache(maxsize=1)
def parsers_lexer() -> Lark:
    """Lark's lexer by net.lark alone, without the layout that folds line ends."""
    text = (REPOSITORY / "grammar" / "net.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer="basic")


def read_by_parser(text: str) -> tuple[list[Part], int]:
    """The words and comments of a text, and where the lexer stopped: the text's length, or before.

    A line end comes first, as the parser puts one; comments stand in the terminals of line ends.
    """
    found: list[Part] = []
    try:
        for part in parsers_lexer().lex("\n" + text, dont_ignore=True):
            assert part.start_pos is not None
            start = part.start_pos - 1
            if part.type in textmate.UNSEEN:
                for comment in re.finditer(r"#[^\n]*", part):
                    found.append(Part(start + comment.start(), start + comment.end(), "COMMENT"))
            elif part.type != "BLANKS":
                name = textmate.NAMELESS.get(re.escape(part), part.type)
                found.append(Part(start, start + len(part), name))
    except UnexpectedCharacters as error:
        return found, error.pos_in_stream - 1  # type: ignore[operator]
    return found, len(text)


@lru_cache(maxsize=1)
def rules() -> list[tuple[re.Pattern[str], str, str]]:
    """The shipped patterns with their scopes and the terminals that they stand for."""
    listed = json.loads(GRAMMAR.read_text(encoding="utf-8"))["patterns"]
    return [
        (re.compile(rule["match"]), rule.get("name", ""), rule["comment"].partition(":")[0])
        for rule in listed
    ]


def leftmost(line: str, place: int) -> tuple[re.Match[str], str, str] | None:
    """The rule's match that begins first; the first rule of those that begin at the same place."""
    best: tuple[re.Match[str], str, str] | None = None
    for pattern, scope, name in rules():
        match = pattern.search(line, place)
        if match is not None and (best is None or match.start() < best[0].start()):
            best = match, scope, name
            if match.start() == place:
                break
    return best


def scoped(text: str) -> list[tuple[Part, str]]:
    """What a TextMate editor does with a list of `match` rules, line by line.

    Source: https://macromates.com/manual/en/language_grammars
    """
    found: list[tuple[Part, str]] = []
    offset = 0
    for line in re.findall(r".*\n|.+", text):
        place = 0
        while place < len(line):
            hit = leftmost(line, place)
            if hit is None:
                break
            match, scope, name = hit
            found.append((Part(offset + match.start(), offset + match.end(), name), scope))
            place = match.end()
        offset += len(line)
    return [(part, scope) for part, scope in found if part.terminal != "BLANKS"]


FAMILIES = {
    "AND": (token.Operator.Word,),
    "AS": (token.Keyword,),
    "BIND": (token.Keyword.Declaration,),
    "COMMENT": (token.Comment,),
    "DECLARE": (token.Keyword.Declaration,),
    "DEFINE": (token.Keyword.Declaration,),
    "DIMS": (token.Number,),
    "DTYPE": (token.Keyword.Type,),
    "ELSE": (token.Keyword,),
    "IF": (token.Keyword,),
    "IN": (token.Name.Builtin.Pseudo,),
    "NAME": (token.Name, token.Keyword),
    "NOT": (token.Operator.Word,),
    "NUMBER": (token.Number,),
    "OR": (token.Operator.Word,),
    "STRING": (token.String,),
    "USE": (token.Keyword.Namespace,),
}
SIGNS = (token.Operator, token.Punctuation)
"""What all other terminals are."""


def check_textmate(text: str) -> None:
    """The TextMate grammar finds the parser's words, and an error where it stops."""
    wanted, stopped = read_by_parser(text)
    found = [part for part, _ in scoped(text)]
    assert [part for part in found if part.start < stopped] == wanted
    if stopped < len(text):
        assert (stopped, "no terminal") in [(part.start, part.terminal) for part in found]


def check_pygments(text: str) -> None:
    """The Pygments lexer finds the parser's words by their kinds, and an error where it stops."""
    wanted, stopped = read_by_parser(text)
    parts = list(NetLexer().get_tokens_unprocessed(text))
    assert "".join(part for _, _, part in parts) == text
    seen = [(start, kind, part) for start, kind, part in parts if kind is not token.Whitespace]
    before = [(start, start + len(part)) for start, _, part in seen if start < stopped]
    assert before == [(part.start, part.end) for part in wanted]
    for part, (_, kind, _) in zip(wanted, seen, strict=False):
        assert any(kind in family for family in FAMILIES.get(part.terminal, SIGNS)), part
    if stopped < len(text):
        assert (stopped, token.Error) in [(start, kind) for start, kind, _ in parts]
    else:
        assert all(kind is not token.Error for _, kind, _ in parts)
