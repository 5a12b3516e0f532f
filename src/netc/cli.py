"""The command line: check, report, build, train."""

from __future__ import annotations

import gc
import os
import sys

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # looking for plugins costs 6 ms a start
gc.disable()  # building trees makes no cycles; the collector would take half of the parsing time

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from netc.output import colored, show

if TYPE_CHECKING:
    from netc.api import NetHandle, Spec
    from netc.compiler.diagnostics import Diagnostic

OK, WRONG, BUG, STOPPED = 0, 1, 70, 130

Command = TypeVar("Command", bound=Callable[..., Any])


class Setting(click.ParamType["tuple[str, Any]"]):
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


def settings(command: Command) -> Command:
    """The options that choose a net and set its parameters."""
    command = click.option(
        "--set",
        "values",
        multiple=True,
        type=Setting(),
        help="Set a parameter of the net, or a size of its input: --set classes=100 --set H=224.",
    )(command)
    return click.option("--net", "name", help="Which net, where the file has several.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="netc")
def main() -> None:
    """netc checks, explains, builds and trains neural nets written as `.net` files."""


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(files: tuple[str, ...], as_json: bool) -> None:
    """Report every error and warning in specs. Exit status 1 if there are errors.

    FILE may be - for standard input.
    """
    found: list[Diagnostic] = []
    unread = False
    for file in files:
        try:
            with _plain_errors():
                spec = _read(file, {})
        except click.ClickException as error:  # the other files are checked all the same
            error.show()
            unread = True
            continue
        spec.judge()
        found += spec.diagnostics
    if as_json:
        _print_json({"diagnostics": [diagnostic.to_json() for diagnostic in found]})
    elif found:
        from netc.compiler.render import render, summary

        click.echo(render(found, color=colored(sys.stdout)))
        click.echo(summary(found))
    elif not unread:
        click.echo(f"{len(files)} file{'s' if len(files) > 1 else ''} checked: nothing to say")
    sys.exit(WRONG if unread or _wrong(found) else OK)


@main.command()
@click.argument("file", metavar="FILE")
@settings
@click.option("--depth", default=1, show_default=True, help="How many levels of blocks to unfold.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything, with the arithmetic, as JSON."
)
def report(
    file: str, name: str | None, values: tuple[tuple[str, Any], ...], depth: int, as_json: bool
) -> None:
    """Show shapes, parameters, MACs, memory and claims of the nets in FILE."""
    spec = _compiled(file, values)
    names = spec.names if name is None else (_net(spec, name).name,)
    reports = [spec.net(one).report() for one in names]
    _complain(spec)
    if as_json:
        from netc.compiler.report import FORMAT

        _print_json({"format": FORMAT, "nets": [one.to_json() for one in reports]})
    else:
        from netc.compiler.table import table

        tables = [table(one, spec.net(one.name).graph.module, depth) for one in reports]
        click.echo("\n".join(tables), nl=False)
    sys.exit(WRONG if _wrong(spec.diagnostics) else OK)


@main.command()
@click.argument("file", metavar="FILE")
@settings
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file.")
def build(
    file: str, name: str | None, values: tuple[tuple[str, Any], ...], output: str | None
) -> None:
    """Write a net of FILE as PyTorch source: one file that needs torch and nothing else."""
    spec = _compiled(file, values)
    _complain(spec)
    source = _net(spec, name).source()
    if output is None:
        click.echo(source, nl=False)
        return
    from netc.files import write_atomically

    with _plain_errors():
        write_atomically(Path(output), source)
    click.echo(f"wrote {output}", err=True)


@main.command()
@click.argument("file", required=False, metavar="[FILE]")
@settings
@click.option("--epochs", type=click.IntRange(min=1), help="Train for so many epochs instead.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option("--out", type=click.Path(file_okay=False), help="The run's folder; it must be new.")
@click.option(
    "--resume",
    type=click.Path(file_okay=False, exists=True),
    help="Go on with the run in this folder.",
)
@click.option(
    "--save-every",
    type=click.IntRange(min=1),
    metavar="STEPS",
    help="Checkpoints, besides the usual.",
)
@click.option("--quiet", is_flag=True, help="Print the result only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def train(
    file: str | None,
    name: str | None,
    values: tuple[tuple[str, Any], ...],
    epochs: int | None,
    device: str,
    out: str | None,
    resume: str | None,
    save_every: int | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compile and train a net of FILE by its `train` block.

    The run's folder gets the spec, the PyTorch source, metrics, weights and checkpoints. Ctrl-C
    keeps what was learned; `netc train --resume FOLDER` goes on from there.
    """
    gc.enable()
    from netc.commands import Request, outcome_json, run, summary

    if (file is None) == (resume is None):
        raise click.UsageError("name a FILE to train, or a run's folder with --resume")
    if resume is not None and (values or epochs or out or name):
        raise click.UsageError("--resume takes net, values, epochs and folder from the run itself")
    request = Request(file, resume, name, dict(values), epochs, device, out, save_every, not quiet)
    with _plain_errors():
        outcome = run(request)
    if as_json:
        _print_json(outcome_json(outcome))
    else:
        click.echo(summary(outcome))
    sys.exit(STOPPED if outcome.interrupted else OK if outcome.holds else WRONG)


# ------------------------------------------------------------------------------


def _read(file: str, values: dict[str, Any]) -> Spec:
    from netc.api import Spec, read
    from netc.compiler.source import Source

    if file == "-":
        text = sys.stdin.buffer.read().decode("utf-8")
        return Spec(Source("<stdin>", text), values, Path())
    return read(Path(file), values)


def _compiled(file: str, values: tuple[tuple[str, Any], ...]) -> Spec:
    """The spec, without errors: else they are shown and the command ends."""
    with _plain_errors():
        spec = _read(file, dict(values))
    if _wrong(spec.diagnostics):
        _complain(spec)
        sys.exit(WRONG)
    return spec


def _complain(spec: Spec) -> None:
    """Shows the findings on standard error."""
    show(spec.diagnostics)


def _net(spec: Spec, name: str | None) -> NetHandle:
    try:
        return spec.net(name)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None


def _wrong(found: Sequence[Diagnostic]) -> bool:
    return any(diagnostic.severity == "error" for diagnostic in found)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Files that cannot be read or written are one line, not a traceback."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise click.ClickException(f"this file is not UTF-8 text: {error.reason}") from None
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        place = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{place}{error.strerror or error}") from None


def _print_json(content: dict[str, Any]) -> None:
    import json

    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def run() -> None:
    """The console script: runs a command and ends the process at once.

    Taking down the interpreter piece by piece costs 20 ms, and no command leaves anything to do.
    """
    status: object = OK
    try:
        status = main(standalone_mode=False)
    except SystemExit as end:
        status = end.code
    except click.Abort:  # Ctrl-C
        status = STOPPED
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except Exception as error:  # the last resort: a bug of netc's own, said without a traceback
        if os.environ.get("NETC_DEBUG"):
            raise
        name = type(error).__name__
        click.echo(f"netc has a bug: {name}: {error}\nSet NETC_DEBUG=1 to see where.", err=True)
        status = BUG
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # `netc report … | head`: the reader has what it wanted
        status = OK
    os._exit(status if isinstance(status, int) else OK)


if __name__ == "__main__":
    run()
