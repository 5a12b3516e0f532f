"""Colours for `.net` files in whatever uses Pygments: rich, Sphinx, MkDocs, `pygmentize`.

Pygments finds the lexer by the entry point `pygments.lexers`; netc itself never imports it. The
rules are those of the grammar for editors, so that a page and an editor colour a spec alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pygments import token
from pygments.lexer import Lexer

TOKENS = {
    "": token.Whitespace,
    "comment": token.Comment.Single,
    "constant.language": token.Keyword.Constant,
    "constant.numeric": token.Number,
    "entity.name.type": token.Name.Class,
    "invalid": token.Error,
    "keyword.control": token.Keyword,
    "keyword.control.import": token.Keyword.Namespace,
    "keyword.operator": token.Operator,
    "keyword.operator.word": token.Operator.Word,
    "keyword.other": token.Keyword,
    "punctuation": token.Punctuation,
    "storage.modifier": token.Keyword.Declaration,
    "storage.type.definition": token.Keyword.Declaration,
    "storage.type.dtype": token.Keyword.Type,
    "string": token.String.Double,
    "support.class": token.Name.Builtin,
    "support.function": token.Name.Builtin,
    "variable.language": token.Name.Builtin.Pseudo,
    "variable.other": token.Name,
    "variable.other.member": token.Name.Attribute,
    "variable.parameter": token.Name.Variable,
}
"""Pygments' kinds of text by the scopes of TextMate; the longest beginning of a scope counts."""


class NetLexer(Lexer):  # type: ignore[misc]  # Pygments brings no types
    """The lexer of `.net` files: the rules of net.tmLanguage.json, the first that matches wins."""

    name = "netc"
    aliases = ("net", "netc")
    filenames = ("*.net",)

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Yields (index, kind, part) for the whole text; what no rule knows is an error token."""
        scanner, kinds = _scanner()
        for match in scanner.finditer(text):
            yield match.start(), kinds[match.lastgroup or ""], match[0]


@lru_cache(maxsize=1)
def _scanner() -> tuple[re.Pattern[str], dict[str, Any]]:
    """One pattern for all rules, with a group for each, and the kind of text of each group."""
    grammar = json.loads((files("netc.grammar") / "net.tmLanguage.json").read_text("utf-8"))
    rules = [{"match": r"\r?\n"}, *grammar["patterns"], {"name": "invalid", "match": r"\r"}]
    parts = [f"(?P<rule{number}>{rule['match']})" for number, rule in enumerate(rules)]
    kinds = {f"rule{number}": _kind(rule.get("name", "")) for number, rule in enumerate(rules)}
    return re.compile("|".join(parts), re.MULTILINE), kinds


def _kind(scope: str) -> Any:
    """KeyError for a scope that no entry of `TOKENS` begins."""
    while scope not in TOKENS:
        if "." not in scope:
            raise KeyError(scope)
        scope = scope.rpartition(".")[0]
    return TOKENS[scope]
