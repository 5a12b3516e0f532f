"""Definitions of a spec and of the files it uses, each file read once."""

from __future__ import annotations

from collections.abc import Callable

from netc.compiler import layers, tree
from netc.compiler.diagnostics import Label, Log
from netc.compiler.edits import rewrite, suggest
from netc.compiler.parse import parse
from netc.compiler.source import Source, Span
from netc.compiler.words import PLACEHOLDER, STRUCTURE, forbidden_name

Reader = Callable[[str, Source], Source]
"""Brings another file: (name after `use`, the file it stands in) -> source. OSError if absent."""


class Files:
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
            fix = rewrite(definition.name.span, name.capitalize(), "call it `{}`")
            self.log.say("E0206", definition.name.span, message, fix)
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
                self.log.say("E0201", name.span, message, suggest(name.span, name.text, known))

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
        message = f"`{word or 'this line'}` stands outside of any net"
        hint = "put it into a `net`, a `block` or a `train` block, indented"
        self.log.say("E0209", statement.span, message, hint)


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
