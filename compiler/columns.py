"""The columns of the report: what each says of a line, as data and as text for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from netc.compiler import receptive
from netc.compiler.entries import Entry
from netc.compiler.graph import LayerStep
from netc.compiler.layers.base import Tensor
from netc.compiler.memory import BYTES
from netc.compiler.receptive import Field
from netc.compiler.report import Report, Row
from netc.compiler.sizes import Shape, Size, Symbolic, spec_text

Value: TypeAlias = Size | float | str | Shape | tuple[int | str, ...] | tuple[Shape, ...] | None
"""A cell: a count, a share, words, the sizes of a tensor or of several; None where there is none.

A count of 0 is written as a dash for people, and as 0 for programs.
"""

Kind: TypeAlias = Literal["words", "arithmetic", "shape", "shapes", "count", "bytes", "share"]
NOTHING = "–"


class Column(Struct, frozen=True, eq=False):
    """One column.

    Attributes:
        name: what `--columns` calls it.
        heading: what stands above it in a table.
        kind: what its values are, and so how they are written.
        value: what it says of a line.
        total: what stands below it, if anything does.
    """

    name: str
    heading: str
    kind: Kind
    value: Callable[[Entry, Report], Value]
    total: Callable[[Report], Value] | None = None

    @property
    def number(self) -> bool:
        """Whether its values are numbers, which stand at the right of a column."""
        return self.kind in ("count", "bytes", "share")

    def text(self, value: Value) -> str:
        """A value for people."""
        return _WRITTEN[self.kind](value)

    def raw(self, value: Value) -> str | int | float:
        """A value for programs: numbers as they are, sizes as the language writes them."""
        if isinstance(value, int | float):
            return value
        if isinstance(value, tuple):
            shapes: Any = value if self.kind == "shapes" else (value,)
            return ", ".join(map(_raw_shape, shapes))
        return spec_text(value) if isinstance(value, Symbolic) else str(value or "")


def _raw_shape(shape: tuple[Size | str, ...]) -> str:
    """Sizes in brackets; those of a receptive field may be words."""
    return f"[{', '.join(s if isinstance(s, str) else spec_text(s) for s in shape)}]"


def columns() -> dict[str, Column]:
    """Every column by its name."""
    return {column.name: column for column in _COLUMNS}


def activation_bytes(tensor: Tensor) -> Size:
    """The memory of one example of a value, in bytes."""
    return tensor.elements * BYTES[tensor.dtype]


def dense_equivalent(row: Row) -> Size:
    """Parameters of the dense layer that would take and give as many numbers as a convolution.

    `conv 6, 5x5` on `[3, 32, 32]` has 456; a dense layer from its 3,072 numbers to its 4,704 would
    have 3072·4704 + 4704 = 14,455,392. 0 for any other layer.
    """
    if not isinstance(row.step, LayerStep) or row.layer not in ("conv", "conv_transpose"):
        return 0
    given, taken = row.output.elements, row.step.inputs[0].tensor.elements
    bias = any(weight.name == "bias" for weight in row.step.weights)
    return taken * given + (given if bias else 0)


# ------------------------------------------------------------------------------
# What each column says


def _sum(numbers: Iterable[Size]) -> Size:
    total: Size = 0
    for number in numbers:
        total = total + number
    return total


def _params(entry: Entry) -> int:
    return sum([row.params for row in entry.rows])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _receptive(of: Callable[[Field], Value]) -> Callable[[Entry, Report], Value]:
    """Of the layer that made the value; a block may hand on a value of one further up."""

    def seen(entry: Entry, report: Report) -> Value:
        made = [row for row in entry.rows if row.step.output is entry.output]
        return of(made[-1].place.field) if made else None

    return seen


def _inits(entry: Entry) -> Value:
    """The schemes of the layers that it stands for, each once."""
    return ", ".join(dict.fromkeys(row.init for row in entry.rows if row.init is not None))


def _why(part: str) -> Callable[[Entry, Report], Value]:
    """The arithmetic of a single layer; a folded block has none of its own."""

    def why(entry: Entry, report: Report) -> Value:
        return None if entry.folded else getattr(entry.rows[0].why, part)

    return why


_COLUMNS = (
    Column("net", "net", "words", lambda entry, report: report.name),
    Column("path", "layer", "words", lambda entry, report: entry.path),
    Column("layer", "kind", "words", lambda entry, report: entry.kind),
    Column("what", "what", "words", lambda entry, report: entry.what),
    Column("input", "input", "shapes", lambda entry, report: entry.inputs),
    Column("output", "output", "shape", lambda entry, report: entry.output.tensor.shape),
    Column(
        "params",
        "parameters",
        "count",
        lambda entry, report: _params(entry),
        lambda report: report.params,
    ),
    Column(
        "share",
        "share",
        "share",
        lambda entry, report: _share(_params(entry), report.params),
        lambda report: _share(report.params, report.params),
    ),
    Column(
        "buffers",
        "buffers",
        "count",
        lambda entry, report: sum(row.buffers for row in entry.rows),
        lambda report: report.buffers,
    ),
    Column(
        "macs",
        "MACs",
        "count",
        lambda entry, report: _sum(row.macs for row in entry.rows),
        lambda report: report.macs,
    ),
    Column(
        "memory", "memory", "bytes", lambda entry, report: activation_bytes(entry.output.tensor)
    ),
    Column("receptive", "receptive", "shape", _receptive(receptive.sizes)),
    Column("stride", "stride", "shape", _receptive(receptive.steps)),
    Column("start", "start", "shape", _receptive(receptive.starts)),
    Column(
        "dense",
        "as dense",
        "count",
        lambda entry, report: _sum(dense_equivalent(row) for row in entry.rows),
    ),
    Column("init", "weights begin", "words", lambda entry, report: _inits(entry)),
    Column("line", "line", "count", lambda entry, report: entry.line),
    Column("why", "why this output", "arithmetic", _why("output")),
    Column("why_params", "why these parameters", "arithmetic", _why("params")),
    Column("why_macs", "why these MACs", "arithmetic", _why("macs")),
)


# ------------------------------------------------------------------------------
# Values as text for people


@lru_cache(maxsize=4096)  # the sizes of a deep net repeat
def shape_text(shape: object) -> str:
    """Sizes of a tensor: `64 × 112 × 112`; words such as `unknown` stay."""
    if not isinstance(shape, tuple):
        return NOTHING if shape is None else str(shape)
    if len(shape) == 1:
        return _sized(shape[0])
    return " × ".join(f"({_sized(size)})" if _is_sum(size) else _sized(size) for size in shape)


def fields_text(report: Report) -> str | None:
    """The receptive field; of each output where they differ. None for a net without windows."""
    known = [(name, field) for name, field in report.output_fields if field is not None]
    if len({field for _, field in known}) > 1:
        return ", ".join(f"{shape_text(field)} of {name}" for name, field in known)
    return None if report.receptive_field is None else shape_text(report.receptive_field)


def _is_sum(size: Size) -> bool:
    return isinstance(size, Symbolic) and len(size.terms) > 1


def _sized(size: Size | str) -> str:
    return f"{size:,}" if isinstance(size, Symbolic) else str(size)


def bytes_text(count: object) -> str:
    """Bytes as people read them, in powers of 1024; sizes with names stay bytes."""
    if isinstance(count, Symbolic):
        return f"{count:,} B"
    if not isinstance(count, int):
        return "unknown"
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"


def short_count(count: int) -> str:
    """A large number in three digits, in powers of 1000; empty below 10,000.

    >>> short_count(25_557_032), short_count(4_089_184_256), short_count(999_999)
    ('25.6 M', '4.09 G', '1.00 M')
    """
    if count < 10_000:
        return ""
    scaled, units = float(f"{count:.3g}"), "kMGTPE"
    unit = min((len(f"{scaled:.0f}") - 1) // 3, len(units))
    scaled /= 1000**unit
    return f"{scaled:,.{max(0, 3 - len(f'{scaled:.0f}'))}f} {units[unit - 1]}"


def _count_text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | Symbolic) and value != 0 else NOTHING


def _share_text(value: object) -> str:
    if not isinstance(value, float) or not value:
        return NOTHING
    return f"{100 * value:.1f} %" if value >= 0.0005 else "< 0.1 %"


def _shapes_text(value: object) -> str:
    assert isinstance(value, tuple)
    return ", ".join(map(shape_text, value)) or NOTHING


def _words_text(value: object) -> str:
    return "" if value is None else str(value)


_WRITTEN: dict[Kind, Callable[[object], str]] = {
    "words": _words_text,
    "arithmetic": _words_text,
    "shape": lambda value: shape_text(value) or "one number",
    "shapes": _shapes_text,
    "count": _count_text,
    "bytes": bytes_text,
    "share": _share_text,
}


def chosen(names: Sequence[str]) -> list[Column]:
    """The columns of these names. Raises KeyError with the name that there is not."""
    known = columns()
    return [known[name] for name in names]
