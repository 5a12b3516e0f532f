"""Values of different numbers of axes: what brings them to one, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from netc.compiler import layers
from netc.compiler.edits import Edit, Fix, indentation, rewrite
from netc.compiler.frame import Frame
from netc.compiler.graph import Wire
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.program import LayerUse
from netc.compiler.source import Span
from netc.compiler.ways import layers_of


class Meeting(Struct, frozen=True, eq=False):
    """A join in the text: its use, the values that meet there, and where elaboration stands."""

    use: LayerUse
    wires: Sequence[Wire]
    frame: Frame

    @property
    def word(self) -> str:
        """The join's word: `add`."""
        return self.use.layer.kind

    def name(self, wire: Wire) -> str | None:
        """What the text calls a value."""
        names = (n for n, v in self.frame.env.items() if v is wire and n not in ("out", "in"))
        return next(names, None)

    def flows(self, wire: Wire) -> bool:
        """Whether a value is the one that flows into the join, and no name of it stands there."""
        return wire is self.wires[0] and len(self.wires) == len(self.use.operands) + 1

    def free_name(self, wanted: str) -> str:
        """A name that stands nowhere in the text: the wanted one, or one like it."""
        text = self.use.span.source.text
        names = (wanted, *(f"{wanted}{n}" for n in range(2, 1000)))
        return next(name for name in names if not re.search(rf"\b{name}\b", text))


def bridged(meeting: Meeting) -> Fix:
    """What makes values of one number of axes, as edits where the text has a place for it."""
    low = min(meeting.wires, key=lambda wire: len(wire.tensor.shape))
    high = [w for w in meeting.wires if len(w.tensor.shape) > len(low.tensor.shape)]
    if meeting.word == "mul" and len(meeting.wires) == 2 and _is_gate(low, high[0]):
        return _gated(meeting, low, high[0])
    found = [next(_bridges(meeting.word, wire.tensor, low.tensor), None) for wire in high]
    missing = [bridge for bridge in found if bridge is not None]
    lows = {w.tensor.shape for w in meeting.wires if w not in high}
    if len(missing) < len(found) or (len(lows) > 1 and meeting.word != "concat"):
        rank = len(low.tensor.shape)
        return Fix(f"bring all to {rank} {'axis' if rank == 1 else 'axes'}, or join others")
    edits = [_inserted(meeting, w, text) for w, text in zip(high, missing, strict=True)]
    said = [_said(meeting, w, text) for w, text in zip(high, missing, strict=True)]
    hint = f"put {', '.join(said)}: then {'both' if len(meeting.wires) == 2 else 'all'} fit"
    if len(high) == 1 and not edits[0] and (two := _two_lines(meeting, high[0], low, missing[0])):
        return two
    if not all(edits):
        return Fix(hint)
    return Fix(hint, tuple(edit for some in edits for edit in some))


def _said(meeting: Meeting, wire: Wire, text: str) -> str:
    if meeting.flows(wire):
        return f"`{text} ->` before `{meeting.word}`"
    return f"`-> {text}` behind `{meeting.name(wire) or wire.made.text}`"


def _is_gate(low: Wire, high: Wire) -> bool:
    return low.tensor.shape == high.tensor.shape[:1] and len(high.tensor.shape) in (2, 3, 4)


def _bridges(word: str, tensor: Tensor, wanted: Tensor) -> Iterator[str]:
    """Layers that bring a value to the axes of another, the likeliest first.

    `concat` needs as many axes, the other joins the same shape.
    """
    if len(wanted.shape) != 1 or tensor.dtype != "float":
        return
    kinds = ("global_avg_pool", "mean", "flatten")
    for kind in reversed(kinds) if word == "concat" else kinds:
        after = _after((kind,), tensor)
        if after is None or (kind == "flatten" and not isinstance(after.shape[0], int)):
            continue  # no layer with weights reads so many numbers as a name says
        if after == wanted or (word == "concat" and len(after.shape) == 1):
            yield kind
    if word != "concat" and isinstance(wanted.shape[0], int):
        for kind in ("flatten", "mean"):
            after = _after((kind,), tensor)
            if after is not None and len(after.shape) == 1 and isinstance(after.shape[0], int):
                yield f"{kind} -> dense {wanted.shape[0]}"


