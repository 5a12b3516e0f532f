"""Names in sight at a place of a definition, and what expressions do with them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from msgspec.structs import replace

from netc.compiler import layers, tree
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import Fix, append, is_slip, rewrite, suggest, take_argument_out
from netc.compiler.gaps import Gaps
from netc.compiler.source import Span
from netc.compiler.words import CONSTANTS, PLACEHOLDER, as_python_reads, forbidden_name

MOST_COMPARED = 500_000
"""So many known words are compared with unknown ones in a definition; then no more is suggested."""


class Place:
    """The lines of a definition, as far as they help with names that are not in sight."""

    def __init__(self, lines: Sequence[tree.Statement] = ()) -> None:
        self._lines = lines
        self.compared = 0

    @cached_property
    def bindings(self) -> Mapping[str, Span]:
        """Where each name is bound first in the lines, at any depth."""
        found: dict[str, Span] = {}
        waiting = [*reversed(self._lines)]
        while waiting:
            line = waiting.pop()
            if isinstance(line, tree.Declaration):
                for name in line.names:
                    found.setdefault(name.text, name.span)
            elif isinstance(line, tree.Line):
                if line.target is not None:
                    found.setdefault(line.target.text, line.target.span)
                waiting += reversed(line.body or ())
        return found


class Names:
    """The names that a place in a definition can see, and which of them were used."""

    def __init__(self, outer: Names | None = None) -> None:
        self.outer = outer
        self.kinds: dict[str, str] = {}
        self.places: dict[str, Span] = {}
        self.used: set[str] = outer.used if outer else set()
        self.idle: list[tuple[tree.Name, Fix]] = outer.idle if outer else []
        """The names of rounds that no line in them reads, each with how to do without."""
        self.place: Place = outer.place if outer else Place()
        """All lines of the definition, to say where a name that is not in sight is bound."""
        self.rounds: Span | None = outer.rounds if outer else None
        """The innermost `repeat 3` around, if its rounds have no name."""
        self.gaps: Gaps = outer.gaps if outer else Gaps()
        """What the file may define beside what could be read of it."""
        self.missed: set[str] = outer.missed if outer else set()
        """The names that were passed over, since they may be defined there."""

    def find(self, name: str) -> str | None:
        """What a name is: number, value or module; None if it is unknown."""
        scope: Names | None = self
        while scope is not None:
            if name in scope.kinds:
                return scope.kinds[name]
            scope = scope.outer
        return None

    def passes(self, name: str) -> bool:
        """Whether an unknown name may be defined where errors are; then it is noted."""
        if self.gaps.may_define(name):
            self.missed.add(name)
            return True
        return False

    def all(self) -> list[str]:
        """Every name in sight."""
        return [*self.kinds, *(self.outer.all() if self.outer else ())]

    def count(self) -> int:
        """How many names are in sight."""
        return len(self.kinds) + (self.outer.count() if self.outer else 0)

    def suggest(self, word: tree.Name, more: Collection[str]) -> Fix:
        """The nearest of the names in sight and of some more, as long as searches are few."""
        self.place.compared += self.count() + len(more)
        if self.place.compared > MOST_COMPARED:
            return Fix("")
        return suggest(word.span, word.text, [*more, *self.all()])


def known_blocks(kinds: dict[str, str], gaps: Gaps) -> Names:
    """The blocks in sight, which any name of a definition hides."""
    names = Names()
    names.gaps, names.kinds = gaps, kinds  # nothing is bound there: all definitions share them
    return names


def mentioned(exprs: Iterable[tree.Expr]) -> Iterator[tree.Name]:
    """The names that values can be, not those that they are computed from."""
    waiting = [*exprs]
    while waiting:
        match waiting.pop():
            case tree.Name() as name:
                yield name
            case tree.Choice(then=then, otherwise=otherwise):
                waiting += [then, otherwise]
            case tree.Items(items=items):
                waiting += items
            case tree.Tuple(items=chains):
                waiting += [e for c in chains for e in c.elements if not isinstance(e, tree.Call)]
            case _:
                pass


def bind(names: Names, name: tree.Name, kind: str, log: Log) -> None:
    text = name.text
    if text in names.kinds:
        label = Label(names.places[text], f"`{text}` is bound here")
        message = f"the name `{text}` is bound twice; a name stands for one value"
        log.say("E0206", name.span, message, "give one another name", [label])
    elif text in ("in", "out", PLACEHOLDER, *CONSTANTS):
        log.say("E0206", name.span, f"`{text}` has a meaning of its own", "choose another name")
    elif reason := forbidden_name(text):
        free = as_python_reads(text)
        if free == text:
            free = f"{text.strip('_') if text.startswith('__') else text}_"
        fix = rewrite(name.span, free, "call it `{}`")
        other = free.isidentifier() and forbidden_name(free) is None
        log.say("E0206", name.span, reason, fix if other else "choose another name")
    names.kinds[text] = kind
    names.places[text] = name.span


def warn_unused(names: Names, parameters: Mapping[str, Span], log: Log) -> None:
    """Warns (W0201) of names that nothing uses.

    `parameters` are those that no other line of the file gives a value to, each with its default:
    they can be taken out where they stand.
    """
    for idle, fix in names.idle:
        log.say("W0201", idle.span, f"`{idle.text}` is never used", fix)
    for name, kind in names.kinds.items():
        if name in names.used or kind not in ("parameter", "module"):
            continue
        hint = "take it out, or use it"
        fix = take_argument_out(parameters[name], hint) if name in parameters else Fix(hint)
        log.say("W0201", names.places[name], f"`{name}` is never used", fix)


def check_expression(expr: tree.Expr, names: Names, words: Sequence[str], log: Log) -> None:
    """Checks the names in an expression; `words` are choices that the place accepts."""
    match expr:
        case tree.Number() | tree.Dims() | tree.String():
            return
        case tree.Name(text=text):
            if text in words or text in CONSTANTS:
                return
            if text in ("in", "out"):
                return
            if names.find(text) is None:
                unknown_value(expr, names, words, log)
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


_ELSEWHERE = {"true": "yes", "false": "no", "null": "none"}
"""How other languages spell this one's constants."""


