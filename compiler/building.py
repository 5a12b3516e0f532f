"""From Lark's reductions to the tree, as the parser makes them: no other tree is built before."""

from __future__ import annotations

from typing import Any, cast

from lark import Token, Transformer
from msgspec.structs import replace

from netc.compiler import tree
from netc.compiler.source import Source, Span


class Builder(Transformer[Token, list[tree.Statement]]):
    """Builds the tree as the parser reduces. Method names are the grammar's rules."""

    source: Source
    offset: int

    def place(self, source: Source, offset: int) -> None:
        """Says which source is parsed next and how many lines lie before the parsed part."""
        self.source, self.offset = source, offset

    def span(self, token: Token) -> Span:
        """Where a token stands in the file."""
        return Span(
            self.source,
            token.line + self.offset,  # type: ignore[operator]
            token.column,  # type: ignore[arg-type]
            token.end_line + self.offset,  # type: ignore[operator]
            token.end_column,  # type: ignore[arg-type]
        )

    def span_at(self, line: int, column: int, end: int) -> Span:
        """A stretch of one line of the parsed part."""
        return Span(self.source, line + self.offset, column, line + self.offset, end)

    def _name(self, token: Token) -> tree.Name:
        return tree.Name(str(token), self.span(token))

    def start(self, parts: list[Any]) -> list[tree.Statement]:
        return [part for part in parts if part is not None]

    def plain(self, parts: list[Any]) -> tree.Line:
        return cast(tree.Line, parts[0])

    def compound(self, parts: list[Any]) -> tree.Line:
        head, variable, body = parts
        name = self._name(variable) if variable is not None else None
        return tree.Line(head.chain, head.span, head.target, head.bind, name, body)

    def declaration(self, parts: list[Any]) -> tree.Declaration:
        word, *names, kind, value = parts
        span = self.span(word).to(value.span if value else kind.span)
        listed = tuple(self._name(name) for name in names)
        return tree.Declaration(self._name(word), listed, kind, value, span)

    def use(self, parts: list[Any]) -> tree.Use:
        word, file, *names = parts
        listed = tuple(self._name(name) for name in names if name is not None)
        target = file.text if isinstance(file, tree.Name) else str(file)[1:-1]
        last = listed[-1].span if listed else None
        place = file.span if isinstance(file, tree.Name) else self.span(file)
        return tree.Use(target, place, listed, self.span(word).to(last or place))

    def definition(self, parts: list[Any]) -> tree.Definition:
        word, name, *parameters, body = parts
        given = tuple(p for p in parameters if p is not None)
        return tree.Definition(
            str(word), self._name(name), given, body, self.span(word).to(self.span(name))
        )

    def suite(self, parts: list[Any]) -> tuple[tree.Statement, ...]:
        return tuple(parts)

    def flow(self, parts: list[Any]) -> tree.Line:
        return tree.Line(parts[0], parts[0].span)

    def named(self, parts: list[Any]) -> tree.Line:
        target, chain = parts
        return tree.Line(chain, self.span(target).to(chain.span), self._name(target))

    def bound(self, parts: list[Any]) -> tree.Line:
        word, target, chain = parts
        bind = self._name(word)
        return tree.Line(chain, bind.span.to(chain.span), self._name(target), bind)

    def parameter(self, parts: list[Any]) -> tree.Parameter:
        name, default = parts
        span = self.span(name)
        return tree.Parameter(self._name(name), default, span.to(default.span) if default else span)

    def path(self, parts: list[Any]) -> tree.Name:
        span = self.span(parts[0]).to(self.span(parts[-1]))
        return tree.Name(".".join(map(str, parts)), span)

    def kind(self, parts: list[Any]) -> tree.Kind:
        dtype, sizes, *flags = parts
        named = self._name(dtype) if dtype is not None else None
        listed = tuple(self._name(flag) for flag in flags)
        last = listed[-1].span if listed else sizes.span
        span = (named.span if named else sizes.span).to(last)
        return tree.Kind(named, sizes.items, listed, span)

    def chain(self, parts: list[Any]) -> tree.Chain:
        if len(parts) == 1:
            return tree.Chain((parts[0],), parts[0].span)
        return tree.Chain(tuple(parts), parts[0].span.to(parts[-1].span))

    def word(self, parts: list[Any]) -> tree.Name:
        return self._name(parts[0])

    def call(self, parts: list[Any]) -> tree.Call:
        name, arguments = parts
        span = self.span(name)
        return tree.Call(self._name(name), arguments, span.to(arguments[-1].span))

    def role_call(self, parts: list[Any]) -> tree.Call:
        role, name, arguments = parts
        span = self.span(role).to(arguments[-1].span)
        return tree.Call(self._name(name), arguments, span, self._name(role))

    def role_call_in(self, parts: list[Any]) -> tree.Call:
        role, *rest = parts
        call = self.call_in(rest)
        return replace(call, span=self.span(role).to(call.span), role=self._name(role))

    def call_in(self, parts: list[Any]) -> tree.Call:
        name, word, items = parts
        argument = tree.Argument(self._name(word), items, self.span(word).to(items.span))
        return tree.Call(self._name(name), (argument,), self.span(name).to(items.span))

    def args(self, parts: list[Any]) -> tuple[tree.Argument, ...]:
        return tuple(parts)

    def option(self, parts: list[Any]) -> tree.Argument:
        name, value = parts
        named = self._name(name)
        return tree.Argument(named, value, named.span.to(value.span))

    def argument(self, parts: list[Any]) -> tree.Argument:
        return tree.Argument(None, parts[0], parts[0].span)

    def choice(self, parts: list[Any]) -> tree.Choice:
        then, condition, otherwise = parts
        return tree.Choice(condition, then, otherwise, then.span.to(otherwise.span))

    def either(self, parts: list[Any]) -> tree.Binary:
        return self._joined("or", *parts)

    def both(self, parts: list[Any]) -> tree.Binary:
        return self._joined("and", *parts)

    def range(self, parts: list[Any]) -> tree.Binary:
        return self._joined("..", *parts)

    def compare(self, parts: list[Any]) -> tree.Binary:
        left, operator, right = parts
        if isinstance(left, tree.Binary) and left.operator in _COMPARISONS:  # a <= b <= c
            return self._joined("and", left, self._joined(str(operator), left.right, right))
        return self._joined(str(operator), left, right)

    def binary(self, parts: list[Any]) -> tree.Binary:
        left, operator, right = parts
        return self._joined(str(operator), left, right)

    def _joined(self, operator: str, left: tree.Expr, right: tree.Expr) -> tree.Binary:
        return tree.Binary(operator, left, right, left.span.to(right.span))

    def negation(self, parts: list[Any]) -> tree.Unary:
        return tree.Unary("not", parts[0], parts[0].span)

    def negative(self, parts: list[Any]) -> tree.Unary:
        sign, operand = parts
        return tree.Unary("-", operand, self.span(sign).to(operand.span))

    def number(self, parts: list[Any]) -> tree.Number:
        text = str(parts[0]).replace("_", "")
        digits = text if len(text) < 20 else "0"  # longer ones are reported by the layout
        value = int(digits) if text.isdigit() else float(text)
        return tree.Number(value, self.span(parts[0]))

    def dims(self, parts: list[Any]) -> tree.Dims:
        sizes = tuple(int(size[:19]) for size in str(parts[0]).split("x"))
        return tree.Dims(sizes, self.span(parts[0]))

    def string(self, parts: list[Any]) -> tree.String:
        return tree.String(str(parts[0])[1:-1], self.span(parts[0]))

    def name(self, parts: list[Any]) -> tree.Name:
        return self._name(parts[0])

    def attribute(self, parts: list[Any]) -> tree.Attribute:
        target, name = parts
        return tree.Attribute(target, str(name), target.span.to(self.span(name)))

    def tuple(self, parts: list[Any]) -> tree.Expr:
        opened, *items, comma, closed = parts
        if len(items) == 1 and comma is None:
            return cast("tree.Expr", items[0])
        chains = (tree.Chain((item,), item.span) for item in items)
        return tree.Tuple((*chains,), self.span(opened).to(self.span(closed)))

    def pipe(self, parts: list[Any]) -> tree.Tuple:
        opened, *elements, closed = parts
        chain = tree.Chain((*elements,), elements[0].span.to(elements[-1].span))
        return tree.Tuple((chain,), self.span(opened).to(self.span(closed)))

    def list(self, parts: list[Any]) -> tree.Items:
        opened, *items, closed = parts
        span = self.span(opened).to(self.span(closed))
        return tree.Items((*(item for item in items if item is not None),), span)


_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
