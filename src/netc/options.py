"""What the commands share: options, compiling a file or ending the command, printing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netc.checking import read_spec, reason, show, wrong
from netc.compiler.visible import visible

if TYPE_CHECKING:
    from netc.api import NetHandle, Spec

    ParamType = click.ParamType["tuple[str, Any]"]
else:
    ParamType = click.ParamType  # which kind of value it gives can be said since click 8.4 only

WRONG, MISUSED = 1, 2
"""Exit statuses: errors in a spec, or a difference; a command that makes no sense."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Setting(ParamType):
    """`NAME=VALUE` on the command line: a number, yes or no, sizes as 5x5, else text."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        name, found, text = str(value).partition("=")
        if not found or not name.isidentifier():
            self.fail(f"{value!r} is not of the form NAME=VALUE, as in classes=100", param, ctx)
        return name, _parse(text)


def _parse(text: str) -> Any:
    if text in ("yes", "no"):
        return text == "yes"
    for kind in (int, float):
        try:
            return kind(text.replace("_", ""))
        except ValueError:
            continue
    sizes = text.split("x")
    if len(sizes) > 1 and all(size.isdigit() for size in sizes):
        return tuple(map(int, sizes))
    return text


def settings_only(command: Command) -> Command:
    """The option that sets parameters of nets."""
    return click.option(
        "--set",
        "values",
        multiple=True,
        type=Setting(),
        help="Set a parameter of the net, or a size of its input: --set classes=100 --set H=224.",
    )(command)


def settings(command: Command) -> Command:
    """The options that choose a net and set its parameters."""
    command = settings_only(command)
    return click.option("--net", "name", help="Which net, where the file has several.")(command)


def put(text: str, output: str | None) -> None:
    """Text on standard output, or in a file."""
    if output is None:
        click.echo(text, nl=False)
        return
    from netc.files import write_atomically

    with plain_errors():
        write_atomically(Path(output), text)
    click.echo(f"wrote {visible(output)}", err=True)


def compiled(file: str, values: tuple[tuple[str, Any], ...]) -> Spec:
    """The spec, without errors: else they are shown and the command ends."""
    with plain_errors():
        spec = read_spec(file, dict(values))
    if wrong(spec.diagnostics):
        complain(spec)
        sys.exit(WRONG)
    return spec


def complain(spec: Spec) -> None:
    """Shows the findings on standard error."""
    show(spec.diagnostics)


def say_netless(spec: Spec) -> None:
    """Says on standard error that a library has nothing with sizes, and how to see a block."""
    if spec.names or not spec.blocks:
        return
    first, *others = spec.blocks
    more = f", {others[0]} and {len(others) - 1} more" if len(others) > 2 else ""
    listed = f"{first}{more}" if more or not others else ", ".join(spec.blocks)
    click.echo(
        f"{visible(spec.source.name)} has no net, only blocks: {listed}. A block gets its sizes "
        f"where a net uses it: `netc explain FILE {first}` on the file of such a net.",
        err=True,
    )


def net_named(spec: Spec, name: str | None) -> NetHandle:
    """The net with the name, or the only one there is."""
    try:
        return spec.net(name)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None


@contextmanager
def plain_errors() -> Iterator[None]:
    """Files that cannot be read or written are one line, not a traceback."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(reason(error)) from None


def print_json(content: dict[str, Any]) -> None:
    """JSON on standard output."""
    from netc.jsons import json_text

    click.echo(json_text(content))
