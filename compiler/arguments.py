"""Arguments to fields: which one each is for, and what is wrong with its value, in plain words."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from netc.compiler import tree
from netc.compiler.diagnostics import Diagnostic, Log
from netc.compiler.edits import suggest, take_argument_out
from netc.compiler.evaluate import say
from netc.compiler.source import Span


def field_of(
    argument: tree.Argument,
    fields: Sequence[str],
    places: Sequence[str],
    given: Mapping[str, Any],
    call: tree.Call,
    log: Log,
) -> str | None:
    """Which field an argument is for; None, with a diagnostic, if there is none.

    `places` are the fields that may be given without a name, in order; `given` those already taken.
    """
    word = call.name.text
    if argument.name is None:
        free = [name for name in places if name not in given]
        if free:
            return free[0]
        taken = sum(1 for a in call.arguments if a.name is None)
        count = f"{len(places)} argument{'' if len(places) == 1 else 's'}"
        message = f"`{word}` takes {count} by place, and here stand {taken}"
        rest = ", ".join(f"`{name}=`" for name in fields if name not in places)
        hint = f"the others are named: {rest}" if rest else "take the last one out"
        log.say("E0204", argument.span, message, hint)
        return None
    name = argument.name.text
    if name not in fields:
        message = f"`{word}` has no argument `{name}`"
        log.say("E0203", argument.name.span, message, suggest(argument.name.span, name, fields))
        return None
    if name in given:
        fix = take_argument_out(argument.span, "keep one: take this one out")
        log.say("E0204", argument.span, f"`{name}` of `{word}` is given twice", fix)
        return None
    return name


def need_all(missing: Sequence[str], call: tree.Call, log: Log) -> None:
    """Says which arguments are missing, if any are."""
    if missing:
        listed = " and ".join(f"`{name}`" for name in missing)
        places = any(a.name is not None for a in call.arguments)
        wanted = (f"{name}=…" if places else name.upper() for name in missing)
        written = [call.span.text] if call.arguments else []
        hint = f"write `{', '.join([*written, *wanted])}`"
        if not written:
            hint = hint.replace("`", f"`{call.name.text} ", 1)
        log.say("E0205", call.name.span, f"`{call.name.text}` needs {listed}", hint)


@cache
def _words(annotation: Hashable) -> tuple[str, ...]:
    if isinstance(annotation, str):
        return (annotation,)
    if get_origin(annotation) is None:
        return ()
    return tuple(word for part in get_args(annotation) for word in _words(part))


@cache
def words_of(model: type[BaseModel], field: str) -> tuple[str, ...]:
    """The choices among words that a field accepts: `pad` takes `same` and `valid`."""
    return _words(cast(Hashable, model.model_fields[field].annotation))


_WORDING = {
    "Input should be ": "",
    "Value error, ": "",
    "a valid integer": "a whole number",
    "a valid tuple": "a tuple",
    "a valid number": "a number",
    "a valid boolean": "yes or no",
    "a valid string": "a text in quotes",
    "should have": "have",
}


_OWN = ("value_error", "assertion_error", "too_short", "too_long")
"""Findings that say more than the type of an argument."""


def problems(
    error: ValidationError,
    model: type[BaseModel],
    word: str,
    values: Mapping[str, Any],
    places: Mapping[str, Span],
    otherwise: Span,
) -> Iterator[Diagnostic]:
    """Pydantic's findings in the language's words, one diagnostic per argument (E0210)."""
    by_field: dict[str, list[str]] = {}
    typed: dict[str, bool] = {}
    for problem in error.errors(include_url=False, include_context=False):
        field = str(problem["loc"][0]) if problem["loc"] else ""
        text = problem["msg"]
        for old, new in _WORDING.items():
            text = text.replace(old, new)
        by_field.setdefault(field, []).append(text)
        typed[field] = typed.get(field, True) and problem["type"] not in _OWN
    for field, texts in by_field.items():
        several = dict.fromkeys(texts)
        listed = " or ".join(several)
        if field and typed[field] and (len(several) > 1 or "instance of" in listed):
            from netc.compiler.wanted import wanted

            listed = wanted(model, field) or listed
        if field:
            listed = f"`{field}` of `{word}` should be {listed}, and is {say(values.get(field))}"
        else:
            listed = f"`{word}`: {listed}"
        yield Diagnostic("E0210", listed, places.get(field, otherwise))
