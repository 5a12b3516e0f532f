"""Dense layers as convolutions: the edits that let a net take larger pictures and give a map.

A dense layer that reads a flattened map `[c, h, w]` is a convolution whose kernel is as large as
the map; one that reads the outputs of such a layer is a convolution with a 1x1 kernel. On the size
that the net was written for both are the same sums of the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from netc.compiler import program
from netc.compiler.edits import Edit, whole_line
from netc.compiler.graph import LayerStep, Net, Placed, Wire, walk
from netc.compiler.layers.activations import Activation, Softmax
from netc.compiler.source import Source, Span

AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
"""What the sizes of an input are called once they are open, by the number of its spatial axes."""
POOLS = {"global_avg_pool": "avg_pool", "global_max_pool": "max_pool"}
_CLAIMS = re.compile(r"(\s*->\s*\[[^\[\]]*\])*")
_ARROW_BEFORE, _ARROW_AFTER = re.compile(r"\s*->\s*$"), re.compile(r"\s*->\s*")


class Inconvertible(Exception):
    """A net that cannot be converted: why, and the place that it is because of."""

    def __init__(self, message: str, span: Span, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.span, self.hint = message, span, hint


class _Reading(Struct, eq=False):
    """What is known while the layers are read in their order.

    Attributes:
        kernels: values that become maps, each with the kernel that a dense layer reading it gets;
            its sizes are 1 once the axes are gone.
        flattened: the line that flattened a value which still has its kernel to come.
        edits: by place, so that a line of a block that stands at several places is edited once.
        kept: lines that stay as they are at some place.
        idle: adaptive pools that give the size that they are given: on that size they do nothing.
        starts: the values that are maps already.
    """

    kernels: dict[Wire, tuple[int, ...]] = field(default_factory=dict)
    flattened: dict[Wire, Span] = field(default_factory=dict)
    edits: dict[Span, tuple[Edit, ...]] = field(default_factory=dict)
    kept: set[Span] = field(default_factory=set)
    idle: set[Span] = field(default_factory=set)
    starts: list[Wire] = field(default_factory=list)


class Plan(Struct, frozen=True):
    """The edits of a spec's text, and the other nets that are none any more with them."""

    edits: tuple[Edit, ...]
    dropped: tuple[str, ...]


def plan(net: Net, definition: program.Definition, others: Mapping[str, Net]) -> Plan:
    """What makes a net one of convolutions; shape claims and `expect` lines are left as they are.

    `others` are the further nets of the file. Raises Inconvertible.
    """
    reading = _Reading()
    for placed in walk(net.module):
        _read(placed, reading)
    if not reading.edits:
        message = f"`{net.name}` has no dense layer after `flatten` or a global pool"
        raise Inconvertible(message, _head(definition), "there is nothing to convert")
    for span in reading.idle - reading.kept:
        reading.edits[span] = (_taken_out(span),)
    for _, wire in net.module.outputs:
        if any(size != 1 for size in reading.kernels.get(wire, ())):
            message = "what is flattened here flows out without a dense layer"
            raise Inconvertible(message, reading.flattened[wire], "an output of a map has no place")
    _unshared(net, reading)
    dropped = tuple(name for name, other in others.items() if _shares(other, reading))
    found = [edit for group in reading.edits.values() for edit in group]
    found += _opened(definition, net, reading.starts)
    return Plan(tuple(found), dropped)


def _read(placed: Placed, reading: _Reading) -> None:
    step = placed.step
    if not isinstance(step, LayerStep):
        return
    maps = [wire for wire in step.inputs if wire in reading.kernels]
    kind = step.layer.kind
    if not maps:
        if kind == "flatten" and len(step.inputs[0].tensor.shape) > 1:
            _start(step, reading)
        elif kind in POOLS:
            _pool(step, reading)
        elif kind.startswith("adaptive_") and step.inputs[0].tensor == step.output.tensor:
            reading.idle.add(step.span)
        else:
            reading.kept.add(step.span)
        return
    kernel = reading.kernels[maps[0]]
    if len(maps) < len(step.inputs) or any(reading.kernels[wire] != kernel for wire in maps):
        hint = "convert nets in which it joins values of one kind"
        raise Inconvertible(
            f"`{kind}` joins a value that becomes a map with another", step.span, hint
        )
    if kind == "flatten":
        _edit(step, (_taken_out(step.span),), reading)
    elif kind == "dense":
        _edit(step, _as_conv(step, kernel), reading)
        kernel = (1,) * len(kernel)
    elif not _the_same_on_a_map(step, kernel):
        message = f"`{kind}` reads a value that becomes a map, and is another layer there"
        raise Inconvertible(
            message, step.span, "only layers that act on each number alone may follow"
        )
    reading.kernels[step.output] = kernel
    if maps[0] in reading.flattened and kind != "dense":
        reading.flattened[step.output] = reading.flattened[maps[0]]


