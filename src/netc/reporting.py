"""`netc report`: which form is asked for, and the text of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from netc.api import NetHandle
    from netc.compiler.graph import Module
    from netc.compiler.report import Report


class Misuse(Exception):
    """Options that make no sense together, or with this net."""


SORTS = ("params", "macs", "memory", "output")


class Request(Struct, frozen=True):
    """What the command line asks for.

    Attributes:
        form: `table`, `json`, `csv` or `markdown`.
        depth: how many levels of blocks to unfold; None if nothing is said.
        columns: names with commas between; None for the usual ones.
        sort: what lines are sorted by; then every layer has one.
    """

    form: str = "table"
    depth: int | None = None
    columns: str | None = None
    sort: str | None = None

    def check(self) -> None:
        """Raises Misuse where options make no sense together, or name no column."""
        given = {"--depth": self.depth, "--columns": self.columns, "--sort": self.sort}
        used = [option for option, value in given.items() if value is not None]
        if self.form == "json" and used:
            listed = " and ".join(used)
            raise Misuse(f"--json prints everything, in the net's order: leave {listed} out")
        if self.sort and self.depth:
            raise Misuse("--sort shows every layer in a line of its own: leave --depth out")
        if self.names is not None:
            _check_columns(self.names)

    @property
    def names(self) -> list[str] | None:
        """The columns by name; None for the usual ones."""
        if self.columns is None:
            return None
        return [name.strip() for name in self.columns.split(",")]


def _check_columns(names: list[str]) -> None:
    from netc.compiler.columns import columns
    from netc.compiler.diagnostics import did_you_mean

    known = columns()
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"there is {', '.join(known)}"
            raise Misuse(f"the report has no column `{name}`: {hint}")


def form_of(flags: dict[str, bool]) -> str:
    """The form that one flag asks for. Raises Misuse if there are several."""
    given = [form for form, flag in flags.items() if flag]
    if len(given) > 1:
        listed = " and ".join(f"--{form}" for form in given)
        raise Misuse(f"{listed} are different forms of the report: keep one")
    return given[0] if given else "table"


def text(nets: list[NetHandle], request: Request) -> str:
    """The reports in the form asked for. Raises Misuse if lines cannot be sorted."""
    if request.form == "json":
        return _json(nets)
    from netc.compiler.table import Unsortable

    try:
        return _lines([(net.report(), net.graph.module) for net in nets], request)
    except Unsortable as error:
        raise Misuse(str(error)) from None


def _lines(nets: list[tuple[Report, Module]], request: Request) -> str:
    depth, names, sort = request.depth or 1, request.names, request.sort
    if request.form == "table":
        from netc.compiler.table import table

        width = _width()
        return "\n".join(
            table(report, module, depth, names=names, sort=sort, width=width)
            for report, module in nets
        )
    from netc.compiler import exports

    write = exports.csv_text if request.form == "csv" else exports.markdown_text
    return write(nets, depth, names, sort)


def _json(nets: list[NetHandle]) -> str:
    from netc.compiler.report import FORMAT
    from netc.jsons import json_text

    content: dict[str, Any] = {
        "format": FORMAT,
        "nets": [net.report().to_json() for net in nets],
    }
    return json_text(content) + "\n"


def _width() -> int | None:
    """The terminal's width (or COLUMNS, if that is set); None where no terminal reads along."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size  # 5 ms, and only a terminal has a width

    return get_terminal_size().columns
