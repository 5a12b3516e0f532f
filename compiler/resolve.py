"""From tree to program: what every word means. Unknown words are errors, with the nearest known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from netc.compiler import layers, program, tree
from netc.compiler.arguments import field_of, need_all, words_of
from netc.compiler.diagnostics import Label, Log, did_you_mean
from netc.compiler.layers.base import Layer
from netc.compiler.parse import PLACEHOLDER, parse
from netc.compiler.source import Source, Span

Reader = Callable[[str, Source], Source]
"""Brings another file: (name after `use`, the file it stands in) -> source. OSError if absent."""

STRUCTURE = ("branch", "inception", "parallel", "repeat", "residual", "scan", "shortcut")
CONSTANTS = ("yes", "no", "none")
LATER = {
    "scan": "cells of one's own",
    "state": "cells of one's own",
    "generate": "decoding",
    "noise": "several nets in one training",
}
"""Words of the language whose meaning is not built yet: said plainly instead of guessed."""


def resolve(source: Source, log: Log, read: Reader) -> program.Program:
    """Parses and resolves a spec with all files it uses. Findings (E01, E02, E04) are logged."""
    files = _Files(log, read)
    files.load(source, ())
    definitions = {**files.definitions}
    if log.has_errors:
        return program.Program({}, (), ())
    resolved = {
        name: _Resolver(definition, definitions, log).definition()
        for name, definition in definitions.items()
    }
    _refuse_circles(resolved, log)
    own = tuple(d.name.text for d in files.own)
    return program.Program(resolved, tuple(files.trains), own)


class _Files:
    """Gathers the definitions of a file and of those it uses."""

    def __init__(self, log: Log, read: Reader) -> None:
        self.log, self.read = log, read
        self.definitions: dict[str, tree.Definition] = {}
        self.own: list[tree.Definition] = []
        self.trains: list[tree.Line] = []
        self._loaded: dict[str, list[tree.Definition]] = {}

    def load(self, source: Source, using: tuple[str, ...]) -> list[tree.Definition]:
        """All definitions of a file and, for the outermost file, its train blocks."""
        found: list[tree.Definition] = []
        self._loaded[source.name] = found
        for statement in parse(source, self.log).statements:
            if isinstance(statement, tree.Definition):
                self._define(statement)
                found.append(statement)
                if not using:
                    self.own.append(statement)
            elif isinstance(statement, tree.Use):
                self._use(statement, source, (*using, source.name))
            elif _word(statement) == "train" and not using:
                self.trains.append(statement)  # type: ignore[arg-type]
            elif _word(statement) == PLACEHOLDER and self.log.has_errors:
                continue  # it stands for a line with a syntax error
            elif _word(statement) != "train":
                self._stray(statement)
        return found

    def _define(self, definition: tree.Definition) -> None:
        name = definition.name.text
        before = self.definitions.get(name)
        if before is not None and before is not definition:
            label = Label(before.name.span, f"the first `{name}` stands here")
            message = f"`{name}` is defined twice"
            self.log.say("E0206", definition.name.span, message, "give one another name", [label])
            return
        if layers.find(name) is not None or name in STRUCTURE:
            message = f"`{name}` is a word of the language already"
            self.log.say("E0206", definition.name.span, message, f"call it `{name.capitalize()}`")
        elif reason := forbidden_name(name):
            self.log.say("E0206", definition.name.span, reason, "choose another name")
        self.definitions[name] = definition

    def _use(self, use: tree.Use, source: Source, using: tuple[str, ...]) -> None:
        try:
            other = self.read(use.file, source)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            self.log.say("E0207", use.span, f"`{use.file}` cannot be read: {reason}")
            return
        if other.name in using:
            circle = " → ".join((*using[using.index(other.name) :], other.name))
            self.log.say("E0402", use.span, f"the files use each other in a circle: {circle}")
            return
        found = self._loaded.get(other.name)
        if found is None:
            found = self.load(other, using)
        known = [d.name.text for d in found]
        for name in use.names:
            if name.text not in known:
                message = f"`{use.file}` defines no `{name.text}`"
                self.log.say("E0201", name.span, message, did_you_mean(name.text, known))

    def _stray(self, statement: tree.Statement) -> None:
        word = _word(statement)
        if word == "tune":
            self.log.say("E0208", statement.span, "`tune` blocks are not built yet", "take it out")
            return
        if word in ("net", "block"):
            hint = f"write `{word} NAME(parameters):` with a `:` at the end"
            self.log.say(
                "E0209", statement.span, f"`{word}` opens a definition and needs a block", hint
            )
            return
        message = f"`{word or 'this line'}` stands outside of any net"
        hint = "put it into a `net`, a `block` or a `train` block, indented"
        self.log.say("E0209", statement.span, message, hint)


def _word(statement: tree.Statement) -> str:
    """The first word of a statement."""
    if isinstance(statement, tree.Line):
        if statement.target is not None:
            return statement.target.text
        first = statement.chain.elements[0]
        if isinstance(first, tree.Call):
            return (first.role or first.name).text
        return first.text if isinstance(first, tree.Name) else ""
    return statement.word.text if isinstance(statement, tree.Declaration) else ""


class _Names:
    """The names that a place in a definition can see, and which of them were used."""

    def __init__(self, outer: _Names | None = None) -> None:
        self.outer = outer
        self.kinds: dict[str, str] = {}
        self.places: dict[str, Span] = {}
        self.used: set[str] = outer.used if outer else set()

    def find(self, name: str) -> str | None:
        """What a name is: number, value or module; None if it is unknown."""
        scope: _Names | None = self
        while scope is not None:
            if name in scope.kinds:
                return scope.kinds[name]
            scope = scope.outer
        return None

    def all(self) -> list[str]:
        """Every name in sight."""
        return [*self.kinds, *(self.outer.all() if self.outer else ())]


class _Resolver:
    """Resolves one definition."""

    def __init__(
        self, definition: tree.Definition, definitions: dict[str, tree.Definition], log: Log
    ) -> None:
        self.source_tree, self.definitions, self.log = definition, definitions, log
        self.is_net = definition.word == "net"

    def definition(self) -> program.Definition:
        """The definition with every word resolved."""
        written = self.source_tree
        names = _Names()
        parameters: dict[str, tree.Expr | None] = {}
        for parameter in written.parameters:
            if parameter.default is not None:
                self.expression(parameter.default, names, ())
            self._bind(names, parameter.name, "parameter")
            parameters[parameter.name.text] = parameter.default
        body = self.body(written.body, names)
        if self.is_net and not any(isinstance(item, program.Input) for item in body):
            message = f"the net `{written.name.text}` has no input"
            hint = "write its input first, as in `input image: [1, 28, 28]`"
            self.log.say("E0403", written.name.span, message, hint)
        self._unused(names)
        return program.Definition(
            written.word, written.name.text, parameters, body, written.name.span
        )

    def _bind(self, names: _Names, name: tree.Name, kind: str) -> None:
        text = name.text
        if text in names.kinds:
            label = Label(names.places[text], f"`{text}` is bound here")
            message = f"the name `{text}` is bound twice; a name stands for one value"
            self.log.say("E0206", name.span, message, "give one another name", [label])
        elif text in ("in", "out", PLACEHOLDER, *CONSTANTS):
            self.log.say(
                "E0206", name.span, f"`{text}` has a meaning of its own", "choose another name"
            )
        elif reason := forbidden_name(text):
            self.log.say("E0206", name.span, reason, f"call it `{text}_`")
        names.kinds[text] = kind
        names.places[text] = name.span

    def _unused(self, names: _Names) -> None:
        for name, kind in names.kinds.items():
            if name in names.used or kind not in ("parameter", "module"):
                continue
            self.log.say(
                "W0201", names.places[name], f"`{name}` is never used", "take it out, or use it"
            )

    # -- lines

    def body(self, lines: Sequence[tree.Statement], names: _Names) -> program.Body:
        """The lines of a block, in order."""
        items: list[program.Item] = []
        for line in lines:
            items += self._item(line, names)
        return tuple(items)

    def _item(self, line: tree.Statement, names: _Names) -> Iterable[program.Item]:
        if isinstance(line, tree.Declaration):
            return self._declaration(line, names)
        if isinstance(line, tree.Definition | tree.Use):
            word = line.word if isinstance(line, tree.Definition) else "use"
            message = f"`{word}` stands inside a definition"
            self.log.say("E0209", line.span, message, "move it out, to the left margin")
            return ()
        word = _word(line) if line.target is None else ""
        if word == "expect":
            return self._expect(line)
        if word in LATER and not (names.find(word) or word in self.definitions):
            self.log.say(
                "E0208", line.span, f"`{word}` ({LATER[word]}) is not built yet", "take it out"
            )
            return ()
        if word in ("input", "param") and isinstance(line.chain.elements[0], tree.Call):
            hint = f"write `{word} NAME: [sizes]`"
            self.log.say("E0209", line.span, f"`{word}` needs a name, a `:` and its sizes", hint)
            return ()
        if line.bind is not None and line.bind.text == "share":
            return self._share(line, names)
        if word == "output":
            self.log.say(
                "E0209",
                line.span,
                "`output` needs a name and what it is",
                "write `output NAME = …`",
            )
            return ()
        return self._flow(line, names)

    def _flow(self, line: tree.Line, names: _Names) -> Iterable[program.Item]:
        elements = self.chain(line, names)
        target = None
        if line.target is not None:
            self._bind(names, line.target, "value")
            target = line.target.text
        output = line.bind is not None
        if output and not self.is_net:
            message = "`output` stands in a block; a block gives what its last line leaves"
            self.log.say("E0209", line.span, message, "take `output` out")
        return (program.Flow(elements, line.span, target, output),) if elements else ()

    def _share(self, line: tree.Line, names: _Names) -> Iterable[program.Item]:
        elements = self.chain(line, names)
        assert line.target is not None
        self._bind(names, line.target, "module")
        if len(elements) == 1 and isinstance(elements[0], program.LayerUse | program.BlockUse):
            return (program.Share(line.target.text, elements[0], line.span),)
        if elements:
            message = "`share` makes one module: a block or a layer"
            hint = "put the chain into a `block` and share that"
            self.log.say("E0209", line.chain.span, message, hint)
        return ()

    def _declaration(self, line: tree.Declaration, names: _Names) -> Iterable[program.Item]:
        word = line.word.text
        if word in LATER:
            self.log.say(
                "E0208", line.span, f"`{word}` ({LATER[word]}) is not built yet", "take it out"
            )
            return ()
        if word == "input" and not self.is_net:
            message = "`input` stands in a block; what flows into a block is `in`"
            self.log.say("E0209", line.span, message, "take it out, or make the block a `net`")
            return ()
        self._kind(line.kind, names, free=word == "input")
        items: list[program.Item] = []
        for name in line.names:
            self._bind(names, name, "value")
            if word == "input":
                names.used.add(name.text)  # the first line may take it without naming it
                items.append(program.Input(name.text, line.kind, name.span))
            else:
                start = self._start(line)
                items.append(program.Learned(name.text, line.kind, start, name.span))
        return items

    def _start(self, line: tree.Declaration) -> str | float:
        """What a learned tensor starts as."""
        element = line.value.elements[0] if line.value and len(line.value.elements) == 1 else None
        if isinstance(element, tree.Name) and element.text in ("zeros", "ones", "normal"):
            return element.text
        if isinstance(element, tree.Number):
            return float(element.value)
        message = f"`param {line.names[0].text}` does not say what it starts as"
        hint = "write `= zeros`, `= ones`, `= normal` or `= NUMBER` at the end"
        self.log.say("E0205", line.span, message, hint)
        return "zeros"

    def _kind(self, kind: tree.Kind, names: _Names, *, free: bool) -> None:
        """Checks a declared type; an input's unknown names become sizes."""
        if kind.dtype is not None and kind.dtype.text not in ("int", "float"):
            message = f"`{kind.dtype.text}` is no kind of number"
            self.log.say(
                "E0201", kind.dtype.span, message, "write `int[…]`, or nothing for real numbers"
            )
        for flag in kind.flags:
            if flag.text == "padded":
                message = "`padded` inputs (masks that travel with the value) are not built yet"
                self.log.say("E0208", flag.span, message, "take `padded` out")
            else:
                self.log.say("E0201", flag.span, f"`{flag.text}` says nothing about an input")
        for size in kind.sizes:
            if free and isinstance(size, tree.Name) and names.find(size.text) is None:
                names.kinds[size.text] = "size"
                names.places[size.text] = size.span
            self.expression(size, names, ())

    def _expect(self, line: tree.Line) -> Iterable[program.Item]:
        first = line.chain.elements[0]
        arguments = first.arguments if isinstance(first, tree.Call) else ()
        if len(arguments) == 1 and arguments[0].name is not None:
            message = f"`expect {arguments[0].name.text} = …` does not say how to compare"
            self.log.say("E0209", line.span, message, "write `==`, `<=`, `>=`, `<` or `>`")
        elif len(arguments) != 1 or len(line.chain.elements) != 1:
            message = "`expect` takes one comparison"
            self.log.say("E0209", line.span, message, "write it as in `expect params <= 1e6`")
        elif not self.is_net:
            message = "`expect` stands in a block; a claim is about a whole net"
            self.log.say("E0209", line.span, message, "move it into the net")
        else:
            return (program.Expect(arguments[0].value, line.span),)
        return ()

    # -- chains

    def chain(self, line: tree.Line, names: _Names) -> tuple[program.Element, ...]:
        """The elements of a line; its block, if it has one, belongs to the last of them."""
        elements: list[program.Element] = []
        last = len(line.chain.elements) - 1
        for index, element in enumerate(line.chain.elements):
            if index == last and line.body is not None:
                found = self._opened(element, line, names)
            else:
                found = self._element(element, names, first=index == 0)
            if found is not None:
                elements.append(found)
        return tuple(elements)

    def _element(
        self, element: tree.Element, names: _Names, *, first: bool
    ) -> program.Element | None:
        if isinstance(element, tree.Items):
            for item in element.items:
                self.expression(item, names, ())
            return program.ShapeClaim(element, element.span)
        if isinstance(element, tree.Name | tree.Call):
            return self._use(element, names)
        if not first:
            message = "an arrow leads to a layer, a block or a shape"
            self.log.say("E0209", element.span, message)
            return None
        self.expression(element, names, ())
        return program.ValueUse(element, element.span)

    def _use(self, element: tree.Name | tree.Call, names: _Names) -> program.Element | None:
        call = element if isinstance(element, tree.Call) else tree.Call(element, (), element.span)
        word = call.name.text
        if call.role is not None:
            self._role(call)
            return None
        kind = names.find(word)
        if word in ("in", "out") or (kind is not None and kind != "module"):
            names.used.add(word)
            if call.arguments:
                self.log.say("E0204", call.span, f"`{word}` is a value and takes no arguments")
            return program.ValueUse(call.name, call.span)
        if kind == "module":
            names.used.add(word)
            if call.arguments:
                message = f"`{word}` is shared and has its arguments already"
                self.log.say("E0204", call.span, message)
            return program.SharedUse(word, call.span)
        layer = layers.find(word)
        if layer is not None:
            return self._layer(layer, call, names)
        if word in self.definitions:
            return self._block(self.definitions[word], call, names)
        self._unknown(call, names)
        return None

    def _role(self, call: tree.Call) -> None:
        assert call.role is not None
        message = f"`{call.role.text} {call.name.text} …` are two words before the first argument"
        known = layers.find(call.role.text) is not None or call.role.text in self.definitions
        hint = f"write a comma: `{call.role.text} {call.name.text}, …`" if known else ""
        self.log.say("E0201", call.role.span.to(call.name.span), message, hint)

    def _unknown(self, call: tree.Call, names: _Names) -> None:
        word = call.name.text
        if word in STRUCTURE:
            if word in LATER:
                message = f"`{word}` ({LATER[word]}) is not built yet"
                self.log.say("E0208", call.name.span, message, "take it out")
                return
            message = f"`{word}` opens a block and needs a `:`"
            self.log.say(
                "E0209", call.name.span, message, f"write `{word}:` and its lines indented"
            )
            return
        known = [*layers.words(), *self.definitions, *STRUCTURE, *names.all()]
        message = f"there is no layer, block or value called `{word}`"
        self.log.say("E0201", call.name.span, message, did_you_mean(word, known))

    def _layer(self, layer: type[Layer], call: tree.Call, names: _Names) -> program.LayerUse:
        fields = dict(layer.model_fields)
        variadic = layer.inputs != (1, 1)
        given: dict[str, tree.Expr] = {}
        operands: list[tuple[str, tree.Expr]] = []
        places = [name for name in fields if name not in layer.operands][: layer.positional]
        if variadic:
            places = []
        for argument in call.arguments:
            if argument.name is None and variadic:
                operands.append(("", argument.value))
                self.expression(argument.value, names, ())
                continue
            name = field_of(argument, list(fields), places, given, call, self.log)
            if name is None:
                continue
            if name in layer.operands:
                operands.append((name, argument.value))
                given[name] = argument.value
                self.expression(argument.value, names, ())
            else:
                given[name] = argument.value
                self.expression(argument.value, names, words_of(fields[name]))
        missing = [n for n, f in fields.items() if f.is_required() and n not in given]
        need_all(missing, call, self.log)
        arguments = {n: v for n, v in given.items() if n not in layer.operands}
        return program.LayerUse(layer, arguments, tuple(operands), call.span, call.name.span)

    def _block(
        self, definition: tree.Definition, call: tree.Call, names: _Names
    ) -> program.BlockUse:
        fields = [p.name.text for p in definition.parameters]
        given: dict[str, tree.Expr] = {}
        for argument in call.arguments:
            name = field_of(argument, fields, fields, given, call, self.log)
            if name is not None:
                given[name] = argument.value
                self.expression(argument.value, names, ())
        missing = [
            p.name.text
            for p in definition.parameters
            if p.default is None and p.name.text not in given
        ]
        need_all(missing, call, self.log)
        return program.BlockUse(definition.name.text, given, call.span, call.name.span)

    # -- blocks of structure

    def _opened(
        self, element: tree.Element, line: tree.Line, names: _Names
    ) -> program.Element | None:
        """A word that opens a block: residual, parallel, inception, repeat."""
        call = element if isinstance(element, tree.Call) else None
        word = call.name.text if call else element.text if isinstance(element, tree.Name) else ""
        options = {a.name.text: a for a in call.arguments if a.name} if call else {}
        plain = [a for a in call.arguments if a.name is None] if call else []
        if call is not None and call.role is not None:
            word, plain, options = call.role.text, [], {}
        span = line.chain.elements[-1].span
        assert line.body is not None
        if word == "repeat":
            return self._repeat(call, plain, options, line, names)
        if word in ("residual", "parallel", "inception"):
            wanted = {"parallel": ["join"], "inception": ["join"]}.get(word, [])
            self._only(word, plain, options, wanted)
            if word == "residual":
                return self._residual(line.body, names, span)
            return self._parallel(word, options, line.body, names, span)
        if word in ("branch", "shortcut"):
            inside = "residual" if word == "shortcut" else "parallel` or `inception"
            self.log.say("E0209", span, f"`{word}` stands outside of `{inside}`")
        elif word in LATER:
            self.log.say("E0208", span, f"`{word}` ({LATER[word]}) is not built yet", "take it out")
        else:
            known = layers.find(word) is not None or word in self.definitions
            message = f"`{word}` opens no block" if known else f"no word `{word}` opens a block"
            hint = "take the `:` out" if known else did_you_mean(word, STRUCTURE)
            self.log.say("E0209" if known else "E0201", span, message, hint)
        return None

    def _only(
        self,
        word: str,
        plain: Sequence[tree.Argument],
        options: dict[str, tree.Argument],
        wanted: Sequence[str],
    ) -> None:
        for argument in plain:
            self.log.say("E0204", argument.span, f"`{word}` takes no argument by place")
        for name, argument in options.items():
            if name not in wanted:
                message = f"`{word}` has no argument `{name}`"
                self.log.say("E0203", argument.span, message, did_you_mean(name, wanted))

    def _repeat(
        self,
        call: tree.Call | None,
        plain: Sequence[tree.Argument],
        options: dict[str, tree.Argument],
        line: tree.Line,
        names: _Names,
    ) -> program.Element | None:
        assert line.body is not None
        span = line.chain.elements[-1].span
        count = items = None
        listed = options.get("in")
        if listed is not None and len(options) == 1 and not plain:
            items = listed.value
            self.expression(items, names, ())
        elif len(plain) == 1 and not options:
            count = plain[0].value
            self.expression(count, names, ())
        else:
            hint = "write `repeat 3:`, `repeat 3 as i:` or `repeat in [64, 128] as width:`"
            self.log.say("E0205", span, "`repeat` needs how often, or a list", hint)
        inner = _Names(names)
        variable = None
        if line.variable is not None:
            variable = line.variable.text
            self._bind(inner, line.variable, "number")
        body = self.body(line.body, inner)
        if call is None or (count is None and items is None):
            return None
        return program.Repeat(count, items, variable, body, span)

    def _residual(
        self, lines: Sequence[tree.Statement], names: _Names, span: Span
    ) -> program.Residual:
        around = [line for line in lines if _is_shortcut(line)]
        body = self.body([line for line in lines if not _is_shortcut(line)], names)
        shortcuts = [self._shortcut(line, names) for line in around if isinstance(line, tree.Line)]
        for other in shortcuts[1:]:
            label = Label(shortcuts[0].span, "the first one")
            self.log.say("E0206", other.span, "a residual has one shortcut", labels=[label])
        return program.Residual(body, shortcuts[0] if shortcuts else None, span)

    def _shortcut(self, line: tree.Line, names: _Names) -> program.Shortcut:
        element = line.chain.elements[-1]
        arguments = element.arguments if isinstance(element, tree.Call) else ()
        options = {a.name.text: a for a in arguments if a.name}
        self._only("shortcut", [a for a in arguments if a.name is None], options, ["when"])
        when = options["when"].value if "when" in options else None
        if when is not None:
            self.expression(when, names, ())
        name = self._way_name(line, names)
        assert line.body is not None
        return program.Shortcut(name, when, self.body(line.body, names), line.span)

    def _way_name(self, line: tree.Line, names: _Names) -> str | None:
        if len(line.chain.elements) > 1:
            self.log.say(
                "E0209", line.span, "a branch starts from what flows in", "open it with its word"
            )
        if line.target is None:
            return None
        self._bind(names, line.target, "value")
        return line.target.text

    def _parallel(
        self,
        word: str,
        options: dict[str, tree.Argument],
        lines: Sequence[tree.Statement],
        names: _Names,
        span: Span,
    ) -> program.Parallel | None:
        join = options.get("join")
        how = join.value.text if join and isinstance(join.value, tree.Name) else "concat"
        if how not in ("add", "mul", "concat", "stack") or (
            join and not isinstance(join.value, tree.Name)
        ):
            assert join is not None
            message = "`join` is one of add, mul, concat, stack"
            self.log.say(
                "E0210",
                join.value.span,
                message,
                did_you_mean(how, ("add", "mul", "concat", "stack")),
            )
            how = "concat"
        branches: list[program.Branch] = []
        for line in lines:
            if isinstance(line, tree.Line) and line.body is not None and _opener(line) == "branch":
                name = self._way_name(line, names)
                branches.append(program.Branch(name, self.body(line.body, names), line.span))
            else:
                message = f"the lines of `{word}` are its branches"
                self.log.say("E0209", line.span, message, "write `branch: …`")
        layer = layers.find(how)
        assert layer is not None
        return program.Parallel(program.LayerUse(layer, {}, (), span, span), tuple(branches), span)

    # -- names in expressions

    def expression(self, expr: tree.Expr, names: _Names, words: Sequence[str]) -> None:
        """Checks the names in an expression; `words` are choices that the place accepts."""
        match expr:
            case tree.Name(text=text):
                if text in words or text in CONSTANTS:
                    return
                if text in ("in", "out"):
                    return
                if names.find(text) is None:
                    what = "value, size or parameter"
                    known = [*names.all(), *words]
                    message = f"there is no {what} called `{text}` here"
                    self.log.say("E0202", expr.span, message, did_you_mean(text, known))
                names.used.add(text)
            case tree.Attribute(target=target):
                self.expression(target, names, ())
            case tree.Binary(left=left, right=right):
                self.expression(left, names, words)
                self.expression(right, names, words)
            case tree.Unary(operand=operand):
                self.expression(operand, names, ())
            case tree.Choice(condition=condition, then=then, otherwise=otherwise):
                self.expression(condition, names, ())
                self.expression(then, names, words)
                self.expression(otherwise, names, words)
            case tree.Items(items=items):
                for item in items:
                    self.expression(item, names, words)
            case tree.Tuple(items=chains):
                for chain in chains:
                    self._tuple_item(chain, names, words)
            case _:
                return

    def _tuple_item(self, chain: tree.Chain, names: _Names, words: Sequence[str]) -> None:
        first, *rest = chain.elements
        if rest or isinstance(first, tree.Call):
            message = "a chain in parentheses has no place here"
            self.log.say("E0209", chain.span, message, "give it a line of its own and a name")
        else:
            self.expression(first, names, words)


