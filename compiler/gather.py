"""Definitions of a spec and of the files it uses, each file read once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from netc.compiler import layers, library, tree
from netc.compiler.allowing import Allow, allows, is_allow
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import nearest, rewrite, suggest, take_line_out
from netc.compiler.gaps import Gaps
from netc.compiler.parse import parse
from netc.compiler.source import Source, Span
from netc.compiler.words import DEFINING, PLACEHOLDER, STRUCTURE, forbidden_name

Reader = Callable[[str, Source], Source]
"""Brings another file: (name after `use`, the file it stands in) -> source. OSError if absent."""


Scope = dict[str, str]
"""What a file sees: the name of a block or net there, and its key among all definitions."""


class Files:
    """Gathers the definitions of a file and of those it uses.

    Attributes:
        definitions: all of them by key: the name, and for those of other files the file before it.
        scopes: what each file sees: its own definitions, and of others those that it names. What
            they are made of themselves stays theirs, so that equal names of two files are no clash.
        gaps: what each file may define beside that.
        damaged: keys of definitions that stand in a part with syntax errors: nothing more is said
            of them.
        unclear: keys of these, and of definitions whose name is no good: nothing is said of their
            uses.
    """

    def __init__(self, log: Log, read: Reader) -> None:
        self.log, self.read = log, read
        self.definitions: dict[str, tree.Definition] = {}
        self.scopes: dict[str, Scope] = {}
        self.gaps: dict[str, Gaps] = {}
        self.damaged: set[str] = set()
        self.unclear: set[str] = set()
        self.own: list[tree.Definition] = []
        self.trains: list[tree.Line] = []
        self.imports: list[tuple[tree.Use, dict[str, str]]] = []
        self.allows: list[Allow] = []
        self._loaded: dict[str, list[str]] = {}

    def load(self, source: Source, using: tuple[str, ...]) -> list[str]:
        """The keys of a file's definitions; of the outermost file its train blocks too."""
        found: list[str] = []
        self._loaded[source.name] = found
        scope = self.scopes.setdefault(source.name, {})
        parsed = parse(source, self.log)
        statements = parsed.statements
        gaps = self.gaps.setdefault(source.name, Gaps())
        broken = (statements[place] for place in parsed.damaged)
        heads = {d.name.text for d in broken if isinstance(d, tree.Definition)}
        for text in parsed.unread:
            gaps.read(text, heads)
        damaged = {*parsed.damaged, *_robbed(statements)}
        said = Log()
        self.allows += allows(statements, said)
        gaps.hushed |= said.has_errors
        for diagnostic in said:
            self.log.add(diagnostic)
        for place, statement in enumerate(statements):
            if isinstance(statement, tree.Definition):
                key = statement.name.text if not using else f"{source.name}: {statement.name.text}"
                if self._define(statement, key, scope):
                    found.append(key)
                    if place in damaged:
                        self.damaged.add(key)
                        self.unclear.add(key)
                if not using:
                    self.own.append(statement)
            elif isinstance(statement, tree.Use):
                self._use(statement, source, (*using, source.name))
            elif is_allow(statement):
                continue
            elif first_word(statement) == "train":
                if not using and place not in damaged:
                    self.trains.append(statement)  # type: ignore[arg-type]
            elif first_word(statement) == PLACEHOLDER and place in damaged:
                continue  # it stands for a line with a syntax error
            else:
                self._stray(statement, gaps)
        if not (found or using or self.trains or self.log.has_errors):
            span = Span(source, 1, 1, 1, 1)
            message = "there is no net and no block in this file"
            self.log.say("E0110", span, message, "a net begins with `net NAME:` and its input")
        return found

    def _define(self, definition: tree.Definition, key: str, scope: Scope) -> bool:
        """Notes a definition; False if its file has one of that name already."""
        name = definition.name.text
        if name in scope:
            label = Label(
                self.definitions[scope[name]].name.span, f"the first `{name}` stands here"
            )
            message = f"`{name}` is defined twice"
            self.log.say("E0206", definition.name.span, message, "give one another name", [label])
            self.unclear.add(scope[name])
            return False
        if layers.find(name) is not None or name in STRUCTURE:
            message = f"`{name}` is a word of the language already"
            fix = rewrite(definition.name.span, name.capitalize(), "call it `{}`")
            self.log.say("E0206", definition.name.span, message, fix)
            self.unclear.add(key)
        elif reason := forbidden_name(name):
            self.log.say("E0206", definition.name.span, reason, "choose another name")
            self.unclear.add(key)
        self.definitions[key] = definition
        scope[name] = key
        return True

    def _use(self, use: tree.Use, source: Source, using: tuple[str, ...]) -> None:
        """Brings the definitions of another file in sight; what it cannot bring is a gap."""
        gaps = self.gaps[source.name]
        other = self._read(use, source, using)
        if other is None:
            gaps.add(name.text for name in use.names)
            return
        found = self._loaded.get(other.name)
        if found is None:
            found = self.load(other, using)
        known = {self.definitions[key].name.text: key for key in found}
        if len(using) == 1:
            self.imports.append((use, known))
        theirs = self.gaps[other.name]
        if not use.names:
            gaps.take(theirs)
            for text, key in known.items():
                self._bring(text, key, use.place, source)
        for name in use.names:
            if name.text in known:
                self._bring(name.text, known[name.text], name.span, source)
                continue
            near = nearest(name.text, known)
            gaps.names.update((name.text, near or name.text))  # its uses may have the right name
            if not theirs.may_define(name.text):
                message = f"`{use.file}` defines no `{name.text}`"
                self.log.say("E0201", name.span, message, suggest(name.span, name.text, [*known]))

    def _read(self, use: tree.Use, source: Source, using: tuple[str, ...]) -> Source | None:
        """The file after `use`; None, with a finding, if there is none to be had."""
        shipped = library.modules() if library.is_module(use.file) else ()
        quoted = use.place.text.startswith('"')
        if quoted and use.file not in shipped and not use.file.endswith(".net"):
            message = f"`{use.file}` is not the name of a spec, which ends in `.net`"
            hint = "write the file's whole name"  # lines of files that are no specs are never shown
            self.log.say("E0207", use.place, message, hint)
            return None
        if library.is_module(use.file) and use.file not in shipped:
            message = f"no module `{use.file}` ships with netc"
            self.log.say("E0207", use.place, message, suggest(use.place, use.file, shipped))
            return None
        try:
            other = self.read(use.file, source)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            self.log.say("E0207", use.span, f"`{use.file}` cannot be read: {reason}")
            return None
        if other.name in using:
            circle = " → ".join((*using[using.index(other.name) :], other.name))
            self.log.say("E0402", use.span, f"the files use each other in a circle: {circle}")
            return None
        return other

    def _bring(self, name: str, key: str, span: Span, source: Source) -> None:
        """Puts a definition of another file in sight, unless its name means another one there."""
        scope = self.scopes[source.name]
        if scope.get(name, key) != key:
            label = Label(
                self.definitions[scope[name]].name.span, f"the first `{name}` stands here"
            )
            hint = "name what you need of the file: `use FILE: NAME, …`"
            if span.text == name:
                hint = "take the name out here, or give one of the two another name"
            self.log.say("E0206", span, f"`{name}` is defined twice", hint, [label])
            self.gaps[source.name].names.add(name)
            return
        scope[name] = key

    def _stray(self, statement: tree.Statement, gaps: Gaps) -> None:
        word = first_word(statement)
        if statement.span.text == "end":  # it names nothing that could be missing
            fix = take_line_out(statement.span, "take it out: a block ends with its indentation")
            self.log.say("E0209", statement.span, "`end` stands outside of any net", fix)
            return
        if word == "import":
            from netc.compiler.elsewhere import import_fix

            if (imported := import_fix(statement.span)) is not None:
                gaps.blind |= "use" in imported[1].hint
                self.log.say("E0101", statement.span, *imported)
                return
        if word != "tune":
            gaps.read(statement.span.source.line(statement.span.line))
        if word == "tune":
            self.log.say("E0208", statement.span, "`tune` blocks are not built yet", "take it out")
            return
        if word in ("net", "block"):
            hint = f"write `{word} NAME(parameters):` with a `:` at the end"
            message = f"`{word}` opens a definition and needs a block"
            if (name := _misnamed(statement.span, word)) is not None:
                from netc.compiler.habits import as_name

                message = f"`{name.text}` is no name: a name has letters, digits and `_`"
                self.log.say("E0209", name, message, rewrite(name, as_name(name.text)))
                return
            self.log.say("E0209", statement.span, message, hint)
            return
        if isinstance(statement, tree.Line) and statement.body is not None:
            from netc.compiler.elsewhere import opener_fix

            place = first_place(statement)
            message = f"no word `{word}` opens a definition"
            fix = opener_fix(word, place) or suggest(place, word, DEFINING)
            self.log.say("E0101", place, message, fix)
            return
        message = f"`{word or 'this line'}` stands outside of any net"
        hint = "put it into a `net`, a `block` or a `train` block, indented"
        self.log.say("E0209", statement.span, message, hint)


