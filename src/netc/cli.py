"""The command line: what each command takes, and which room does its work."""

from __future__ import annotations

import gc
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netc import checking, reporting
from netc.checking import wrong
from netc.cli_comparing import compare, diff
from netc.compiler.visible import visible, visible_lines
from netc.options import (
    MISUSED,
    WRONG,
    compiled,
    complain,
    net_named,
    plain_errors,
    print_json,
    put,
    say_netless,
    settings,
)
from netc.start import OK, STOPPED

if TYPE_CHECKING:
    pass


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="netc")
def main() -> None:
    """netc checks, explains, builds and trains neural nets written as `.net` files."""


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--format",
    "form",
    type=click.Choice(checking.FORMATS),
    default="text",
    show_default=True,
    help="For people, for programs, or as annotations of a GitHub workflow.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format=json.")
@click.option("--fix", is_flag=True, help="Make the edits that are safe, then check.")
def check(files: tuple[str, ...], form: str, as_json: bool, fix: bool) -> None:
    """Report every error and warning in specs. Exit status 1 if there are errors.

    FILE may be a folder, for all its .net files, or - for standard input; with --fix the mended
    text goes to standard output then.
    """
    request = checking.Request(files, "json" if as_json else form, fix)
    sys.exit(checking.check(request))


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--check", "listed", is_flag=True, help="Write nothing; list what is not in form.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print what became of each file as JSON.")
def fmt(files: tuple[str, ...], listed: bool, diff: bool, as_json: bool) -> None:
    """Bring specs in form: blanks, empty lines, columns, lines of at most 100 columns.

    FILE may be a folder, for all its .net files, or - for standard input to standard output. Exit
    status 2 if a file has syntax errors (it is left alone), else 1 if --check or --diff find one
    that is not in form.
    """
    from netc import fmt as formatting

    sys.exit(formatting.fmt(files, formatting.Mode(listed, diff, as_json)))


@main.command()
@click.argument("file", metavar="FILE")
@settings
@click.option(
    "--depth", type=click.IntRange(min=1), help="How many levels of blocks to unfold (default 1)."
)
@click.option(
    "--columns",
    metavar="NAME,…",
    help="path, layer, what, input, output, params, share, buffers, macs, memory (bytes of the "
    "output), receptive, stride, start, dense (parameters a dense layer would have), init, line, "
    "why, why_params, why_macs, net.",
)
@click.option(
    "--sort", type=click.Choice(reporting.SORTS), help="Every layer in a line, the largest first."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything, with the arithmetic, as JSON."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print the columns for a spreadsheet.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the columns for a document.")
def report(
    file: str,
    name: str | None,
    values: tuple[tuple[str, Any], ...],
    depth: int | None,
    columns: str | None,
    sort: str | None,
    as_json: bool,
    as_csv: bool,
    as_markdown: bool,
) -> None:
    """Show shapes, parameters, MACs, memory and claims of the nets in FILE."""
    try:
        form = reporting.form_of({"json": as_json, "csv": as_csv, "markdown": as_markdown})
        request = reporting.Request(form, depth, columns, sort)
        request.check()
        spec = compiled(file, values)
        names = spec.names if name is None else (net_named(spec, name).name,)
        shown = reporting.text([spec.net(one) for one in names], request)
    except reporting.Misuse as error:
        raise click.UsageError(str(error)) from None
    complain(spec)
    say_netless(spec)
    click.echo(visible_lines(shown), nl=False)
    sys.exit(WRONG if wrong(spec.diagnostics) else OK)


@main.command()
@click.argument("file", metavar="FILE")
@settings
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file.")
def build(
    file: str, name: str | None, values: tuple[tuple[str, Any], ...], output: str | None
) -> None:
    """Write a net of FILE as PyTorch source: one file that needs torch and nothing else."""
    spec = compiled(file, values)
    complain(spec)
    put(net_named(spec, name).source(), output)


@main.command()
@click.argument("target", metavar="CODE|FILE")
@click.argument("layer", required=False, metavar="[LAYER]")
@settings
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
def explain(
    target: str,
    layer: str | None,
    name: str | None,
    values: tuple[tuple[str, Any], ...],
    as_json: bool,
) -> None:
    """Explain a finding's CODE, a LAYER of FILE, or every net of FILE line by line.

    LAYER is its key in the state dict (layer1.0.conv2), a line number, a word such as conv, or the
    name of a block or of a net.
    """
    from netc import explaining

    try:
        if explaining.is_code(target):
            if layer is not None:
                raise click.UsageError("a code has a page of its own: leave LAYER out")
            click.echo(explaining.shown(target, as_json), nl=False)
            return
        spec = compiled(target, values)
        nets = [spec.net(one) for one in spec.names] if name is None else [net_named(spec, name)]
        say_netless(spec)
        told = explaining.told(spec, nets, layer, as_json)
    except explaining.Unknown as error:
        click.echo(f"Error: {visible_lines(str(error))}", err=True)
        sys.exit(MISUSED)
    complain(spec)
    click.echo(visible_lines(told), nl=False)
    sys.exit(WRONG if wrong(spec.diagnostics) else OK)


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
    with plain_errors():
        outcome = run(request)
    if as_json:
        print_json(outcome_json(outcome))
    else:
        click.echo(visible_lines(summary(outcome)))
    sys.exit(STOPPED if outcome.interrupted else OK if outcome.holds else WRONG)


