"""Runs a typed graph layer by layer, with each layer's own PyTorch call and the module's weights.

Knows nothing of classes, blocks or variables: values are found by their wires, weights by the paths
that the report shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import torch
import torch.nn.functional as F
from torch import nn

import netc.compiler
from netc.compiler.graph import LayerStep, Net, Wire, walk
from netc.compiler.layers.calls import Call, Given, Inferred

_SUPPORT = Path(str(netc.compiler.__file__)).parent / "templates" / "support"


def interpret(
    net: Net, state: dict[str, torch.Tensor], inputs: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    """The net's outputs in evaluation mode for a batch of inputs."""
    values: dict[Wire, torch.Tensor] = dict(
        zip((wire for _, wire in net.module.inputs), inputs, strict=True)
    )
    for placed in walk(net.module):
        step = placed.step
        if not isinstance(step, LayerStep):
            weight = state[placed.path]
            values[step.output] = weight.expand(inputs[0].shape[0], *weight.shape)
            continue
        own = {w.name: state[f"{placed.path}.{w.name}"] for w in step.weights}
        values[step.output] = _apply(step, own, [values[wire] for wire in step.inputs])
    return tuple(values[wire] for _, wire in net.module.outputs)


def _apply(step: LayerStep, own: dict[str, torch.Tensor], xs: list[torch.Tensor]) -> torch.Tensor:
    written = step.layer.torch([wire.tensor for wire in step.inputs], step.output.tensor)
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F}
    for name in written.support:
        exec(_support(name), names)
    names |= {f"x{n}": x for n, x in enumerate(xs)}
    text = written.call if written.module is not None else written.inline
    assert text is not None
    if written.module is not None:
        module = eval(_call(written.module), names).eval()
        module.load_state_dict(own)
        names["module"] = module
    code = text.replace("{m}", "module")
    for n in range(len(xs)):
        code = code.replace(f"{{{n}}}", f"x{n}")
    found: torch.Tensor = eval(code, names)
    return found


def _call(call: Call) -> str:
    def value(part: Any) -> str:
        return repr(part.value if isinstance(part, Given | Inferred) else part)

    parts = [*map(value, call.args), *(f"{key}={value(part)}" for key, part in call.keywords)]
    return f"{call.function}({', '.join(parts)})"


def _support(name: str) -> str:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    text = (_SUPPORT / f"{name}.py.j2").read_text(encoding="utf-8")
    return environment.from_string(text).render()
