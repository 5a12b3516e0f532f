"""The report: what a net is, layer by layer and as a whole, with the arithmetic of each number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from netc.compiler import memory, receptive
from netc.compiler.graph import AUTO, LayerStep, Net, ParamStep, Placed, Wire, walk
from netc.compiler.in_place import in_place
from netc.compiler.layers.base import Tensor
from netc.compiler.sizes import Shape, Size, spec_text
from netc.compiler.source import Span
from netc.compiler.why import Place, Reasons, reasons

if TYPE_CHECKING:
    from netc.compiler.initialising import Start

Starts: TypeAlias = "Callable[[], Mapping[str, Start]]"
"""How each layer's weights begin, by its path; worked out when it is asked for."""

FORMAT = 2
"""Version of the JSON; it grows by new keys only, else this number rises."""


class Row(Struct, frozen=True, eq=False):
    """One layer of the report.

    Attributes:
        path: its key in the state dict, or where it stands.
        layer: the layer's word.
        text: the layer as written.
        params: learned numbers it owns; 0 where a shared layer is applied again.
        buffers: numbers saved with the weights but not learned.
        macs: multiply-accumulates for one example.
        receptive_field: positions of the input that one element sees, per spatial axis.
    """

    path: str
    layer: str
    text: str
    span: Span
    inputs: tuple[Shape, ...]
    output: Tensor
    params: int
    buffers: int
    macs: Size
    receptive_field: receptive.Sizes
    step: LayerStep | ParamStep
    place: Place
    starts: Starts

    @property
    def init(self) -> str | None:
        """The scheme by which its weights begin; None where it is PyTorch's own or has none."""
        start = self.starts().get(self.path)
        return None if start is None or start.scheme == "torch" else start.scheme

    @property
    def why(self) -> Reasons:
        """The arithmetic behind its numbers, worked out when it is asked for."""
        return reasons(self.step, self.place)


class Claim(Struct, frozen=True, eq=False):
    """An `expect` line: as written, and whether it holds (None for training claims)."""

    text: str
    line: int
    holds: bool


