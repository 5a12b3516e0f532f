"""Edits of a spec's text: what a hint says, as data that an editor and `netc check --fix` apply."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from netc.compiler.source import Source, Span


class Edit(Struct, frozen=True):
    """Text to put in the place of a span; an empty span is a place to insert at."""

    span: Span
    text: str


class Fix(Struct, frozen=True):
    """What would mend a finding: in words, and as edits that are made together.

    `safe` is the licence of `netc check --fix`: the line as it stands means nothing, and only one
    text near it means something (a slip of one letter, a tab, `×` for `x`). An edit that chooses
    among meanings, or that changes a number or a claim, is for the author and never safe.
    """

    hint: str
    edits: tuple[Edit, ...] = ()
    safe: bool = False


def rewrite(span: Span, text: str, hint: str = "write `{}`", *, safe: bool = False) -> Fix:
    """Another text in the place of a span; `{}` in the hint is that text."""
    return Fix(hint.replace("{}", text), (Edit(span, text),), safe)  # a hint may have braces


def append(span: Span, text: str, hint: str, *, safe: bool = False) -> Fix:
    """Text right behind a span."""
    return Fix(hint, (Edit(span.after, text),), safe)


def take_out(span: Span, hint: str) -> Fix:
    """Takes an element out of a chain, with one of its arrows; alone on its line, with the line."""
    line = span.source.line(span.line)
    left, right = line[: span.column - 1], line[span.end_column - 1 :]
    arrow_before = re.search(r"\s*->\s*$", left)
    arrow_after = re.match(r"\s*->\s*", right)
    if span.line != span.end_line:
        return Fix(hint)
    if arrow_before:
        gap = Span(span.source, span.line, arrow_before.start() + 1, span.line, span.end_column)
        return Fix(hint, (Edit(gap, ""),))
    if arrow_after:
        end = span.end_column + arrow_after.end()
        return Fix(hint, (Edit(Span(span.source, span.line, span.column, span.line, end), ""),))
    if not left.strip() and not right.strip():
        return Fix(hint, (Edit(whole_line(span), ""),))
    return Fix(hint)


def take_argument_out(span: Span, hint: str) -> Fix:
    """Takes an argument or a parameter out of its list, with the comma before or after it."""
    line = span.source.line(span.line)
    left, right = line[: span.column - 1], line[span.end_column - 1 :]
    start, end = span.column, span.end_column
    if comma := re.search(r"\s*,\s*$", left):
        start = comma.start() + 1
    elif comma := re.match(r"\s*,\s*", right):
        end += comma.end()
    elif left.endswith("(") and right.startswith(")"):
        start, end = start - 1, end + 1
    elif (blank := re.search(r"\s+$", left)) and re.match(r"\s*(->|:|$)", right):
        start = blank.start() + 1
    gap = Span(span.source, span.line, start, span.line, end)
    return Fix(hint, (Edit(gap, ""),) if span.line == span.end_line else ())


def begins_line(span: Span) -> bool:
    """Whether nothing stands before a span in its line but a name that it is given."""
    before = span.source.line(span.line)[: span.column - 1]
    return re.fullmatch(r"[ \t]*(?:\w+[ \t]*=[ \t]*)?", before) is not None


def take_word_out(span: Span, word: str, hint: str) -> Fix:
    """Takes the word out that a span begins with, and the blanks behind it."""
    blanks = len(span.text) - len(span.text[len(word) :].lstrip()) - len(word)
    end = span.column + len(word) + blanks
    return Fix(hint, (Edit(Span(span.source, span.line, span.column, span.line, end), ""),))


def take_line_out(span: Span, hint: str) -> Fix:
    """Takes the line of a span out."""
    return Fix(hint, (Edit(whole_line(span), ""),))


def whole_line(span: Span) -> Span:
    """The line of a span with its end."""
    return Span(span.source, span.line, 1, span.line + 1, 1)


def whole_definition(source: Source, head: int) -> Edit:
    """Takes a definition out: from its head, with comments right above, to its last line."""
    lines = source.lines
    first = head
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    if first == 1:
        first = head  # what the file begins with is about all of it
    last = head
    for number in range(head + 1, len(lines) + 1):
        text = lines[number - 1]
        if text.strip() and not text.startswith((" ", "\t", "#", ")")):
            break
        if text.strip() and not text.startswith("#"):
            last = number
    while first > 1 and not lines[first - 2].strip():
        first -= 1
    return Edit(Span(source, first, 1, last + 1, 1), "")


def indentation(span: Span) -> str:
    """The blanks before the first word of a span's line."""
    line = span.source.line(span.line)
    return line[: len(line) - len(line.lstrip())]


def applied(source: Source, edits: Iterable[Edit]) -> str:
    """The source's text with edits made. Of two that overlap, the later in the text is left out."""
    text = source.text
    parts: list[str] = []
    done = 0
    for edit, start, end in _placed(source, edits):
        parts += [text[done:start], edit.text]
        done = end
    return "".join([*parts, text[done:]])


