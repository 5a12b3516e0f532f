"""Convolutions with given links or given weights: connection tables, filters for edges."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from netc.compiler.layers.base import (
    FLOAT_BYTES,
    INDEX_BYTES,
    NO_WEIGHTS,
    Formulas,
    Held,
    Kept,
    Layer,
    Receptive,
    Tensor,
    Weight,
    Why,
    counted,
    times,
)
from netc.compiler.layers.calls import Call, Given, Inferred, Part, Torch
from netc.compiler.layers.fields import Natural, PerAxis
from netc.compiler.layers.refusals import ShapeError, need_float, need_known, need_rank
from netc.compiler.layers.starting import Init, Std, check_start
from netc.compiler.layers.windows import (
    PICTURE,
    WINDOW_LETTERS,
    Axis,
    axis_letters,
    formulas_of,
    image_said,
    sizes_after,
    squeeze,
    steps_said,
    window_axes,
    windows_said,
)
from netc.compiler.sizes import Size, product_of

LENET5 = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
"""LeNet-5's C3: which of 6 maps each of 16 reads, 60 links (LeCun et al. 1998, table I)."""


def _rows(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(tuple(row) if isinstance(row, list | tuple) else row for row in value)
    return value


Row: TypeAlias = Annotated[tuple[Natural, ...], Field(min_length=1)]
Table: TypeAlias = (
    Literal["lenet5"] | Annotated[tuple[Row, ...], BeforeValidator(_rows), Field(min_length=1)]
)


class TableConv(Layer):
    """Convolution whose filters read some channels only: those that a table lists for them.

    Shape: `[c, h, w] -> [rows of the table, ⌊(h + 2p − k)/s⌋ + 1, ⌊(w + 2p − k)/s⌋ + 1]`.
    A row holds the channels that its filter reads, counted from 0; `lenet5` is the table of
    LeNet-5's third layer: 16 rows, 60 links.
    Weights: `weight [links, 1, k, k]` in the table's order, `bias [rows]`.
    MACs: `links * positions * k * k`.
    Source: LeCun, Bottou, Bengio, Haffner 1998, section II.B, table I
    """

    kind = "table_conv"
    positional = 2
    letters = (
        *WINDOW_LETTERS, ("l", "links of the table"), ("f", "filters"),
        ("h_out", "output height"), ("w_out", "output width"),
    )  # fmt: skip
    examples = (
        ("table_conv lenet5, 5x5", "[6, 14, 14]", "[16, 10, 10]"),
        ("table_conv [[0, 1], [1, 2], [2]], 3x3, pad=1", "[3, 8, 8]", "[3, 8, 8]"),
    )
    refused = (
        ("table_conv lenet5, 5x5", "[3, 14, 14]", "channel 3"),
        ("table_conv [[0, 1], [2]], 5x5", "[3, 4, 4]", "larger than the input's 4 + 0 padding = 4"),
        ("table_conv lenet5, 5", "[6, 14]", "channels, height and width"),
    )

    table: Table  #: the channels that each filter reads, or `lenet5`
    kernel: PerAxis  #: the window's size
    stride: PerAxis = 1  #: how far the window moves
    pad: Natural | tuple[Natural, ...] = 0  #: zeros at either end
    bias: bool = True  #: whether each filter adds a learned number
    init: Init | None = None  #: how the weights begin, biases then at 0; none: by what follows
    std: Std | None = None  #: the standard deviation of `init=normal` and `init=uniform`

    @property
    def rows(self) -> tuple[tuple[int, ...], ...]:
        """The channels that each filter reads."""
        return LENET5 if self.table == "lenet5" else self.table

    @property
    def links(self) -> int:
        """How many pairs of a channel and a filter there are."""
        return sum(map(len, self.rows))

    def axes(self, x: Tensor) -> tuple[Axis, ...]:
        """The window along height and width."""
        return window_axes(self.kind, 2, kernel=self.kernel, stride=self.stride, pad=self.pad)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (3,), self.kind, PICTURE)
        check_start(self)
        channels = need_known(x.shape[0], "the number of channels", self.kind)
        for number, row in enumerate(self.rows):
            if max(row) >= channels:
                raise ShapeError(
                    f"row {number} of the table names channel {max(row)}, and there are "
                    f"{channels}, counted from 0",
                    f"write numbers from 0 to {channels - 1}",
                    code="E0312",
                    argument="table",
                )
            if len(set(row)) < len(row):
                raise ShapeError(
                    f"row {number} of the table names a channel twice: {', '.join(map(str, row))}",
                    "write each channel once",
                    code="E0312",
                    argument="table",
                )
        return Tensor((len(self.rows), *sizes_after(self.axes(x), x.shape[1:], self.kind)))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        kernels = tuple(axis.kernel for axis in self.axes(inputs[0]))
        weight = Weight("weight", (self.links, 1, *kernels))
        return (weight, Weight("bias", (len(self.rows),))) if self.bias else (weight,)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return product_of((*self.weights(inputs)[0].shape, *output.shape[1:]))

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return tuple(axis.window for axis in self.axes(inputs[0]))

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        read = self.links * product_of(inputs[0].shape[1:])
        made = self.links * product_of(output.shape[1:])
        # on the way back the gradients of all maps, and of the channels as they were read
        back = read + made - inputs[0].elements - output.elements
        links = self.links
        beside = (
            Held("channels as the maps read them", (links, *inputs[0].shape[1:], FLOAT_BYTES)),
            Held("the table once for the batch", (links, INDEX_BYTES), once=True),
        )
        return Kept(beside=beside, back=FLOAT_BYTES * back)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        read = self.links * product_of(inputs[0].shape[1:])
        made = self.links * product_of(output.shape[1:])
        first, then = read + made - output.elements, made + output.elements
        if isinstance(first, int) and isinstance(then, int):
            return FLOAT_BYTES * max(first, then)
        return FLOAT_BYTES * first

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        axes = self.axes(inputs[0])
        keywords: list[tuple[str, Part]] = []
        stride, pad = squeeze([a.stride for a in axes]), squeeze([a.before for a in axes])
        if stride != 1:
            keywords.append(("stride", Given("stride", stride)))
        if pad != 0:
            keywords.append(("padding", Given("pad", pad)))
        if not self.bias:
            keywords.append(("bias", False))
        kernel = Given("kernel", squeeze([axis.kernel for axis in axes]))
        call = Call("TableConv", (Given("table", self.rows), kernel), tuple(keywords))
        return Torch(call, support=("TableConv",))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        pairs = zip(self.axes(x), x.shape[1:], strict=True)
        weights = self.weights(inputs)
        kernels = weights[0].shape[2:]
        biases = f" + {len(self.rows)}" if self.bias else ""
        learned = sum(weight.count for weight in weights)
        return Why(
            f"{counted(len(self.rows), 'filter')}; {', '.join(a.why(size) for a, size in pairs)}",
            f"{times(*kernels, self.links)}{biases} = {learned}",
            f"{times(*kernels, self.links, *output.shape[1:])} = {self.macs(inputs, output)}",
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        (x,) = inputs
        axes = self.axes(x)
        kernels = axis_letters("k", [axis.kernel for axis in axes])
        return Formulas(
            formulas_of(axes, x.shape[1:]),
            times(*kernels, "l") + (" + f" if self.bias else ""),
            times(*kernels, "l", "h_out", "w_out"),
        )

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        (x,) = inputs
        axes = self.axes(x)
        return (
            f"looks at {windows_said([axis.kernel for axis in axes])} of {image_said(x.shape)} "
            f"with {counted(len(self.rows), 'filter')} that read {self.links} channels "
            f"in all{steps_said(axes)}"
        )


Operator: TypeAlias = Literal[
    "prewitt_x", "prewitt_y", "scharr_x", "scharr_y", "sobel_x", "sobel_y"
]
OPERATORS = {"prewitt": (1, 1, 1), "sobel": (1, 2, 1), "scharr": (3, 10, 3)}
"""The weights across the direction of the edge; along it stand -1 0 1."""


def kernel_of(operator: str, sign: str) -> tuple[tuple[int, ...], ...]:
    """The 3x3 kernel of an operator such as `sobel_x`.

    >>> kernel_of("sobel_x", "rising")
    ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
    >>> kernel_of("prewitt_y", "falling")
    ((1, 1, 1), (0, 0, 0), (-1, -1, -1))
    """
    name, axis = operator.split("_")
    step = (-1, 0, 1) if sign == "rising" else (1, 0, -1)
    rows = tuple(tuple(across * along for along in step) for across in OPERATORS[name])
    return rows if axis == "x" else tuple(zip(*rows, strict=True))


class Filter(Layer):
    """A fixed 3x3 filter for edges over each channel alone; nothing is learned.

    The kernels of `x` find edges that run from top to bottom: `-1 0 1` in each row, the middle row
    weighted by 1 (`prewitt`), 2 (`sobel`) or 10 to 3 (`scharr`); those of `y` are transposed. With
    `sign=rising` the result is positive where numbers rise to the right (or downwards), as in
    most libraries; `sign=falling` is the other convention, `1 0 -1`: positive from bright to dark.
    Shape: `[c, h, w] -> [c, h + 2p − 2, w + 2p − 2]`.
    Weights: none; buffer `weight [c, 1, 3, 3]`.
    MACs: `9 * c * positions`.
    Source: Sobel, Feldman 1968; Prewitt 1970; Scharr 2000
    """

    kind = "filter"
    positional = 1
    letters = (("c", "channels"), ("h_out", "output height"), ("w_out", "output width"))
    examples = (
        ("filter sobel_x", "[3, 6, 6]", "[3, 4, 4]"),
        ("filter scharr_y, sign=falling, pad=1", "[1, H, W]", "[1, H, W]"),
    )
    refused = (
        ("filter sobel", "[3, 6, 6]", "sobel_y"),
        ("filter sobel_x", "[3, 2, 2]", "larger than the input's 2 + 0 padding = 2"),
        ("filter sobel_x", "[400]", "channels, height and width"),
    )

    operator: Operator  #: the kernel, and the direction in which it looks for change
    sign: Literal["rising", "falling"] = "rising"  #: what change gives a positive number
    pad: Natural = 0  #: zeros at either end

    def axes(self, x: Tensor) -> tuple[Axis, ...]:
        """The window along height and width."""
        return window_axes(self.kind, 2, kernel=3, stride=1, pad=self.pad)

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        (x,) = inputs
        need_float(x, self.kind)
        need_rank(x, (3,), self.kind, PICTURE)
        need_known(x.shape[0], "the number of channels", self.kind)
        return Tensor((x.shape[0], *sizes_after(self.axes(x), x.shape[1:], self.kind)))

    def weights(self, inputs: Sequence[Tensor]) -> tuple[Weight, ...]:
        channels = need_known(inputs[0].shape[0], "the number of channels", self.kind)
        return (Weight("weight", (channels, 1, 3, 3), buffer=True),)

    def macs(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 9 * output.elements

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        return tuple(axis.window for axis in self.axes(inputs[0]))

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        return Kept(inputs=(0,))

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        channels = self.weights(inputs)[0].shape[0]
        kernel = kernel_of(self.operator, self.sign)
        keywords = (("padding", Given("pad", self.pad)),) if self.pad else ()
        args = (Given("operator", kernel), Inferred("channels", channels))
        call = Call("FixedFilter", args, keywords)
        return Torch(call, support=("FixedFilter",))

    def why(self, inputs: Sequence[Tensor], output: Tensor) -> Why:
        (x,) = inputs
        pairs = zip(self.axes(x), x.shape[1:], strict=True)
        return Why(
            f"channels stay {x.shape[0]}; {', '.join(axis.why(size) for axis, size in pairs)}",
            NO_WEIGHTS,
            f"{times(9, *output.shape)} = {self.macs(inputs, output)}",
        )

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas(macs="9·c·h_out·w_out")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        rows = "; ".join(" ".join(map(str, row)) for row in kernel_of(self.operator, self.sign))
        return f"correlates each channel with the kernel {rows}"
