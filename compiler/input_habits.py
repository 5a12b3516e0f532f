"""How inputs and numbers are written elsewhere: rows of the table in `habits.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

_Text: TypeAlias = Callable[[re.Match[str]], str | None]

_NAME = r"[A-Za-z_]\w*"


def _in_full(number: str, unit: str) -> str:
    """`25M` as `25_000_000`."""
    value = float(number.replace("_", "")) * {"k": 1e3, "K": 1e3, "M": 1e6}[unit]
    return f"{int(value):_}" if value.is_integer() else f"{value}"


INPUTS: tuple[tuple[str, _Text, str, str], ...] = (
    (
        r"^[ \t]*input[ \t]+(?P<place>(?!int\b)[A-Za-z_]\w*(?:[ \t,]+(?!int\b)[A-Za-z_]\w*)*"
        r"[ \t]*:?[ \t]*)(?=(?:int)?\[)",
        lambda m: f"{', '.join(re.findall(_NAME, m['place']))}: ",
        "the names of inputs have commas between them and a `:` behind them",
        "write `input {} …`",
    ),
    (
        r"^[ \t]*(?P<place>(?P<name>[A-Za-z_]\w*)[ \t]*=[ \t]*input[ \t]+)int\[.*",
        lambda m: f"input {m['name']}: ",
        "`input` needs a name, a `:` and its sizes",
        "write `{} int[…]`",
    ),
    (
        r"^[ \t]*input[ \t]+(?P<place>)int\[.*",
        lambda _: "x: ",
        "`input` needs a name, a `:` and its sizes",
        "write `input {} int[…]`",
    ),
    (
        r"^[ \t]*input\b[^\]]*\](?P<place>[ \t]*,[ \t]*)[A-Za-z_]\w*[ \t]*:.*",
        lambda _: None,
        "inputs of different kinds stand in lines of their own",
        "write a second line: `input NAME: [sizes]`",
    ),
)
"""Pattern, text in the place of its group `place`, message and hint."""

NUMBERS: tuple[tuple[str, _Text, str, str], ...] = (
    (
        r"(?<![\w.])(?P<place>(?P<number>\d[\d_]*(?:\.\d+)?)(?P<unit>[kKM]))(?!\w)",
        lambda m: _in_full(m["number"], m["unit"]),
        "`{}` is no number: a number has no unit",
        "write `{}`",
    ),
    (
        r"(?<![\w.)\]])(?P<place>\.\d+)(?![\w.])",
        lambda m: f"0{m['place']}",
        "`{}` is no number: a number begins with a digit",
        "write `{}`",
    ),
)
"""Units behind numbers, and numbers without their first digit."""
