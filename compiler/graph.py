"""The typed graph: a net with every layer in place and every size known or named.

The block structure is kept, since the emitted file has one class per block: a `Module` holds steps,
and a step may hold a module. Wires are shared across the levels, so that the flat list of layers
(`walk`) is a graph by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from netc.compiler import tree
from netc.compiler.layers.base import Layer, Tensor, Weight
from netc.compiler.sizes import Size
from netc.compiler.source import Span

if TYPE_CHECKING:
    import networkx

    from netc.compiler.conditions import Condition


class Wire(Struct, frozen=True, eq=False):
    """A value on its way: made once, read any number of times. Two wires are never equal."""

    tensor: Tensor
    made: Span
    by: str
    """What made it, in a few words: for messages."""
    layer: Layer | None = None
    read: tuple[Wire, ...] = ()

    def origin(self) -> Wire:
        """Where the value got its shape: layers that keep it (`relu`) are stepped over."""
        wire = self
        while len(wire.read) == 1 and wire.read[0].tensor.shape == wire.tensor.shape:
            wire = wire.read[0]
        return wire

    @property
    def story(self) -> str:
        """What made it, with the arithmetic of its size where a layer did."""
        if self.layer is None:
            return self.by
        why = self.layer.why([wire.tensor for wire in self.read], self.tensor)
        return f"{self.by}: {why.output}"


class LayerStep(Struct, frozen=True, eq=False):
    """A layer applied.

    Attributes:
        macs: the multiplications and additions for one example.
        name: its key in the state dict below the module it stands in; None without weights.
        given: the arguments as written, by field.
        reuse: a shared layer applied again; its weights were counted before.
        home: for a module that `share` made, how many modules further out its line stands; None
            for a layer that has a module of its own.
    """

    layer: Layer
    inputs: tuple[Wire, ...]
    output: Wire
    weights: tuple[Weight, ...]
    macs: Size
    given: dict[str, tree.Expr]
    span: Span
    name: str | None = None
    reuse: bool = False
    home: int | None = None

    @property
    def sources(self) -> tuple[Wire, ...]:
        """The inputs that gradients go to: no sizes to take over, no places to read at."""
        if not self.layer.measured:
            return self.inputs
        sized = {getattr(self.layer, operand) for operand in self.layer.measured}
        return tuple(wire for index, wire in enumerate(self.inputs) if index not in sized)


class BlockStep(Struct, frozen=True, eq=False):
    """A block applied: a module of its own."""

    module: Module
    inputs: tuple[Wire, ...]
    output: Wire
    given: dict[str, tree.Expr]
    span: Span
    name: str | None = None
    reuse: bool = False
    home: int | None = None


class GroupStep(Struct, frozen=True, eq=False):
    """A named line of several weighted layers: its steps are numbered under its name."""

    steps: tuple[Step, ...]
    inputs: tuple[Wire, ...]
    output: Wire
    span: Span
    name: str | None = None


class RepeatStep(Struct, frozen=True, eq=False):
    """A repeated line or block: its items are numbered under its name."""

    items: tuple[Step, ...]
    inputs: tuple[Wire, ...]
    output: Wire
    span: Span
    name: str | None = None


class WhenStep(Struct, frozen=True, eq=False):
    """Lines with a condition. Where it does not hold there are no steps; the value passes.

    `asked` is what `in` means in the condition, if it is not what flows in.
    """

    condition: tree.Expr
    taken: bool
    steps: tuple[Step, ...]
    inputs: tuple[Wire, ...]
    output: Wire
    span: Span
    name: str | None = None
    asked: Wire | None = None


class ParamStep(Struct, frozen=True, eq=False):
    """A learned tensor of the module's own."""

    weight: Weight
    start: str | float
    output: Wire
    span: Span
    name: str
    inputs: tuple[Wire, ...] = ()
    sources: tuple[Wire, ...] = ()


Step: TypeAlias = LayerStep | BlockStep | GroupStep | RepeatStep | WhenStep | ParamStep


class Module(Struct, frozen=True, eq=False):
    """One instance of a net, a block, or a named or repeated stretch of lines.

    Attributes:
        word: net, block, or body for a stretch without a definition of its own.
        name: the definition's name, or one made from the line's.
        parameters: its parameters with their values in this instance; wires for values handed in.
        inputs: names and wires of what flows in; outputs likewise.
        names: what the text calls values inside; the emitted code calls them so too.
        ways: the names of branches, each at its end.
        defaults: of its parameters, those that are plain values.
    """

    word: str
    name: str
    parameters: dict[str, Any]
    inputs: tuple[tuple[str, Wire], ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[str, Wire], ...]
    span: Span
    names: tuple[tuple[Wire, str], ...] = ()
    ways: tuple[tuple[Wire, str], ...] = ()
    defaults: tuple[tuple[str, Any], ...] = ()


AUTO = "auto"
"""The `init` that a net has where it says nothing: by what follows each layer."""


