"""A whole net walked through, one line a layer: what a lecturer would say at the blackboard."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from netc.compiler.beginning import at_first, makers
from netc.compiler.entries import folded_kind
from netc.compiler.explain import grouped, statements
from netc.compiler.graph import BlockStep, LayerStep, RepeatStep, Wire
from netc.compiler.layers.base import Tensor
from netc.compiler.parts import Outline, Part
from netc.compiler.report import Report, Row

TERMS = 12
"""A sum of parameters is written out up to so many terms."""


def lecture(net: Outline) -> list[str]:
    """The lines for a whole net: what flows in, every layer, the totals."""
    inputs = ", ".join(f"{name} {wire.tensor}" for name, wire in net.inputs)
    lines = _Speaker(net).lines(net.parts, 0)
    return [f"{net.report.name} takes {inputs}.", *lines, *_totals(net.report, net.parts)]


def walk_through(parts: Sequence[Part], net: Outline) -> list[str]:
    """The lines for some parts of a net: a block, a repeat."""
    return _Speaker(net).lines(parts, 0)


class _Speaker:
    """Tells layer after layer; remembers which blocks were told, and what flowed last."""

    def __init__(self, net: Outline) -> None:
        self.names = net.makers
        self.by = makers(net.report.rows)
        self.told: dict[object, Part] = {}
        self.flowing = net.inputs[0][1] if len(net.inputs) == 1 else None

    def lines(self, tree: Sequence[Part], depth: int) -> list[str]:
        """A line for each layer; neighbours that are equal are told once."""
        found: list[str] = []
        for _, group in groupby(tree, _likeness):
            found += [f"{'  ' * depth}{line}" for line in self._alike(list(group), depth)]
        return found

    def _alike(self, equal: list[Part], depth: int) -> Iterator[str]:
        part = equal[0]
        if not part.rows:  # a condition that does not hold: the value passes
            return
        if not part.inner:
            line = self._layer(part.rows[0])
            again = f" {_again(equal[1:])}" if len(equal) > 1 else ""
            yield line + again
        else:
            yield from self._outer(part)
            if len(equal) > 1:
                yield _again(equal[1:])
        self.flowing = equal[-1].step.output

    def _outer(self, part: Part) -> Iterator[str]:
        """A block or a stretch of lines: told in full the first time, afterwards by its numbers."""
        before = self.told.get(_definition(part))
        what, path = _kind(part), part.path or "here"
        if part.step.inputs and self._jumps(part.step.inputs):
            path += f", from {self._sources(part.step.inputs)},"
            self.flowing = part.step.inputs[0]
        if before is not None:
            count, told = len(part.rows), len(before.rows)
            other = f", {count} layers where {before.path} has {told}" if count != told else ""
            yield f"{path} is {what}, as above{other}: {_sums(part)}."
            return
        self.told[_definition(part)] = part
        yield f"{path} is {what}: {_sums(part)}."
        yield from self.lines(part.inner, 1)

    def _layer(self, row: Row) -> str:
        name = row.path if row.params or row.buffers or row.place.reuse else row.layer
        if not isinstance(row.step, LayerStep):
            count = grouped(row.why.params)
            return f"{name} is learned by itself, {row.output}: {count} parameters."
        inputs = [wire.tensor for wire in row.step.inputs]
        does = row.step.layer.does(inputs, row.output) + at_first(row.step, self.by, self.names)
        read = row.step.inputs
        source = f", from {self._sources(read)}," if self._jumps(read) else ""
        return f"{name}{source} {does}{_result(row, inputs)}{_params(row)}."

    def _jumps(self, read: tuple[Wire, ...]) -> bool:
        """Whether anything is read but what the line before left."""
        return read != (self.flowing,)

    def _sources(self, read: tuple[Wire, ...]) -> str:
        names = [self.names[wire] for wire in read]
        return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]


def _result(row: Row, inputs: Sequence[Tensor]) -> str:
    """The arithmetic of the output's size, and the size."""
    sums = [text for text in statements(row.why.output) if " = " in text]
    if len(sums) == 1:
        sums = [re.sub(r"^(length|height and width|depth, height and width) ", "", sums[0])]
    arithmetic = f": {', '.join(sums)}" if sums else ""
    if ":" in "".join(sums):
        arithmetic = f"; {', '.join(sums)}"
    if [row.output] == [*inputs][:1]:
        return f"{arithmetic}; {row.output} stays"
    return f"{arithmetic}, so {row.output}"