class Report(Struct, frozen=True, eq=False):
    """A whole net. Sizes not known are expressions over the input's names; None is unknown.

    Attributes:
        params: learned numbers, shared ones once. Without frozen layers all are trainable.
        macs: multiply-accumulates of matrix products and convolutions for one example.
        weights_bytes: parameters and buffers as they are stored.
        peaks: activation bytes for one example (compiler/memory.py), worked out when asked for.
        receptive_field: of the last value with spatial axes.
        output_fields: of the last such value on the way to each output, by its name.
        depth: layers with a weight matrix on the longest way from input to output.
        entering: the inputs as the rows' steps know them.
        start: how the weights of layers begin that say nothing: `auto`, `torch` or a scheme.
    """

    name: str
    inputs: tuple[tuple[str, Tensor], ...]
    outputs: tuple[tuple[str, Tensor], ...]
    params: int
    trainable: int
    frozen: int
    buffers: int
    macs: Size
    weights_bytes: int
    peaks: Callable[[], memory.Peaks]
    receptive_field: receptive.Sizes
    output_fields: tuple[tuple[str, receptive.Sizes], ...]
    depth: int
    conditions: tuple[str, ...]
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...] = ()
    entering: tuple[tuple[str, Wire], ...] = ()
    start: str = AUTO

    @property
    def inference_peak(self) -> int | None:
        """Bytes of activations at the worst moment of a run without gradients."""
        return self.peaks().inference

    @property
    def training_peak(self) -> int | None:
        """Bytes of activations at the worst moment of a training step."""
        return self.peaks().training

    @property
    def least_peaks(self) -> tuple[int, int] | None:
        """The least that both are where a part of them is unknown."""
        return self.peaks().least

    @property
    def unknown(self) -> str:
        """That part, in a few words."""
        return self.peaks().why

    @property
    def flops(self) -> Size:
        """Floating-point operations: two for each multiply-accumulate."""
        return self.macs * 2

    def schemes(self, *, told: bool) -> dict[str, int]:
        """How many layers begin by each scheme, shared ones once, in the order of the layers.

        Those that say it themselves, or the others; PyTorch's own schemes are not counted.
        """
        starts = {row.path: row.starts().get(row.path) for row in self.rows}
        chosen = [s for s in starts.values() if s is not None and s.scheme != "torch"]
        return dict(Counter(start.scheme for start in chosen if start.told == told))

    def to_json(self) -> dict[str, Any]:
        """The net's entry in the JSON contract of `netc report --json` (docs/json.md)."""
        return {
            "name": self.name,
            "inputs": [_tensor_json(name, t) for name, t in self.inputs],
            "outputs": [
                {**_tensor_json(name, tensor), "receptive_field": _list(field)}
                for (name, tensor), (_, field) in zip(self.outputs, self.output_fields, strict=True)
            ],
            "params": {
                "total": self.params,
                "trainable": self.trainable,
                "frozen": self.frozen,
                "buffers": self.buffers,
            },
            "macs": number(self.macs),
            "flops": number(self.flops),
            "memory": {
                "weights": self.weights_bytes,
                "inference_peak": self.inference_peak,
                "training_peak": self.training_peak,
                "inference_least": self.least_peaks and self.least_peaks[0],
                "training_least": self.least_peaks and self.least_peaks[1],
                "why": self.unknown or None,
            },
            "receptive_field": _list(self.receptive_field),
            "depth": self.depth,
            "conditions": list(self.conditions),
            "init": {
                "rule": self.start,
                "schemes": [
                    {"scheme": scheme, "layers": count, "told": told}
                    for told in (False, True)
                    for scheme, count in self.schemes(told=told).items()
                ],
            },
            "claims": [{"line": c.line, "text": c.text, "holds": c.holds} for c in self.claims],
            "layers": [row_json(row) for row in self.rows],
        }


class _Whole(Struct, frozen=True, eq=False):
    """What is known of a net's values and layers before they are told one by one.

    Attributes:
        fields: the receptive field of each value.
        known: what the conditions say of names in sizes (`receptive.known_sizes`).
        located: the values that an input with spatial axes leads to.
        learned: those that learned numbers lead to.
        over: those that are written over a layer's input.
        begins: how weights begin.
    """

    fields: dict[Wire, receptive.Field]
    known: Mapping[str, tuple[int, int]]
    located: set[Wire]
    learned: set[Wire]
    over: Set[Wire]
    begins: Starts

    def size(self, size: Size) -> Size:
        """A size for the values of names that the net takes."""
        if isinstance(size, int) or not self.known:
            return size
        from netc.compiler.conditions import where_they_hold

        return where_they_hold(size, self.known)

    def of(self, tensor: Tensor) -> Tensor:
        """The same for a tensor's sizes."""
        return Tensor(tuple(map(self.size, tensor.shape)), tensor.dtype)

    def place(self, step: LayerStep | ParamStep, reuse: bool) -> Place:
        """What stands around a layer."""
        made = step.output
        return Place(
            tuple(self.fields[wire] for wire in step.sources),
            self.fields[made],
            reuse,
            learns=made in self.learned,
            placed=made in self.located,
            known=self.known,
            over=made in self.over,
        )


