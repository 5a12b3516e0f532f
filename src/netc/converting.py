"""`netc convert`: a spec rewritten, compiled and compared with the old one; weights that follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from netc.api import Spec
from netc.api import _read as read_used
from netc.compiler import converting, reclaiming
from netc.compiler.converting import Inconvertible as Inconvertible
from netc.compiler.diagnostics import Diagnostic, Log
from netc.compiler.edits import Edit, applied, whole_definition, whole_line
from netc.compiler.formatting import ReadsDifferently, formatted
from netc.compiler.graph import LayerStep, Net, Wire
from netc.compiler.report import Report
from netc.compiler.resolve import resolve
from netc.compiler.source import Source, Span
from netc.files import write_atomically

LARGEST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors format."""


class Moved(Struct, frozen=True):
    """A tensor of the old state dict, and what it is called and how it is shaped in the new."""

    old: str
    new: str
    old_shape: tuple[int, ...]
    new_shape: tuple[int, ...]


class Converted(Struct, frozen=True):
    """A spec's new text, where its weights went, and what was left out as it no longer holds."""

    text: str
    moved: tuple[Moved, ...]
    left_out: tuple[str, ...]


class Unfit(Exception):
    """A file of weights that is not of this net, or cannot be read."""


def fc2conv(spec: Spec, name: str, values: Mapping[str, Any]) -> Converted:
    """A net with convolutions for its dense layers, that takes pictures of any size.

    Raises Inconvertible with the place that it is because of.
    """
    net = spec.net(name)
    definition = spec._program.definitions[name]
    others = {other: spec.net(other).graph for other in spec.names if other != name}
    plan = converting.plan(net.graph, definition, others)
    gone = [spec._program.definitions[other] for other in plan.dropped]
    nets = [whole_definition(spec.source, other.span.line) for other in gone]
    trains = converting.train_blocks(spec.source, spec._program, name)
    for one in gone:
        theirs = converting.train_blocks(spec.source, spec._program, one.name)
        nets += [whole_definition(spec.source, train.span.line) for train in theirs]
    left_out = [f"line {one.span.line}: the net {one.name}, which shares lines" for one in gone]
    left_out += [f"line {edit.span.line}: the train block of {name}" for edit in trains]
    given = {key: value for key, value in values.items() if key in definition.parameters}
    text = applied(spec.source, [*plan.edits, *nets, *trains])
    ended = text.rstrip("\n") + "\n" if trains or nets else text
    staying = [other for other in spec.names if other not in plan.dropped]
    source, claims = _claimed(Source(spec.source.name, ended), name, given, staying)
    new, more = _judged(source, given, spec.base)
    _compared(net.graph, new, name, given, definition.span)
    moved = _moved(net.report(), new.net(name).report())
    tidy = _without_unused(new) if nets else new.source
    return Converted(_as_before(spec.source, tidy), moved, (*left_out, *claims, *more))


def _claimed(
    source: Source, name: str, values: Mapping[str, Any], staying: Iterable[str]
) -> tuple[Source, list[str]]:
    """The text with claims of what flows now, and those that are left out. Raises Inconvertible."""
    program = resolve(source, Log(), read_used)
    nets: dict[str, Mapping[str, Any]] = {**{other: {} for other in staying}, name: values}
    found = reclaiming.reclaimed(program, source, nets)
    if found.error is not None:
        raise _none(found.error)
    left_out = dict.fromkeys(f"the claim {span.text}" for span in found.left_out)
    return Source(source.name, applied(source, found.edits)), list(left_out)


def _without_unused(spec: Spec) -> Source:
    """The text without the blocks and the imports that only nets needed that are left out."""
    while True:
        unused = [one for one in spec.diagnostics if one.code == "W0201"]
        blocks = {d.span: d for d in spec._program.definitions.values() if d.word == "block"}
        edits = [
            edit
            for one in unused
            for edit in (
                (whole_definition(spec.source, one.span.line),) if one.span in blocks else one.edits
            )
        ]
        if not edits:
            return spec.source
        spec = Spec(Source(spec.source.name, applied(spec.source, edits)), {}, spec.base)


def _as_before(old: Source, new: Source) -> str:
    """The new text, in form if the old one was; else blanks stay as their author put them."""
    try:
        return formatted(new) if formatted(old) == old.text else new.text
    except ReadsDifferently:
        return new.text


def _compiled(source: Source, values: Mapping[str, Any], base: Path) -> Spec:
    """The new text, compiled. Raises Inconvertible at the first error."""
    spec = Spec(source, values, base)
    for error in spec.diagnostics:
        if error.severity == "error":
            raise _none(error)
    return spec


def _none(error: Diagnostic) -> Inconvertible:
    message = f"with convolutions and open sizes the net is none: {error.message}"
    return Inconvertible(message, error.span, error.hint)


def _judged(source: Source, values: Mapping[str, Any], base: Path) -> tuple[Spec, list[str]]:
    """The new text without the `expect` lines that are false now, or about sizes that are open."""
    spec = _compiled(source, values, base)
    spec.judge()
    lines = {d.span.line for d in spec.diagnostics if d.code in ("E0502", "E0503")}
    spans = {span for name in spec.names for _, _, span in spec.net(name).graph.claims}
    false = sorted((span for span in spans if span.line in lines), key=lambda span: span.line)
    text = applied(source, [Edit(whole_line(span), "") for span in false])
    return _compiled(Source(source.name, text), values, base), [span.text for span in false]


