"""Lines that declare: what an `input`, a `param`, an `expect` and an `init` line say of a net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from netc.compiler import program, tree
from netc.compiler.evaluate import UNKNOWN, Block, Unknown, say
from netc.compiler.frame import Frame
from netc.compiler.graph import ParamStep, Wire
from netc.compiler.layers.base import Tensor, Weight
from netc.compiler.sizes import Size, Symbolic, symbol

if TYPE_CHECKING:
    from netc.compiler.elaborate import Elaborator


def expect(elaborator: Elaborator, item: program.Expect, frame: Frame) -> None:
    """Notes a claim with the values of the names that it may mention."""
    values = {k: v for k, v in frame.env.items() if isinstance(v, int | float | Symbolic)}
    if item.sizes:
        from netc.compiler.sized import sizes_of

        sizes = sizes_of(item, elaborator.open, frame.env, elaborator.log)
        if sizes is None:
            return
        values |= sizes
    elaborator.claims.append((item.claim, values, item.span))


def init(elaborator: Elaborator, item: program.Init, frame: Frame) -> None:
    """How the weights of the net begin."""
    std = None if item.std is None else elaborator.value(item.std, frame.env, ())
    if isinstance(std, Unknown):
        return
    if item.std is not None and not _positive(std):
        message = f"`std` of `init` should be a number above 0, and is {say(std)}"
        elaborator.tell("E0210", item.std.span, message, frame)
        return
    if elaborator.start is not None:
        message = "a net has one `init` line, and this is another"
        elaborator.tell("E0206", item.span, message, frame, "take it out; a layer may say `init=…`")
        return
    elaborator.start = (item.scheme, std)


def input_(elaborator: Elaborator, item: program.Input, frame: Frame) -> None:
    """A value that flows in; names among its sizes are sizes from here on."""
    sizes: list[Size] = []
    for expr in item.kind.sizes:
        if isinstance(expr, tree.Name) and _is_free(expr.text, frame.env):
            frame.env[expr.text] = symbol(expr.text)
            elaborator.open.append(expr.text)
        sizes.append(elaborator.size(expr, frame))
    dtype = "int" if item.kind.dtype is not None and item.kind.dtype.text == "int" else "float"
    tensor = Tensor(tuple(sizes), dtype)  # type: ignore[arg-type]
    wire = Wire(tensor, item.span, f"`{item.name}` is the input {tensor}")
    frame.env[item.name] = wire
    elaborator.nets_inputs.append((item.name, wire))
    frame.flow(wire if len(elaborator.nets_inputs) == 1 else None)


def learned(elaborator: Elaborator, item: program.Learned, frame: Frame) -> None:
    """A tensor of the net's own."""
    values = [elaborator.value(expr, frame.env, ()) for expr in item.kind.sizes]
    if any(isinstance(value, Unknown) for value in values):
        frame.env[item.name] = UNKNOWN
        return
    sizes = [elaborator.size(expr, frame) for expr in item.kind.sizes]
    if any(isinstance(size, Symbolic) for size in sizes):
        message = f"`param {item.name}` needs sizes as numbers: weights have fixed sizes"
        elaborator.tell("E0302", item.span, message, frame)
        return
    start = _started(elaborator, item, frame)
    if start is None:
        return
    shape = tuple(int(str(size)) for size in sizes)
    wire = Wire(Tensor(shape), item.span, f"`{item.name}` is learned, {Tensor(shape)}")
    frame.env[item.name] = wire
    frame.names.append((wire, item.name))
    key = frame.key(item.name)
    frame.steps.append(ParamStep(Weight(key, shape), start, wire, item.span, key))


def _started(elaborator: Elaborator, item: program.Learned, frame: Frame) -> str | float | None:
    """What a learned tensor starts as; None after an error."""
    if isinstance(item.start, str):
        return item.start
    value = elaborator.value(item.start, frame.env, ())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, Unknown):
        message = f"`param {item.name}` should start as a number, and this is {say(value)}"
        hint = "write `zeros`, `ones`, `normal` or a number"
        elaborator.tell("E0210", item.start.span, message, frame, hint)
    return None


def _is_free(name: str, env: Mapping[str, Any]) -> bool:
    """Whether a name in an input's sizes is a size of its own."""
    return name not in env or isinstance(env[name], Block)


def _positive(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < float("inf")
