"""Shape claims after the sizes of a net were opened: each with what flows there now."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

from netc.compiler import program, tree
from netc.compiler.diagnostics import Diagnostic, Log
from netc.compiler.edits import Edit, take_out
from netc.compiler.elaborate import Elaborator
from netc.compiler.evaluate import EvaluationError, Poisoned
from netc.compiler.exact import exact
from netc.compiler.frame import Frame, Stop
from netc.compiler.graph import Wire
from netc.compiler.sizes import Size, names_in, spec_text, symbol
from netc.compiler.source import Source, Span

SIZES = {2: ("length",), 3: ("height", "width"), 4: ("depth", "height", "width")}
"""What a block calls the sizes behind the channels of what flows in, by its rank."""


class Reclaimed(Struct, eq=False):
    """Edits of claims, those that had to be taken out, and what is wrong with the net itself."""

    edits: list[Edit] = field(default_factory=list)
    left_out: list[Span] = field(default_factory=list)
    error: Diagnostic | None = None


def reclaimed(
    program_: program.Program, source: Source, nets: Mapping[str, Mapping[str, Any]]
) -> Reclaimed:
    """The claims of a file with the shapes that flow in some nets, each with its values.

    Within a block the sizes of a net's input have no names: there `in.height` and its kin say them
    where what flows in is the input, and other claims are taken out; so are those that would need
    different texts at different places. The claims themselves are not asked.
    """
    found = Reclaimed()
    seen: dict[Span, set[str | None]] = {}
    for name, values in nets.items():
        log = Log()
        observer = _Observer(program_, log, dict(values))
        with contextlib.suppress(Stop):
            observer.net(program_.definitions[name])
        errors = (one for one in log if one.severity == "error")
        found.error = found.error or next(errors, None)
        for span, texts in observer.seen.items():
            seen.setdefault(span, set()).update(texts)
    for span, texts in seen.items():
        text = next(iter(texts)) if len(texts) == 1 else None
        if span.source.name != source.name or text == span.text:
            continue
        if text is None:
            found.left_out.append(span)
        found.edits += take_out(span, "").edits if text is None else (Edit(span, text),)
    return found


class _Observer(Elaborator):
    """Builds a net without asking its claims; keeps the text that each would be true with."""

    def __init__(self, program_: program.Program, log: Log, values: dict[str, Any]) -> None:
        super().__init__(program_, log, values)
        self.seen: dict[Span, set[str | None]] = {}

    def element(self, element: program.Element, frame: Frame) -> None:
        if not isinstance(element, program.ShapeClaim):
            super().element(element, frame)
        elif isinstance(frame.current, Wire):
            shape = frame.current.tensor.shape
            text = _text(element, shape, frame.env)
            self.seen.setdefault(element.span, set()).add(text)


def _text(claim: program.ShapeClaim, shape: Iterable[Size], env: Mapping[str, Any]) -> str | None:
    """The claim as it must be written; None if that cannot be said by the names in sight.

    A size that is true as it is written keeps its words, `[64*wider, H, W]`.
    """
    sizes, items = tuple(shape), claim.items.items
    written = _written(claim.span.text)
    kept = [_holds(item, size, env) for item, size in zip(items, sizes, strict=False)]
    if len(sizes) == len(items) == len(written):
        if all(kept):
            return claim.span.text
        told = zip(sizes, written, kept, strict=True)
        parts = [text if holds else _said(size, env) for size, text, holds in told]
    else:
        parts = [_said(size, env) for size in sizes]
    known = [part for part in parts if part is not None]
    return f"[{', '.join(known)}]" if len(known) == len(parts) else None


def _written(claim: str) -> list[str]:
    """The sizes of a claim as they are written: the commas between parentheses are theirs."""
    found, depth = [""], 0
    for letter in claim[1:-1]:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return [text.strip() for text in found]


def _holds(item: tree.Expr, size: Size, env: Mapping[str, Any]) -> bool:
    try:
        return bool(exact(item, env)[0] == size)
    except (EvaluationError, Poisoned):
        return False  # it says nothing of what flows here now


def _said(size: Size, env: Mapping[str, Any]) -> str | None:
    """A size by the names in sight; None where an open one has none."""
    words = {name: _word(name, env) for name in names_in(size)}
    if None in words.values():
        return None
    return re.sub(r"[A-Za-z_]\w*", lambda name: words[name[0]] or "", spec_text(size))


def _word(name: str, env: Mapping[str, Any]) -> str | None:
    """What an open size is called where the names in sight are these."""
    if env.get(name) == symbol(name):
        return name
    entering = env.get("in")
    if not isinstance(entering, Wire):
        return None
    shape = entering.tensor.shape
    for word, size in zip(SIZES.get(len(shape), ()), shape[1:], strict=False):
        if size == symbol(name):
            return f"in.{word}"
    return None
