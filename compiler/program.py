"""A resolved spec: every word has its meaning, nothing has a size yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct, field

from netc.compiler import tree
from netc.compiler.allowing import Allow
from netc.compiler.gaps import Gaps
from netc.compiler.layers.base import Layer
from netc.compiler.source import Span


class LayerUse(Struct, frozen=True, eq=False):
    """A layer with its arguments, sorted by field; `operands` are the values it names beside."""

    layer: type[Layer]
    arguments: dict[str, tree.Expr]
    operands: tuple[tuple[str, tree.Expr], ...]
    span: Span
    word: Span


class BlockUse(Struct, frozen=True, eq=False):
    """A block, or a whole net used as one, with its arguments by parameter name.

    `block` is the key of its definition: the name, and for those of other files the file before it.
    `inline`: its lines stand where it is used, without a level of names.
    """

    block: str
    arguments: dict[str, tree.Expr]
    span: Span
    word: Span
    inline: bool = False


class HandedUse(Struct, frozen=True, eq=False):
    """A parameter used as a block: which block it is, its caller says."""

    call: tree.Call
    inline: bool = False

    @property
    def span(self) -> Span:
        """Where it is used."""
        return self.call.span


class SharedUse(Struct, frozen=True, eq=False):
    """A module that `share` made, applied once more."""

    name: str
    span: Span


class ValueUse(Struct, frozen=True, eq=False):
    """A value to go on from: a name, a tuple of values, arithmetic on values."""

    value: tree.Expr
    span: Span


class ShapeClaim(Struct, frozen=True, eq=False):
    """`[6, 28, 28]` between arrows."""

    items: tree.Items
    span: Span


class Shortcut(Struct, frozen=True, eq=False):
    """The other way around a residual, taken when `when` holds (always, if it is None)."""

    name: str | None
    when: tree.Expr | None
    body: Body
    span: Span


class Residual(Struct, frozen=True, eq=False):
    """`residual:` adds what flowed in, or its shortcut, to what the body makes of it."""

    body: Body
    shortcut: Shortcut | None
    span: Span


class Branch(Struct, frozen=True, eq=False):
    """One of the ways of `parallel` and `inception`."""

    name: str | None
    body: Body
    span: Span


class Parallel(Struct, frozen=True, eq=False):
    """Several ways from one value, joined by a layer."""

    join: LayerUse
    branches: tuple[Branch, ...]
    span: Span


class Repeat(Struct, frozen=True, eq=False):
    """`repeat 3:`, `repeat 3 as i:`, `repeat in [64, 128] as width:`.

    `inline`: its rounds stand below each other as if written out, without a level of names.
    """

    count: tree.Expr | None
    items: tree.Expr | None
    variable: str | None
    body: Body
    span: Span
    inline: bool = False


class Sequential(Struct, frozen=True, eq=False):
    """`sequential:` numbers its layers by their places, those without weights counted."""

    body: Body
    span: Span


class When(Struct, frozen=True, eq=False):
    """`when CONDITION:` has its lines where the condition holds; else the value passes."""

    condition: tree.Expr
    body: Body
    span: Span


class Missing(Struct, frozen=True, eq=False):
    """An element that was not understood: nothing is known of what it gives."""

    span: Span


Element: TypeAlias = (
    LayerUse
    | BlockUse
    | HandedUse
    | SharedUse
    | ValueUse
    | ShapeClaim
    | Residual
    | Parallel
    | Repeat
    | Sequential
    | When
    | Missing
)


def lines_in(element: Element) -> tuple[Body, ...]:
    """The lines that an element of structure has, way by way; none for other elements."""
    match element:
        case Residual(body=body, shortcut=shortcut):
            return (body,) if shortcut is None else (body, shortcut.body)
        case Parallel(branches=branches):
            return tuple(branch.body for branch in branches)
        case Repeat(body=body) | Sequential(body=body) | When(body=body):
            return (body,)
    return ()


class Flow(Struct, frozen=True, eq=False):
    """A line of the net: elements in a chain. `output` marks an `output NAME = …` line."""

    elements: tuple[Element, ...]
    span: Span
    target: str | None = None
    output: bool = False


class Share(Struct, frozen=True, eq=False):
    """`share NAME = Block …`: one module, applied wherever its name stands."""

    name: str
    element: LayerUse | BlockUse
    span: Span


class Input(Struct, frozen=True, eq=False):
    """`input NAME: [sizes]`."""

    name: str
    kind: tree.Kind
    span: Span


class Learned(Struct, frozen=True, eq=False):
    """`param NAME: [sizes] = zeros|ones|normal|NUMBER`: a learned tensor of the net's own.

    `start` is one of the words, or the expression of the number.
    """

    name: str
    kind: tree.Kind
    start: str | tree.Expr
    span: Span


class Expect(Struct, frozen=True, eq=False):
    """`expect params == 61_706`, as written; judged when the whole net is known.

    `sizes` are those for which it is said: `expect macs == 1_000, H=512`.
    """

    claim: tree.Expr
    span: Span
    sizes: tuple[tree.Argument, ...] = ()


class Init(Struct, frozen=True, eq=False):
    """`init SCHEME` or `init normal, std=0.02`: how the net's weights begin."""

    scheme: str
    std: tree.Expr | None
    span: Span


Item: TypeAlias = Flow | Share | Input | Learned | Expect | Init
Body: TypeAlias = tuple[Item, ...]


class Definition(Struct, frozen=True, eq=False):
    """A net or a block. `blocks` are the keys of the blocks in sight, by name."""

    word: str
    name: str
    parameters: dict[str, tree.Expr | None]
    body: Body
    span: Span
    blocks: Mapping[str, str]


class Program(Struct, frozen=True, eq=False):
    """A whole spec with all it uses. `trains` are the train blocks, still as trees."""

    definitions: dict[str, Definition]
    trains: tuple[tree.Line, ...]
    own: tuple[str, ...]
    """Names of the definitions that stand in the file itself, in order."""
    allows: tuple[Allow, ...] = ()
    """What its `allow` lines switch off, those of used files among them."""
    imports: tuple[tuple[tree.Use, Mapping[str, str]], ...] = ()
    """The `use` lines of the file itself, each with the keys of what its file defines, by name."""
    sound: frozenset[str] = frozenset()
    """The definitions without errors, as far as they are read, that use no others than such."""
    readable: frozenset[str] = frozenset()
    """These, and those of which single elements are not understood, or said to be wrong."""
    unclear: frozenset[Element] = frozenset()
    """Elements that are said to be wrong: what they give is not known."""
    gaps: Gaps = field(default_factory=Gaps)
    """What the file may define beside these."""

    def nets(self) -> tuple[Definition, ...]:
        """The nets of the file itself."""
        return tuple(
            self.definitions[name] for name in self.own if self.definitions[name].word == "net"
        )
