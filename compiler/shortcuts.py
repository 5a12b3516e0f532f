"""Residuals whose ways differ: padding, a condition or a shortcut that makes them equal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.edits import Edit, Fix, indentation, rewrite
from netc.compiler.frame import Current, Frame
from netc.compiler.graph import LayerStep, Wire
from netc.compiler.sizes import Shape, Size
from netc.compiler.source import Span
from netc.compiler.ways import (
    Changes,
    Words,
    as_fix,
    chain_of,
    changed_way,
    padded_way,
    shape_after,
)


def equal_residual(body: Wire, skip: Wire, element: program.Residual, frame: Frame) -> Fix:
    """The edit that makes a residual's two ways equal: padding, or a shortcut that fits."""
    source, wanted = skip.tensor.shape, body.tensor.shape
    steps = chain_of(body, frame)
    start = frame.current if element.shortcut is not None else skip
    while steps and start not in [step.inputs[0] for step in steps[:1]]:
        steps = steps[1:]
    if element.shortcut is not None:
        return _equal_shortcut(body, skip, element.shortcut, steps, frame)
    if steps and (padded := padded_way(steps, source)) is not None:
        return padded
    if (line := _shortcut(wanted, skip, steps)) is not None:
        return Fix(f"add a shortcut: `{line}`", _inserted(element, line))
    if steps and len(source) == len(wanted):
        fix = changed_way(body, source, frame, fixed=[skip])
        return fix or _padded_and_around(skip, element, steps) or Fix("")
    return Fix("")


def _padded_and_around(
    skip: Wire, element: program.Residual, steps: Sequence[LayerStep]
) -> Fix | None:
    """Padding for the lines, so that strides alone change the size, and a shortcut with these."""
    padded: list[tuple[LayerStep, Changes]] = []
    for step in steps:
        kernel = getattr(step.layer, "kernel", None)
        if isinstance(kernel, tuple) and getattr(step.layer, "pad", None) == 0:
            halves = tuple(size // 2 for size in kernel)
            padded.append((step, {"pad": halves[0] if len(set(halves)) == 1 else halves}))
    shape = shape_after(steps, {step.output: changes for step, changes in padded})
    line = None if shape is None else _shortcut(shape, skip, steps)
    if line is None or not padded:
        return None
    fix = as_fix(padded, f"then a shortcut fits: `{line}`")
    return replace(fix, edits=(*fix.edits, *_inserted(element, line)))


def _equal_shortcut(
    body: Wire,
    skip: Wire,
    shortcut: program.Shortcut,
    steps: Sequence[LayerStep],
    frame: Frame,
) -> Fix:
    """Padding for the lines, a condition that holds for a shortcut, or one that fits."""
    if skip is frame.current and shortcut.when is not None:
        line = _shortcut(body.tensor.shape, skip, steps)
        found = re.search(r"when=(.+?):", line or "")
        if found:
            hint = "write `{}` as its condition: the shortcut is needed here"
            return rewrite(shortcut.when.span, found[1], hint)
    padded = padded_way(steps, skip.tensor.shape) if steps else None
    fix = padded or changed_way(
        skip, body.tensor.shape, frame, _words(steps), _wires(frame.current)
    )
    return fix or Fix(
        f"make the shortcut give {body.tensor}: its filters and stride must match the lines "
        "above it"
    )


def _wires(current: Current) -> Sequence[Wire]:
    return [current] if isinstance(current, Wire) else ()


def _words(steps: Sequence[LayerStep]) -> Words:
    """Arguments of layers that are no plain numbers, by name and value: `stride`, `4*width`."""
    return {
        (name, getattr(step.layer, name)): expr.span.text
        for step in steps
        for name, expr in step.given.items()
        if isinstance(expr, tree.Name | tree.Binary)
    }


def _shortcut(b: Shape, skip: Wire, steps: Sequence[LayerStep]) -> str | None:
    """A line that turns what goes past a residual into the shape of what comes out of it."""
    s = skip.tensor.shape
    if not b or len(b) != len(s) or skip.tensor.dtype != "float":
        return None
    if len(b) <= 2 and b[:-1] == s[:-1] and isinstance(b[-1], int):
        units = _written(steps, "units", b[-1])
        when = f" when=in.features != {units}" if not units.isdigit() else ""
        return f"shortcut{when}: dense {units}"
    if not isinstance(b[0], int):
        return None
    stride, filters = _stride(b[1:], s[1:]), _written(steps, "filters", b[0])
    if stride is None:
        return _enlarging(b, s, filters)
    strides = [given.span.text for step in steps if (given := step.given.get("stride"))]
    named = [text for text in strides if not text.isdigit()]
    text = named[0] if len(named) == 1 and len(strides) == 1 else str(stride)
    kernel = "x".join("1" * (len(b) - 1))
    conditions = [f"{text} > 1"] if not text.isdigit() else []
    conditions += [f"in.channels != {filters}"] if conditions or not filters.isdigit() else []
    when = f" when={' or '.join(conditions)}" if conditions else ""
    conv = f"conv {filters}, {kernel}" + (f", stride={text}" if text != "1" else "")
    return f"shortcut{when}: {conv}{_norm(steps)}"


def _enlarging(after: Shape, before: Shape, filters: str) -> str | None:
    """The shortcut around lines that make each size some times as large."""
    for times in range(2, 33):
        if after[1:] == tuple(times * size for size in before[1:]):
            kernel = "x".join([str(times)] * (len(after) - 1))
            return f"shortcut: conv_transpose {filters}, {kernel}, stride={times}"
    return None


def _norm(steps: Sequence[LayerStep]) -> str:
    """What follows a shortcut's convolution where the lines end with a norm: the same."""
    if len(steps) < 2 or steps[-1].layer.kind != "batch_norm":
        return ""
    bias = getattr(steps[-2].layer, "bias", True)
    return " -> batch_norm" if bias else ", bias=no -> batch_norm"


def _stride(after: Sequence[Size], before: Sequence[Size]) -> int | None:
    """The stride with which a 1x1 window takes these sizes to those; None if there is none."""
    if tuple(after) == tuple(before):
        return 1
    pairs = list(zip(after, before, strict=True))
    for stride in range(2, 33):
        if all((b - 1) // stride + 1 == a for a, b in pairs):
            return stride
    return None


def _written(steps: Sequence[LayerStep], field: str, value: int) -> str:
    """How the last layer that makes so many features says it: `4*width`; else the number."""
    for step in reversed(steps):
        if getattr(step.layer, field, None) == value:
            expr = step.given.get(field)
            if expr is not None and not isinstance(expr, tree.Number | tree.Choice):
                return expr.span.text
            return str(value)
    return str(value)


def _inserted(element: program.Residual, line: str) -> tuple[Edit, ...]:
    """The edits that put a line at the end of a residual's lines."""
    first, last = element.body[0].span, _last_line(element.body)
    end = Span(first.source, last, (width := len(first.source.line(last))) + 1, last, width + 1)
    if first.line > element.span.end_line:
        return (Edit(end, f"\n{indentation(first)}{line}"),)
    deeper = indentation(element.span) + "    "  # its lines stand behind the colon
    gap = replace(element.span.after, end_line=first.line, end_column=first.column)
    return (Edit(gap, f":\n{deeper}"), Edit(end, f"\n{deeper}{line}"))


def _last_line(body: program.Body) -> int:
    last = body[-1]
    lines = [last.span.end_line]
    for element in last.elements if isinstance(last, program.Flow) else ():
        lines += [_last_line(inner) for inner in program.lines_in(element) if inner]
    return max(lines)
