"""Definitions of a spec and of the files it uses, each file read once."""

from __future__ import annotations

from collections.abc import Callable

from netc.compiler import layers, library, tree
from netc.compiler.allowing import Allow, allows, is_allow
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import rewrite, suggest
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
    """

    def __init__(self, log: Log, read: Reader) -> None:
        self.log, self.read = log, read
        self.definitions: dict[str, tree.Definition] = {}
        self.scopes: dict[str, Scope] = {}
        self.own: list[tree.Definition] = []
        self.trains: list[tree.Line] = []
        self.allows: list[Allow] = []
        self._loaded: dict[str, list[str]] = {}

    def load(self, source: Source, using: tuple[str, ...]) -> list[str]:
        """The keys of a file's definitions; of the outermost file its train blocks too."""
        found: list[str] = []
        self._loaded[source.name] = found
        scope = self.scopes.setdefault(source.name, {})
        statements = parse(source, self.log).statements
        self.allows += allows(statements, self.log)
        for statement in statements:
            if isinstance(statement, tree.Definition):
                key = statement.name.text if not using else f"{source.name}: {statement.name.text}"
                if self._define(statement, key, scope):
                    found.append(key)
                if not using:
                    self.own.append(statement)
            elif isinstance(statement, tree.Use):
                self._use(statement, source, (*using, source.name))
            elif is_allow(statement):
                continue
            elif first_word(statement) == "train" and not using:
                self.trains.append(statement)  # type: ignore[arg-type]
            elif first_word(statement) == PLACEHOLDER and self.log.has_errors:
                continue  # it stands for a line with a syntax error
            elif first_word(statement) != "train":
                self._stray(statement)
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
            return False
        if layers.find(name) is not None or name in STRUCTURE:
            message = f"`{name}` is a word of the language already"
            fix = rewrite(definition.name.span, name.capitalize(), "call it `{}`")
            self.log.say("E0206", definition.name.span, message, fix)
        elif reason := forbidden_name(name):
            self.log.say("E0206", definition.name.span, reason, "choose another name")
        self.definitions[key] = definition
        scope[name] = key
        return True

    def _use(self, use: tree.Use, source: Source, using: tuple[str, ...]) -> None:
        if library.is_module(use.file) and use.file not in (shipped := library.modules()):
            message = f"no module `{use.file}` ships with netc"
            self.log.say("E0207", use.place, message, suggest(use.place, use.file, shipped))
            return
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
        known = {self.definitions[key].name.text: key for key in found}
        for name in use.names:
            if name.text not in known:
                message = f"`{use.file}` defines no `{name.text}`"
                self.log.say("E0201", name.span, message, suggest(name.span, name.text, [*known]))
        names = {name.text: name.span for name in use.names} or dict.fromkeys(known, use.place)
        for text, span in names.items():
            if text in known:
                self._bring(text, known[text], span, self.scopes[source.name])

    def _bring(self, name: str, key: str, span: Span, scope: Scope) -> None:
        """Puts a definition of another file in sight, unless its name means another one there."""
        if scope.get(name, key) != key:
            label = Label(
                self.definitions[scope[name]].name.span, f"the first `{name}` stands here"
            )
            hint = "name what you need of the file: `use FILE: NAME, …`"
            self.log.say("E0206", span, f"`{name}` is defined twice", hint, [label])
            return
        scope[name] = key

    def _stray(self, statement: tree.Statement) -> None:
        word = first_word(statement)
        if word == "tune":
            self.log.say("E0208", statement.span, "`tune` blocks are not built yet", "take it out")
            return
        if word in ("net", "block"):
            hint = f"write `{word} NAME(parameters):` with a `:` at the end"
            self.log.say(
                "E0209", statement.span, f"`{word}` opens a definition and needs a block", hint
            )
            return
        if isinstance(statement, tree.Line) and statement.body is not None:
            place = first_place(statement)
            message = f"no word `{word}` opens a definition"
            self.log.say("E0101", place, message, suggest(place, word, DEFINING))
            return
        message = f"`{word or 'this line'}` stands outside of any net"
        hint = "put it into a `net`, a `block` or a `train` block, indented"
        self.log.say("E0209", statement.span, message, hint)


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
        first = statement.chain.elements[0]
        if isinstance(first, tree.Call):
            return (first.role or first.name).text
        return first.text if isinstance(first, tree.Name) else ""
    return statement.word.text if isinstance(statement, tree.Declaration) else ""
