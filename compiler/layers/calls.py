"""How a layer is written in PyTorch: calls as data, which the emitted file writes as text."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct


class Given(Struct, frozen=True, eq=False):
    """A value in a constructor call that stands in the spec: the argument `field` of the layer."""

    field: str
    value: Any


class Inferred(Struct, frozen=True, eq=False):
    """A value in a constructor call that follows from the input; `name` is what people call it."""

    name: str
    value: int | float


Part: TypeAlias = Given | Inferred | int | float | bool | str | tuple[int, ...] | None


class Call(Struct, frozen=True, eq=False):
    """A constructor call as it will be written: `nn.Conv2d(1, 6, 5, stride=2)`.

    `function` is text of the layer's own; arguments are data and are written with `repr`, so that
    nothing in a spec can become code.
    """

    function: str
    args: tuple[Part, ...] = ()
    keywords: tuple[tuple[str, Part], ...] = ()


class Torch(Struct, frozen=True, eq=False):
    """How a layer is written in PyTorch.

    Attributes:
        module: the `nn.Module` to construct; None if there is none (`torch.cat`).
        call: the expression that applies it: `{m}` is the module, `{0}`, `{1}` … the inputs.
        inline: the expression without a module, for layers that own no weights; else None.
        support: classes that the emitted file must hold: templates/support/NAME.py.j2.
        over: the statement that writes the output over the first input: `{0} += {1}`; for layers
            without a module that can (`Kept.over`).
    """

    module: Call | None
    call: str = "{m}({0})"
    inline: str | None = None
    support: tuple[str, ...] = ()
    over: str = ""

    def in_place(self) -> Torch:
        """The same with the output written over the input, for layers that can (`Kept.over`)."""
        if self.over:
            return Torch(None, inline=self.over)
        call, inline = self.module, self.inline
        if call is not None:
            call = Call(call.function, call.args, (*call.keywords, ("inplace", True)))
        if inline is not None:
            inline = f"{inline.removesuffix(')')}, inplace=True)"
        return Torch(call, self.call, inline, self.support)


def applied(call: Call, function: str) -> str:
    """A module's functional form, with the module's arguments: `F.max_pool2d({0}, 3, stride=2)`."""
    plain = [value.value if isinstance(value, Given | Inferred) else value for value in call.args]
    named = [
        f"{key}={literal(value.value if isinstance(value, Given | Inferred) else value)}"
        for key, value in call.keywords
    ]
    return f"{function}({', '.join(['{0}', *map(literal, plain), *named])})"


def literal(value: object) -> str:
    """A value as Python writes it, in the spelling of `ruff format`.

    >>> literal("a"), literal((3,)), literal(1e-3), literal(1e20)
    ('"a"', '(3,)', '0.001', '1e20')
    """
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if value is None or isinstance(value, bool | int | float):
        return repr(value).replace("e+", "e")
    raise TypeError(f"{type(value).__name__} has no literal")
