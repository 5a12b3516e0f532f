"""The tree of a parsed spec: what was written, where, and nothing yet about what it means.

Nodes are compared by identity and have no `repr` of their own: each generated method costs 50 µs at
every start, and `netc check` has 150 ms in all.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from netc.compiler.source import Span


class Name(Struct, frozen=True, eq=False):
    """A word that stands for a value, a parameter or a choice: `width`, `same`, `in`."""

    text: str
    span: Span


class Number(Struct, frozen=True, eq=False):
    """A number as written; `value` is an int or a float."""

    value: int | float
    span: Span


class Dims(Struct, frozen=True, eq=False):
    """Sizes written with x: `5x5`."""

    values: tuple[int, ...]
    span: Span


class String(Struct, frozen=True, eq=False):
    """Text in double quotes."""

    value: str
    span: Span


class Attribute(Struct, frozen=True, eq=False):
    """A property of something named: `in.channels`."""

    target: Expr
    name: str
    span: Span


class Binary(Struct, frozen=True, eq=False):
    """Two operands and an operator: arithmetic, comparison, `and`, `or`, `..`."""

    operator: str
    left: Expr
    right: Expr
    span: Span


class Unary(Struct, frozen=True, eq=False):
    """`-x` or `not x`."""

    operator: str
    operand: Expr
    span: Span


class Choice(Struct, frozen=True, eq=False):
    """`a if condition else b`."""

    condition: Expr
    then: Expr
    otherwise: Expr
    span: Span


class Items(Struct, frozen=True, eq=False):
    """A list `[a, b]`: a shape claim between arrows, a list of values elsewhere."""

    items: tuple[Expr, ...]
    span: Span


class Tuple(Struct, frozen=True, eq=False):
    """Several values in parentheses, each a chain: `(x, h)`; one value is just itself."""

    items: tuple[Chain, ...]
    span: Span


Expr: TypeAlias = (
    Name | Number | Dims | String | Attribute | Binary | Unary | Choice | Items | Tuple
)


class Argument(Struct, frozen=True, eq=False):
    """A value given to a call, by place or by name."""

    name: Name | None
    value: Expr
    span: Span


class Call(Struct, frozen=True, eq=False):
    """A word with arguments; `role` is the word before it, if any (`loss triplet a, p, n`)."""

    name: Name
    arguments: tuple[Argument, ...]
    span: Span
    role: Name | None = None


Element: TypeAlias = Expr | Call


class Chain(Struct, frozen=True, eq=False):
    """Elements joined by arrows."""

    elements: tuple[Element, ...]
    span: Span


class Kind(Struct, frozen=True, eq=False):
    """What a declared value is: `[3, H, W]`, `int[T] padded`."""

    dtype: Name | None
    sizes: tuple[Expr, ...]
    flags: tuple[Name, ...]
    span: Span


class Line(Struct, frozen=True, eq=False):
    """A chain on a line of its own, named or not, with the block that its colon opens.

    Attributes:
        target: the name before `=`.
        bind: `share` or `output`, where such a word stands before the name.
        variable: the name after `as`.
        body: the lines of the block, or None without a colon.
    """

    chain: Chain
    span: Span
    target: Name | None = None
    bind: Name | None = None
    variable: Name | None = None
    body: tuple[Statement, ...] | None = None


class Declaration(Struct, frozen=True, eq=False):
    """`input image: [1, 28, 28]`, `param scale: [64] = ones`."""

    word: Name
    names: tuple[Name, ...]
    kind: Kind
    value: Chain | None
    span: Span


class Use(Struct, frozen=True, eq=False):
    """`use "blocks.net": Double`: definitions of another file; all if no names are given.

    `file` is a path, or the dotted name of a module that ships with netc; `place` is where it
    stands.
    """

    file: str
    place: Span
    names: tuple[Name, ...]
    span: Span


class Parameter(Struct, frozen=True, eq=False):
    """A parameter of a net or block, with its default."""

    name: Name
    default: Expr | None
    span: Span


class Definition(Struct, frozen=True, eq=False):
    """`net NAME(parameters):` or `block …`."""

    word: str
    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    span: Span


Statement: TypeAlias = Line | Declaration | Use | Definition


class Tree(Struct, frozen=True, eq=False):
    """A whole file.

    Attributes:
        damaged: places among the statements of those that stand in a part with syntax errors.
        unread: the text of these parts.
    """

    statements: tuple[Statement, ...]
    damaged: frozenset[int] = frozenset()
    unread: tuple[str, ...] = ()