class Net(Struct, frozen=True, eq=False):
    """A whole net, typed.

    Attributes:
        module: its layers in their blocks.
        claims: the `expect` lines with the values of the names in them.
        conditions: what symbolic sizes must satisfy, in words ("H must be a multiple of 4").
        asked: the same, one by one as lines and layers ask for it.
        start: how weights begin of which the layers say nothing: a scheme, and its standard
            deviation (compiler/initialising.py).
    """

    module: Module
    claims: tuple[tuple[tree.Expr, dict[str, Any], Span], ...] = ()
    conditions: tuple[str, ...] = ()
    asked: tuple[Condition, ...] = ()
    start: tuple[str, float | None] = (AUTO, None)

    @property
    def name(self) -> str:
        """The net's name in the spec."""
        return self.module.name


class Placed(Struct, frozen=True, eq=False):
    """A layer with its full path, as `walk` meets it."""

    path: str
    step: LayerStep | ParamStep
    reuse: bool


@lru_cache(maxsize=1)  # a dozen analyses of a net walk over it, one after the other
def walk(module: Module) -> tuple[Placed, ...]:
    """Every layer of a net in the order of computation, with its path (`layer1.0.conv1`).

    Layers without weights have the path of the module around them and their own word:
    `layer1.0.relu`. Iterative over the lines, recursive over the nesting only, which is bounded.
    """
    return (*_walk(module.steps, Around(), False),)


class Around(Struct, frozen=True):
    """Where steps stand in the state dict.

    Attributes:
        prefix: the path of what holds them: a module, or a named line of one.
        homes: the paths of the modules around them, the innermost last.
    """

    prefix: str = ""
    homes: tuple[str, ...] = ("",)

    def path(self, step: Step) -> str:
        """A step's path; that of what holds it if it has no name."""
        home = step.home if isinstance(step, LayerStep | BlockStep) else None
        prefix = self.prefix if home is None else self.homes[-1 - home]
        if step.name is None:
            return prefix
        return f"{prefix}.{step.name}" if prefix else step.name

    def inside(self, step: Step) -> Around:
        """Where the steps in a step stand."""
        path = self.path(step)
        return Around(path, (*self.homes, path) if isinstance(step, BlockStep) else self.homes)


def _walk(steps: tuple[Step, ...], around: Around, reuse: bool) -> Iterator[Placed]:
    for step in steps:
        match step:
            case LayerStep():
                path = around.path(step)
                if step.name is None:
                    kind = step.layer.kind
                    path = f"{path}.{kind}" if path else kind
                yield Placed(path, step, reuse or step.reuse)
            case ParamStep():
                yield Placed(around.path(step), step, reuse)
            case BlockStep():
                yield from _walk(step.module.steps, around.inside(step), reuse or step.reuse)
            case RepeatStep():
                yield from _walk(step.items, around.inside(step), reuse)
            case GroupStep():
                yield from _walk(step.steps, around.inside(step), reuse)
            case WhenStep():
                yield from _walk(step.steps, around, reuse)


def blocks_used(module: Module) -> set[Span]:
    """Where the blocks in a net are defined, however deep they stand."""
    found: set[Span] = set()
    waiting: list[Step] = list(module.steps)
    while waiting:
        match waiting.pop():
            case BlockStep(module=inner):
                found.add(inner.span)
                waiting += inner.steps
            case RepeatStep(items=steps) | GroupStep(steps=steps) | WhenStep(steps=steps):
                waiting += steps
            case _:
                continue
    return found


def has_weights(step: Step) -> bool:
    """Whether a step owns anything in the state dict of the module it stands in.

    A module that `share` made further out is none of its own.
    """
    if isinstance(step, LayerStep | BlockStep) and step.home:
        return False
    match step:
        case LayerStep():
            return bool(step.weights)
        case ParamStep():
            return True
        case BlockStep():
            return any(has_weights(inner) for inner in step.module.steps)
        case RepeatStep():
            return any(has_weights(inner) for inner in step.items)
        case _:
            return any(has_weights(inner) for inner in step.steps)


def to_networkx(module: Module) -> networkx.DiGraph[int]:
    """The net as a networkx graph: nodes are layers in order, edges are wires.

    Node attributes: `path`, `layer` (the layer's word), `shape`. For algorithms that the compiler
    itself does not need on its quick path: dominators, drawing, comparison.
    """
    import networkx

    graph: networkx.DiGraph[int] = networkx.DiGraph()
    makers: dict[Wire, int] = {}
    for number, placed in enumerate(walk(module)):
        step = placed.step
        kind = step.layer.kind if isinstance(step, LayerStep) else "param"
        graph.add_node(number, path=placed.path, layer=kind, shape=step.output.tensor.shape)
        for wire in step.inputs:
            if wire in makers:
                graph.add_edge(makers[wire], number)
        makers[step.output] = number
    return graph