def _is_shortcut(line: tree.Statement) -> bool:
    return isinstance(line, tree.Line) and line.body is not None and _opener(line) == "shortcut"


def _opener(line: tree.Line) -> str:
    """The word that opens a line's block."""
    element = line.chain.elements[-1]
    if isinstance(element, tree.Call):
        return element.name.text
    return element.text if isinstance(element, tree.Name) else ""


_TAKEN = frozenset(("F", "Tensor", "math", "nn", "range", "self", "super", "torch"))
"""Names that the emitted file uses for itself."""


def forbidden_name(text: str) -> str | None:
    """Why a name cannot stand in the emitted file; None if it can."""
    import keyword

    from netc.compiler.reserved import MODULE_ATTRIBUTES

    if keyword.iskeyword(text) or text in _TAKEN:
        return f"`{text}` has a meaning in Python, and names are kept in the PyTorch file"
    if text in MODULE_ATTRIBUTES or text.startswith("__"):
        return f"every torch module has an attribute `{text}`, and the PyTorch file keeps names"
    return None


def _refuse_circles(definitions: dict[str, program.Definition], log: Log) -> None:
    """A block that uses itself, directly or through others, would never end."""
    from graphlib import CycleError, TopologicalSorter

    uses = {name: {u.block: u for u in _uses(d.body)} for name, d in definitions.items()}
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        use = uses[circle[0]].get(circle[1]) or next(iter(uses[circle[0]].values()))
        shown = " → ".join(circle)
        message = f"`{circle[0]}` uses itself: {shown}"
        log.say(
            "E0401", use.span, message, "a block is made of other blocks; use `repeat` for depth"
        )


def _uses(body: program.Body) -> Iterable[program.BlockUse]:
    """Every block use in a body, however deep."""
    for item in body:
        elements = (
            item.elements
            if isinstance(item, program.Flow)
            else (item.element,)
            if isinstance(item, program.Share)
            else ()
        )
        for element in elements:
            match element:
                case program.BlockUse():
                    yield element
                case program.Residual(body=inner, shortcut=shortcut):
                    yield from _uses(inner)
                    if shortcut is not None:
                        yield from _uses(shortcut.body)
                case program.Parallel(branches=branches):
                    for branch in branches:
                        yield from _uses(branch.body)
                case program.Repeat(body=inner):
                    yield from _uses(inner)
                case _:
                    pass