def written(source: Source, edits: Sequence[Edit]) -> list[tuple[Span, ...]]:
    """Where the text of each edit stands when all are made; nowhere, if it is left out or empty."""
    new = Source(source.name, applied(source, edits))
    starts = _line_starts(new.text)
    found: dict[int, tuple[Span, ...]] = {}
    off = 0
    for edit, start, end in _placed(source, edits):
        first, last = (_at(starts, new.text, start + off + n) for n in (0, len(edit.text)))
        found[id(edit)] = (Span(new, *first, *last),) if edit.text else ()
        off += len(edit.text) - (end - start)
    return [found.get(id(edit), ()) for edit in edits]


def _placed(source: Source, edits: Iterable[Edit]) -> Iterator[tuple[Edit, int, int]]:
    """The edits that are made, in the text's order, with the offsets of what they replace."""
    text, starts = source.text, _line_starts(source.text)
    mark = 1 if text.startswith("\ufeff") else 0  # columns are counted without it

    def place(line: int, column: int) -> int:
        if line >= len(starts):
            return len(text)
        return min(starts[line - 1] + column - 1 + (mark if line == 1 else 0), len(text))

    done = 0
    for edit in sorted(edits, key=lambda e: (e.span.line, e.span.column)):
        start = place(edit.span.line, edit.span.column)
        if start < done:
            continue
        done = max(start, place(edit.span.end_line, edit.span.end_column))
        yield edit, start, done


def _line_starts(text: str) -> list[int]:
    """The offset of each line of a text, and that of the line after the last."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return starts


def _at(starts: Sequence[int], text: str, offset: int) -> tuple[int, int]:
    """The line and the column of an offset, counted from 1."""
    line = bisect_right(starts, offset)
    mark = 1 if line == 1 and text.startswith("\ufeff") else 0
    return line, offset - starts[line - 1] - mark + 1


# ------------------------------------------------------------------------------
# Misspelt words


_ALIKE = 0.6
"""Twice the letters in common, by all letters: below it words are not alike."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that a misspelt one most likely stands for; None if none is near.

    >>> nearest("max_pol", ["conv", "max_pool"]), nearest("rl", ["lr", "eps"])
    ('max_pool', 'lr')
    """
    choices = list(known)
    slips = _slips(word, choices)
    if len(slips) == 1:
        return slips[0]
    turned = [c for c in choices if len(c) == len(word) and sorted(c) == sorted(word)]
    if len(turned) == 1 != len(word):  # too short a word for letters in common to count
        return turned[0]
    import difflib  # 5 ms, and most runs need no suggestion

    lower = {c.lower(): c for c in choices if _may_be_near(word.lower(), c.lower())}
    matches = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=_ALIKE)
    return lower[matches[0]] if matches else None


def _may_be_near(word: str, known: str) -> bool:
    """Whether two words share enough letters to be alike; a tenth of the time of comparing them."""
    shared = min(sum(map(set(known).__contains__, word)), sum(map(set(word).__contains__, known)))
    return 2 * shared >= _ALIKE * (len(word) + len(known))


def is_slip(word: str, known: str) -> bool:
    """Whether one slip of the hand leads from a known word to this one.

    A slip is a letter too many, missing, wrong or changed places with its neighbour, or another
    case. Words of up to three letters and digits have too many neighbours to be sure.

    >>> is_slip("widht", "width"), is_slip("ReLU", "relu"), is_slip("h1", "h2")
    (True, True, False)
    """
    if word.lower() == known.lower():
        return word != known
    a, b = sorted((word, known), key=len)
    if len(b) < 4 or len(b) - len(a) > 1:
        return False
    at = next((i for i, letter in enumerate(a) if letter != b[i]), len(a))
    if len(a) < len(b):
        return a[at:] == b[at + 1 :] and not b[at].isdigit()
    if a[at + 1 :] == b[at + 1 :]:
        return not (a[at].isdigit() or b[at].isdigit())
    return a[at : at + 2] == b[at + 1 : at + 2] + b[at] and a[at + 2 :] == b[at + 2 :]


def suggest(span: Span, word: str, known: Iterable[str]) -> Fix:
    """A fix that writes the nearest known word, or the names of all of them when they are few.

    It is safe if the word is one slip away from that one and from no other.
    """
    choices = tuple(sorted(set(known)))
    near, safe = _found(word, choices)
    if near is None:
        return Fix(listed(choices))
    return rewrite(span, near, "did you mean `{}`?", safe=safe)


@lru_cache(maxsize=256)
def _found(word: str, choices: tuple[str, ...]) -> tuple[str | None, bool]:
    """The nearest word, and whether it is the only one that is one slip away."""
    near = nearest(word, choices)
    return near, near is not None and _slips(word, choices) == [near]


def _slips(word: str, choices: Iterable[str]) -> list[str]:
    """The words that are one slip away; `Relu` is `relu` and nothing else."""
    slips = [choice for choice in choices if is_slip(word, choice)]
    return [choice for choice in slips if choice.lower() == word.lower()] or slips


def listed(choices: Iterable[str]) -> str:
    """All the words that are known, when they are few."""
    words = list(choices)
    return "known here: " + ", ".join(f"`{word}`" for word in words) if 0 < len(words) <= 12 else ""
