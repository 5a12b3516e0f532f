"""How inputs are written elsewhere: rows of the table in `habits.py`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

_Text: TypeAlias = Callable[[re.Match[str]], str | None]

_NAME = r"[A-Za-z_]\w*"

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