def _after(kinds: Sequence[str], tensor: Tensor) -> Tensor | None:
    """What layers without arguments make of a value; None if one does not fit."""
    for kind in kinds:
        layer: type[Layer] | None = layers.find(kind)
        assert layer is not None
        try:
            tensor = layer().output([tensor])
        except ShapeError:
            return None
    return tensor


def _inserted(meeting: Meeting, wire: Wire, text: str) -> tuple[Edit, ...]:
    """Edits that put layers behind a value: before the join, or on the line of a value's own.

    None where others read the value, or a line may that names it.
    """
    if meeting.flows(wire):
        return (Edit(meeting.use.word.before, f"{text} -> "),)
    name = meeting.name(wire)
    source = wire.made.source
    if wire.layer is None or source != meeting.use.span.source:
        return ()
    read = any(wire in step.inputs for step in layers_of(meeting.frame.steps))
    if read or (name and len(re.findall(rf"\b{name}\b", source.text)) != 2):
        return ()
    if source.line(wire.made.line)[wire.made.end_column - 1 :].split("#")[0].strip():
        return ()
    return (Edit(wire.made.after, f" -> {text}"),)


def _two_lines(meeting: Meeting, high: Wire, low: Wire, text: str) -> Fix | None:
    """`x -> add a` as two lines: what flows gets a name, and `a` is brought to its axes first."""
    name = meeting.name(high)
    if name is None or not meeting.flows(low):
        return None
    return _turned(meeting, name, f"{text} -> {meeting.word} ", "way")


def _gated(meeting: Meeting, gate: Wire, high: Wire) -> Fix:
    """`scale` in the place of `mul`: one number for each channel."""
    what = "one number for each channel"
    gate_name, name = meeting.name(gate), meeting.name(high)
    if meeting.flows(high):
        text = f"scale by={gate_name}"
        return rewrite(meeting.use.span, text, f"write `{{}}`: {what}")
    if meeting.flows(gate) and name is not None:
        turned = _turned(meeting, name, "scale by=", "gate")
        return turned or Fix(f"write `{name} -> scale by=GATE`: {what}")
    line = meeting.use.span.source.line(meeting.use.word.line)
    pair = re.search(r"\(\s*\w+\s*,\s*\w+\s*\)\s*->\s*mul\b", line)
    text = f"{name} -> scale by={gate_name}"
    if name is None or gate_name is None or pair is None:
        return Fix(f"write `scale` for `mul`: {what}")
    place = replace(meeting.use.word, column=pair.start() + 1, end_column=pair.end() + 1)
    return rewrite(place, text, f"write `{{}}`: {what}")


def _turned(meeting: Meeting, name: str, rest: str, wanted: str) -> Fix | None:
    """`… -> add a` as `way = …` and, on a line below, `a -> … -> add way`."""
    span = meeting.use.span
    line = span.source.line(span.line)
    before = line[: span.column - 1]
    chain = re.fullmatch(r"(\s*)((?!\w+ *=).*?)\s*->\s*", before)
    if span.line != span.end_line or ":" in before or not (chain or not before.strip()):
        return None
    called = meeting.free_name(wanted)
    start = len(indentation(span)) + 1
    head = Span(span.source, span.line, start, span.line, start)
    second = f"{name} -> {rest}{called}"
    hint = f"write `{called} = …` and on a line below `{second}`"
    if chain is None:
        lines = f"{called} = out\n{indentation(span)}{second}"
        return Fix(hint.replace("…", "out"), (Edit(span, lines),))
    rest_of_line = replace(span, column=chain.end(2) + 1)
    return Fix(
        hint, (Edit(head, f"{called} = "), Edit(rest_of_line, f"\n{indentation(span)}{second}"))
    )
