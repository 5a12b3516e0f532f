"""How weights begin: the schemes of `init=`, what they draw and how PyTorch is told."""

from typing import Annotated, Literal, Protocol, TypeAlias, get_args

from msgspec.structs import replace
from pydantic import Field

from netc.compiler.layers.base import Given, ShapeError, Torch

ByFan: TypeAlias = Literal[
    "he_normal", "he_uniform", "xavier_normal", "xavier_uniform", "lecun_normal", "lecun_uniform"
]
Plain: TypeAlias = Literal["normal", "uniform", "zeros"]
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
        """The scheme; None leaves it to PyTorch."""

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
        scheme = f"`init={layer.init}`" if layer.init else "PyTorch's own scheme"
        raise ShapeError(
            f"`std` of `{layer.kind}` is for `init=normal` and `init=uniform`; "
            f"{scheme} has its own",
            "leave out `std`, or write `init=normal`",
            code="E0309",
            argument="std",
            change=("std", None),
        )


def started(written: Torch, layer: Starting) -> Torch:
    """The layer's call, handed to the function that draws its weights, if a scheme is chosen."""
    if layer.init is None:
        return written
    assert written.module is not None
    std = () if layer.std is None else (("std", Given("std", layer.std)),)
    module = replace(written.module, around=(f"{layer.init}_weights", std))
    return replace(written, module=module, support=(*written.support, f"{layer.init}_weights"))
