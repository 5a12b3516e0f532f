"""Blanks between the words of a line.

One blank, and none: inside brackets, before `,` and `:`, around `.` and `..` and `**`, around the
`=` of an argument, after a sign, between a type and its sizes. `*`, `/`, `//` and `%` stand close
in arguments and lists (`4*width`), and with blanks where a line is an expression (`h * gate`).
"""

from __future__ import annotations

from collections.abc import Sequence

from netc.compiler.parse import Word

_CLOSE_BEFORE = frozenset((",", ")", "]", ":", "."))
_CLOSE_AFTER = frozenset(("(", "[", "."))
_CLOSE_BOTH = frozenset(("..", "**"))
_PRODUCTS = frozenset(("*", "/", "//", "%"))
_OPERANDS = frozenset(("NAME", "NUMBER", "STRING", "DIMS", "IN", "NEGATE", "NOT", "LPAR", "LSQB"))
_DECLARING = frozenset(("DEFINE", "DECLARE", "USE"))
_BINDING = frozenset(("BIND", "DECLARE"))


def blanks(words: Sequence[Word]) -> tuple[int, ...]:
    """The number of blanks before each word of a logical line, 0 for the first."""
    state = _State(words)
    found = [0]
    state.enter(0)
    for place in range(1, len(words)):
        found.append(int(state.apart(place)))
        state.enter(place)
    return tuple(found)


class _State:
    """What a blank depends on besides the two words beside it.

    Attributes:
        loose: whether products get blanks here.
        outer: the same outside of each open bracket.
        naming: whether the next `=` gives the line its name.
        own: the place of the `=` that did.
        heading: the kind of the statement's first word.
    """

    def __init__(self, words: Sequence[Word]) -> None:
        self.words = words
        self.outer: list[bool] = []
        self._statement(0)

    def _statement(self, place: int) -> None:
        kind = self.words[place].kind if place < len(self.words) else ""
        named = kind == "NAME" and self._text(place + 1) == "="
        self.heading, self.naming = kind, named or kind in _BINDING
        self.loose = kind not in _DECLARING and not self._is_call(place)
        self.own = -1

    def _text(self, place: int) -> str:
        return self.words[place].text if place < len(self.words) else ""

    def _is_call(self, place: int) -> bool:
        """Whether a word with arguments begins here."""
        ahead = self.words[place : place + 2]
        return len(ahead) == 2 and ahead[0].kind == "NAME" and ahead[1].kind in _OPERANDS

    def enter(self, place: int) -> None:
        """Takes in a word; what `apart` says of the next one depends on it."""
        text = self.words[place].text
        if text in ("(", "["):
            self.outer.append(self.loose)
            self.loose = self.loose and text == "("
        elif text in (")", "]"):
            self.loose = self.outer.pop()
        elif text == "->":
            within = self.outer[-1] if self.outer else True
            self.loose = within and not self._is_call(place + 1)
        elif not self.outer and text == "=" and self.naming:
            self.naming, self.loose, self.own = False, not self._is_call(place + 1), place
        elif not self.outer and text == ":" and self.heading not in ("DECLARE", "USE"):
            self._statement(place + 1)

    def apart(self, place: int) -> bool:
        """Whether a blank stands before a word."""
        before, word = self.words[place - 1], self.words[place]
        if word.text in _CLOSE_BEFORE or before.text in _CLOSE_AFTER or before.kind == "NEGATE":
            return False
        if _CLOSE_BOTH & {before.text, word.text}:
            return False
        if _PRODUCTS & {before.text, word.text}:
            return self.loose
        if word.text == "=":
            return self.naming and not self.outer
        if before.text == "=":
            return self.own == place - 1
        if word.text == "[":
            return before.kind != "DTYPE"
        return not (word.text == "(" and place > 1 and self.words[place - 2].kind == "DEFINE")
