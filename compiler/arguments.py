"""Arguments to fields: which one each is for, and what is wrong with its value, in plain words."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, cast, get_args, get_origin

from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from netc.compiler import tree
from netc.compiler.diagnostics import Diagnostic, Log, finding
from netc.compiler.edits import Fix, rewrite, suggest, take_argument_out
from netc.compiler.evaluate import say
from netc.compiler.layers import words
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
        _too_many(argument, fields, places, call, log)
        return None
    name = argument.name.text
    if name not in fields:
        message = f"`{word}` has no argument `{name}`"
        log.say("E0203", argument.name.span, message, fix := _renamed(argument, fields, call))
        meant = fix.edits[0].text if len(fix.edits) == 1 else ""
        return meant if meant in fields and meant not in given else None  # it is not missing too
    if name in given:
        fix = take_argument_out(argument.span, "keep one: take this one out")
        log.say("E0204", argument.span, f"`{name}` of `{word}` is given twice", fix)
        return None
    return name


def _renamed(argument: tree.Argument, fields: Sequence[str], call: tree.Call) -> Fix:
    """The argument that another framework's name or a misspelt one stands for."""
    from netc.compiler.elsewhere import argument_fix

    assert argument.name is not None
    known = argument_fix(argument, fields, call)
    return known or suggest(argument.name.span, argument.name.text, fields)


def _too_many(
    argument: tree.Argument,
    fields: Sequence[str],
    places: Sequence[str],
    call: tree.Call,
    log: Log,
) -> None:
    """Says, of the first of them, that more arguments stand by place than there are places."""
    plain = [a for a in call.arguments if a.name is None]
    named = {a.name.text for a in call.arguments if a.name is not None}
    first = len([name for name in places if name not in named])
    if argument is not plain[min(first, len(plain) - 1)]:
        return
    place = argument.span
    left = re.search(r"(?<![\w.,])0,$", place.source.line(place.line)[: place.column - 1])
    if left is not None and place.text.isdigit():
        comma = replace(place, column=place.column - 1, end_column=place.column)
        fix = rewrite(comma, ".", f"write `0.{place.text}`: the point of a number is no comma")
        log.say("E0204", comma, f"`0,{place.text}` is two numbers", fix)
        return
    count = f"{len(places)} argument{'' if len(places) == 1 else 's'}"
    message = f"`{call.name.text}` takes {count} by place, and here stand {len(plain)}"
    if first < len(places):
        message = f"`{call.name.text}` takes {count} by place, and here stand more"
    rest = ", ".join(f"`{name}=`" for name in fields if name not in places)
    fix = Fix(f"the others are named: {rest}" if rest and places else "take it out")
    if call.name.text == "linear":  # PyTorch's name of `dense`
        from netc.compiler.elsewhere import layer_fix

        fix = layer_fix(call.name, ("dense",), arguments=True) or fix
    elif place.text.strip('"') in words():
        from netc.compiler.elsewhere import behind

        fix = behind(argument, call)
    elif len(places) == first == 1 and _takes_several(call.name.text, places[0], plain):
        whole = plain[0].span.to(plain[-1].span)
        fix = rewrite(
            whole, f"[{', '.join(a.span.text for a in plain)}]", "write them as one: `{}`"
        )
    elif not (rest and places) and len(plain) == first + 1:
        fix = take_argument_out(argument.span, fix.hint)
    log.say("E0204", argument.span, message, fix)


def _takes_several(word: str, field: str, plain: Sequence[tree.Argument]) -> bool:
    """Whether a layer takes several numbers as one argument, and here they stand side by side.

    A second number behind a kernel is rather meant as its stride.
    """
    from netc.compiler.layers import find

    layer = find(word)
    numbers = all(isinstance(a.value, tree.Number | tree.Name) for a in plain)
    if layer is None or not numbers or field == "kernel":
        return False
    return "tuple[" in str(layer.model_fields[field].annotation)


