"""Reports in tests: of a file, as text, and as `netc report` prints them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import command_line
from click.testing import Result
from compiling import net_of

from netc.api import NetHandle
from netc.compiler.table import table


def netc(*arguments: str, text: str | None = None) -> Result:
    """Runs `netc report`."""
    return command_line.netc("report", *arguments, text=text)


def shown(net: NetHandle, depth: int = 1, **options: Any) -> str:
    """A net's table."""
    return table(net.report(), net.graph.module, depth, **options)


def of_file(file: str | Path) -> NetHandle:
    """The only net of a file."""
    return net_of(Path(file).read_text(encoding="utf-8"))
