"""Slips in the arguments of calls, each undone: one left out, too many, swapped, a number off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, pairwise

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.changing import change_argument
from netc.compiler.edits import Edit, Fix, append, rewrite
from netc.compiler.nodes import calls, is_whole, nodes, numbers, uses
from netc.compiler.source import Span
from netc.compiler.supposed import Open, Supposed, another, near

KERNELS = (1, 2, 3, 5, 7, 11)
"""Kernels in use."""


def biases(definition: program.Definition) -> Iterator[Supposed]:
    """Each layer that can have a bias without the one it has, or with one."""
    for use in uses(definition):
        if "bias" not in use.layer.model_fields:
            continue
        given = use.arguments.get("bias")
        if given is None:
            yield _layer_with(use, "bias", tree.Name("no", use.span), "no")
        elif given.span.text == "no":
            yield _layer_without(use, "bias")


def borrowed(
    definition: program.Definition, others: Sequence[program.Definition]
) -> Iterator[Supposed]:
    """Each call with an argument of another call of its word; layers also without one of theirs.

    `others` are the definitions whose calls arguments are taken from.
    """
    yield from _borrowed_by_layers(definition, others)
    yield from _borrowed_by_blocks(definition, others)
    yield from _borrowed_in_pairs(definition, others)
    yield from _borrowed_by_handed(definition, others)


def _borrowed_by_layers(
    definition: program.Definition, others: Sequence[program.Definition]
) -> Iterator[Supposed]:
    known: dict[str, dict[tuple[str, str], tree.Expr]] = {}
    for use in (use for other in (definition, *others) for use in uses(other)):
        for name, expr in use.arguments.items():
            if means_the_same(expr, definition):
                known.setdefault(use.layer.kind, {}).setdefault((name, expr.span.text), expr)
    for use in uses(definition):
        for (name, text), expr in known.get(use.layer.kind, {}).items():
            if name not in use.arguments:
                yield _layer_with(use, name, expr, text)
        for name in use.arguments:
            if not use.layer.model_fields[name].is_required():
                yield _layer_without(use, name)


def _borrowed_by_blocks(
    definition: program.Definition, others: Sequence[program.Definition]
) -> Iterator[Supposed]:
    known: dict[str, dict[tuple[str, str], tree.Expr]] = {}
    for use in (use for other in (definition, *others) for use in _block_uses(other)):
        for name, expr in use.arguments.items():
            if means_the_same(expr, definition):
                known.setdefault(use.block, {}).setdefault((name, expr.span.text), expr)
    for use in _block_uses(definition):
        for (name, text), expr in known.get(use.block, {}).items():
            given = use.arguments.get(name)
            if given is None or _is_another(given, expr) or isinstance(expr, tree.Tuple):
                yield _block_with(use, name, expr, text)


def _borrowed_in_pairs(
    definition: program.Definition, others: Sequence[program.Definition]
) -> Iterator[Supposed]:
    """Each use of a block with two neighbours of another use, of which one is no number."""
    for use in _block_uses(definition):
        tried = {*pairwise(expr.span.text for expr in use.arguments.values())}
        for other in (one for d in others for one in _block_uses(d) if one.block == use.block):
            for (a, old), (b, later) in pairwise(use.arguments.items()):
                if a not in other.arguments or b not in other.arguments or is_whole(old):
                    continue
                new, last = other.arguments[a], other.arguments[b]
                texts = new.span.text, last.span.text
                known = means_the_same(new, definition) and means_the_same(last, definition)
                if known and texts not in tried:
                    tried.add(texts)
                    hint = f"write `{', '.join(texts)}` for `{old.span.text}, {later.span.text}`"
                    edits = (Edit(old.span, texts[0]), Edit(later.span, texts[1]))
                    yield Supposed(old.span, Fix(hint, edits), ((old, new), (later, last)))


def _borrowed_by_handed(
    definition: program.Definition, others: Sequence[program.Definition]
) -> Iterator[Supposed]:
    """Each use of a block handed in with a named argument of another use of it."""
    found = [node.call for node in nodes(definition) if isinstance(node, program.HandedUse)]
    for call in found:
        own = {a.name.text for a in call.arguments if a.name is not None}
        same = (a for c in found if c.name.text == call.name.text for a in c.arguments)
        named = {a.span.text: a for a in same if a.name is not None and a.name.text not in own}
        for text, argument in named.items():
            comma = "," if call.arguments else ""
            longer = replace(call, arguments=(*call.arguments, argument))
            fix = append(call.span, f"{comma} {text}", f"write `{text}` for `{call.span.text}`")
            yield Supposed(call.span, fix, ((call, longer),))


def means_the_same(expr: tree.Expr, definition: program.Definition) -> bool:
    """Whether an expression of another definition can stand in this one: its names are known."""
    names = [node.text for node in nodes(expr) if isinstance(node, tree.Name)]
    known = {*definition.parameters, *definition.blocks, "in", "yes", "no", "same", "valid"}
    inside = _within(expr.span, definition.span)
    return inside or all(name in known for name in names)


def _is_another(a: tree.Expr, b: tree.Expr) -> bool:
    """Whether two arguments differ, and neither is a number: for those all others are tried."""
    return a.span.text != b.span.text and not is_whole(a) and not is_whole(b)


def _within(span: Span, whole: Span) -> bool:
    return span.source == whole.source and whole.line <= span.line <= whole.end_line


def swaps(definition: program.Definition) -> Iterator[Supposed]:
    """Each two arguments of a call in the other order: numbers beside each other, or a value.

    And the same argument of two calls of a block that follow each other.
    """
    for given in calls(definition):
        for a, b in pairwise(given):
            if is_whole(a) and is_whole(b) and a.value != b.value:
                changes = ((a, replace(a, value=b.value)), (b, replace(b, value=a.value)))
                yield Supposed(a.span, _exchanged(a, b, "in this order"), changes)
    found = [*_block_uses(definition)]
    for use in found:
        for a, b in combinations(use.arguments.values(), 2):
            if _is_another(a, b):
                yield Supposed(a.span, _exchanged(a, b, "in this order"), ((a, b), (b, a)))
    for one, other in pairwise(found):
        names = one.arguments.keys() & other.arguments.keys() if one.block == other.block else ()
        for name in sorted(names):
            a, b = one.arguments[name], other.arguments[name]
            if a.span.text != b.span.text:
                where = f"as `{name}` of these two lines"
                yield Supposed(a.span, _exchanged(a, b, where), ((a, b), (b, a)))


def _exchanged(a: tree.Expr, b: tree.Expr, where: str) -> Fix:
    hint = f"write `{b.span.text}` and `{a.span.text}` {where}"
    return Fix(hint, (Edit(a.span, b.span.text), Edit(b.span, a.span.text)))


def windows(definition: program.Definition) -> Iterator[Supposed]:
    """Each window with the padding that keeps the size, with a stride, or with another kernel."""
    for use in uses(definition):
        if "kernel" not in use.layer.model_fields:
            continue
        kernel = use.arguments.get("kernel")
        if isinstance(kernel, tree.Dims) and len(set(kernel.values)) == 1:
            yield from _other_kernels(use, kernel)
        if "pad" in use.layer.model_fields and "pad" not in use.arguments:
            if isinstance(kernel, tree.Dims):
                for pad in dict.fromkeys((kernel.values[0] // 2, 1)):
                    yield _layer_with(use, "pad", tree.Number(pad, use.span), str(pad))
            elif use.layer.kind != "conv_transpose":
                yield _layer_with(use, "pad", tree.Name("same", use.span), "same")
        if "stride" not in use.arguments:
            yield _layer_with(use, "stride", tree.Number(2, use.span), "2")


def _other_kernels(use: program.LayerUse, kernel: tree.Dims) -> Iterator[Supposed]:
    axes, size = len(kernel.values), kernel.values[0]
    stride = use.arguments.get("stride")
    if is_whole(stride) and stride.value not in (size, 1):
        value = int(stride.value)
        text = "x".join([str(value)] * axes)
        hint = f"write `{text}` as `kernel` and `{size}` as `stride`"
        fix = Fix(hint, (Edit(kernel.span, text), Edit(stride.span, str(size))))
        changes = (
            (kernel, replace(kernel, values=(value,) * axes)),
            (stride, replace(stride, value=size)),
        )
        yield Supposed(kernel.span, fix, changes)
    for other in sorted(KERNELS, key=lambda k: abs(k - size)):
        if other != size:
            yield _other_kernel(kernel, other)


def _other_kernel(kernel: tree.Dims, size: int) -> Supposed:
    axes = len(kernel.values)
    text = "x".join([str(size)] * axes)
    fix = rewrite(kernel.span, text, "write `{}` for " + f"`{kernel.span.text}`")
    return Supposed(kernel.span, fix, ((kernel, replace(kernel, values=(size,) * axes)),))


def kernels(definition: program.Definition) -> Iterator[Supposed]:
    """Each kernel that is handed to a block, with another size."""
    for given in calls(definition):
        for kernel in given:
            if isinstance(kernel, tree.Dims) and len(set(kernel.values)) == 1:
                for other in sorted(KERNELS, key=lambda k: abs(k - kernel.values[0])):
                    if other != kernel.values[0]:
                        yield _other_kernel(kernel, other)


def other_numbers(definition: program.Definition, offs: Iterable[int]) -> Iterator[Supposed]:
    """Each number in a call, with another in its place: off by what sizes are, or near it."""
    known = [*offs]
    for number in numbers(definition):
        value = int(number.value)
        for other in dict.fromkeys((*(value + off for off in known), *near(value))):
            if other > 0 and other != value:
                yield another(number, other)


def unknown_numbers(definition: program.Definition) -> Iterator[Open]:
    """Each number in a call or an input's sizes, and each default number not given, as unknown."""
    for number in (*numbers(definition), *_sizes(definition)):
        yield Open(int(number.value), partial(another, number), counted=True)


