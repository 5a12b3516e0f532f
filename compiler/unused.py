"""W0201 for what a file defines and no output depends on: values, inputs, blocks, imports.

Parameters and shared modules are looked at where names get their meaning (compiler/scope.py). What
is said here is said of files without errors only: a line that was not understood may be the one
that uses a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from netc.compiler import program, tree
from netc.compiler.dead import Dead, Uses, dead_values
from netc.compiler.diagnostics import Log
from netc.compiler.edits import Edit, Fix, rewrite, take_argument_out, whole_line
from netc.compiler.graph import Net
from netc.compiler.source import Source, Span
from netc.compiler.uses import uses_of

CODE = "W0201"
_NO_CODE = re.compile(r'"[^"]*"|#.*')


def warn_unused(spec: program.Program, nets: Mapping[str, Net], source: Source, log: Log) -> None:
    """Warns of what changes nothing in a file without errors. Linear in the number of layers."""
    own = [spec.definitions[name] for name in spec.own]
    text = _Text(source, [definition.span.line for definition in own])
    _definitions(spec, own, log)
    uses = [Uses(net) for net in nets.values()]
    for one in uses:
        _inputs(spec.definitions[one.net.name], one, text, bool(spec.trains), log)
    for definition in own:
        for flow in _flows(definition.body):
            if isinstance(flow, program.Flow):
                _plain_name(flow, text, log)
    if found := list(dead_values(uses, source)):
        lines = [flow for definition in own for flow in _flows(definition.body)]
        for value in found:
            _say_dead(value, lines, text, log)


class _Text:
    """The code of a file without comments: where does a name stand?"""

    def __init__(self, source: Source, heads: Sequence[int]) -> None:
        self.source, self.heads = source, sorted(heads)

    def mentions(self, name: str, bound: Span) -> int:
        """How often a name stands in the definition around the place that binds it.

        Every line counts: one in a `when` that does not hold is used for other sizes.
        """
        first = max((line for line in self.heads if line <= bound.line), default=1)
        last = min((line for line in self.heads if line > bound.line), default=None)
        lines = self.source.lines[first - 1 : None if last is None else last - 1]
        code = "\n".join(_NO_CODE.sub("", line) for line in lines)
        return len(re.findall(rf"(?<![\w.]){re.escape(name)}(?!\w)", code))


def _flows(body: program.Body) -> Iterator[program.Flow | program.Learned]:
    """Every line of a body that makes a value, however deep."""
    for item in body:
        if not isinstance(item, program.Flow | program.Learned):
            continue
        yield item
        for element in item.elements if isinstance(item, program.Flow) else ():
            for inner in program.lines_in(element):
                yield from _flows(inner)


# ------------------------------------------------------------------------------
# Blocks and imported names


def _definitions(spec: program.Program, own: Sequence[program.Definition], log: Log) -> None:
    """A file without a net is a library: its blocks are there for others."""
    blocks = [one for one in own if one.word == "block"] if spec.nets() else []
    if not blocks and not spec.imports:
        return
    used = {key for uses in uses_of({one.name: one for one in own}).values() for key in uses}
    for block in blocks:
        if block.name not in used:
            message = f"the block `{block.name}` is never used by a net of this file"
            log.say(CODE, block.span, message, "take it out, or use it")
    for use, keys in spec.imports:
        _imported(use, {name for name, key in keys.items() if key not in used}, len(keys), log)


def _imported(use: tree.Use, unused: set[str], brought: int, log: Log) -> None:
    """`unused` are the names of those that it brings."""
    whole = _without_line(use.span, "take the line out, or use what it brings")
    if not use.names and len(unused) == brought:
        log.say(CODE, use.place, f"nothing of `{use.file}` is used", whole)
    for name in use.names:
        if name.text in unused:
            some = take_argument_out(name.span, "take it out, or use it")
            fix = whole if len(use.names) == 1 else some
            log.say(CODE, name.span, f"`{name.text}` is never used", fix)


def _without_line(span: Span, hint: str) -> Fix:
    """Takes a line out, if all of it stands on one."""
    return Fix(hint, (Edit(whole_line(span), ""),) if span.line == span.end_line else ())


# ------------------------------------------------------------------------------
# Inputs, values


def _inputs(
    definition: program.Definition, uses: Uses, text: _Text, trained: bool, log: Log
) -> None:
    declared = {item.name: item for item in definition.body if isinstance(item, program.Input)}
    for name, wire in uses.net.module.inputs:
        item = declared[name]
        unread = wire not in uses.read and wire not in uses.live
        if unread and text.mentions(name, item.span) == 1:
            log.say(CODE, item.span, f"no layer reads the input `{name}`", _no_input(item, trained))


def _no_input(item: program.Input, trained: bool) -> Fix:
    """An edit, unless the data of a training or another size may need the input."""
    hint = "take it out, or use it"
    line = item.span.source.line(item.span.line)
    if trained:
        return Fix(hint)
    if "," in line.split(":")[0]:
        return take_argument_out(item.span, hint)
    sized = any(isinstance(size, tree.Name) for size in item.kind.sizes)
    return Fix(hint) if sized else _without_line(item.kind.span, hint)


def _plain_name(flow: program.Flow, text: _Text, log: Log) -> None:
    """`skip = in`: such a line makes nothing, so the name is all that it is for."""
    name, (first, *more) = flow.target, flow.elements
    if name is None or flow.output or more or not isinstance(first, program.ValueUse):
        return
    value = first.value
    if isinstance(value, tree.Name) and text.mentions(name, flow.span) == 1:
        place = _target(flow.span, name)
        gap = Span(place.source, place.line, place.column, value.span.line, value.span.column)
        fix = rewrite(gap, "", f"write `{value.text}` without the name, or use it")
        log.say(CODE, place, f"`{name}` is never used", fix)


def _target(span: Span, name: str) -> Span:
    """The name that a line begins with."""
    return Span(span.source, span.line, span.column, span.line, span.column + len(name))


def _say_dead(
    value: Dead, lines: Sequence[program.Flow | program.Learned], text: _Text, log: Log
) -> None:
    line = max((line for line in lines if _holds(line.span, value.span)), key=_start, default=None)
    if line is None:
        return
    name = line.target if isinstance(line, program.Flow) else line.name
    if name is not None and text.mentions(name, line.span) > 1:
        return
    count = f": {value.params:,} of the {value.of:,} parameters do nothing" if value.params else ""
    hint = "take the line out, or use what it gives"
    last = isinstance(line, program.Learned) or _last(line, value.span)
    fix = _without(line, hint) if last and not value.claimed else Fix(hint)
    if name is not None and last:
        log.say(CODE, _target(line.span, name), f"`{name}` is never used{count}", fix)
    else:
        log.say(CODE, value.span, f"nothing reads what `{value.span.text}` gives{count}", fix)


def _without(line: program.Flow | program.Learned, hint: str) -> Fix:
    if isinstance(line, program.Flow):
        return _without_line(line.span, hint)
    several = "," in line.span.source.line(line.span.line).split(":")[0]
    return take_argument_out(line.span, hint) if several else _without_line(line.kind.span, hint)


def _last(line: program.Flow, span: Span) -> bool:
    """Whether a value is what its line leaves; claims behind it change nothing."""
    makers = [one for one in line.elements if not isinstance(one, program.ShapeClaim)]
    return span in (line.span, makers[-1].span if makers else None)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.source is inner.source and (
        _start_of(outer) <= _start_of(inner)
        and (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )


def _start(line: program.Flow | program.Learned) -> tuple[int, int]:
    return _start_of(line.span)


def _start_of(span: Span) -> tuple[int, int]:
    return span.line, span.column