def need_all(
    missing: Sequence[str],
    call: tree.Call,
    fields: Sequence[str],
    log: Log,
    choices: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Says which arguments are missing, if any are and no unknown name can stand for them.

    `choices` are the words that an argument can be, if it is one of some.
    """
    unknown = [a for a in call.arguments if a.name is not None and a.name.text not in fields]
    if len(unknown) >= len(missing):
        return
    if missing and (inside := _in_parentheses(call)):
        message = f"the arguments of `{call.name.text}` stand in parentheses"
        gap = call.name.span.after.to(call.span.after)
        fix = rewrite(gap, f" {inside}", f"write `{call.name.text}{{}}`")
        log.say("E0205", call.span, message, fix)
    elif missing:
        listed = " and ".join(f"`{name}`" for name in missing)
        places = any(a.name is not None for a in call.arguments)
        wanted = (f"{name}=…" if places else name.upper() for name in missing)
        written = [call.span.text] if call.arguments else []
        hint = f"write `{', '.join([*written, *wanted])}`"
        if not written:
            hint = hint.replace("`", f"`{call.name.text} ", 1)
        for name in missing:
            if choices and choices.get(name):
                hint += f"; {name.upper()} is " + " or ".join(f"`{w}`" for w in choices[name])
        log.say("E0205", call.name.span, f"`{call.name.text}` needs {listed}", hint)


def _in_parentheses(call: tree.Call) -> str | None:
    """What stands in the parentheses of `conv(16, 3x3)`, which reads as one tuple."""
    text = call.span.text[len(call.name.text) :]
    tuples = [a for a in call.arguments if a.name is None and isinstance(a.value, tree.Tuple)]
    whole = len(call.arguments) == len(tuples) == 1 and text.startswith("(")
    return text[1:-1].strip() if whole and text.endswith(")") else None


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


@cache
def yes_or_no(model: type[BaseModel], field: str) -> tuple[str, ...]:
    """The two constants, where a field is one of them."""
    return ("no", "yes") if model.model_fields[field].annotation is bool else ()


_WORDING = {
    "Input should be ": "",
    "Value error, ": "",
    "a valid integer": "a whole number",
    "a valid tuple": "a tuple",
    "a valid number": "a number",
    "a valid boolean": "yes or no",
    "a valid string": "a text in quotes",
    "String should have at least 1 character": "a text that is not empty",
    "Tuple should have": "a list of",
    "Value should have": "a list of",
    " item after validation": " number",
    " items after validation": " numbers",
    ", not 0": "",
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
        place = places.get(field, otherwise)
        value = values.get(field)
        fix = _named(field, model, values, place) or _whole(value, place) or _unquoted(value, place)
        yield finding("E0210", place, listed, fix)


def _named(
    field: str, model: type[BaseModel], values: Mapping[str, Any], place: Span
) -> Fix | None:
    """The argument that takes a value of the net, where one stands by place: `crop to=up`."""
    from netc.compiler.graph import Wire

    before = place.source.line(place.line)[: place.column - 1]
    free = [name for name in getattr(model, "operands", ()) if name not in values]
    if not isinstance(values.get(field), Wire) or not free or before.rstrip().endswith("="):
        return None
    if model.model_fields[field].is_required():
        return None  # it would be missing then
    return rewrite(place, f"{free[0]}={place.text}", "write `{}`, which takes a value of the net")


def _whole(value: Any, place: Span) -> Fix | None:
    """The whole number that is written with a point or an exponent, as in `embedding 1e4, 64`."""
    number = isinstance(value, float) and value.is_integer()
    if not number or not re.fullmatch(r"\d[\d_]*(\.\d+)?([eE]\+?\d+)?", place.text):
        return None
    return rewrite(place, f"{int(value):_}", "write `{}`: a count has no point and no exponent")


def _unquoted(value: Any, place: Span) -> Fix:
    """The number that stands in quotes, as in `conv "16"`."""
    number = isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?|\d+x\d+", value)
    if not number or place.text != f'"{value}"':
        return Fix("")
    return rewrite(place, str(value), "write `{}`: numbers stand without quotes", safe=True)