def _sizes(definition: program.Definition) -> Iterator[tree.Number]:
    for item in definition.body:
        if isinstance(item, program.Input):
            yield from filter(is_whole, item.kind.sizes)


def defaults(
    definition: program.Definition, definitions: Mapping[str, program.Definition]
) -> Iterator[Supposed]:
    """Each use of a block with another number where it takes a default one."""
    for use in _block_uses(definition):
        for name, default in definitions[use.block].parameters.items():
            if name not in use.arguments and is_whole(default):
                for other in near(int(default.value)):
                    number = tree.Number(other, use.span)
                    yield _block_with(use, name, number, str(other))


def _block_uses(definition: program.Definition) -> Iterator[program.BlockUse]:
    return (node for node in nodes(definition) if isinstance(node, program.BlockUse))


def _layer_with(use: program.LayerUse, name: str, expr: tree.Expr, text: str) -> Supposed:
    hint = f"write `{name}={text}` for `{use.span.text}`"
    fix = change_argument(use.span, use.arguments, name, text, hint)
    return Supposed(use.span, fix, ((use, replace(use, arguments={**use.arguments, name: expr})),))


def _layer_without(use: program.LayerUse, name: str) -> Supposed:
    text = use.arguments[name].span.text
    written = f"{name}={text}" if f"{name}={text}" in use.span.text else text
    hint = f"take `{written}` out of `{use.span.text}`"
    fix = change_argument(use.span, use.arguments, name, None, hint)
    kept = {n: expr for n, expr in use.arguments.items() if n != name}
    return Supposed(use.span, fix, ((use, replace(use, arguments=kept)),))


def _block_with(use: program.BlockUse, name: str, expr: tree.Expr, text: str) -> Supposed:
    hint = f"write `{name}={text}` for `{use.span.text}`"
    fix = change_argument(use.span, use.arguments, name, text, hint)
    arguments = {**use.arguments, name: expr}
    return Supposed(use.span, fix, ((use, replace(use, arguments=arguments)),))
