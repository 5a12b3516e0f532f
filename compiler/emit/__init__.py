"""From typed graph to PyTorch source: one file of its own, as a person would write it."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import PurePath

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from netc.compiler.emit.classes import Plan, Plans
from netc.compiler.emit.constructor import Constructor
from netc.compiler.emit.drawing import LOCALS
from netc.compiler.emit.format import split
from netc.compiler.emit.forward import Forward
from netc.compiler.emit.starting import start_lines
from netc.compiler.expression import torch_of
from netc.compiler.graph import LayerStep, Net, walk
from netc.compiler.layers.calls import literal


def emit(net: Net, spec: str = "") -> str:
    """The PyTorch file of a net.

    It imports torch only. Its classes are the net and its blocks; state-dict keys are the spec's
    names. `spec` is the file name to mention. Text of the spec reaches the file as identifiers that
    the grammar allows and as literals, never as code.
    """
    support = sorted(_support(net))
    plans = Plans(net.module, support, LOCALS)
    for plan in plans.plans:
        constructor = Constructor(plan, plans)
        constructor.write()
        Forward(plan, constructor).write()
    plans.of(net.module)[0].constructor += start_lines(net, plans)
    environment = _environment()
    classes = [_class(plan) for plan in plans.plans]
    helpers = [
        _helper(environment.get_template(f"support/{name}.py.j2").render().strip(), name, shown)
        for name, shown in plans.helpers.items()  # a layer may have an expression instead
        if any(re.search(rf"(?<![\w.]){shown}\(", text) for text in classes)
    ]
    body = "\n\n\n".join([*helpers, *classes])
    name = PurePath(spec).name
    recurrent = re.search(r"\bnn\.(LSTM|GRU|RNN)\(", body)
    return environment.get_template("module.py.j2").render(
        net=net.name,
        spec=name if re.fullmatch(r"[\w.-]+", name) else "",
        functional=bool(re.search(r"\bF\.", body)),
        recurrent=recurrent[1] if recurrent else "",
        body=body,
    )


def _helper(text: str, name: str, shown: str) -> str:
    """A class that ships with netc, under another name where the net is called so."""
    return text.replace(f"class {name}(", f"class {shown}(", 1)


def _support(net: Net) -> set[str]:
    return {
        name
        for placed in walk(net.module)
        if isinstance(placed.step, LayerStep)
        for name in torch_of(placed.step).support
    }


def _class(plan: Plan) -> str:
    """The text of one class."""
    first = plan.instances[0]
    lines = [f"class {plan.name}(nn.Module):", *_docstring(plan), ""]
    lines += _signature(plan)
    lines += ["        super().__init__()", *plan.constructor, ""]
    inputs = "".join(f", {name}: torch.Tensor" for name in plan.inputs)
    inputs += "".join(f", {name}: nn.Module" for name in plan.modules)
    count = len(first.outputs)
    result = "torch.Tensor" if count == 1 else f"tuple[{', '.join(['torch.Tensor'] * count)}]"
    lines += _function(f"def forward(self{inputs}) -> {result}:")
    return "\n".join([*lines, *plan.forward])


def _docstring(plan: Plan) -> list[str]:
    first = plan.instances[0]
    flows = {
        (
            ", ".join(f"{n} {w.tensor.spec_text}" for n, w in zip(plan.inputs, given, strict=True)),
            ", ".join(wire.tensor.spec_text for _, wire in module.outputs),
        )
        for module, given in zip(plan.instances, plan.handed, strict=True)
    }
    if len(flows) > 1:
        return [f'    """{_TITLES[first.word]} `{first.name}` at {len(plan.instances)} places."""']
    ((inputs, outputs),) = flows
    text = f'    """{inputs} to {outputs}, without the batch axis."""'
    if len(text) <= 88:
        return [text]
    return [
        '    """Shapes are without the batch axis.',
        "",
        f"    {inputs}",
        f"    to {outputs}",
        '    """',
    ]


_TITLES = {"block": "The block", "body": "The lines of"}


def _signature(plan: Plan) -> list[str]:
    parts = ["self"]
    for parameter in plan.parameters:
        kind = _kind(list(parameter.values.values()))
        default = f" = {literal(parameter.default)}" if parameter.has_default else ""
        parts.append(f"{parameter.name}: {kind}{default}")
    return _function(f"def __init__({', '.join(parts)}) -> None:")


def _function(text: str) -> list[str]:
    """A `def` line, one argument a line where it is too long."""
    head, _, rest = text.partition("(")
    arguments, _, tail = rest.rpartition(") ->")
    pad = "    "
    if len(pad) + len(text) <= 88:
        return [pad + text]
    inner = f"{pad}    {arguments}"
    if len(inner) <= 88:
        return [f"{pad}{head}(", inner, f"{pad}) ->{tail}"]
    listed = [f"{pad}    {argument}," for argument in split(arguments)]
    return [f"{pad}{head}(", *listed, f"{pad}) ->{tail}"]


def _kind(values: list[object]) -> str:
    """The type of a constructor argument."""
    kinds = sorted({_kind_of(value) for value in values})
    return " | ".join([k for k in kinds if k != "None"] + [k for k in kinds if k == "None"])


def _kind_of(value: object) -> str:
    if isinstance(value, tuple):
        return "tuple[int, ...]" if all(type(v) is int for v in value) else "tuple"
    return "None" if value is None else type(value).__name__


@lru_cache(maxsize=1)
def _environment() -> Environment:
    folder = files("netc.compiler") / "templates"
    return Environment(  # the output is Python, and every hole is filled with text made here
        loader=FileSystemLoader(str(folder)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )


__all__ = ["emit"]
