"""Clauses of a training in the writing of others, with what they are here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from msgspec.structs import replace

from netc.compiler import recipes as parts
from netc.compiler import tree
from netc.compiler.diagnostics import Log
from netc.compiler.edits import Edit, Fix, rewrite, whole_line
from netc.compiler.source import Span


def marked(line: tree.Statement, clauses: Collection[str], log: Log) -> tree.Call | None:
    """`optimizer = adam` and `optimizer: adam`, said (E0101) and read as `optimizer adam`."""
    if not isinstance(line, tree.Line) or line.bind:
        return None
    word, (value, *more) = line.target, line.chain.elements
    if word is None and isinstance(value, tree.Name) and line.body and len(line.body) == 1:
        word, inner = value, line.body[0]
        if not isinstance(inner, tree.Line) or inner.target or inner.body:
            return None
        value, *more = inner.chain.elements
    known = word is not None and word.text in clauses and not more
    if word is None or not known or (isinstance(value, tree.Call) and value.role):
        return None
    gap = word.span.after.to(value.span.before)
    message = "a clause of `train` has neither `=` nor `:` behind its word"
    log.say("E0101", gap, message, rewrite(gap, " ", "take it out"))
    if isinstance(value, tree.Call):
        return replace(value, role=word, span=line.span)
    return tree.Call(word, (tree.Argument(None, value, value.span),), line.span)


def of_optimizer(call: tree.Call, word: str, clauses: Iterable[tree.Call]) -> Fix | None:
    """`lr 0.1` as an argument of the optimizer's clause; None if it has none of that name."""
    place = next((c.span for c in clauses if (c.role or c.name).text == "optimizer"), None)
    value = call.arguments[-1].value.span.text if call.arguments else ""
    part = parts.find("optimizer", "adamw")
    if place is None or part is None or word not in part.model_fields or not value:
        return None
    hint = f"it is an argument of the optimizer: write `{place.text}, {word}={value}`"
    out = Edit(whole_line(call.span), "")
    return Fix(hint, (Edit(place.after, f", {word}={value}"), out))


def in_one_word(role: str, place: Span) -> Fix | None:
    """`cross entropy` and `cross-entropy` as `cross_entropy`; None if it is no such choice."""
    text = place.source.line(place.line)[place.column - 1 :]
    found = re.match(r"(\w+)[ \t-]+(\w+)", text)
    if found is None or (word := f"{found[1]}_{found[2]}") not in parts.words(role):
        return None
    return rewrite(replace(place, end_column=place.column + found.end()), word)


def lost_expect(line: tree.Statement, metrics: Collection[str], clauses: Collection[str]) -> Fix:
    """A claim that has lost its `expect`; else the words that a clause begins with."""
    claim = line.chain.elements[0] if isinstance(line, tree.Line) else None
    if isinstance(claim, tree.Binary) and claim.left.span.text in metrics:
        return Fix("write `expect` before it", (Edit(claim.span.before, "expect "),))
    return Fix(f"the clauses of `train` are {', '.join(f'`{clause}`' for clause in clauses)}")
