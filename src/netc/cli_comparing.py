"""The commands that hold nets against each other: `diff` and `compare`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from netc.checking import read_spec, wrong
from netc.compiler.visible import visible_lines
from netc.options import MISUSED, WRONG, complain, plain_errors, print_json, settings_only
from netc.start import OK

if TYPE_CHECKING:
    from netc.api import Spec


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@settings_only
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff(old: str, new: str, values: tuple[tuple[str, Any], ...], as_json: bool) -> None:
    """Show what differs between two nets: layers, names, wiring, sizes, totals.

    OLD and NEW are files, or FILE:NET. Exit status 1 if they differ, 2 if one has errors.
    """
    from netc import comparing

    read = _reader(values)
    with plain_errors(), _clear():
        text, content, same = comparing.diff(
            comparing.nets_of(old, read), comparing.nets_of(new, read)
        )
    if as_json:
        print_json(content)
    else:
        click.echo(visible_lines(text), nl=False)
    sys.exit(OK if same else WRONG)


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="FILE[:NET]…")
@settings_only
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def compare(targets: tuple[str, ...], values: tuple[tuple[str, Any], ...], as_json: bool) -> None:
    """Show the totals of nets side by side."""
    from netc import comparing

    read = _reader(values)
    with plain_errors(), _clear():
        nets = [net for target in targets for net in comparing.nets_of(target, read)]
        if not nets:
            raise comparing.Unclear("there are no nets to compare")
        text, content = comparing.compare(nets)
    if as_json:
        print_json(content)
    else:
        click.echo(visible_lines(text), nl=False)


def _reader(values: tuple[tuple[str, Any], ...]) -> Callable[[str], Spec | None]:
    """How `diff` and `compare` compile a file; one with errors ends the command with status 2."""

    def read(file: str) -> Spec | None:
        spec = read_spec(file, dict(values))
        if file != "-" and not spec.source.text:  # so git shows a file that is not there
            return None
        if wrong(spec.diagnostics):
            complain(spec)
            sys.exit(MISUSED)
        return spec

    return read


@contextmanager
def _clear() -> Iterator[None]:
    from netc.comparing import Unclear

    try:
        yield
    except Unclear as error:
        raise click.UsageError(str(error)) from None
