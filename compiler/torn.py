"""Lines that are meant to declare an input, a learned tensor or an output, and are written else."""

from __future__ import annotations

import re

from msgspec.structs import replace

from netc.compiler import tree
from netc.compiler.edits import Fix, rewrite, take_word_out
from netc.compiler.scope import Names
from netc.compiler.source import Span

TORN = re.compile(
    r"(?:(?P<before>\w+)[ \t]*=[ \t]*)?(?P<kind>input|param)\b"
    r"(?:[ \t]+(?P<name>(?!int\b)\w+(?:[ \t,]+(?!int\b)\w+)*))?[ \t]*"
    r"(?:[=:][ \t]*)?(?P<sizes>(?:int)?\[[^\[\]]*\])"
)
"""`input [3, 32]`, `input: [3, 32]`, `input x = [3, 32]`, `x = input [3, 32]`, `input a b: [3]`."""


def code_of(line: tree.Line) -> str:
    """The text of a line without its comment."""
    return line.span.source.line(line.span.line).split("#")[0].strip()


def know(names: Names, code: str, place: Span) -> None:
    """Notes the names that a line meant to declare: no line that uses them is at fault."""
    for kind, text in (("size", " ".join(re.findall(r"\[.*?\]", code))), ("value", code)):
        for word in re.findall(r"[A-Za-z_]\w*", text):
            if word not in ("input", "param", "int", "in", "out") and word not in names.kinds:
                names.kinds[word], names.places[word] = kind, place


def declared_fix(span: Span, word: str, torn: re.Match[str] | None) -> Fix:
    """The declaration that a line is meant to be."""
    if torn is None:
        return Fix(f"write `{word} NAME: [sizes]`")
    name = ", ".join(re.findall(r"\w+", torn["name"] or torn["before"] or "x"))
    whole = replace(span, end_column=span.column + len(torn[0]))
    return rewrite(whole, f"{word} {name}: {torn['sizes']}")


def output_fix(line: tree.Line) -> Fix:
    """`output NAME = …` for `output NAME: …`; without a name, the line without the word."""
    hint = "write `output NAME = …`; or take the word out: what is left last is the output"
    if line.body is None:
        return take_word_out(line.span, "output", hint)
    text = line.span.source.line(line.span.line)[line.span.column - 1 :]
    opened = re.match(r"output[ \t]*(?P<name>[A-Za-z_]\w*)?[ \t]*:[ \t]*(?=[^\s#])", text)
    if opened is None:
        return Fix(hint)
    head = replace(line.span, end_column=line.span.column + opened.end())
    if opened["name"]:
        return rewrite(head, f"output {opened['name']} = ", "write `=` in the place of the `:`")
    return rewrite(head, "", hint)
