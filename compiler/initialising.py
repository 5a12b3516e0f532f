"""`init auto` and `init SCHEME`: how the weights of a whole net begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.arguments import words_of
from netc.compiler.diagnostics import Log
from netc.compiler.edits import suggest
from netc.compiler.graph import (
    BlockStep,
    GroupStep,
    LayerStep,
    Module,
    ParamStep,
    RepeatStep,
    Step,
    WhenStep,
    Wire,
    walk,
)
from netc.compiler.layers.base import Layer
from netc.compiler.layers.starting import SCHEMES

AUTO = "auto"
WORDS = (AUTO, *SCHEMES)
"""What an `init` line can say."""

RECTIFIED = ("elu", "gelu", "leaky_relu", "prelu", "relu", "relu6", "silu")
"""Activations that let through about half of what flows in: He et al. 2015 double the variance."""
OTHERS = ("sigmoid", "softmax", "tanh")
"""Activations that begin as a line through 0 or have no half: Glorot, Bengio 2010."""


def init_line(line: tree.Line, log: Log) -> program.Init | None:
    """What an `init` line says; None, with a diagnostic, if it says nothing."""
    call = line.chain.elements[0]
    arguments = call.arguments if isinstance(call, tree.Call) and call.role is None else ()
    plain = [argument.value for argument in arguments if argument.name is None]
    named = {argument.name.text: argument for argument in arguments if argument.name is not None}
    whole = line.target is None and line.body is None and len(line.chain.elements) == 1
    if not whole or len(plain) != 1 or not isinstance(plain[0], tree.Name):
        message = "`init` takes one word: how the weights of the net begin"
        log.say("E0209", line.span, message, f"write one of {', '.join(WORDS)}")
        return None
    scheme = plain[0]
    if scheme.text not in WORDS:
        message = f"there is no scheme `{scheme.text}`"
        log.say("E0201", scheme.span, message, suggest(scheme.span, scheme.text, WORDS))
        return None
    for name, argument in named.items():
        if name != "std":
            fix = suggest(argument.span, name, ("std",))
            log.say("E0203", argument.span, f"`init` has no argument `{name}`", fix)
            return None
    if (scheme.text in ("normal", "uniform")) != ("std" in named):
        needs = "needs the standard deviation" if "std" not in named else "has one of its own"
        hint = f"write `init {scheme.text}{', std=0.01' if 'std' not in named else ''}`"
        log.say("E0205", line.span, f"`init {scheme.text}` {needs}", hint)
        return None
    return program.Init(scheme.text, named["std"].value if named else None, line.span)


def initialised(module: Module, scheme: str, std: float | None) -> Module:
    """The net with a scheme in every layer that takes it and was not given one of its own.

    With `auto` it is `he_normal` where a rectifier is the next activation, else `xavier_normal`:
    before tanh, sigmoid and softmax, and where another layer with weights or the end comes first.
    Linear in the number of layers.
    """
    ahead = _ahead(module) if scheme == AUTO else {}
    paths: dict[str, str] = {}  # a shared layer begins as its first use asks
    chosen: dict[int, dict[str, object]] = {}
    for placed in walk(module):
        step = placed.step
        if isinstance(step, ParamStep) or not _open(step.layer):
            continue
        if placed.path not in paths:
            rectified = ahead.get(step.output) in RECTIFIED
            picked = "he_normal" if rectified else "xavier_normal"
            paths[placed.path] = picked if scheme == AUTO else scheme
        if paths[placed.path] in words_of(type(step.layer), "init"):
            chosen[id(step)] = {"init": paths[placed.path], "std": std}
    return replace(module, steps=tuple(_with(module.steps, chosen)))


def _open(layer: Layer) -> bool:
    """Whether a layer takes a scheme and has none."""
    return "std" in type(layer).model_fields and getattr(layer, "init", None) is None


def _ahead(module: Module) -> dict[Wire, str]:
    """For each value the next activation or layer with a weight matrix, "" if there is none.

    Of several readers the first in the text counts; norms, pools, joins and the like are passed.
    """
    found: dict[Wire, str] = {}
    for placed in reversed([*walk(module)]):
        step = placed.step
        if isinstance(step, ParamStep):
            continue
        stops = step.layer.kind in (*RECTIFIED, *OTHERS)
        stops = stops or any(len(weight.shape) > 1 for weight in step.weights)
        here = step.layer.kind if stops else found.get(step.output, "")
        for wire in step.inputs:
            found[wire] = here
    return found


def _with(steps: Sequence[Step], chosen: Mapping[int, Mapping[str, object]]) -> Iterator[Step]:
    """The steps with the layers that were chosen for, however deep."""
    for step in steps:
        match step:
            case LayerStep() if id(step) in chosen:
                yield replace(step, layer=step.layer.model_copy(update=dict(chosen[id(step)])))
            case BlockStep(module=module):
                inner = replace(module, steps=tuple(_with(module.steps, chosen)))
                yield replace(step, module=inner)
            case RepeatStep(items=items):
                yield replace(step, items=tuple(_with(items, chosen)))
            case GroupStep(steps=inner_steps) | WhenStep(steps=inner_steps):
                yield replace(step, steps=tuple(_with(inner_steps, chosen)))
            case _:
                yield step