def _misnamed(span: Span, word: str) -> Span | None:
    """What stands in the place of a definition's name, in several words or in quotes."""
    line = span.source.line(span.line)
    pattern = rf"{word}[ \t]+([A-Za-z_]\w*(?:[ \t-]+\w+)+|[\"'][A-Za-z_][^\"']*[\"'])[ \t]*[(:]"
    found = re.match(pattern, line)
    if found is None:
        return None
    return Span(span.source, span.line, found.start(1) + 1, span.line, found.end(1) + 1)


def _robbed(statements: Sequence[tree.Statement]) -> Iterator[int]:
    """Places of the definitions that a line at the left margin was most likely meant for.

    Not where it opens a block with a word like `nett`: that is a definition of its own.
    """
    last: int | None = None
    for place, statement in enumerate(statements):
        word = first_word(statement)
        if isinstance(statement, tree.Definition | tree.Use) or word == "train":
            last = place
            continue
        opens = isinstance(statement, tree.Line) and statement.body is not None
        own = word in ("net", "block", "tune", PLACEHOLDER) or is_allow(statement)
        if last is not None and not (own or (opens and nearest(word, DEFINING))):
            yield last


def first_place(line: tree.Line) -> Span:
    """Where the first word of a line stands."""
    first = line.chain.elements[0]
    if line.target is not None:
        return line.target.span
    return (first.role or first.name).span if isinstance(first, tree.Call) else first.span


def first_word(statement: tree.Statement) -> str:
    """The first word of a statement."""
    if isinstance(statement, tree.Line):
        if statement.target is not None:
            return statement.target.text
        return head(statement.chain)
    return statement.word.text if isinstance(statement, tree.Declaration) else ""


def head(chain: tree.Chain) -> str:
    """The first word of a chain; empty if it begins with no word."""
    first = chain.elements[0]
    if isinstance(first, tree.Call):
        return (first.role or first.name).text
    return first.text if isinstance(first, tree.Name) else ""
