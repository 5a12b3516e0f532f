"""The net as it is drawn: boxes in boxes, and in each box the edges between what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from netc.compiler.entries import Entry, folded_kind
from netc.compiler.graph import BlockStep, LayerStep, ParamStep, RepeatStep, Wire
from netc.compiler.layers.base import Tensor
from netc.compiler.parts import Outline, Part
from netc.compiler.report import Row
from netc.compiler.view.plan import Plan, plan

MOST_IN_A_BOX = 100
"""Lines of one box; more are put into boxes of their own, so that each stays small."""


class Box(Struct, eq=False):
    """What is drawn as one: an input, an output, a layer, or a box around others.

    Attributes:
        name: what it is called: its path, or the name of an input or output.
        entry: its line of the report; None for inputs and outputs.
        value: the value of an input or output.
        row: the index of its layer in the report; None unless it is one.
        named: whether it is a block that the spec defines, or repeats.
        inner: numbers of the boxes in it.
        ins, outs: the values that cross its edge, which get a port each.
        links: the edges in it, by number of the box; -1 is its own edge. Each has a value.
    """

    name: str
    entry: Entry | None
    value: Tensor | None = None
    role: str = "layer"
    row: int | None = None
    parent: int = -1
    depth: int = 0
    named: bool = False
    inner: list[int] = field(default_factory=list)
    ins: dict[Wire, int] = field(default_factory=dict)
    outs: dict[Wire, int] = field(default_factory=dict)
    links: dict[tuple[int, int, Wire], None] = field(default_factory=dict)


class Inside(Struct, frozen=True):
    """The inside of a box, with elements numbered: ports of entering values, boxes, leaving ones.

    Attributes:
        edges: from and to, each with the index of its port where it is a box itself.
    """

    entering: int
    leaving: int
    edges: tuple[tuple[int, int, int, int], ...]
    plan: Plan


def boxes(net: Outline, outputs: Sequence[tuple[str, Wire]]) -> list[Box]:
    """All boxes of a net; the first is the net itself. Linear in its layers and their edges."""
    drawing = _Drawing(net)
    drawing.fill()
    drawing.connect()
    for name, wire in outputs:
        drawing.end(name, wire)
    return drawing.boxes


def inside(all_boxes: Sequence[Box], box: Box) -> Inside:
    """How the boxes in a box stand to each other."""
    first = len(box.ins)
    place = {number: first + index for index, number in enumerate(box.inner)}
    last = first + len(box.inner)
    edges: list[tuple[int, int, int, int]] = []
    for source, reader, wire in box.links:
        start = place.get(source, box.ins.get(wire, 0))
        end = place[reader] if reader >= 0 else last + box.outs[wire]
        out = all_boxes[source].outs.get(wire, 0) if source >= 0 else 0
        into = all_boxes[reader].ins.get(wire, 0) if reader >= 0 else 0
        edges.append((start, end, out, into))
    found = plan(last + len(box.outs), [edge[:2] for edge in edges], len(box.ins))
    return Inside(len(box.ins), len(box.outs), tuple(edges), found)


class _Drawing:
    def __init__(self, net: Outline) -> None:
        self.net = net
        self.boxes = [Box(net.report.name, None, role="net")]
        self.makers: dict[Wire, int] = {}
        self.rows = 0

    def fill(self) -> None:
        """Makes a box for every input, part and output."""
        for name, wire in self.net.inputs:
            self.makers[wire] = self._put(0, Box(name, None, wire.tensor, "input"))
        self._parts(0, [part for part in self.net.parts if part.rows])

    def _put(self, parent: int, box: Box) -> int:
        box.parent, box.depth = parent, self.boxes[parent].depth + 1
        self.boxes.append(box)
        number = len(self.boxes) - 1
        self.boxes[parent].inner.append(number)
        return number

    def _parts(self, parent: int, parts: Sequence[Part]) -> None:
        if len(parts) > MOST_IN_A_BOX:
            self._stretches(parent, parts)
            return
        for part in parts:
            inner = [one for one in part.inner if one.rows]
            number = self._put(parent, _box(part, bool(inner)))
            if inner:
                self._parts(number, inner)
                continue
            self.boxes[number].row = self.rows
            self.rows += 1
            self.makers[part.step.output] = number

    def _stretches(self, parent: int, parts: Sequence[Part]) -> None:
        """Puts a long row of parts into boxes, as few as hold it."""
        size = MOST_IN_A_BOX
        while len(parts) > size * MOST_IN_A_BOX:
            size *= MOST_IN_A_BOX
        for start in range(0, len(parts), size):
            some = parts[start : start + size]
            self._parts(self._put(parent, _stretch(some, start)), some)

    def connect(self) -> None:
        """Draws the edges: from where a value is made to every layer that reads it."""
        for number, box in enumerate(self.boxes):
            if box.row is not None:
                for wire in self.net.report.rows[box.row].step.inputs:
                    self._edge(self.makers[wire], number, wire)

    def end(self, name: str, wire: Wire) -> None:
        """An output, behind all layers."""
        number = self._put(0, Box(name, None, wire.tensor, "output"))
        self._edge(self.makers[wire], number, wire)

    def _edge(self, source: int, reader: int, wire: Wire) -> None:
        """An edge in the box that holds both, and on the way there one to each edge crossed."""
        boxes = self.boxes
        while boxes[source].parent != boxes[reader].parent:
            if boxes[source].depth >= boxes[reader].depth:
                outer = boxes[source].parent
                boxes[outer].outs.setdefault(wire, len(boxes[outer].outs))
                boxes[outer].links[source, -1, wire] = None
                source = outer
            else:
                outer = boxes[reader].parent
                boxes[outer].ins.setdefault(wire, len(boxes[outer].ins))
                boxes[outer].links[-1, reader, wire] = None
                reader = outer
        boxes[boxes[source].parent].links[source, reader, wire] = None


def _box(part: Part, around: bool) -> Box:
    step, name = part.step, part.path if part.step.name else ""
    kind = folded_kind(step)
    what = kind if around else " ".join(part.rows[0].text.split())
    inputs = tuple(wire.tensor.shape for wire in step.inputs)
    entry = Entry(name, kind, what, part.rows, inputs, step.output, step.span.line, around)
    named = isinstance(step, RepeatStep) or (
        isinstance(step, BlockStep) and step.module.word != "body"
    )
    return Box(name, entry, role="box" if around else "layer", named=named)


def _stretch(parts: Sequence[Part], start: int) -> Box:
    """A box for parts that no line of the spec puts together."""
    rows: tuple[Row, ...] = tuple(row for part in parts for row in part.rows)
    what = f"{start + 1:,} to {start + len(parts):,}"
    first, last = parts[0].step, parts[-1].step
    inputs = tuple(wire.tensor.shape for wire in first.inputs)
    entry = Entry("", "lines", what, rows, inputs, last.output, first.span.line, True)
    return Box("", entry, role="box")


def family(row: Row) -> str:
    """The file of its class: layers that do the same kind of thing stand in one."""
    step = row.step
    if isinstance(step, ParamStep) or not isinstance(step, LayerStep):
        return "param"
    return type(step.layer).__module__.rpartition(".")[2]