def _start(step: LayerStep, reading: _Reading) -> None:
    """A map that is flattened: the dense layer after it gets a kernel of the map's size."""
    shape = step.inputs[0].tensor.shape
    sizes = tuple(size for size in shape[1:] if isinstance(size, int))
    if len(sizes) < len(shape) - 1 or len(sizes) not in AXES:
        message = f"`flatten` reads [{', '.join(map(str, shape))}]"
        hint = "a map with numbers for its one to three sizes is needed: give them with --set"
        raise Inconvertible(message, step.span, hint)
    _edit(step, (_taken_out(step.span),), reading)
    reading.kernels[step.output] = sizes
    reading.flattened[step.output] = step.span
    reading.starts.append(step.inputs[0])


def _pool(step: LayerStep, reading: _Reading) -> None:
    """A global pool: a window as large as what flows in, moved by one."""
    sizes = step.inputs[0].tensor.shape[1:]
    if not all(isinstance(size, int) for size in sizes) or len(sizes) not in AXES:
        message = f"`{step.layer.kind}` reads sizes that are not known"
        raise Inconvertible(message, step.span, "give them with --set, as in --set H=224")
    if step.layer.model_fields_set:
        message = f"`{step.layer.kind}` has arguments that a window does not have"
        raise Inconvertible(message, step.span)
    text = f"{POOLS[step.layer.kind]} {'x'.join(map(str, sizes))}, stride=1"
    _edit(step, (Edit(step.span, text),), reading)
    reading.kernels[step.output] = (1,) * len(sizes)
    reading.starts.append(step.inputs[0])


def _as_conv(step: LayerStep, kernel: tuple[int, ...]) -> tuple[Edit, ...]:
    """`dense 120, bias=no` as `conv 120, 5x5, bias=no`: another word, the kernel after units."""
    span, units = step.span, step.given["units"].span
    word = Span(span.source, span.line, span.column, span.line, span.column + len("dense"))
    if word.text != "dense" or span.line != span.end_line:
        raise Inconvertible("this line is not written as `dense UNITS`", span)
    size, line = "x".join(map(str, kernel)), span.source.line(span.line)
    end, here = _closed(word, span.after), _closed(word, units.after)
    if "units" in line[word.end_column - 1 : units.column - 1]:
        name = Span(span.source, span.line, word.end_column, span.line, units.column)
        return (Edit(word, "conv"), Edit(name, " filters="), Edit(end, f", kernel={size}"))
    if end == here or line[here.column - 1 :].startswith(","):
        return (Edit(word, "conv"), Edit(here, f", {size}"))
    return (Edit(word, "conv"), Edit(end, f", kernel={size}"))


def _closed(word: Span, place: Span) -> Span:
    """A place moved behind the parentheses that are open there; spans leave the last ones out."""
    line = place.source.line(place.line)
    text = line[word.end_column - 1 : place.column - 1]
    column = place.column
    for _ in range(text.count("(") - text.count(")")):
        column = line.index(")", column - 1) + 2
    return Span(place.source, place.line, column, place.line, column)


def _the_same_on_a_map(step: LayerStep, kernel: tuple[int, ...]) -> bool:
    """Whether a layer does to each place of a map what it does to a vector."""
    layer, whole = step.layer, all(size == 1 for size in kernel)
    features_first = whole and len(kernel) > 1  # in `[c, l]` features are last for most layers
    if isinstance(layer, Softmax):
        return features_first and layer.axis in (None, 0)
    if layer.kind == "concat":
        return len(kernel) > 1 and getattr(layer, "axis", None) is None
    if layer.kind == "prelu":
        return features_first or getattr(layer, "slopes", "") == "shared"
    if isinstance(layer, Activation) or layer.kind in ("dropout", "add", "mul"):
        return True
    return layer.kind == "batch_norm" and features_first


# ------------------------------------------------------------------------------
# Lines that stand at several places


