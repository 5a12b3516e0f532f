"""The grammar for editors, `net.tmLanguage.json`, written from `net.lark` and the compiler's words.

TextMate reads one line at a time: of all patterns the one that matches first in the line wins, and
of those that match at the same place the first of the list. That is how Lark's lexer works too, so
the list holds the patterns of net.lark in the lexer's order, and each rule's `comment` names the
terminal that it stands for. NAME alone is split further, by the words that mean something.

The patterns keep to what Oniguruma (editors) and Python's `re` (Pygments) read alike.
Source: https://macromates.com/manual/en/language_grammars.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from netc.compiler import layers, recipes, training, words
from netc.compiler.parse import terminals

Rule = dict[str, str]

UNSEEN = ("CONTINUED", "_NL")
"""Ends of lines: editors give the lines one by one."""
NAMELESS = {r"\->": "ARROW", r"\.\.": "RANGE"}
"""Terminals that net.lark writes in place: Lark numbers those, and numbers may shift."""
SCOPES = {
    "AND": "keyword.operator.word",
    "ARROW": "keyword.operator.arrow",
    "AS": "keyword.control",
    "BIND": "storage.modifier",
    "BLANKS": "",
    "COLON": "punctuation.separator.colon",
    "COMMA": "punctuation.separator.comma",
    "COMMENT": "comment.line.number-sign",
    "COMPARE": "keyword.operator.comparison",
    "DECLARE": "storage.modifier",
    "DEFINE": "storage.type.definition",
    "DIMS": "constant.numeric.sizes",
    "DOT": "punctuation.accessor",
    "DTYPE": "storage.type.dtype",
    "ELSE": "keyword.control",
    "EQUAL": "keyword.operator.assignment",
    "FLOORDIV": "keyword.operator.arithmetic",
    "IF": "keyword.control",
    "IN": "variable.language",
    "LPAR": "punctuation.section.parens",
    "LSQB": "punctuation.section.brackets",
    "MINUS": "keyword.operator.arithmetic",
    "NAME": "variable.other",
    "NEGATE": "keyword.operator.arithmetic",
    "NOT": "keyword.operator.word",
    "NUMBER": "constant.numeric",
    "OR": "keyword.operator.word",
    "PERCENT": "keyword.operator.arithmetic",
    "PLUS": "keyword.operator.arithmetic",
    "POWER": "keyword.operator.arithmetic",
    "RANGE": "keyword.operator.range",
    "RPAR": "punctuation.section.parens",
    "RSQB": "punctuation.section.brackets",
    "SLASH": "keyword.operator.arithmetic",
    "STAR": "keyword.operator.arithmetic",
    "STRING": "string.quoted.double",
    "USE": "keyword.control.import",
}
"""The scope of each terminal, by the names that colour themes know. None but blanks is left out."""

_BEHIND = re.compile(r"\(\?<=(\[(?:\\.|[^\]\\])+\]|\\?.)\)")
_WHOLE = r"(?!\w)"
_OPERAND = r'[ \t]+["\w(\[]'
_REFUSED = r"\d\w*|."
"""What no terminal fits; `12px` as a whole, or each digit would be tried as a number again."""


def text() -> str:
    """The file `net.tmLanguage.json`."""
    grammar = {
        "name": "netc",
        "scopeName": "source.net",
        "fileTypes": ["net"],
        "patterns": patterns(),
    }
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


def patterns() -> list[Rule]:
    """The rules in the order in which they are tried. KeyError for a terminal without a scope."""
    tried = [
        (NAMELESS.get(pattern, name), _in_a_line(pattern))
        for name, pattern in terminals()
        if name not in UNSEEN
    ]
    a_name = dict(tried)["NAME"]
    literal = {name: pattern for name, pattern in tried if re.fullmatch(a_name, pattern)}
    found: list[Rule] = []
    for name, pattern in tried:
        if name == "NAME":
            found += [_rule(word, SCOPES[word], literal[word] + _WHOLE) for word in literal]
            found += _names(pattern, dict(tried)["DEFINE"])
        if name not in literal:
            found.append(_rule(name, SCOPES[name], pattern))
    return [*found, _rule("no terminal", "invalid.illegal", _REFUSED)]


def _rule(comment: str, scope: str, pattern: str) -> Rule:
    name = {"name": f"{scope}.net"} if scope else {}
    return {"comment": comment, **name, "match": pattern}


def _in_a_line(pattern: str) -> str:
    """A terminal's pattern for one line: what looks back at a line's end also fits its start."""

    def at_start(match: re.Match[str]) -> str:
        return f"(?:^|{match[0]})" if re.fullmatch(match[1], "\n") else match[0]

    escaped = pattern.replace("\n", r"\n").replace("\r", r"\r").replace("\t", r"\t")
    return _BEHIND.sub(at_start, escaped)


def _names(name: str, define: str) -> Iterator[Rule]:
    """What NAME is split into, by what stands beside it; each rule ends where NAME would."""

    def rule(what: str, scope: str, pattern: str) -> Rule:
        return _rule(f"NAME: {what}", scope, pattern)

    opens = _words_in(define) | {"train", "tune"}
    behind = "|".join(f"(?<={word} )" for word in sorted(opens))
    yield rule("defined", "entity.name.type", rf"(?:{behind}){name}(?=[ \t]*[(:])")
    yield rule("before =", "variable.parameter", rf"{name}(?=[ \t]*=(?!=))")
    yield rule("attribute", "variable.other.member", rf"(?<=[\w)\]]\.){name}")
    yield rule("block", "keyword.control", rf"{_any(words.STRUCTURE)}(?=[ \t]*:|{_OPERAND})")
    yield rule("clause", "keyword.other", rf"{_any(_clauses())}(?={_OPERAND})")
    yield rule("constant", "constant.language", _any(words.CONSTANTS))
    yield rule("what flowed here", "variable.language", _any(["out"]))
    for role in recipes.roles():
        yield rule(role, "support.class", f"(?<={role} ){_any(recipes.words(role))}")
    yield rule("layer", "support.function", rf"{_any(layers.words())}(?![ \t]*:)")


def _any(choices: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(choices))}){_WHOLE}"


def _words_in(pattern: str) -> set[str]:
    """The words of a terminal that is a choice of words: `(net|block)`."""
    choice = re.search(r"\((\w+(?:\|\w+)+)\)", pattern)
    assert choice, pattern
    return set(choice[1].split("|"))


def _clauses() -> set[str]:
    """Words that begin a line with a meaning, here or in a version to come."""
    built = {*training.CLAUSES, *recipes.roles(), words.INLINE, "train", "tune"}
    return built | {*training.LATER, *words.LATER} - set(words.STRUCTURE)
