"""Indentation: turns the ends of lines into the tokens that open and close blocks.

Stands between Lark's lexer and its parser. Line ends inside brackets mean nothing. Tabs and
indentation that matches no open block are reported here and read as the nearest sense, so that one
slip does not hide the errors after it.
"""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token
from lark.lark import PostLex
from msgspec import Struct

LARGEST = 2**63 - 1
"""The largest number: sizes and seeds are 64-bit integers in PyTorch."""
DEEPEST = 64
"""How deep blocks or brackets may nest, and how many operators one expression may have."""

_ARITHMETIC = ("PLUS", "MINUS", "STAR", "SLASH", "FLOORDIV", "PERCENT", "POWER")
JOINING = frozenset((*_ARITHMETIC, "COMPARE", "IF", "OR", "AND", "DOT", "__ANON_1"))
"""The grammar's names of operators between two values; `__ANON_1` is `..`."""
_OPERATORS = JOINING | {"NEGATE", "NOT"}
_ENDS = frozenset(("COMMA", "EQUAL", "__ANON_0", "COLON"))  # __ANON_0 is the arrow
_OUTERMOST = frozenset(("DEFINE", "USE"))
_NUMBERS = frozenset(("NUMBER", "DIMS"))


def _beyond(token: Token) -> bool:
    """Whether a number, or one of the sizes in `3x3`, is beyond what a size or a weight can be."""
    if len(token) < 5:
        return False
    digits = token.replace("_", "")
    if token.type == "NUMBER" and not digits.isdigit():
        return float(digits) > LARGEST
    return any(len(part) > 19 or int(part) > LARGEST for part in digits.split("x"))


class LayoutError(Exception):
    """Nesting or an expression goes beyond the limit; `token` is where."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token, self.message = token, message


class Slip(Struct, frozen=True):
    """What is wrong with a line that is read all the same.

    Attributes:
        column: where it starts.
        end: one past its last character.
        text: what to write in its place, where that is known.
        safe: whether nothing else can be meant.
    """

    line: int
    column: int
    end: int
    code: str
    message: str
    hint: str = ""
    text: str | None = None
    safe: bool = False


class Layout(PostLex):
    """One pass over the tokens of a text, with the slips found on the way."""

    always_accept = ("_NL",)

    def __init__(self) -> None:
        self.brackets: list[Token] = []
        self.slips: list[Slip] = []
        self.levels: list[int] = [0]
        """The blanks that the lines of each open block have, from the outermost on."""

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Yields the tokens with `_INDENT` and `_DEDENT` put in."""
        self.brackets, self.slips = [], []
        self.levels = open_blocks = [0]
        operators = 0
        last: Token | None = None
        ended: Token | None = None
        arrow: Token | None = None
        for token in stream:
            kind = token.type
            if ended is not None:
                opens = last is not None and last.type == "COLON"
                yield from self._line_end(ended, open_blocks, opens, kind in _OUTERMOST)
                ended = None
            if kind == "_NL":
                operators = 0
                if not self.brackets:
                    ended = token
                continue
            if arrow is not None:
                self._dedented(arrow, token, open_blocks)
            begins = last is not None and token.line != last.end_line
            arrow = token if kind == "__ANON_0" and begins and not self.brackets else None
            last = token
            if kind in ("LPAR", "LSQB"):
                self.brackets.append(token)
                if len(self.brackets) > DEEPEST:
                    raise LayoutError(token, f"brackets nest deeper than {DEEPEST}")
            elif kind in ("RPAR", "RSQB"):
                if self.brackets:
                    self.brackets.pop()
            elif kind in _OPERATORS:
                operators += 1
                if operators > DEEPEST:
                    raise LayoutError(token, f"the expression has more than {DEEPEST} operators")
            elif kind in _ENDS:
                operators = 0
            elif kind in _NUMBERS and _beyond(token):
                message = "the number is larger than 2^63"
                start = token.column or 1
                self.slips.append(
                    Slip(token.line or 1, start, start + len(token), "E0108", message)
                )
            yield token
        if ended is not None:
            yield from self._line_end(ended, open_blocks, False, False)
        if last is not None and not self.brackets:
            yield Token.new_borrow_pos("_NL", "\n", last)
        for _ in open_blocks[1:]:
            yield Token.new_borrow_pos("_DEDENT", "", last)  # type: ignore[arg-type]

    def _dedented(self, arrow: Token, after: Token, open_blocks: list[int]) -> None:
        """Notes an arrow that begins a line left of the block whose last line it continues.

        In a definition's own lines it can continue nothing else.
        """
        line, column = arrow.line or 1, arrow.column or 1
        if len(open_blocks) < 3 or column - 1 >= open_blocks[-1]:
            return
        message = "the arrow continues the line above, and stands left of that line's block"
        deeper = open_blocks[-1] + 4
        if column - 1 in open_blocks[1:] and after.line == line:
            hint = f"take the arrow out: what the block gives flows on; or indent it by {deeper}"
            end = after.column or column + 2
            self.slips.append(Slip(line, column, end, "E0104", message, hint, ""))
            return
        hint = f"indent it by {deeper}"
        self.slips.append(Slip(line, 1, column, "E0104", message, hint, " " * deeper))

    def _line_end(
        self, token: Token, open_blocks: list[int], opens: bool, outermost: bool
    ) -> Iterator[Token]:
        """Ends a line; `outermost` says whether the next one can stand at the left margin only."""
        yield token
        blanks = token[token.rindex("\n") + 1 :]
        if blanks.startswith("#") or blanks.lstrip(" \t").startswith("#"):
            return  # a comment ends the file
        line = (token.line or 0) + token.count("\n")
        if "\t" in blanks:
            with_what = "tabs and spaces" if " " in blanks else "a tab"
            message, end = f"the line is indented with {with_what}", len(blanks) + 1
            blanks = blanks.expandtabs(4)
            if not opens and len(blanks) > open_blocks[-1]:  # no block can start here
                blanks = " " * open_blocks[-1]
            hint = f"indent with spaces: {len(blanks)} here"
            self.slips.append(Slip(line, 1, end, "E0103", message, hint, blanks, safe=True))
        width = len(blanks)
        if width > open_blocks[-1]:
            open_blocks.append(width)
            place = Token(
                "_INDENT", blanks, line=line, column=1, end_line=line, end_column=width + 1
            )
            if len(open_blocks) > DEEPEST:
                raise LayoutError(place, f"blocks nest deeper than {DEEPEST}")
            yield place
            return
        if width == open_blocks[-1]:
            return
        level = width if width in open_blocks else _nearest(width, open_blocks, outermost)
        if level != width:
            levels = ", ".join(map(str, open_blocks))
            message = f"the line is indented by {width}, and the blocks above by {levels}"
            hint = f"indent it by {level}, or like the block it belongs to"
            hint = hint if level else "take the indentation out"
            self.slips.append(Slip(line, 1, width + 1, "E0104", message, hint, " " * level))
        while level < open_blocks[-1]:
            open_blocks.pop()
            yield Token("_DEDENT", "", line=line, column=1, end_line=line, end_column=width + 1)


def _nearest(width: int, open_blocks: list[int], outermost: bool) -> int:
    """The level of the block that a line belongs to which matches none."""
    if outermost:
        return 0
    return min(open_blocks[1:] or open_blocks, key=lambda level: (abs(level - width), level))