def _edit(step: LayerStep, found: tuple[Edit, ...], reading: _Reading) -> None:
    before = reading.edits.get(step.span)
    if before is not None and [e.text for e in before] != [e.text for e in found]:
        message = (
            f"`{step.layer.kind}` stands at several places here and gets another kernel at each"
        )
        raise Inconvertible(message, step.span, "write the first of them on a line of its own")
    reading.edits[step.span] = found


def _unshared(net: Net, reading: _Reading) -> None:
    """Raises Inconvertible if a line that is edited is read in its old meaning as well."""
    source = net.module.span.source
    for span in reading.edits:
        if span.source.name != source.name:
            hint = "copy the block into the net's file"
            raise Inconvertible("this line stands in another file", span, hint)
        if span in reading.kept:
            raise Inconvertible("this line stands at another place too, where it stays", span)


def _shares(other: Net, reading: _Reading) -> bool:
    """Whether another net has a line that is edited, so that it cannot stay as it is."""
    return any(placed.step.span in reading.edits for placed in walk(other.module))


# ------------------------------------------------------------------------------
# Text


def _taken_out(span: Span) -> Edit:
    """An element taken out of its chain, with its shape claims and one arrow, or with its line."""
    source, line = span.source, span.source.line(span.line)
    left, right = line[: span.column - 1], line[span.end_column - 1 :]
    end = span.end_column
    if match := _CLAIMS.match(right):
        end += match.end()
    rest = line[end - 1 :]
    code = rest.partition("#")[0]
    after, before = _ARROW_AFTER.match(code), _ARROW_BEFORE.search(left)
    if after and (not before or left.strip() == "->"):
        return Edit(Span(source, span.line, span.column, span.line, end + after.end()), "")
    if before and left.strip() != "->":
        return Edit(Span(source, span.line, before.start() + 1, span.line, end), "")
    if left.strip() in ("", "->"):
        if not rest.strip():
            return Edit(whole_line(span), "")
        if not code.strip():
            start = len(left) - len(left.lstrip()) + 1
            return Edit(Span(source, span.line, start, span.line, end + len(code)), "")
    return Edit(Span(source, span.line, span.column, span.line, end), "out")


def _opened(definition: program.Definition, net: Net, starts: Sequence[Wire]) -> list[Edit]:
    """Names for the sizes of the inputs that lead to the maps."""
    reached = _before(starts)
    names = {name for name, wire in net.module.inputs if wire in reached}
    found: list[Edit] = []
    given: dict[tuple[str, ...], tuple[str, ...]] = {}
    for item in definition.body:
        if not isinstance(item, program.Input) or item.name not in names:
            continue
        sizes = item.kind.sizes[1:]
        written = tuple(size.span.text for size in sizes)
        if all(text.isidentifier() and text not in definition.parameters for text in written):
            continue  # open already
        if written not in given:
            count = len(given) + 1
            given[written] = tuple(
                _free(name, str(count) if count > 1 else "", definition)
                for name in AXES.get(len(sizes), ())
            )
        found += [Edit(size.span, name) for size, name in zip(sizes, given[written], strict=False)]
    return list({(e.span.line, e.span.column): e for e in found}.values())


def _free(name: str, end: str, definition: program.Definition) -> str:
    """A name that is no parameter of the net."""
    while name + end in definition.parameters:
        end += "_"
    return name + end


def _before(wires: Iterable[Wire]) -> set[Wire]:
    """All values that lead to some."""
    found: set[Wire] = set()
    waiting = [*wires]
    while waiting:
        wire = waiting.pop()
        if wire not in found:
            found.add(wire)
            waiting += wire.read
    return found


def _head(definition: program.Definition) -> Span:
    span = definition.span
    line = span.source.line(span.line)
    return Span(span.source, span.line, 1, span.line, len(line) + 1)


def train_blocks(text: Source, program_: program.Program, net: str) -> list[Edit]:
    """Takes the train blocks of a net out: their targets are those of one output, not of a map."""
    found = []
    for train in program_.trains:
        words = train.chain.span.text.split()
        if words[-1:] == [net]:
            last = max([train.span.end_line, *(line.span.end_line for line in train.body or ())])
            while last > train.span.line and not text.line(last).strip():
                last -= 1
            found.append(Edit(Span(text, train.span.line, 1, last + 1, 1), ""))
    return found
