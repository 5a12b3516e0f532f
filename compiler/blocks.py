"""Words that open a block: residual, parallel, inception, repeat, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from netc.compiler import layers, program, tree
from netc.compiler.diagnostics import Label
from netc.compiler.edits import Edit, Fix, append, rewrite, suggest
from netc.compiler.scope import Names, bind, check_expression
from netc.compiler.source import Span
from netc.compiler.words import INLINE, LATER, STRUCTURE, not_built

if TYPE_CHECKING:
    from netc.compiler.resolve import Resolver


def opened(
    resolver: Resolver, element: tree.Element, line: tree.Line, names: Names
) -> program.Element | None:
    """A word that opens a block: residual, parallel, inception, repeat."""
    call = element if isinstance(element, tree.Call) else None
    word = call.name.text if call else element.text if isinstance(element, tree.Name) else ""
    options = {a.name.text: a for a in call.arguments if a.name} if call else {}
    plain = [a for a in call.arguments if a.name is None] if call else []
    inline = call is not None and call.role is not None and call.role.text == INLINE
    if call is not None and call.role is not None and not (inline and word == "repeat"):
        word, plain, options = call.role.text, [], {}
    span = line.chain.elements[-1].span
    assert line.body is not None
    if word == "repeat":
        found = _repeat(resolver, call, plain, options, line, names)
        return replace(found, inline=inline) if found is not None else None
    if word == "sequential":
        _only(resolver, word, plain, options, [])
        return program.Sequential(resolver.inner(line.body, Names(names)), span)
    if word == "when":
        return _when(resolver, plain, options, line.body, names, span)
    if word in ("residual", "parallel", "inception"):
        wanted = {"parallel": ["join"], "inception": ["join"]}.get(word, [])
        _only(resolver, word, plain, options, wanted)
        if word == "residual":
            return _residual(resolver, line.body, names, span)
        return _parallel(resolver, word, options, line.body, names, span)
    if word in ("branch", "shortcut"):
        inside = "residual" if word == "shortcut" else "parallel` or `inception"
        resolver.log.say("E0209", span, f"`{word}` stands outside of `{inside}`")
    elif word == "use":
        message = "`use` stands inside a definition"
        resolver.log.say("E0209", span, message, "move it out, to the left margin")
        resolver.gaps.add(re.findall(r"[A-Za-z_]\w*", line.body[0].span.text))
    elif word in LATER:
        resolver.log.say("E0208", span, *not_built(word))
    elif layers.find(word) or word in resolver.definitions or word in resolver.gaps.names:
        resolver.log.say("E0209", span, f"`{word}` opens no block", _no_block(line, span))
    else:
        place = call.role.span if call and call.role else call.name.span if call else span
        message = f"no word `{word}` opens a block"
        resolver.unread = True
        fix = _opener_fix(word, place, (*STRUCTURE, "input", "param"))
        if not fix.edits and (named := _named(call, span, line)) is not None:
            message = f"`{word}` opens no block; a line with a name reads `{word} = …`"
            resolver.log.say("E0209", place, message, named)
            return None
        resolver.log.say("E0201", place, message, fix)
    return None


def _no_block(line: tree.Line, head: Span) -> Fix:
    """A claim after a `:` follows an arrow; other lines have no place there."""
    body = line.body or ()
    if len(body) == 1 and body[0].span.line == head.line and body[0].span.text.startswith("["):
        gap = head.after.to(body[0].span.before)
        return rewrite(gap, " -> ", "write `->` before a claim")
    return Fix("take the `:` out")


def _named(call: tree.Call | None, head: Span, line: tree.Line) -> Fix | None:
    """`conv1: conv 8, 3x3` as `conv1 = conv 8, 3x3`; None if a line says something else."""
    body = line.body or ()
    if call is not None or line.variable or len(body) != 1 or body[0].span.line != head.line:
        return None
    inner = body[0]
    if not isinstance(inner, tree.Line) or inner.target or inner.body or inner.bind:
        return None
    return rewrite(head.after.to(inner.span.before), " = ", "write `=` in the place of the `:`")


def _opener_fix(word: str, place: Span, known: Sequence[str]) -> Fix:
    """What an unknown word that opens a block may stand for."""
    from netc.compiler.elsewhere import layer_fix
    from netc.compiler.habits import habit_at

    habit = habit_at(place.source.line(place.line), place.column - 1)
    if habit is not None and habit.text is not None:
        whole = replace(place, column=habit.start + 1, end_column=habit.end + 1)
        return Fix(habit.hint, (Edit(whole, habit.text),))
    return layer_fix(tree.Name(word, place), STRUCTURE, arguments=False) or suggest(
        place, word, known
    )


def _when(
    resolver: Resolver,
    plain: Sequence[tree.Argument],
    options: dict[str, tree.Argument],
    lines: Sequence[tree.Statement],
    names: Names,
    span: Span,
) -> program.When | None:
    _only(resolver, "when", (), options, [])
    for argument in plain:
        check_expression(argument.value, names, (), resolver.log)
    body = resolver.inner(lines, Names(names))
    if len(plain) == 1:
        return program.When(plain[0].value, body, span)
    resolver.log.say("E0205", span, "`when` needs one condition", "write `when stride > 1:`")
    return None


def _only(
    resolver: Resolver,
    word: str,
    plain: Sequence[tree.Argument],
    options: dict[str, tree.Argument],
    wanted: Sequence[str],
) -> None:
    for argument in plain:
        resolver.log.say("E0204", argument.span, f"`{word}` takes no argument by place")
    for name, argument in options.items():
        if name not in wanted:
            assert argument.name is not None
            message = f"`{word}` has no argument `{name}`"
            place = argument.name.span
            resolver.log.say("E0203", place, message, suggest(place, name, wanted))


def _repeat(
    resolver: Resolver,
    call: tree.Call | None,
    plain: Sequence[tree.Argument],
    options: dict[str, tree.Argument],
    line: tree.Line,
    names: Names,
) -> program.Repeat | None:
    assert line.body is not None
    lines, variable = line.body, line.variable
    span = line.chain.elements[-1].span
    count = items = None
    listed = options.get("in")
    if listed is not None and len(options) == 1 and not plain:
        items = listed.value
        check_expression(items, names, (), resolver.log)
    elif len(plain) == 1 and not options:
        count = plain[0].value
        check_expression(count, names, (), resolver.log)
    else:
        hint = "write `repeat 3:`, `repeat 3 as i:` or `repeat in [64, 128] as width:`"
        begun = re.fullmatch(r"repeat[ \t]+(\w+)[ \t]+(in[ \t]+\[.*\])", span.text)
        fix = Fix(hint)
        if begun is not None and variable is None:
            fix = rewrite(span, f"repeat {begun[2]} as {begun[1]}")
            variable = tree.Name(begun[1], span)
        resolver.log.say("E0205", span, "`repeat` needs how often, or a list", fix)
    inner = Names(names)
    inner.rounds = span if variable is None and count is not None else None
    if variable is None:
        body = resolver.inner(lines, inner)
    else:
        bind(inner, variable, "number", resolver.log)
        body = _rounds(resolver, variable, lines, span, inner)
    if call is None or (count is None and items is None):
        return None
    name = variable.text if variable else None
    return program.Repeat(count, items, name, body, span)


def _rounds(
    resolver: Resolver,
    variable: tree.Name,
    lines: Sequence[tree.Statement],
    head: Span,
    names: Names,
) -> program.Body:
    """The lines of a repeat whose rounds have a name; notes a name that none of them reads."""
    outside = variable.text in names.used
    names.used.discard(variable.text)
    body = resolver.inner(lines, names)
    if variable.text not in names.used:
        gap = head.after.to(variable.span)
        edits = (Edit(gap, ""),) if gap.line == gap.end_line else ()
        names.idle.append((variable, Fix(f"take `{gap.text.strip()}` out, or use it", edits)))
    names.used.discard(variable.text)  # another one of this name is not read by these lines
    names.used.update((variable.text,) if outside else ())
    return body


def _residual(
    resolver: Resolver, lines: Sequence[tree.Statement], names: Names, span: Span
) -> program.Residual:
    around = [line for line in lines if _is_shortcut(line)]
    body = resolver.inner([line for line in lines if not _is_shortcut(line)], names)
    shortcuts = [_shortcut(resolver, line, names) for line in around if isinstance(line, tree.Line)]
    for other in shortcuts[1:]:
        label = Label(shortcuts[0].span, "the first one")
        resolver.log.say("E0206", other.span, "a residual has one shortcut", labels=[label])
    return program.Residual(body, shortcuts[0] if shortcuts else None, span)


def _shortcut(resolver: Resolver, line: tree.Line, names: Names) -> program.Shortcut:
    element = line.chain.elements[-1]
    arguments = element.arguments if isinstance(element, tree.Call) else ()
    options = {a.name.text: a for a in arguments if a.name}
    _only(resolver, "shortcut", [a for a in arguments if a.name is None], options, ["when"])
    when = options["when"].value if "when" in options else None
    if when is not None:
        check_expression(when, names, (), resolver.log)
    name = _way_name(resolver, line, names)
    assert line.body is not None
    return program.Shortcut(name, when, resolver.inner(line.body, names), line.span)


def _way_name(resolver: Resolver, line: tree.Line, names: Names) -> str | None:
    if len(line.chain.elements) > 1:
        resolver.log.say(
            "E0209", line.span, "a branch starts from what flows in", "open it with its word"
        )
    if line.target is None:
        return None
    bind(names, line.target, "value", resolver.log)
    return line.target.text


def _parallel(
    resolver: Resolver,
    word: str,
    options: dict[str, tree.Argument],
    lines: Sequence[tree.Statement],
    names: Names,
    span: Span,
) -> program.Parallel | None:
    join = options.get("join")
    how = join.value.text if join and isinstance(join.value, tree.Name) else "concat"
    if how not in ("add", "mul", "concat", "stack") or (
        join and not isinstance(join.value, tree.Name)
    ):
        assert join is not None
        message = "`join` is one of add, mul, concat, stack"
        resolver.log.say(
            "E0210",
            join.value.span,
            message,
            suggest(join.value.span, how, ("add", "mul", "concat", "stack")),
        )
        how = "concat"
    branches: list[program.Branch] = []
    for line in lines:
        if isinstance(line, tree.Line) and line.body is not None and _opener(line) == "branch":
            name = _way_name(resolver, line, names)
            branches.append(program.Branch(name, resolver.inner(line.body, names), line.span))
        else:
            message = f"the lines of `{word}` are its branches"
            resolver.log.say("E0209", line.span, message, _with_colon(line))
    layer = layers.find(how)
    assert layer is not None
    return program.Parallel(program.LayerUse(layer, {}, (), span, span), tuple(branches), span)


def _with_colon(line: tree.Statement) -> Fix:
    """A colon behind the word `branch`, where a line begins with it."""
    first = line.chain.elements[0] if isinstance(line, tree.Line) else None
    if isinstance(first, tree.Call) and first.role is not None and first.role.text == "branch":
        return append(first.role.span, ":", f"write `branch: {first.name.text} …`")
    return Fix("write `branch: …`")


def _is_shortcut(line: tree.Statement) -> bool:
    return isinstance(line, tree.Line) and line.body is not None and _opener(line) == "shortcut"


def _opener(line: tree.Line) -> str:
    """The word that opens a line's block."""
    element = line.chain.elements[-1]
    if isinstance(element, tree.Call):
        return element.name.text
    return element.text if isinstance(element, tree.Name) else ""