def _compared(old: Net, new: Spec, name: str, values: Mapping[str, Any], span: Span) -> None:
    """Raises Inconvertible unless the outputs are maps, each of one cell on the old size."""
    graph = new.net(name).graph
    sizes: dict[str, Any] = dict(values)
    for (_, before), (_, after) in zip(old.module.inputs, graph.module.inputs, strict=True):
        for known, size in zip(before.tensor.shape, after.tensor.shape, strict=True):
            if not isinstance(size, int):
                sizes[str(size)] = known
    same = Spec(new.source, sizes, new.base).net(name).graph
    for (label, before), (_, cell), (_, wire) in zip(
        old.module.outputs, same.module.outputs, graph.module.outputs, strict=True
    ):
        if all(isinstance(size, int) for size in wire.tensor.shape):
            raise _fixed(wire, label)
        if cell.tensor.elements != before.tensor.elements:
            message = f"the output `{label}` would be {cell.tensor} where it was {before.tensor}"
            raise Inconvertible(message, span)


def _fixed(wire: Wire, label: str) -> Inconvertible:
    """That an output has one size whatever flows in, at the layer that makes it so."""
    while all(isinstance(size, int) for w in wire.read for size in w.tensor.shape) and wire.read:
        wire = wire.read[0]
    message = f"{wire.by} whatever flows in, so that `{label}` is no map"
    return Inconvertible(message, wire.made, "take it out, or give it a window")


def _moved(old: Report, new: Report) -> tuple[Moved, ...]:
    """The tensors of both state dicts in pairs: the layers are the same, in the same order."""
    pairs = zip(_tensors(old), _tensors(new), strict=True)
    return tuple(
        Moved(before, after, *shapes) for (before, s), (after, t) in pairs for shapes in [(s, t)]
    )


def _tensors(report: Report) -> list[tuple[str, tuple[int, ...]]]:
    found: list[tuple[str, tuple[int, ...]]] = []
    for row in report.rows:
        if not (row.params or row.buffers):
            continue
        if isinstance(row.step, LayerStep):
            found += [(f"{row.path}.{weight.name}", weight.shape) for weight in row.step.weights]
        else:
            found.append((row.path, row.step.weight.shape))
    return found


# ------------------------------------------------------------------------------
# Weights: a safetensors file is a header in JSON and plain numbers, so that tensors are renamed and
# reshaped in the header and the numbers stay as they are. Nothing is unpickled, no torch is needed.


def carried(data: bytes, moved: tuple[Moved, ...]) -> bytes:
    """A safetensors file with the tensors under their new names and shapes. Raises Unfit."""
    header, start = _header(data)
    metadata = header.pop("__metadata__", None)
    wanted = {one.old: one for one in moved}
    _same_keys(set(header), set(wanted))
    new: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    for key, entry in header.items():
        one = wanted[key]
        if tuple(entry["shape"]) != one.old_shape:
            found, needed = list(entry["shape"]), list(one.old_shape)
            raise Unfit(f"`{key}` is {found}, and the net has {needed}")
        new[one.new] = {**entry, "shape": list(one.new_shape)}
    text = json.dumps(new, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # numbers begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + data[start:]


def carry(source: Path, target: Path, moved: tuple[Moved, ...]) -> None:
    """Writes a file of weights for the new net. Raises Unfit, OSError."""
    write_atomically(target, carried(source.read_bytes(), moved))


def tensor_in(data: bytes, key: str) -> tuple[str, tuple[int, ...], bytes]:
    """A tensor of a file of weights: its type (`F32`), its sizes and its bytes. Raises Unfit."""
    header, start = _header(data)
    entry = header.get(key)
    if entry is None or key == "__metadata__":
        from netc.compiler.diagnostics import did_you_mean

        raise Unfit(f"it has no `{key}`: {did_you_mean(key, header.keys() - {'__metadata__'})}")
    first, last = entry["data_offsets"]
    return str(entry.get("dtype")), tuple(entry["shape"]), data[start + first : start + last]


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    size = int.from_bytes(data[:8], "little")
    if len(data) < 8 or size > min(len(data) - 8, LARGEST_HEADER):
        raise Unfit("it is no safetensors file: its header is longer than the file")
    try:
        header = json.loads(data[8 : 8 + size])
        entries = {key: value for key, value in header.items() if key != "__metadata__"}
        held = len(data) - 8 - size
        for key, entry in entries.items():
            start, end = entry["data_offsets"]
            if not (0 <= start <= end <= held and all(type(n) is int for n in entry["shape"])):
                raise Unfit(f"it is damaged: `{key}` lies outside the file")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unfit("it is no safetensors file: its header is not what the format says") from None
    return header, 8 + size


def _same_keys(found: set[str], wanted: set[str]) -> None:
    for keys, what in ((wanted - found, "lacks"), (found - wanted, "has, and the net has not,")):
        if keys:
            listed = ", ".join(f"`{key}`" for key in sorted(keys)[:4])
            more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
            raise Unfit(f"it {what} {listed}{more}")


def told(error: Inconvertible) -> str:
    """The error with its place and line, as `netc check` shows one."""
    span = error.span
    line = span.source.line(span.line).replace("\t", " ")
    end = span.end_column if span.end_line == span.line else len(line) + 1
    blank = " " * len(str(span.line))
    marks = "^" * max(1, min(end, len(line) + 1) - span.column)
    lines = [
        error.message,
        f"{blank}--> {span}",
        f"{span.line} | {line}",
        f"{blank} | {' ' * (span.column - 1)}{marks}",
    ]
    return "\n".join([*lines, *([f"{blank} = help: {error.hint}"] if error.hint else [])])
