"""Specs as careless people write them: other blanks, line ends, comments and indentation."""

from __future__ import annotations

from hypothesis import strategies as st

from netc.compiler.parse import Word, words

_CLOSE = frozenset((",", "=", "->", "+", ":", "==", "!=", "<=", ">=", ">", "<", "(", ")", "*", "/"))
"""Marks that may stand without blanks on either side, whatever the other word is."""
_NOTES = ("# note", "#", '#  two  words, -> [1]: "x"', "# é·⌊ # again")


class Mangler:
    """Writes a spec's words again.

    `light` changes blanks in a line, line ends inside brackets and indentation: nothing that the
    formatter leaves to the author. Else comments, empty lines and line ends before arrows come in.
    """

    def __init__(self, draw: st.DrawFn, *, light: bool) -> None:
        self.draw, self.light = draw, light
        self.steps = draw(st.lists(st.integers(1, 6), min_size=8, max_size=8))
        self.parts: list[str] = []

    def spec(self, text: str) -> str:
        """The text, written anew."""
        depth, above, opened = 0, "", 0
        for word in words(text):
            if word.kind in ("_INDENT", "_DEDENT"):
                depth += 1 if word.kind == "_INDENT" else -1
            elif word.kind == "_NL":
                above = "\n"
            else:
                first = above in ("", "\n")
                gap = self.between(word, depth) if first else self.gap(word, above, opened, depth)
                self.parts += [gap, word.text]
                opened += (word.text in ("(", "[")) - (word.text in (")", "]"))
                above = word.text
        return "".join(self.parts)

    def note(self) -> str:
        return self.draw(st.sampled_from(_NOTES))

    def between(self, word: Word, depth: int) -> str:
        """What stands between two rows."""
        gap = word.gap[: word.gap.rindex("\n") + 1] if "\n" in word.gap else word.gap
        if not word.kind:
            return gap
        if not self.light and self.draw(st.integers(0, 3)) == 0:
            lines = self.draw(st.lists(st.sampled_from(["", "  ", "own"]), max_size=3))
            blanks = " " * self.draw(st.integers(0, 12))
            own = "".join(f"{blanks}{self.note() if line == 'own' else line}\n" for line in lines)
            tail = f" {self.note()}\n" if gap.startswith("\n") else ""
            gap = tail + gap.removeprefix("\n" if tail else "") + own
        return gap + " " * sum(self.steps[:depth])

    def gap(self, word: Word, above: str, opened: int, depth: int) -> str:
        """What stands between two words of a row."""
        if (opened or word.text == "->") and not self.light and self.draw(st.integers(0, 5)) == 0:
            ways = ["\n", "\n\n\t  ", f" {self.note()}\n  ", f"\n{self.note()}\n\n {self.note()}\n"]
            indent = "" if opened else " " * sum(self.steps[:depth])  # not left of its block
            return self.draw(st.sampled_from(ways)) + indent + word.gap.strip("\n")
        if opened and self.draw(st.integers(0, 7)) == 0:
            return "\n \n  "
        ways = [word.gap, word.gap * 3]
        if word.gap == " ":
            ways += ["\t"] + [""] * (word.text in _CLOSE or above in _CLOSE)
        elif not word.gap and (word.text in _CLOSE - {"("} or above in (",", "=", "(", "[")):
            ways += [" "]
        return self.draw(st.sampled_from(ways))


@st.composite
def mangled(draw: st.DrawFn, texts: st.SearchStrategy[str], *, light: bool) -> tuple[str, str]:
    """A spec, and the same as somebody else would have written it."""
    text = draw(texts)
    other = Mangler(draw, light=light).spec(text)
    if draw(st.booleans()):
        other = other.replace("\n", "\r\n")
    return text, ("\ufeff" if draw(st.booleans()) else "") + other
