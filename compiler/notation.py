"""Arithmetic as people write it, from the form that JSON has: `16·⌊H/16⌋` for `16*floor(H/16)`."""

from __future__ import annotations

import re

_TIMES = re.compile(r"(?<=[\w)⌋])\*(?=[\w(⌊])")
_MINUS = re.compile(r"(?<=[\w)⌋]) - (?=[\w(⌊])")
_POWER = re.compile(r"(?<![\w·])((?:\d[\d,]*·)?)([A-Za-z]\w*|⌊[^⌊⌋]*⌋)((?:·\2(?!\w))+)")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(text: str) -> str:
    """Sizes in a text with the signs of the report: `·`, `−`, `⌊ ⌋`.

    >>> typeset("[8, floor((H - 1)/2) + 1, 2*W]")
    '[8, ⌊(H − 1)/2⌋ + 1, 2·W]'
    """
    if "*" not in text and "floor(" not in text and " - " not in text:
        return text
    return _MINUS.sub(" − ", _TIMES.sub("·", _floors(text)))


def powers(text: str) -> str:
    """The same factor several times as its power.

    >>> powers("128·T·T + 4·T")
    '128·T² + 4·T'
    """
    return _POWER.sub(_raised, text)


def _raised(match: re.Match[str]) -> str:
    factor, again = match[2], match[3]
    count = 1 + len(again) // (len(factor) + 1)
    return f"{match[1]}{factor}{str(count).translate(_RAISED)}"


def _floors(text: str) -> str:
    """`floor(…)` as `⌊…⌋`; other parentheses stay."""
    if "floor(" not in text:
        return text
    found: list[str] = []
    closing: list[str] = []
    for piece in re.split(r"(floor\(|\(|\))", text):
        if piece == "floor(":
            closing.append("⌋")
            piece = "⌊"
        elif piece == "(":
            closing.append(")")
        elif piece == ")" and closing:
            piece = closing.pop()
        found.append(piece)
    return "".join(found)