def unknown_value(name: tree.Name, names: Names, words: Sequence[str], log: Log) -> None:
    """Says (E0202) that nothing is called so here: perhaps it is bound further down."""
    text, span = name.text, name.span
    if bound_elsewhere(name, names, log) or names.passes(text):
        return
    fix = names.suggest(name, words)
    if words and not any(edit.text in words or is_slip(text, edit.text) for edit in fix.edits):
        from netc.compiler.elsewhere import value_fix

        fix = value_fix(name, words)
    slashes = re.search(r"//[ \t]*$", span.source.line(span.line)[: span.column - 1])
    if slashes is not None:
        two = replace(span, column=slashes.start() + 1, end_column=slashes.start() + 3)
        fix = rewrite(two, "#", "`//` divides: write `{}` before a comment")
    constant = _ELSEWHERE.get(text.lower(), text.lower())
    if constant in CONSTANTS and constant != text:
        fix = rewrite(span, constant, safe=True)
    elif len(text) == 1 and names.rounds is not None:
        hint = f"give the rounds this name: `{names.rounds.text} as {text}`"
        fix = append(names.rounds, f" as {text}", hint)
    message = f"there is no value, size or parameter called `{text}` here"
    if not (words or fix.edits) and text in layers.words():
        message = f"`{text}` is a layer, and a value, a size or a parameter belongs here"
        fix = Fix("a layer stands in a line or behind `->`; what is handed to a block is a block")
    log.say("E0202", span, message, fix)


def bound_elsewhere(name: tree.Name, names: Names, log: Log) -> bool:
    """Says (E0202) that a name is used before the line that binds it, or outside of its block."""
    place = names.place.bindings.get(name.text)
    if place is None:
        return False
    if place.line < name.span.line:
        message = f"`{name.text}` is bound in a block of lines, and is known in that block only"
        hint = "use what leaves the block, or move this line into it"
        label = Label(place, "it is bound here")
    else:
        message = f"`{name.text}` is used before it exists: values flow down the page"
        hint = f"move this line below line {place.line}"
        label = Label(place, f"`{name.text}` exists from here on")
        if place.line == name.span.line:
            message = f"`{name.text}` is used in the line that makes it"
            hint = "name what flows in, by `in` or a name from a line above"
    log.say("E0202", name.span, message, hint, [label])
    return True


def _tuple_item(chain: tree.Chain, names: Names, words: Sequence[str], log: Log) -> None:
    first, *rest = chain.elements
    if rest or isinstance(first, tree.Call):
        message = "a chain in parentheses has no place here"
        log.say("E0209", chain.span, message, "give it a line of its own and a name")
    else:
        check_expression(first, names, words, log)
