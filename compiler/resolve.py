"""From tree to program: what every word means. Unknown words are errors, with the nearest known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from netc.compiler import program, tree
from netc.compiler.allowing import is_allow, moved_out
from netc.compiler.blocks import opened
from netc.compiler.diagnostics import Log
from netc.compiler.edits import Fix, rewrite, take_argument_out, take_line_out
from netc.compiler.gaps import Gaps
from netc.compiler.gather import Files, Reader, first_word, head
from netc.compiler.meanings import Meanings, Sight
from netc.compiler.scope import (
    Names,
    Place,
    bind,
    check_expression,
    known_blocks,
    warn_unused,
)
from netc.compiler.source import Source
from netc.compiler.uses import refuse_circles, sound, uses_of
from netc.compiler.words import DECLARING, LATER, not_built


def resolve(source: Source, log: Log, read: Reader) -> program.Program:
    """Parses and resolves a spec with all files it uses. Findings (E01, E02, E04) are logged."""
    files = Files(log, read)
    files.load(source, ())
    resolved: dict[str, program.Definition] = {}
    wrong: set[str] = set()
    torn: set[str] = set()
    unclear: set[program.Element] = set()
    sights = {file: _sight(file, files) for file in files.scopes}
    for key, definition in files.definitions.items():
        if key in files.damaged:
            continue
        resolver = Resolver(definition, sights[definition.span.source.name])
        resolved[key] = resolver.definition()
        if resolver.log.has_errors or resolver.missed:
            wrong.add(key)
        if resolver.torn or resolver.missed:
            torn.add(key)
        unclear |= resolver.unclear
        for diagnostic in resolver.log:
            log.add(diagnostic)
    uses = uses_of(resolved)
    refuse_circles(uses, resolved, log)
    own = tuple(dict.fromkeys(d.name.text for d in files.own if d.name.text in resolved))
    gaps = files.gaps[source.name]
    gaps.names.update(d.name.text for d in files.own if d.name.text in files.unclear)
    return program.Program(
        resolved,
        tuple(files.trains),
        own,
        tuple(files.allows),
        tuple(files.imports),
        sound(uses, wrong),
        sound(uses, torn) if wrong else frozenset(),
        frozenset(unclear),
        gaps,
    )


_STARTS = ("zeros", "ones", "normal")
"""Words for what a learned tensor starts as."""


def _sight(file: str, files: Files) -> Sight:
    scope, known = files.scopes[file], files.gaps[file]
    unclear = {name for name, key in scope.items() if key in files.unclear}
    gaps = Gaps(unclear | known.names, known.blind)
    keys = {name: key for name, key in scope.items() if name not in gaps.names}
    definitions = {name: files.definitions[key] for name, key in keys.items()}
    blocks = {name: keys[name] for name, found in definitions.items() if found.word == "block"}
    return Sight(gaps, keys, definitions, blocks, dict.fromkeys(blocks, "block"))


class Resolver:
    """Resolves one definition. Findings go to its own log.

    Attributes:
        gaps: names that errors elsewhere leave unknown.
        missed: those of them that stand here: what they mean, and what follows, is not known.
    """

    def __init__(self, definition: tree.Definition, sight: Sight) -> None:
        self.source_tree, self.log = definition, Log()
        self.gaps, _, self.definitions, self.blocks, self.kinds = sight
        self.meanings = Meanings(sight, self.log)
        self.missed: set[str] = set()
        self.is_net = definition.word == "net"
        self.unread = False
        """Whether a line was not understood that may have declared an input."""
        self.unclear: set[program.Element] = set()
        """Elements that are said to be wrong."""
        self._within = 0
        """How many findings are about single elements, or about lines that can be left out."""
        self.torn = False
        """Whether others are, which leave more unknown than what an element gives."""

    def definition(self) -> program.Definition:
        """The definition with every word resolved."""
        written = self.source_tree
        names = Names(known_blocks(self.kinds, self.gaps))
        self.missed = names.missed
        names.place = Place(written.body)
        parameters: dict[str, tree.Expr | None] = {}
        for parameter in written.parameters:
            if parameter.default is not None:
                check_expression(parameter.default, names, (), self.log)
            bind(names, parameter.name, "parameter", self.log)
            parameters[parameter.name.text] = parameter.default
        body = self.body(written.body, names)
        no_input = not any(isinstance(item, program.Input) for item in body)
        if self.is_net and no_input and not self.unread:
            message = f"the net `{written.name.text}` has no input"
            hint = "write its input first, as in `input image: [1, 28, 28]`"
            self.log.say("E0403", written.name.span, message, hint)
        self.torn = len(self.log) > self._within
        if not self.log.has_errors:  # a line that was not understood may have used them
            own = {p.name.text: p.span for p in written.parameters} if self.is_net else {}
            warn_unused(names, own, self.log)
        return program.Definition(
            written.word, written.name.text, parameters, body, written.name.span, self.blocks
        )

    # -- lines

    def body(self, lines: Sequence[tree.Statement], names: Names) -> program.Body:
        """The lines of a block, in order."""
        items: list[program.Item] = []
        for line in lines:
            items += self._item(line, names)
        return tuple(items)

    def inner(self, lines: Sequence[tree.Statement], names: Names) -> program.Body:
        """The lines of a block of structure; what is said of the whole net is refused there."""
        for line in lines:
            if is_allow(line):
                message = "`allow` is about a whole net, block or file and stands in a part of it"
                fix = moved_out(line, self.source_tree, alone=len(lines) == 1)
                self.log.say("E0209", line.span, message, fix)
                continue
            whole = isinstance(line, tree.Declaration) and line.word.text == "input"
            whole = whole or (isinstance(line, tree.Line) and line.bind is not None)
            if (whole or first_word(line) in ("expect", "init")) and not _is_share(line):
                word = "output" if isinstance(line, tree.Line) and line.bind else first_word(line)
                message = f"`{word}` is about the whole net and stands in a part of it"
                self.log.say("E0209", line.span, message, "move it out, to the net's own lines")
        return self.body(lines, names)

    def _item(self, line: tree.Statement, names: Names) -> Iterable[program.Item]:
        if isinstance(line, tree.Declaration):
            return self._declaration(line, names)
        if isinstance(line, tree.Definition | tree.Use):
            word = line.word if isinstance(line, tree.Definition) else "use"
            message = f"`{word}` stands inside a definition"
            self.log.say("E0209", line.span, message, "move it out, to the left margin")
            return ()
        if is_allow(line):  # read with the file
            return ()
        begins = head(line.chain)
        word = begins if line.target is None else ""
        if word == "expect":
            said = len(self.log)
            claims = self._expect(line)
            self._within += len(self.log) - said
            return claims
        own = names.find(word) or word in self.definitions or word in self.gaps.names
        if word == "init" and not own:
            return self._init(line, names)
        if word in LATER and not own:
            message, hint = not_built(word)
            out = word == "generate" and line.body is None  # the net is the same without it
            fix = take_line_out(line.span, hint) if out else Fix(hint)
            self.log.say("E0208", line.span, message, fix)
            self._within += out
            return ()
        called = word in DECLARING and isinstance(line.chain.elements[0], tree.Call)
        target = line.target.text if line.target else ""
        declares = not own and not DECLARING.isdisjoint((begins, target))
        if called or declares:
            torn = self._torn(line) if declares else None
            if torn is not None or called:
                self._undeclared(line, names, torn, torn["kind"] if torn else word)
                return ()
        if line.bind is not None and line.bind.text == "share":
            return self._share(line, names)
        if word == "output":
            message = "`output` needs a name and what it is"
            from netc.compiler.torn import output_fix

            self.log.say("E0209", line.span, message, output_fix(line))
            return ()
        return self._flow(line, names)

    def _torn(self, line: tree.Line) -> re.Match[str] | None:
        from netc.compiler.torn import TORN, code_of  # most specs have no such line

        return TORN.fullmatch(code_of(line))

    def _undeclared(
        self, line: tree.Line, names: Names, torn: re.Match[str] | None, kind: str
    ) -> None:
        """Says of a line that is meant to declare an input or a learned tensor what it lacks."""
        from netc.compiler.torn import code_of, declared_fix, know

        self.unread |= kind == "input"
        message = f"`{kind}` needs a name, a `:` and its sizes"
        self.log.say("E0209", line.span, message, declared_fix(line.span, kind, torn))
        know(names, code_of(line), line.span)

    def _flow(self, line: tree.Line, names: Names) -> Iterable[program.Item]:
        elements = self.chain(line, names)
        target = None
        if line.target is not None:
            bind(names, line.target, "value", self.log)
            target = line.target.text
        output = line.bind is not None
        if output and not self.is_net:
            message = "`output` stands in a block; a block gives what its last line leaves"
            self.log.say("E0209", line.span, message, "take `output` out")
        return (program.Flow(elements, line.span, target, output),) if elements else ()

    def _share(self, line: tree.Line, names: Names) -> Iterable[program.Item]:
        elements = self.chain(line, names)
        assert line.target is not None
        bind(names, line.target, "module", self.log)
        if len(elements) == 1 and isinstance(elements[0], program.LayerUse | program.BlockUse):
            known = elements[0] not in self.unclear
            return (program.Share(line.target.text, elements[0], line.span),) if known else ()
        if not any(isinstance(element, program.Missing) for element in elements):
            message = "`share` makes one module: a block or a layer"
            hint = "put the chain into a `block` and share that"
            self.log.say("E0209", line.chain.span, message, hint)
        return ()

    def _declaration(self, line: tree.Declaration, names: Names) -> Iterable[program.Item]:
        word = line.word.text
        if word in LATER:
            self.log.say("E0208", line.span, *not_built(word))
            return ()
        if word == "input" and not self.is_net:
            message = "`input` stands in a block; what flows into a block is `in`"
            self.log.say("E0209", line.span, message, "take it out, or make the block a `net`")
            return ()
        self._kind(line.kind, names, free=word == "input")
        items: list[program.Item] = []
        for name in line.names:
            bind(names, name, "value", self.log)
            if word == "input":
                names.used.add(name.text)  # the first line may take it without naming it
                items.append(program.Input(name.text, line.kind, name.span))
            else:
                start = self._start(line, names)
                items.append(program.Learned(name.text, line.kind, start, name.span))
        return items

    def _start(self, line: tree.Declaration, names: Names) -> str | tree.Expr:
        """What a learned tensor starts as."""
        element = line.value.elements[0] if line.value and len(line.value.elements) == 1 else None
        if isinstance(element, tree.Name) and element.text in _STARTS:
            return element.text
        if element is not None and not isinstance(element, tree.Call | tree.Items):
            check_expression(element, names, _STARTS, self.log)
            return element
        message = f"`param {line.names[0].text}` does not say what it starts as"
        hint = "write `= zeros`, `= ones`, `= normal` or `= NUMBER` at the end"
        self.log.say("E0205", line.span, message, hint)
        return "zeros"

    def _kind(self, kind: tree.Kind, names: Names, *, free: bool) -> None:
        """Checks a declared type; an input's unknown names become sizes."""
        if kind.dtype is not None and kind.dtype.text not in ("int", "float"):
            message = f"`{kind.dtype.text}` is no kind of number"
            self.log.say(
                "E0201", kind.dtype.span, message, "write `int[…]`, or nothing for real numbers"
            )
        for flag in kind.flags:
            if flag.text == "padded":
                message = "`padded` inputs (masks that travel with the value) are not built yet"
                fix = take_argument_out(flag.span, "take `padded` out")
                self.log.say("E0208", flag.span, message, fix)
            else:
                self.log.say("E0201", flag.span, f"`{flag.text}` says nothing about an input")
        for place, size in enumerate(kind.sizes):
            if free and size.span.text in _NO_SIZES and names.find(size.span.text) is None:
                message = f"`{size.span.text}` is no size: sizes leave out the batch"
                fix = take_argument_out(size.span, "take it out") if place == 0 else Fix("")
                self.log.say("E0210", size.span, message, fix)
                continue
            known = names.find(size.text) if isinstance(size, tree.Name) else "number"
            if free and isinstance(size, tree.Name) and known in (None, "block"):
                names.kinds[size.text] = "size"
                names.places[size.text] = size.span
            check_expression(size, names, (), self.log)

    def _init(self, line: tree.Line, names: Names) -> Iterable[program.Item]:
        from netc.compiler.initialising import init_line

        if not self.is_net:
            message = "`init` stands in a block; it says how the weights of a whole net begin"
            self.log.say("E0209", line.span, message, "move it into the net, or write `init=…`")
            return ()
        found = init_line(line, self.log)
        if found is not None and found.std is not None:
            check_expression(found.std, names, (), self.log)
        return () if found is None else (found,)

    def _expect(self, line: tree.Line) -> Iterable[program.Item]:
        first = line.chain.elements[0]
        arguments = first.arguments if isinstance(first, tree.Call) else ()
        if len(arguments) == 1 and arguments[0].name is not None:
            message = f"`expect {arguments[0].name.text} = …` does not say how to compare"
            gap = replace(
                arguments[0].name.span.after,
                end_line=arguments[0].value.span.line,
                end_column=arguments[0].value.span.column,
            )
            hint = "write `==`, or `<=`, `>=`, `<`, `>`"
            self.log.say("E0209", line.span, message, rewrite(gap, " == ", hint, safe=True))
        elif not _is_claim(arguments) or len(line.chain.elements) != 1:
            message = "`expect` takes one comparison, and sizes that the inputs leave open"
            hint = "write it as in `expect params <= 1e6` or `expect macs == 9_000, H=512`"
            self.log.say("E0209", line.span, message, hint)
        elif not self.is_net:
            message = "`expect` stands in a block; a claim is about a whole net"
            self.log.say("E0209", line.span, message, "move it into the net")
        else:
            return (program.Expect(arguments[0].value, line.span, arguments[1:]),)
        return ()

    # -- chains

    def chain(self, line: tree.Line, names: Names) -> tuple[program.Element, ...]:
        """The elements of a line; its block, if it has one, belongs to the last of them."""
        elements: list[program.Element] = []
        last = len(line.chain.elements) - 1
        for index, element in enumerate(line.chain.elements):
            said, within = len(self.log), self._within
            if index == last and line.body is not None:
                found = opened(self, element, line, names)
            else:
                found = self.meanings.of(element, names, first=index == 0)
                if len(self.log) > said:
                    new = self.log.last(len(self.log) - said)
                    self._within = within + len(new)
                    if found is not None and any(d.code != "E0202" for d in new):
                        self.unclear.add(found)  # a name without a value is unknown by itself
            if found is None:
                self._within = within + len(self.log) - said
                found = program.Missing(element.span)
            elements.append(found)
        return tuple(elements)


_NO_SIZES = ("-1", "None", "none", "batch", "batch_size")
"""What others write for the number of examples, which is never written here."""


def _is_claim(arguments: Sequence[tree.Argument]) -> bool:
    """A comparison, and behind it the sizes that it is said for."""
    named = [argument.name is not None for argument in arguments]
    return bool(named) and not named[0] and all(named[1:])


def _is_share(line: tree.Statement) -> bool:
    return isinstance(line, tree.Line) and line.bind is not None and line.bind.text == "share"
