"""The middle of a picture."""

from collections.abc import Sequence

from netc.compiler.conditions import equal_when
from netc.compiler.layers.base import (
    FLOAT_BYTES,
    Formulas,
    Kept,
    Receptive,
    Tensor,
    Weightless,
    Window,
    by,
    times,
)
from netc.compiler.layers.calls import Call, Given, Torch
from netc.compiler.layers.fields import PerAxis
from netc.compiler.layers.refusals import ShapeError, need_rank
from netc.compiler.layers.windows import AXIS_NAMES, image_said, spread, squeeze
from netc.compiler.positive import never_positive
from netc.compiler.sizes import Size, product_of


class Crop(Weightless):
    """Keeps the middle: `size` positions, or as many as the value `to` has.

    As many positions go at one end as at the other. So what goes must be even: where the middle of
    an odd rest lies, programs differ (torchvision's `center_crop` takes the even one of the two
    places).
    Shape: `[c, ...] -> [c, size...]`, one to three spatial axes; the channels stay.
    Source: Ronneberger, Fischer, Brox 2015, U-Net, figure 1;
    https://pytorch.org/docs/stable/generated/torch.narrow.html
    """

    kind = "crop"
    positional = 1
    operands = ("to",)
    measured = ("to",)
    needs = "takes as much off at either end"
    letters = (("n", "input size"), ("c", "positions that go, half of them at either end"))
    examples = (
        ("crop 56", "[512, 64, 64]", "[512, 56, 56]"),
        ("crop 200x300", "[3, 256, 320]", "[3, 200, 300]"),
        ("crop to=b", "[64, H, W] ; [32, H - 4, W - 4]", "[64, H - 4, W - 4]"),
    )
    refused = (
        ("crop 57", "[512, 64, 64]", "64 − 57 = 7 would go"),
        ("crop 80", "[512, 64, 64]", "80 is more than 64"),
        ("crop", "[512, 64, 64]", "`size` or `to`"),
        ("crop 56, to=b", "[512, 64, 64] ; [512, 56, 56]", "told twice"),
        ("crop to=b", "[512, 64, 64] ; [56]", "spatial axes"),
    )

    size: PerAxis | None = None  #: positions that stay; none: as many as `to` has
    to: int | None = None  #: the value whose sizes are taken; its numbers are not read

    def _sizes(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        """The positions that stay, along each spatial axis."""
        axes = len(inputs[0].shape) - 1
        if self.size is not None:
            return spread(self.size, axes, "size", self.kind)
        assert self.to is not None
        return inputs[self.to].shape[1:]

    def _gone(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        """The positions that go, along each spatial axis."""
        pairs = zip(inputs[0].shape[1:], self._sizes(inputs), strict=True)
        return tuple(size - kept for size, kept in pairs)

    def _told(self, inputs: Sequence[Tensor]) -> None:
        """Raises ShapeError unless it is told one size for each spatial axis."""
        need_rank(inputs[0], (2, 3, 4), self.kind, "channels and one to three spatial axes")
        if self.size is None and self.to is None:
            raise ShapeError(
                "`crop` must know what stays: `size` or `to`",
                "write `crop SIZE`, or `crop to=VALUE` for the sizes of another value",
                code="E0309",
            )
        if self.size is not None and self.to is not None:
            raise ShapeError(
                f"`crop` is told twice: `size` is {self.size}, and `to` is {inputs[self.to]}",
                "leave out `size`",
                code="E0309",
                argument="size",
                change=("size", None),
            )
        if self.to is not None:
            self._alike(inputs[0], inputs[self.to])

    def _alike(self, x: Tensor, other: Tensor) -> None:
        if len(x.shape) != len(other.shape):
            raise ShapeError(
                f"`crop` takes the spatial axes of {x} to those of `to`, and that is {other}",
                code="E0303",
            )

    def joins(self, inputs: Sequence[Tensor]) -> list[tuple[Size, Size, int]]:
        """Half of what goes, twice, is what goes. What can never be, `output` refuses."""
        try:
            self._told(inputs)
            gone = self._gone(inputs)
        except ShapeError:
            return []
        return [
            (2 * (size // 2), size, axis)
            for axis, size in enumerate(gone, 1)
            if not (isinstance(size, int) or never_positive(size + 1) or _is_odd(size))
        ]

    def fitting(self, inputs: Sequence[Tensor]) -> tuple[Size, ...]:
        return tuple(size + 1 for size in self._gone(inputs))

    def output(self, inputs: Sequence[Tensor]) -> Tensor:
        x = inputs[0]
        self._told(inputs)
        sizes = self._sizes(inputs)
        for name, before, kept in zip(AXIS_NAMES[len(sizes)], x.shape[1:], sizes, strict=True):
            gone = before - kept
            if never_positive(gone + 1):
                raise self._larger(name, before, kept)
            if _is_odd(gone):
                what = f"along the {name} {before} − {times(kept)} = {gone} would go, an odd number"
                raise self._odd(x, sizes, what)
        return Tensor((x.shape[0], *sizes), x.dtype)

    def _larger(self, name: str, before: Size, kept: Size) -> ShapeError:
        """The error that there is less than what should stay."""
        change = ("size", str(before)) if isinstance(self.size, int) else None
        return ShapeError(
            f"`crop` makes sizes smaller, and the {name} {kept} is more than {before}",
            "crop the larger value to the smaller one" if self.to else f"{before} or less can stay",
            code="E0305",
            argument="size",
            change=change,
        )

    def _odd(self, x: Tensor, sizes: Sequence[Size], what: str) -> ShapeError:
        """The error that the middle lies between two places, with the nearest sizes that do not."""
        fact = f"`crop` takes as many positions off at either end, and {what}"
        known = [s for pair in zip(x.shape[1:], sizes, strict=True) for s in pair]
        if self.to is not None or not all(isinstance(size, int) for size in known):
            hint = "let both sizes be even, or both be odd"
            return ShapeError(fact, hint, code="E0305", argument="size")
        near = [
            kept - 1 if _is_odd(before - kept) and kept != 1 else kept + _is_odd(before - kept)
            for before, kept in zip(x.shape[1:], sizes, strict=True)
        ]
        written = "x".join(map(str, near if len(set(near)) > 1 else near[:1]))
        hint = f"write `{written}`: then half of what goes is a whole number"
        return ShapeError(fact, hint, code="E0305", argument="size", change=("size", written))

    def rule(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        x = inputs[0]
        names, gone = AXIS_NAMES[len(x.shape) - 1], self._gone(inputs)
        axes = zip(names, x.shape[1:], gone, output.shape[1:], strict=True)
        parts = ", ".join(f"{name} {n} − {times(c)} = {m}" for name, n, c, m in axes)
        return f"channels stay {x.shape[0]}; {parts}"

    def formulas(self, inputs: Sequence[Tensor], output: Tensor) -> Formulas:
        return Formulas("n − c")

    def does(self, inputs: Sequence[Tensor], output: Tensor) -> str:
        return f"keeps the middle {by(output.shape[1:])} of {image_said(inputs[0].shape)}"

    def receptive(self, inputs: Sequence[Tensor]) -> Receptive:
        gone = [size for size in self._gone(inputs) if isinstance(size, int)]
        if len(gone) < len(inputs[0].shape) - 1:
            return "unknown"  # where the middle begins depends on a size
        return tuple(Window(1, 1, -(size // 2)) for size in gone)

    def kept(self, inputs: Sequence[Tensor], output: Tensor) -> Kept:
        sizes = (*output.shape[:2], *inputs[0].shape[2:])  # the first axis is given back last
        return Kept(view=True, back=FLOAT_BYTES * product_of(sizes) if len(sizes) > 2 else 0)

    def working(self, inputs: Sequence[Tensor], output: Tensor) -> Size:
        return 0

    def torch(self, inputs: Sequence[Tensor], output: Tensor) -> Torch:
        inline = self._slices(inputs)
        if self.to is not None:
            return Torch(Call("CropTo"), "{m}({0}, {1})", inline, ("CropTo",))
        assert self.size is not None  # `output` refuses a crop that is told nothing
        size = squeeze(spread(self.size, len(output.shape) - 1, "size", self.kind))
        return Torch(Call("Crop", (Given("size", size),)), inline=inline, support=("Crop",))

    def _slices(self, inputs: Sequence[Tensor]) -> str | None:
        """`{0}[:, :, 4:60, :]`, `{0}` where all stays; None where the places depend on a size."""
        parts: list[str] = []
        for gone, kept in zip(self._gone(inputs), self._sizes(inputs), strict=True):
            if not isinstance(gone, int):
                return None
            start = gone // 2
            end: Size = start + kept if isinstance(kept, int) else -start
            parts.append(f"{start}:{end}" if gone else ":")
        return f"{{0}}[:, :, {', '.join(parts)}]" if {*parts} != {":"} else "{0}"


def _is_odd(gone: Size) -> bool:
    """Whether a number of positions is odd, for all sizes if these have names."""
    half = gone // 2
    return equal_when(2 * half, gone) is False
