"""How the weights of a net begin: what each layer says, else the net, else what follows it."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from netc.compiler import program, tree
from netc.compiler.arguments import words_of
from netc.compiler.diagnostics import Log
from netc.compiler.edits import suggest
from netc.compiler.graph import AUTO, LayerStep, Net, ParamStep, Wire, walk
from netc.compiler.layers.base import Layer
from netc.compiler.layers.starting import SCHEMES

TORCH = "torch"
WORDS = (AUTO, *SCHEMES)
"""What an `init` line can say."""

BY_WHAT_FOLLOWS = ("conv", "dense", "depthwise_conv", "table_conv")
"""Layers that begin by the next activation; all others begin as PyTorch has it unless told."""

RECTIFIED = ("elu", "gelu", "leaky_relu", "prelu", "relu", "relu6", "silu")
"""Activations that let through about half of what flows in: He et al. 2015 double the variance."""
OTHERS = ("sigmoid", "softmax", "tanh")
"""Activations that begin as a line through 0 or have no half: Glorot, Bengio 2010."""
ACTIVATIONS = frozenset((*RECTIFIED, *OTHERS))


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


class Start(Struct, frozen=True):
    """How a layer's weights begin.

    Attributes:
        scheme: one of `SCHEMES`; `torch` where PyTorch draws them.
        told: whether the layer says it, not the net and not what follows.
    """

    scheme: str
    std: float | None = None
    told: bool = False


def starts(net: Net) -> dict[str, Start]:
    """How every layer with a choice begins, by its path. Linear in the number of layers.

    By what follows it is `he_normal` where a rectifier is the next activation, else
    `xavier_normal`: before tanh, sigmoid and softmax, and where another layer with a weight matrix
    or the end comes first. A shared layer begins as its first use asks.
    """
    scheme, std = net.start
    ahead: dict[Wire, str] | None = None
    found: dict[str, Start] = {}
    for placed in walk(net.module):
        step = placed.step
        if isinstance(step, ParamStep) or not _takes_start(type(step.layer)):
            continue
        if placed.path in found:
            continue
        own: str | None = getattr(step.layer, "init", None)
        if own is not None:
            found[placed.path] = Start(own, getattr(step.layer, "std", None), True)
        elif scheme != AUTO:
            takes = scheme in words_of(type(step.layer), "init")
            found[placed.path] = Start(scheme, std) if takes else Start(TORCH)
        elif step.layer.kind not in BY_WHAT_FOLLOWS:
            found[placed.path] = Start(TORCH)
        else:
            ahead = _ahead(net) if ahead is None else ahead
            rectified = ahead.get(step.output) in RECTIFIED
            found[placed.path] = Start("he_normal" if rectified else "xavier_normal")
    return found


@cache  # pydantic looks its fields up anew each time
def _takes_start(layer: type[Layer]) -> bool:
    """Whether a layer can be told how its weights begin."""
    return "std" in layer.model_fields


def _ahead(net: Net) -> dict[Wire, str]:
    """For each value the activation that it meets next; none before the next weight matrix.

    Of several readers the first in the text counts that leads to an activation; norms, pools, joins
    and the like are passed, into blocks and out of them.
    """
    found: dict[Wire, str] = {}
    for placed in reversed([*walk(net.module)]):
        step = placed.step
        if isinstance(step, ParamStep):
            continue
        if step.layer.kind in ACTIVATIONS:
            here = step.layer.kind
        else:
            here = "" if _mixes(step) else found.get(step.output, "")
        if here:
            for wire in step.sources:
                found[wire] = here
    return found


def _mixes(step: LayerStep) -> bool:
    """Whether a layer multiplies by a matrix that it learns: not so a norm over several axes."""
    if not any(len(weight.shape) > 1 and not weight.buffer for weight in step.weights):
        return False
    return step.macs != 0