def report(net: Net) -> Report:
    """Adds up a typed graph. Linear in the number of layers."""
    fields = receptive.fields(net)
    whole = _Whole(
        fields,
        receptive.known_sizes(net),
        _located(net, fields),
        memory.learning([placed.step for placed in walk(net.module)]),
        in_place(net.module),
        _starts(net),
    )
    rows: list[Row] = []
    depths: dict[Wire, int] = {}
    trainable = buffers = stored = 0
    macs: Size = 0
    for placed in walk(net.module):
        row = _row(placed, whole)
        rows.append(row)
        macs = macs + row.macs
        trainable += row.params
        buffers += row.buffers
        if not placed.reuse:
            stored += sum([w.count * w.dtype_bytes for w in _weights(placed)])
        step = placed.step
        before = max([depths.get(wire, 0) for wire in step.sources], default=0)
        depths[step.output] = before + _depth(step)
    outputs = tuple((name, whole.of(wire.tensor)) for name, wire in net.module.outputs)
    return Report(
        net.name,
        tuple((name, wire.tensor) for name, wire in net.module.inputs),
        outputs,
        trainable,
        trainable,
        0,
        buffers,
        whole.size(macs),
        stored,
        cache(lambda: memory.peaks(net, whole.over, whole.learned)),
        *receptive.of_net(net, fields),
        max((depths.get(wire, 0) for _, wire in net.module.outputs), default=0),
        net.conditions,
        tuple(rows),
        entering=net.module.inputs,
        start=net.start[0],
    )


def _starts(net: Net) -> Starts:
    @cache
    def begins() -> Mapping[str, Start]:
        from netc.compiler.initialising import starts  # not needed by `netc check`

        return starts(net)

    return begins


def _located(net: Net, fields: dict[Wire, receptive.Field]) -> set[Wire]:
    """The values that an input with spatial axes leads to."""
    found = {wire for _, wire in net.module.inputs if fields[wire] is not None}
    for placed in walk(net.module):
        if not found.isdisjoint(placed.step.sources):
            found.add(placed.step.output)
    return found


def _row(placed: Placed, whole: _Whole) -> Row:
    step = placed.step
    place = whole.place(step, placed.reuse)
    seen = receptive.sizes(place.field)
    weights = () if placed.reuse else _weights(placed)
    params = sum([w.count for w in weights if not w.buffer])
    held = sum([w.count for w in weights if w.buffer])
    inputs = tuple(wire.tensor.shape for wire in step.inputs)
    if isinstance(step, ParamStep):
        macs: Size = 0
        kind = "param"
    else:
        macs = step.macs
        kind = step.layer.kind
    tensor = step.output.tensor
    return Row(
        placed.path,
        kind,
        step.span.text,
        step.span,
        inputs,
        tensor,
        params,
        held,
        macs,
        seen,
        step,
        place,
        whole.begins,
    )


def _weights(placed: Placed) -> Sequence[Any]:
    step = placed.step
    return (step.weight,) if isinstance(step, ParamStep) else step.weights


def _depth(step: LayerStep | ParamStep) -> int:
    return 0 if isinstance(step, ParamStep) else step.layer.depth(step.weights)


def number(size: Size | None) -> int | str | None:
    """A size for JSON: a number, an expression over the user's names, or null for unknown."""
    return size if isinstance(size, int) or size is None else spec_text(size)


def _list(sizes: Sequence[Size | str] | str | None) -> list[int | str | None] | str | None:
    if sizes is None or isinstance(sizes, str):
        return sizes
    return [size if isinstance(size, str) else number(size) for size in sizes]


def _tensor_json(name: str, tensor: Tensor) -> dict[str, Any]:
    return {"name": name, "shape": _list(tensor.shape), "dtype": tensor.dtype}


def row_json(row: Row) -> dict[str, Any]:
    """A layer's entry in the JSON of `netc report` and `netc explain`."""
    return {
        "path": row.path,
        "layer": row.layer,
        "text": row.text,
        "line": row.span.line,
        "inputs": [_list(shape) for shape in row.inputs],
        "output": _list(row.output.shape),
        "params": row.params,
        "buffers": row.buffers,
        "macs": number(row.macs),
        "receptive_field": _list(row.receptive_field),
        "receptive_stride": _list(receptive.steps(row.place.field)),
        "receptive_start": _list(receptive.starts(row.place.field)),
        "init": row.init,
        "why": row.why.to_json(),
    }