def _params(row: Row) -> str:
    if row.place.reuse and isinstance(row.step, LayerStep) and row.step.weights:
        return "; its weights are shared and counted once"
    if not row.params:
        return ""
    return f"; {grouped(row.why.params)} parameters"


def _kind(part: Part) -> str:
    """What a block or a repeat is, in words: `the block Bottleneck with width 64`."""
    if isinstance(part.step, BlockStep) and part.step.module.word == "block":
        module = part.step.module
        given = ", ".join(
            f"{name} {_plain(value)}"
            for name, value in module.parameters.items()
            if not isinstance(value, Wire)
        )
        return f"the block {module.name}" + (f" with {given}" if given else "")
    if isinstance(part.step, RepeatStep):
        return folded_kind(part.step) or "nothing"
    return f"a stretch of {len(part.rows)} layers"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return " × ".join(map(_plain, value))
    return str(value)


def _sums(part: Part) -> str:
    """From where to where, with its parameters and MACs."""
    inputs = ", ".join(str(wire.tensor) for wire in part.step.inputs)
    output = str(part.step.output.tensor)
    shape = f"{inputs} stays" if inputs == output else f"{inputs} to {output}"
    counts = [f"{part.params:,} parameters"] if part.params else []
    if part.rows and part.rows[0].place.reuse:
        counts = ["its weights are shared and counted once"]
    if part.macs != 0:
        counts.append(f"{grouped(str(part.macs))} MACs")
    return "; ".join([shape, ", ".join(counts)] if counts else [shape])


def _again(others: Sequence[Part]) -> str:
    """That neighbours are equal to what was just told."""
    names = [part.path for part in others if part.rows and part.rows[0].params]
    if names and len(names) == len(others):
        first, last = names[0], names[-1]
        if len(names) == 1:
            return f"The same once more: {first}."
        return f"The same {len(names):,} times more: {first} to {last}."
    return "The same once more." if len(others) == 1 else f"The same {len(others):,} times more."


def _definition(part: Part) -> object:
    span = part.step.span
    if isinstance(part.step, BlockStep):
        span = part.step.module.span
    return (span.source.name, span.line, span.column, type(part.step).__name__)


def _likeness(part: Part) -> object:
    """Neighbours alike in this are told once: equal layers from equal inputs, in a row."""
    span = part.step.span
    here = (span.source.name, span.line, span.column)
    return (*here, tuple(_row_likeness(row) for row in part.rows))


def _row_likeness(row: Row) -> object:
    layer = row.step.layer if isinstance(row.step, LayerStep) else row.step.weight
    return (row.span.line, row.span.column, layer, row.inputs, row.output, row.place.reuse)


def _seen(report: Report) -> Iterator[str]:
    """The receptive field at the end; of each output where they differ."""
    several = len({field for _, field in report.output_fields}) > 1
    ways = [(f" on the way to `{name}`", field) for name, field in report.output_fields]
    for way, field in ways if several else [("", report.receptive_field)]:
        if isinstance(field, tuple):
            seen = " × ".join(map(str, field))
            last = f"One number of the last value with places{way}"
            yield f"{last} sees {seen} positions of the input."


def _totals(report: Report, tree: Sequence[Part]) -> Iterator[str]:
    terms = [part.params for part in tree if part.params]
    total = f"{report.params:,} parameters"
    if 1 < len(terms) <= TERMS:
        total = f"{' + '.join(f'{term:,}' for term in terms)} = {total}"
    yield f"Together {total}, stored in {report.weights_bytes:,} bytes."
    macs, flops = grouped(str(report.macs)), grouped(str(report.flops))
    yield f"One example takes {macs} MACs, which are {flops} FLOPs."
    yield from _seen(report)
    if report.inference_peak is not None and report.training_peak is not None:
        yield (
            f"Its activations take {report.inference_peak:,} bytes at the peak, in training "
            f"{report.training_peak:,}."
        )
    elif report.least_peaks is not None:
        inference, training = report.least_peaks
        yield (
            f"Its activations take at least {inference:,} bytes at the peak, in training "
            f"{training:,}; unknown is {report.unknown}."
        )
    for condition in report.conditions:
        yield f"Condition: {condition}."
