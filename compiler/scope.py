"""Names in sight at a place of a definition, and what expressions do with them."""

from __future__ import annotations

from collections.abc import Sequence

from netc.compiler import tree
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import suggest
from netc.compiler.source import Span
from netc.compiler.words import CONSTANTS, PLACEHOLDER, forbidden_name


class Names:
    """The names that a place in a definition can see, and which of them were used."""

    def __init__(self, outer: Names | None = None) -> None:
        self.outer = outer
        self.kinds: dict[str, str] = {}
        self.places: dict[str, Span] = {}
        self.used: set[str] = outer.used if outer else set()

    def find(self, name: str) -> str | None:
        """What a name is: number, value or module; None if it is unknown."""
        scope: Names | None = self
        while scope is not None:
            if name in scope.kinds:
                return scope.kinds[name]
            scope = scope.outer
        return None

    def all(self) -> list[str]:
        """Every name in sight."""
        return [*self.kinds, *(self.outer.all() if self.outer else ())]


def bind(names: Names, name: tree.Name, kind: str, log: Log) -> None:
    text = name.text
    if text in names.kinds:
        label = Label(names.places[text], f"`{text}` is bound here")
        message = f"the name `{text}` is bound twice; a name stands for one value"
        log.say("E0206", name.span, message, "give one another name", [label])
    elif text in ("in", "out", PLACEHOLDER, *CONSTANTS):
        log.say("E0206", name.span, f"`{text}` has a meaning of its own", "choose another name")
    elif reason := forbidden_name(text):
        log.say("E0206", name.span, reason, f"call it `{text}_`")
    names.kinds[text] = kind
    names.places[text] = name.span


def warn_unused(names: Names, log: Log) -> None:
    for name, kind in names.kinds.items():
        if name in names.used or kind not in ("parameter", "module"):
            continue
        log.say("W0201", names.places[name], f"`{name}` is never used", "take it out, or use it")


def check_expression(expr: tree.Expr, names: Names, words: Sequence[str], log: Log) -> None:
    """Checks the names in an expression; `words` are choices that the place accepts."""
    match expr:
        case tree.Name(text=text):
            if text in words or text in CONSTANTS:
                return
            if text in ("in", "out"):
                return
            if names.find(text) is None:
                what = "value, size or parameter"
                known = [*names.all(), *words]
                message = f"there is no {what} called `{text}` here"
                log.say("E0202", expr.span, message, suggest(expr.span, text, known))
            names.used.add(text)
        case tree.Attribute(target=target):
            check_expression(target, names, (), log)
        case tree.Binary(left=left, right=right):
            check_expression(left, names, words, log)
            check_expression(right, names, words, log)
        case tree.Unary(operand=operand):
            check_expression(operand, names, (), log)
        case tree.Choice(condition=condition, then=then, otherwise=otherwise):
            check_expression(condition, names, (), log)
            check_expression(then, names, words, log)
            check_expression(otherwise, names, words, log)
        case tree.Items(items=items):
            for item in items:
                check_expression(item, names, words, log)
        case tree.Tuple(items=chains):
            for chain in chains:
                _tuple_item(chain, names, words, log)
        case _:
            return


def _tuple_item(chain: tree.Chain, names: Names, words: Sequence[str], log: Log) -> None:
    first, *rest = chain.elements
    if rest or isinstance(first, tree.Call):
        message = "a chain in parentheses has no place here"
        log.say("E0209", chain.span, message, "give it a line of its own and a name")
    else:
        check_expression(first, names, words, log)
