"""What compiles and is still most likely not meant: warnings, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from netc.compiler import tree
from netc.compiler.changing import change_argument
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import append, rewrite, take_out
from netc.compiler.graph import LayerStep, Net, Placed, Wire, walk
from netc.compiler.layers.base import Tensor
from netc.compiler.layers.windows import Axis
from netc.compiler.sizes import Symbolic
from netc.compiler.source import Span

AFFINE = ("conv", "conv_transpose", "dense", "depthwise_conv", "table_conv")
SAME_VALUES = ("flatten", "linear", "reshape", "transpose")
"""Layers that give the numbers they get, in another shape at most."""
STILL_AFFINE = (
    *SAME_VALUES, "adaptive_avg_pool", "avg_pool", "crop", "dropout", "global_avg_pool",
)  # fmt: skip
"""Layers between two affine maps that leave the whole an affine map; dropout does when testing."""
KEEPS_STACK = frozenset((*AFFINE, *STILL_AFFINE, "max_pool", "global_max_pool"))
"""Layers between two activations that do not end a row of them."""
KEEPS_SHIFT = ("flatten", "global_avg_pool", "global_max_pool")
"""Layers that hand a shift of a channel on to every number made of it."""

SLOPES = {"sigmoid": 0.25, "tanh": 0.61}
"""The largest slope of sigmoid; of tanh, which has slope 1 at 0, the mean of 1 − tanh(z)² over
normal z of variance 1: 0.606."""
LEARNABLE = 0.001
"""The share of a gradient below which lower layers learn too little."""


def lint(net: Net, log: Log) -> None:
    """Adds warnings (W03xx) about a net that compiles. Linear in the number of layers."""
    graph = _Graph.of(net)
    _cancelled_biases(graph, log)
    _saturating_stacks(graph, log)
    joined: set[LayerStep] = set()
    for step in graph.steps:
        _two_affine(step, graph, joined, log)
        _norm_over_time(step, log)
        _dropout_before_norm(step, graph, log)
        _multiplied_kernel(step, log)


class _Graph(Struct, frozen=True, eq=False):
    """The layers in the order of computation, and who makes and reads each value.

    Attributes:
        shared: paths of layers whose weights are applied more than once.
    """

    placed: tuple[Placed, ...]
    steps: tuple[LayerStep, ...]
    makers: dict[Wire, LayerStep]
    readers: dict[Wire, int]
    shared: frozenset[str]

    @staticmethod
    def of(net: Net) -> _Graph:
        placed = tuple(walk(net.module))
        steps = tuple(p.step for p in placed if isinstance(p.step, LayerStep))
        readers: dict[Wire, int] = {}
        read = [wire for step in steps for wire in step.inputs]
        for wire in (*read, *(wire for _, wire in net.module.outputs)):
            readers[wire] = readers.get(wire, 0) + 1
        makers = {step.output: step for step in steps}
        shared = frozenset(p.path for p in placed if p.reuse)
        return _Graph(placed, steps, makers, readers, shared)

    def before(self, step: LayerStep, passing: Sequence[str]) -> Iterator[LayerStep]:
        """The layers that lead to a step and to nothing else: through `passing` ones, to the first
        other."""
        wire = step.inputs[0] if step.inputs else None
        while wire is not None and self.readers[wire] == 1 and wire in self.makers:
            maker = self.makers[wire]
            yield maker
            if maker.layer.kind not in passing:
                return
            wire = maker.inputs[0]

    def affine_before(self, step: LayerStep, passing: Sequence[str]) -> LayerStep | None:
        """The affine layer that a step follows, if it follows one."""
        *_, last = [None, *self.before(step, passing)]
        return last if last is not None and last.layer.kind in AFFINE else None


def _place(span: Span) -> tuple[str, int, int]:
    return span.source.name, span.line, span.column


# ------------------------------------------------------------------------------
# W0301: a norm subtracts the mean, and a bias before it with the mean (coverage NO04)


def _cancelled_biases(graph: _Graph, log: Log) -> None:
    """A line may stand for many layers: it is named if the bias of every one is cancelled."""
    found: dict[tuple[str, int, int], list[tuple[LayerStep, LayerStep]]] = {}
    for step in graph.steps:
        if step.layer.kind in ("batch_norm", "instance_norm"):
            before = graph.affine_before(step, KEEPS_SHIFT)
            if before is not None and _bias(before) and not _norm_over_units(before, step):
                found.setdefault(_place(before.span), []).append((before, step))
    if not found:
        return
    layers: dict[tuple[str, int, int], int] = {}
    shared = set()
    for p in graph.placed:
        layers[_place(p.step.span)] = layers.get(_place(p.step.span), 0) + 1
        if p.path in graph.shared:
            shared.add(_place(p.step.span))
    for place, pairs in found.items():
        if layers[place] == len(pairs) and place not in shared:
            _say_cancelled(pairs, log)


def _bias(step: LayerStep) -> int:
    """How many parameters its bias has."""
    return sum(weight.count for weight in step.weights if weight.name == "bias")


def _norm_over_units(before: LayerStep, norm: LayerStep) -> bool:
    """Whether a norm shares its mean among numbers with different biases: `[T, n]` after dense."""
    flat = len(norm.inputs[0].tensor.shape) == 1
    return before.layer.kind == "dense" and len(before.output.tensor.shape) > 1 and not flat


def _say_cancelled(pairs: Sequence[tuple[LayerStep, LayerStep]], log: Log) -> None:
    before, norm = pairs[0]
    kind, name = before.layer.kind, norm.layer.kind.replace("_", " ")
    count = sum(_bias(step) for step, _ in pairs)
    many = f" in {len(pairs)} layers" if len(pairs) > 1 else ""
    hint = f"write `bias=no`; that saves {count:,} parameters{many}"
    log.say(
        "W0301",
        before.span,
        f"the bias of this `{kind}` has no effect: the {name} subtracts it again",
        change_argument(before.span, before.given, "bias", "no", hint),
        [Label(norm.span, f"the {name}")],
    )


# ------------------------------------------------------------------------------
# W0302: W2(W1 x + b1) + b2 is one affine map (coverage AC06)


def _two_affine(step: LayerStep, graph: _Graph, joined: set[LayerStep], log: Log) -> None:
    """A narrow layer between two wide ones limits the rank, and is taken as meant.

    `joined` gathers layers that follow another one so.
    """
    if step.layer.kind not in ("conv", "dense"):
        return
    before = graph.affine_before(step, STILL_AFFINE)
    if before is None or _is_bottleneck(before, step):
        return
    if step.layer.kind == "conv" and not _same_reach(before, step):
        return
    joined.add(step)
    if before in joined:  # one finding for a row of them
        return
    source, result = before.inputs[0].tensor, step.output.tensor
    log.say(
        "W0302",
        step.span,
        f"this `{step.layer.kind}` follows a `{before.layer.kind}` with nothing but affine maps "
        f"between: from {source} to {result} goes {_one_map(before, step)}",
        append(before.span, " -> relu", "put an activation between: `-> relu`"),
        [Label(before.span, f"the `{before.layer.kind}` before it")],
    )


def _one_map(before: LayerStep, step: LayerStep) -> str:
    """What the two come to, in numbers."""
    ours = sum(w.count for w in (*before.weights, *step.weights))
    if before.layer.kind == step.layer.kind == "dense" and before.inputs[0].tensor.shape:
        given, taken = step.output.tensor.shape[-1], before.inputs[0].tensor.shape[-1]
        if before.output.tensor.shape == step.inputs[0].tensor.shape:
            one = taken * given + given
            return f"one affine map: {one:,} parameters instead of {ours:,}"
    if step.layer.kind == "conv":
        pairs = zip(_axes(before), _axes(step), strict=True)
        kernel = "x".join(str(a.extent + (b.extent - 1) * a.stride) for a, b in pairs)
        return f"one convolution with a kernel of {kernel}, but for the padding"
    return "one affine map"


def _axes(conv: LayerStep) -> Sequence[Axis]:
    """The window of a convolution along each axis."""
    layer: Any = conv.layer  # of a class whose module is not imported for nets without one
    axes: Sequence[Axis] = layer.axes(conv.inputs[0].tensor)
    return axes


def _same_reach(before: LayerStep, step: LayerStep) -> bool:
    """Whether two convolutions are no factors of a larger one, made so to save weights.

    Depthwise then 1x1, and 1x5 then 5x1, are such pairs.
    """
    if before.layer.kind != "conv" or getattr(before.layer, "groups", 1) != 1:
        return False
    if getattr(step.layer, "groups", 1) != 1 or before.output is not step.inputs[0]:
        return False
    flat = [{axis.name for axis in _axes(conv) if axis.extent > 1} for conv in (before, step)]
    return bool(flat[0] & flat[1]) or not (flat[0] and flat[1])


def _is_bottleneck(before: LayerStep, step: LayerStep) -> bool:
    """A narrow layer between two wide ones limits the rank on purpose."""
    if before.layer.kind != step.layer.kind:
        return False
    axis = -1 if step.layer.kind == "dense" else 0
    narrow = before.output.tensor.shape[axis]
    wide = (before.inputs[0].tensor.shape[axis], step.output.tensor.shape[axis])
    return all(isinstance(w, int) and isinstance(narrow, int) and narrow < w for w in wide)


# ------------------------------------------------------------------------------
# W0303: slopes below 1 multiply on the way back (coverage AC09)


def _saturating_stacks(graph: _Graph, log: Log) -> None:
    """Follows the product of slopes; another activation, a norm or a join starts anew."""
    stacks: dict[Wire, dict[str, int]] = {}
    for step in graph.steps:
        kind = step.layer.kind
        stack = dict(stacks.get(step.inputs[0], {})) if len(step.inputs) == 1 else {}
        if kind in SLOPES:
            before = _slope(stack)
            stack[kind] = stack.get(kind, 0) + 1
            if before >= LEARNABLE > _slope(stack):
                _say_stack(step, stack, log)
        elif kind not in KEEPS_STACK:
            continue
        stacks[step.output] = stack


def _slope(stack: dict[str, int]) -> float:
    product = 1.0
    for kind, count in stack.items():
        product *= SLOPES[kind] ** count
    return product


def _say_stack(step: LayerStep, stack: dict[str, int], log: Log) -> None:
    powers = "·".join(f"{SLOPES[kind]}^{count}" for kind, count in stack.items())
    slopes = {
        "sigmoid": "the slope of `sigmoid` is at most 0.25",
        "tanh": "the slope of `tanh` is 0.61 on average over inputs of variance 1",
    }
    counted = " and ".join(f"{count} `{kind}`" for kind, count in stack.items())
    why = ", ".join(slopes[kind] for kind in stack)
    log.say(
        "W0303",
        step.span,
        f"with this one {counted} stand in a row: {why}, and gradients shrink by "
        f"{powers} = {_slope(stack):.5f} on the way back",
        rewrite(step.span, "relu", "use `relu` in hidden layers"),
    )


# ------------------------------------------------------------------------------
# W0304, W0305: batch norm where its statistics mislead (coverage NO12)


def _norm_over_time(step: LayerStep, log: Log) -> None:
    """Over `[channels, T]` with any T, long sequences count more than short ones in one mean."""
    if step.layer.kind != "batch_norm":
        return
    tensor: Tensor = step.inputs[0].tensor
    if len(tensor.shape) != 2 or not isinstance(tensor.shape[1], Symbolic):
        return
    channels, length = tensor.shape
    hint = "normalise each example by itself: `group_norm 1`, or `layer_norm` on [T, channels]"
    log.say(
        "W0304",
        step.span,
        f"this `batch_norm` takes one mean for each of {channels} channels over all {length} "
        "places of all sequences in a batch: it changes with their lengths and their padding",
        hint if step.given else rewrite(step.span, "group_norm 1", hint),
    )


def _dropout_before_norm(step: LayerStep, graph: _Graph, log: Log) -> None:
    """Dropout scales the variance in training only; batch norm keeps training's for testing.

    Source: Li, Chen, Hu, Yang 2019, "Understanding the disharmony between dropout and batch
    normalization by variance shift", arXiv:1801.05134, equation 7.
    """
    if step.layer.kind != "batch_norm":
        return
    *_, before = [None, *graph.before(step, SAME_VALUES)]
    share = getattr(before.layer, "share", 0.0) if before and before.layer.kind == "dropout" else 0
    if before is None or not 0 < share < 1:
        return
    log.say(
        "W0305",
        step.span,
        f"while training, `dropout` makes the variance that this `batch_norm` sees at least "
        f"1/(1 − {share:g}) = {1 / (1 - share):.2f} times as large, and testing goes by that one",
        take_out(before.span, "take the `dropout` out, or put it behind the last `batch_norm`"),
        [
            Label(
                before.span, f"it sets {100 * share:g} % of the numbers to 0 and scales the others"
            )
        ],
    )


# ------------------------------------------------------------------------------
# W0308: `3*3`, which is 9, where `3x3` is meant


def _multiplied_kernel(step: LayerStep, log: Log) -> None:
    kernel = step.given.get("kernel")
    if not isinstance(kernel, tree.Binary) or kernel.operator != "*":
        return
    match kernel.left, kernel.right, step.inputs[0].tensor.shape:
        case tree.Number() as one, tree.Number() as two, (_, _, _):
            product = one.value * two.value
            message = f"`{kernel.span.text}` is {product}: a window of {product}x{product}"
            fix = rewrite(kernel.span, f"{one.span.text}x{two.span.text}")
            log.say("W0308", kernel.span, message, fix)
