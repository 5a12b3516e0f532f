"""Claims for sizes that the spec leaves open: `expect macs == 1_000, H=512, W=512`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netc.compiler import program
from netc.compiler.conditions import holds, together
from netc.compiler.diagnostics import Log
from netc.compiler.edits import suggest
from netc.compiler.evaluate import EvaluationError, Poisoned, as_size, evaluate
from netc.compiler.graph import Net
from netc.compiler.sizes import Symbolic, names_in
from netc.compiler.sizes import evaluate as with_values


def sizes_of(
    item: program.Expect, known: Sequence[str], env: Mapping[str, Any], log: Log
) -> dict[str, int] | None:
    """The sizes of a claim by their names; None, with E0503 if they are wrong, if it is not judged.

    A claim for other sizes than those that were set from outside says nothing here.
    """
    found: dict[str, int] = {}
    for argument in item.sizes:
        assert argument.name is not None
        name = argument.name.text
        if name not in known:
            fix = suggest(argument.name.span, name, known)
            message = f"`{name}` is no size that the inputs leave open"
            log.say("E0503", argument.name.span, message, fix)
            return None
        try:
            value = as_size(evaluate(argument.value, env), argument.value.span)
        except (Poisoned, EvaluationError):
            value = 0
        if isinstance(value, Symbolic) or value < 1:
            message = f"`{name}` of a claim should be a whole number of 1 or more"
            log.say("E0503", argument.value.span, message, f"write it as in `{name}=512`")
            return None
        found[name] = value
    set_ = {name: env.get(name) for name in found}
    return found if all(isinstance(v, Symbolic) or v == found[n] for n, v in set_.items()) else None


def at_sizes(net: Net, measured: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a net measures with sizes in the place of names.

    Raises ValueError with the reason if it does not take these sizes.
    """
    shapes = (wire.tensor.shape for _, wire in net.module.inputs)
    names = {name for shape in shapes for size in shape for name in names_in(size)}
    sizes = {name: values[name] for name in names if isinstance(values.get(name), int)}
    if not sizes:
        return {**measured}
    wrong = together(one for one in net.asked if not holds(one, sizes))
    if wrong:
        given = ", ".join(f"{name}={size}" for name, size in sorted(sizes.items()))
        raise ValueError(f"the net does not take {given}: {'; '.join(wrong)}")
    return {name: _with(value, sizes) for name, value in measured.items()}


def _with(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, tuple):
        return tuple(_with(one, sizes) for one in value)
    return with_values(value, sizes) if isinstance(value, Symbolic) else value
