"""What the words of a chain mean: a layer, a block, a shared module, a value or a claimed shape."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from typing import NamedTuple

from msgspec.structs import replace

from netc.compiler import layers, program, tree
from netc.compiler.arguments import field_of, need_all, words_of, yes_or_no
from netc.compiler.diagnostics import Log
from netc.compiler.edits import Fix, append, rewrite, take_out
from netc.compiler.gaps import Gaps
from netc.compiler.layers.base import Layer
from netc.compiler.scope import Names, bound_elsewhere, check_expression
from netc.compiler.words import CLAIMING, INLINE, LATER, STRUCTURE, not_built


class Sight(NamedTuple):
    """What the definitions of a file see, made once for all of them.

    `keys` and `definitions` are by the names there; `blocks` are the keys of those that are blocks,
    and `kinds` what a name of theirs is.
    """

    gaps: Gaps
    keys: Mapping[str, str]
    definitions: Mapping[str, tree.Definition]
    blocks: dict[str, str]
    kinds: dict[str, str]


class Meanings:
    """What the words in the chains of one definition mean. Findings go to its log."""

    def __init__(self, sight: Sight, log: Log) -> None:
        self.gaps, self.keys, self.definitions, *_ = sight
        self.log = log

    @cached_property
    def _words(self) -> list[str]:
        """The words that a call may begin with, but for those of the definition's own names."""
        return [*layers.words(), *self.definitions, *self.gaps.names]

    def of(self, element: tree.Element, names: Names, *, first: bool) -> program.Element | None:
        """What an element of a chain means; None, with a diagnostic, if it is unknown."""
        if isinstance(element, tree.Items):
            values = [i.text for i in element.items if isinstance(i, tree.Name)]
            if first and values and all(names.find(value) == "value" for value in values):
                fix = rewrite(element.span, f"({', '.join(values)})")
                message = "brackets hold sizes, and these are values"
                self.log.say("E0209", element.span, message, fix)
                return None
            for item in element.items:
                check_expression(item, names, (), self.log)
            return program.ShapeClaim(element, element.span)
        if isinstance(element, tree.Name | tree.Call):
            return self._use(element, names)
        if not first:
            message = "an arrow leads to a layer, a block or a shape"
            fix = Fix("")
            if isinstance(element, tree.Tuple) and re.fullmatch(r"\([\w, ]+\)", element.span.text):
                fix = rewrite(element.span, f"[{element.span.text[1:-1]}]", "a shape reads `{}`")
            self.log.say("E0209", element.span, message, fix)
            return None
        check_expression(element, names, (), self.log)
        return program.ValueUse(element, element.span)

    def _use(self, element: tree.Name | tree.Call, names: Names) -> program.Element | None:
        call = element if isinstance(element, tree.Call) else tree.Call(element, (), element.span)
        word = call.name.text
        if (within := _inlined(call)) is not None and names.find(INLINE) is None:
            return self._inline(call, within, names)
        if call.role is not None:
            self._role(call)
            return None
        kind = names.find(word)
        if kind == "parameter" and call.arguments:
            return self._handed(call, names)
        if word in ("in", "out") or kind not in (None, "module", "block"):
            names.used.add(word)
            if call.arguments:
                self.log.say("E0204", call.span, f"`{word}` is a value and takes no arguments")
            return program.ValueUse(call.name, call.span)
        if kind == "module":
            names.used.add(word)
            if call.arguments:
                message = f"`{word}` is shared and has its arguments already"
                self.log.say("E0204", call.span, message)
            return program.SharedUse(word, call.span)
        if word in self.gaps.names:
            self._passed(call, names)
            return None
        layer = layers.find(word)
        if layer is not None:
            return self._layer(layer, call, names)
        if word in self.definitions:
            return self._block(self.definitions[word], call, names)
        self._unknown(call, names)
        return None

    def _inline(self, call: tree.Call, within: tree.Call, names: Names) -> program.Element | None:
        """`inline Block …`: a block without a level of names."""
        if names.find(within.name.text) == "parameter":
            return replace(self._handed(within, names), inline=True)
        if within.name.text not in self.definitions:
            if within.name.text not in {*layers.words(), *STRUCTURE} - self.gaps.names:
                self._unknown(within, names)
                return None
            message = (
                f"`inline` stands before a block or a `repeat`, not before `{within.name.text}`"
            )
            self.log.say("E0209", call.span, message, "take `inline` out")
            return None
        return replace(self._block(self.definitions[within.name.text], within, names), inline=True)

    def _handed(self, call: tree.Call, names: Names) -> program.HandedUse:
        """A parameter that takes arguments: it stands for a block."""
        names.used.add(call.name.text)
        for argument in call.arguments:
            check_expression(argument.value, names, (), self.log)
        return program.HandedUse(call)

    def _role(self, call: tree.Call) -> None:
        assert call.role is not None
        message = f"`{call.role.text} {call.name.text} …` are two words before the first argument"
        both, joined = call.role.span.to(call.name.span), f"{call.role.text}_{call.name.text}"
        fix = Fix("")
        if layers.find(joined) is not None:
            fix = rewrite(both, joined, safe=True)
        elif layers.find(call.role.text) is not None or call.role.text in self.definitions:
            hint = f"write a comma: `{call.role.text} {call.name.text}, …`"
            fix = append(call.name.span, ",", hint, safe=True)
        elif call.role.text in ("shortcut", "residual", "branch", "sequential"):
            fix = append(call.role.span, ":", f"write `{call.role.text}: {call.name.text} …`")
        elif call.role.text in ("add", "call", "layer", "let", "step", "then", "with"):
            gap = call.role.span.before.to(call.name.span.before)
            fix = rewrite(gap, "", f"take `{call.role.text}` out")
        self.log.say("E0201", both, message, fix)

    def _passed(self, call: tree.Call, names: Names) -> bool:
        """Passes over a call of what may be defined where errors are; its values are checked."""
        if not names.passes(call.name.text):
            return False
        for argument in call.arguments:
            check_expression(argument.value, names, (), self.log)
        return True

    def _unknown(self, call: tree.Call, names: Names) -> None:
        word = call.name.text
        if word in STRUCTURE and word not in self.gaps.names:
            if word in LATER:
                self.log.say("E0208", call.name.span, *not_built(word))
                return
            message = f"`{word}` opens a block and needs a `:`"
            self.log.say(
                "E0209", call.name.span, message, f"write `{word}:` and its lines indented"
            )
            return
        if bound_elsewhere(call.name, names, self.log) or self._passed(call, names):
            return
        from netc.compiler.elsewhere import layer_fix

        if word in CLAIMING:
            first = Fix(f"write it first in a line: `{word} …`")
            out = take_out(call.name.span, "take it out: what the last line leaves is the output")
            message = f"`{word}` begins a line of its own"
            self.log.say("E0209", call.name.span, message, out if word == "output" else first)
            return
        known = [*self._words, *STRUCTURE, *CLAIMING, "allow"]
        message = f"there is no layer, block or value called `{word}`"
        fix = layer_fix(call.name, layers.words(), arguments=bool(call.arguments))
        self.log.say("E0201", call.name.span, message, fix or names.suggest(call.name, known))

    def _layer(self, layer: type[Layer], call: tree.Call, names: Names) -> program.LayerUse:
        fields, places, required = _slots(layer)
        variadic = layer.inputs != (1, 1)
        given: dict[str, tree.Expr] = {}
        operands: list[tuple[str, tree.Expr]] = []
        for argument in call.arguments:
            if argument.name is None and variadic:
                operands.append(("", argument.value))
                check_expression(argument.value, names, (), self.log)
                continue
            name = field_of(argument, fields, places, given, call, self.log)
            if name is None:
                continue
            if name in layer.operands:
                operands.append((name, argument.value))
                given[name] = argument.value
                check_expression(argument.value, names, (), self.log)
            else:
                given[name] = argument.value
                if not self._unnamed_choice(argument, layer, name, names):
                    choices = words_of(layer, name) or yes_or_no(layer, name)
                    check_expression(argument.value, names, choices, self.log)
        if missing := [name for name in required if name not in given]:
            forms = {name: words_of(layer, name) for name in missing}
            need_all(missing, call, fields, self.log, forms)
        arguments = {n: v for n, v in given.items() if n not in layer.operands}
        return program.LayerUse(layer, arguments, tuple(operands), call.span, call.name.span)

    def _unnamed_choice(
        self, argument: tree.Argument, layer: type[Layer], field: str, names: Names
    ) -> bool:
        """Says of `conv 16, same` that the word is a choice of another argument, `pad`."""
        value = argument.value
        if argument.name is not None or not isinstance(value, tree.Name) or names.find(value.text):
            return False
        fields = [name for name in layer.model_fields if value.text in words_of(layer, name)]
        if len(fields) != 1 or field in fields:
            return False
        message = f"`{value.text}` is said of `{fields[0]}`, and stands in the place of `{field}`"
        named = f"{fields[0]}={value.text}"
        fix = rewrite(value.span, named)
        if layer.model_fields[field].is_required():
            fix = Fix(f"write {field.upper()} first, and `{named}` behind it")
        self.log.say("E0204", value.span, message, fix)
        return True

    def _block(
        self, definition: tree.Definition, call: tree.Call, names: Names
    ) -> program.BlockUse:
        fields = [p.name.text for p in definition.parameters]
        given: dict[str, tree.Expr] = {}
        if len({*fields}) < len(fields):  # said where the block begins
            return program.BlockUse(self.keys[call.name.text], given, call.span, call.name.span)
        for argument in call.arguments:
            name = field_of(argument, fields, fields, given, call, self.log)
            if name is not None:
                given[name] = argument.value
                check_expression(argument.value, names, (), self.log)
        missing = [
            p.name.text
            for p in definition.parameters
            if p.default is None and p.name.text not in given
        ]
        need_all(missing, call, fields, self.log)
        return program.BlockUse(self.keys[call.name.text], given, call.span, call.name.span)


def _inlined(call: tree.Call) -> tree.Call | None:
    """The call behind `inline`; None if that is not the word before it."""
    if call.role is not None:
        return replace(call, role=None) if call.role.text == INLINE else None
    if call.name.text != INLINE or len(call.arguments) != 1:
        return None
    (only,) = call.arguments
    if only.name is not None or not isinstance(only.value, tree.Name):
        return None
    return tree.Call(only.value, (), only.span)


@cache
def _slots(layer: type[Layer]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """A layer's arguments: all, those that need no name in their order, those that it needs."""
    fields = layer.model_fields
    places = tuple(name for name in fields if name not in layer.operands)[: layer.positional]
    required = tuple(name for name, field in fields.items() if field.is_required())
    return (*fields,), () if layer.inputs != (1, 1) else places, required
