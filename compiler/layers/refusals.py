"""What a layer cannot take: the errors that it raises, and the checks that several layers share."""

from __future__ import annotations

from collections.abc import Sequence

from netc.compiler.layers.base import Tensor
from netc.compiler.sizes import Size


class ShapeError(Exception):
    """A layer cannot take what flows in.

    Attributes:
        code: the diagnostic's code, E03xx.
        message: the fact with its numbers.
        hint: the edit that would mend it.
        argument: the argument to point at; the layer's name if None.
        change: the hint as an edit of the call: an argument and the text it should have, None to
            leave it out.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        code: str = "E0301",
        argument: str | None = None,
        change: tuple[str, str | None] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.argument = code, message, hint, argument
        self.change = change


class JoinError(ShapeError):
    """Two values cannot be joined, so that a message can name the layers that made them.

    Attributes:
        left: the index of the one input.
        right: the index of the other.
        axis: the axis where they differ, counted without the batch; None if it is the number of
            axes or the kind of number.
        ranks: whether it is the number of axes.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        left: int,
        right: int,
        axis: int | None = None,
        ranks: bool = False,
    ) -> None:
        super().__init__(message, hint, code="E0310")
        self.left, self.right, self.axis, self.ranks = left, right, axis, ranks


def need_known(size: Size, what: str, layer: str) -> int:
    """The size as a number. Raises ShapeError if it depends on a name, since weights cannot."""
    if isinstance(size, int):
        return size
    raise ShapeError(
        f"`{layer}` needs {what} as a number, and here it is {size}",
        "weights have fixed sizes: write a number for this axis of the input",
        code="E0302",
    )


def need_rank(tensor: Tensor, ranks: Sequence[int], layer: str, axes: str) -> None:
    """Raises ShapeError unless the tensor has one of the numbers of axes."""
    if len(tensor.shape) not in ranks:
        raise ShapeError(
            f"`{layer}` takes {axes}, and here flows {tensor}, "
            f"which has {len(tensor.shape)} {'axis' if len(tensor.shape) == 1 else 'axes'}",
            code="E0303",
        )


def need_float(tensor: Tensor, layer: str) -> None:
    """Raises ShapeError if whole numbers (ids) flow in where real numbers are needed."""
    if tensor.dtype != "float":
        raise ShapeError(
            f"`{layer}` takes real numbers, and here flow whole numbers: {tensor}",
            "turn ids into vectors first: `embedding SIZE, DIM`",
            code="E0304",
        )


def need_axis(axis: int, count: int, layer: str, argument: str = "axis") -> int:
    """The axis, counted from 0 without the batch. Raises ShapeError if there is no such axis."""
    if axis < count:
        return axis
    raise ShapeError(
        f"`{layer}` names axis {axis}, and there are {count}, counted from 0 without the batch",
        f"write `{argument}={count - 1}`" + (" or less" if count > 1 else "") if count else "",
        code="E0312",
        argument=argument,
        change=(argument, str(count - 1)) if count else None,
    )


def nearest_divisors(count: int, wanted: int) -> tuple[int, ...]:
    """The divisors next to a number, the nearer first, for hints; looked for below 10,000.

    >>> nearest_divisors(48, 7), nearest_divisors(3, 2)
    ((8, 6), (3, 1))
    """
    below = next(d for d in range(min(wanted, count, 10_000), 0, -1) if count % d == 0)
    above = next((d for d in range(wanted, min(count, 10_000) + 1) if count % d == 0), below)
    return tuple(sorted({below, above}, key=lambda d: (abs(d - wanted), -d)))


def unshared(what: str, argument: str, wanted: int, count: int, share: int) -> ShapeError:
    """The error (E0307) that so many groups cannot share `count` of something.

    `share` is the number that the groups must divide: a common divisor where they divide several.
    """
    near = nearest_divisors(share, wanted)
    listed = " or ".join(f"`{argument}={divisor}`" for divisor in near)
    return ShapeError(
        f"{what}: {count} = {wanted}·{count // wanted} + {count % wanted}",
        f"write {listed}: the nearest that leave no rest",
        code="E0307",
        argument=argument,
        change=(argument, str(near[0])),
    )
