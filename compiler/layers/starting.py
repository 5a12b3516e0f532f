"""How weights begin: the schemes of `init=` and the standard deviation that some of them need."""

from typing import Annotated, Literal, Protocol, TypeAlias, get_args

from pydantic import Field

from netc.compiler.layers.refusals import ShapeError

ByFan: TypeAlias = Literal[
    "he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "lecun_normal", "lecun_uniform"
]
Plain: TypeAlias = Literal["normal", "uniform", "zeros", "torch"]
"""What needs no fan-in; `torch` leaves the weights as PyTorch draws them."""
Init: TypeAlias = ByFan | Plain
Std: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]

SCHEMES: tuple[str, ...] = (*get_args(ByFan), *get_args(Plain))
"""Every scheme; the page docs/weights.md has their variances."""


class Starting(Protocol):
    """A layer with `init` and `std`."""

    @property
    def kind(self) -> str:
        """Its word."""

    @property
    def init(self) -> Init | None:
        """The scheme; None leaves it to the net."""

    @property
    def std(self) -> float | None:
        """The standard deviation of `normal` and `uniform`."""


def check_start(layer: Starting) -> None:
    """Raises ShapeError unless `std` stands with the schemes that take one, and with no other."""
    drawn = layer.init in ("normal", "uniform")
    if drawn and layer.std is None:
        raise ShapeError(
            f"`init={layer.init}` of `{layer.kind}` needs the standard deviation of the weights",
            "write it: `std=0.01`",
            code="E0309",
            argument="init",
        )
    if layer.std is not None and not drawn:
        raise ShapeError(
            f"`std` of `{layer.kind}` is for `init=normal` and `init=uniform`"
            + (f"; `init={layer.init}` has its own" if layer.init else ""),
            "leave out `std`, or write `init=normal`",
            code="E0309",
            argument="std",
            change=("std", None),
        )