@main.command()
@click.argument("file", metavar="FILE")
@settings
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file.")
@click.option("--open", "shown", is_flag=True, help="Show the page in the browser.")
def view(
    file: str,
    name: str | None,
    values: tuple[tuple[str, Any], ...],
    output: str | None,
    shown: bool,
) -> None:
    """Draw the nets of FILE: one HTML page with the graph, the report and its arithmetic."""
    from netc import viewing

    spec = compiled(file, values)
    names = spec.names if name is None else (net_named(spec, name).name,)
    text = viewing.html([spec.net(one) for one in names], spec.source.name)
    complain(spec)
    if output is None and not shown:
        click.echo(text, nl=False)
    else:
        with plain_errors():
            path = viewing.saved(text, output)
        click.echo(f"wrote {visible(str(path))}", err=True)
        if shown and not viewing.opened(path):
            raise click.ClickException(f"there is no browser here to show {path}")
    sys.exit(WRONG if wrong(spec.diagnostics) else OK)


@main.group()
def convert() -> None:
    """Rewrite a net of a spec as another one that does the same."""


@convert.command()
@click.argument("file", metavar="FILE")
@settings
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the spec here.")
@click.option("--weights", type=click.Path(dir_okay=False), help="Weights of the net as it is.")
@click.option("--output-weights", type=click.Path(dir_okay=False), help="Write the weights here.")
def fc2conv(
    file: str,
    name: str | None,
    values: tuple[tuple[str, Any], ...],
    output: str | None,
    weights: str | None,
    output_weights: str | None,
) -> None:
    """Dense layers as convolutions: the net takes larger pictures and gives a map.

    The text of FILE is edited: comments stay, input sizes are opened, claims get the new sizes.
    Weights are safetensors files, as `netc train` writes them.
    """
    from netc import converting

    if (weights is None) != (output_weights is None):
        raise click.UsageError("--weights and --output-weights go together")
    spec = compiled(file, values)
    try:
        found = converting.fc2conv(spec, net_named(spec, name).name, dict(values))
        with plain_errors():
            if weights is not None and output_weights is not None:
                converting.carry(Path(weights), Path(output_weights), found.moved)
        put(found.text, output)
    except converting.Inconvertible as error:
        raise click.ClickException(converting.told(error)) from None
    except converting.Unfit as error:
        raise click.ClickException(f"{weights}: {error}") from None
    for text in found.left_out:
        click.echo(f"left out: {visible(text)}", err=True)


@main.command("filter")
@click.argument("name", metavar="NAME")
@click.argument("picture", metavar="[PICTURE]", required=False)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="Write here.")
@click.option(
    "--weights", metavar="RUN", help="Draw what layer NAME learned in a run's folder or weights."
)
@click.option(
    "--signed", is_flag=True, help="Show 0 as grey, what falls darker, what rises lighter."
)
def filter_(name: str, picture: str | None, output: str, weights: str | None, signed: bool) -> None:
    """Find edges in PICTURE: NAME is sobel, prewitt or scharr, or one direction, as in sobel_x.

    With --weights NAME is a convolution, as in conv1, and its kernels are drawn.
    """
    from netc import filtering
    from netc.compiler.diagnostics import did_you_mean

    if weights is not None:
        if picture is not None or signed:
            raise click.UsageError("--weights draws kernels: it takes no picture and no --signed")
        _draw_kernels(name, weights, output)
        return
    if picture is None:
        raise click.UsageError("Missing argument 'PICTURE'.")
    if name not in filtering.NAMES:
        hint = did_you_mean(name, filtering.NAMES)
        raise click.UsageError(f"there is no filter `{name}`; {hint}")
    try:
        with plain_errors():
            made = filtering.filter_picture(name, Path(picture), Path(output), signed=signed)
    except filtering.FilterError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"wrote {visible(output)}: {made.width} × {made.height}, numbers from {made.least:,.0f} to "
        f"{made.largest:,.0f}"
    )


def _draw_kernels(layer: str, weights: str, output: str) -> None:
    from netc import kernels
    from netc.filtering import FilterError

    try:
        with plain_errors():
            made = kernels.draw_kernels(layer, Path(weights), Path(output))
    except FilterError as error:
        raise click.ClickException(str(error)) from None
    (high, wide), (width, height) = made.window, made.size
    click.echo(
        f"wrote {visible(output)}: {made.count} kernels of {high} × {wide}, weights from "
        f"{made.least:.3g} to {made.largest:.3g}; {width} × {height} pixels"
    )


main.add_command(diff)
main.add_command(compare)


def command() -> int:
    """Runs the command that the command line names; its exit status."""
    try:
        status = main(standalone_mode=False)
    except click.Abort:  # Ctrl-C
        return STOPPED
    except click.ClickException as error:
        text = StringIO()
        error.show(text)
        click.echo(visible_lines(text.getvalue()), nl=False, err=True)
        return error.exit_code
    return status if isinstance(status, int) else OK
