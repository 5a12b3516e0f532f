"""`netc train`: from the command line's words to a training job and back to its result."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
from msgspec import MsgspecError, Struct
from msgspec.json import decode as decode_json
from msgspec.structs import replace

from netc.api import NetHandle, Spec, decode
from netc.checking import show
from netc.compiler.diagnostics import CompileError, Diagnostic, Label
from netc.compiler.recipe import Recipe
from netc.compiler.source import Source
from netc.compiler.vocabularies import vocabularies
from netc.runtime import DataError, Job, Outcome, TrainError
from netc.runtime import resume as resume_run
from netc.runtime import train as train_run
from netc.runtime.job import Values


class Request(Struct, frozen=True):
    """What the command line asks for; either a file or a folder to resume.

    `base` is where the spec of a run to resume stood when the run began.
    """

    file: str | None
    resume: str | None
    net: str | None
    values: Mapping[str, Any]
    epochs: int | None
    device: str
    out: str | None
    save_every: int | None
    progress: bool
    base: str | None = None


class _Settings(Struct, frozen=True):
    """How a run was asked for, as its `job.json` remembers it."""

    file: str
    base: str
    net: str | None
    epochs: int | None
    set: dict[str, Any]


class _Began(Struct, frozen=True):
    settings: _Settings


def run(request: Request) -> Outcome:
    """Trains or goes on. Errors are printed, and end the process with status 1."""
    if request.resume is not None:
        request = _from_folder(request, Path(request.resume))
    spec = _spec(request)
    spec.judge()
    errors = [d for d in spec.diagnostics if d.severity == "error"]
    show(errors or spec.diagnostics)
    if errors:
        sys.exit(1)
    net, recipe = _chosen(spec, request)
    job = _job(spec, net, recipe, request)
    try:
        if request.resume is not None:
            return resume_run(
                job,
                Path(request.resume),
                device=request.device,
                save_every=request.save_every,
                progress=request.progress,
            )
        with _folder(request, net.name) as out:
            return train_run(
                job,
                out,
                device=request.device,
                save_every=request.save_every,
                progress=request.progress,
            )
    except DataError as error:
        where, labels = recipe.data_span, error.labels
        show([Diagnostic("E0605", error.message, where, error.hint, labels)])
        sys.exit(1)
    except CompileError as error:
        show(error.diagnostics)
        sys.exit(1)
    except TrainError as error:
        hint = f"\nHelp: {error.hint}" if error.hint else ""
        raise click.ClickException(f"{error.message}{hint}") from None


def summary(outcome: Outcome) -> str:
    """The result in a few lines."""
    lines = []
    if outcome.test is not None:
        measured = ", ".join(f"{name} {value:.4g}" for name, value in outcome.test.items())
        lines.append(f"test: {measured}")
    for verdict in outcome.claims:
        mark = "✓" if verdict.holds else "✗"
        lines.append(f"{mark} {verdict.claim.text}: {verdict.measured:.4g}")
    seconds = f"{outcome.seconds:.0f} s" if outcome.seconds >= 10 else f"{outcome.seconds:.1f} s"
    lines.append(f"{outcome.parameters:,} parameters, {seconds}, in {outcome.folder}")
    if outcome.interrupted:
        lines.append(f"stopped early; go on with: netc train --resume {outcome.folder}")
    return "\n".join(lines)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The result as `netc train --json` prints it."""
    return {
        "folder": str(outcome.folder),
        "parameters": outcome.parameters,
        "seconds": round(outcome.seconds, 3),
        "interrupted": outcome.interrupted,
        "epochs": [
            {"epoch": e.number, "step": e.step, "train": e.train, "dev": e.dev}
            for e in outcome.history
        ],
        "test": outcome.test,
        "claims": [
            {"text": v.claim.text, "measured": v.measured, "holds": v.holds} for v in outcome.claims
        ],
    }


def _from_folder(request: Request, folder: Path) -> Request:
    """The request that started a run, from what its folder remembers."""
    try:
        settings = decode_json((folder / "job.json").read_bytes(), type=_Began).settings
    except (OSError, MsgspecError, ValueError, RecursionError):
        message = f"{folder} holds no run that can be resumed: its job.json is missing or broken"
        raise click.ClickException(message) from None
    return replace(
        request,
        file=settings.file,
        base=settings.base,
        net=settings.net,
        values={k: tuple(v) if isinstance(v, list) else v for k, v in settings.set.items()},
        epochs=settings.epochs,
    )


def _spec(request: Request) -> Spec:
    """The spec: the file, or the copy in the run's folder under the file's name."""
    assert request.file is not None
    path = Path(request.file)
    if request.resume is not None:
        text = decode(Path(request.resume) / "spec.net")
    elif request.file == "-":
        text = sys.stdin.buffer.read().decode("utf-8")
    else:
        text = decode(path)
    base = Path() if request.file == "-" else path.parent
    if request.base is not None and Path(request.base).is_dir():
        base = Path(request.base)  # the run goes on from elsewhere, or began on standard input
    name = "<stdin>" if request.file == "-" else request.file
    return Spec(Source(name, text), request.values, base)


def _chosen(spec: Spec, request: Request) -> tuple[NetHandle, Recipe]:
    name = request.net
    if name is None and len(spec.recipes) == 1:
        name = next(iter(spec.recipes))
    if name is None and spec.recipes:
        raise click.UsageError(f"say which net to train: --net {' or '.join(spec.recipes)}")
    if name is None or name not in spec.recipes:
        wanted = name or (spec.names[0] if spec.names else "NET")
        message = f"{request.file} does not say how to train `{wanted}`"
        raise click.ClickException(f"{message}\nHelp: write a block `train {wanted}:`")
    recipe = spec.recipes[name]
    if request.epochs is not None:
        recipe = replace(recipe, epochs=request.epochs, steps=None)
    return spec.net(name), recipe


def _job(spec: Spec, net: NetHandle, recipe: Recipe, request: Request) -> Job:
    report = net.report()
    settings = {
        "file": request.file,
        "base": request.base or str(spec.base.absolute()),
        "net": request.net,
        "set": dict(request.values),
        "epochs": request.epochs,
    }
    return Job(
        spec=spec.source.text,
        source=net.source(),
        net_class=net.name,
        inputs=report.inputs,
        outputs=report.outputs,
        recipe=recipe,
        base=spec.base,
        settings=settings,
        params=report.params,
        weights=report.weights_bytes,
        vocabularies=vocabularies(net.graph),
        at=partial(_outputs_at, net, recipe),
    )


def _outputs_at(net: NetHandle, recipe: Recipe, sizes: Mapping[str, int]) -> Values:
    """The outputs for the sizes of the data. Raises CompileError with a label at the data."""
    try:
        found = net.at(sizes).module.outputs
    except CompileError as error:
        said = ", ".join(f"{name} = {size}" for name, size in sizes.items())
        label = Label(recipe.data_span, f"the examples make {said}")
        raise CompileError(
            replace(d, labels=(*d.labels, label)) for d in error.diagnostics
        ) from None
    return tuple((name, wire.tensor) for name, wire in found)


@contextmanager
def _folder(request: Request, net: str) -> Iterator[Path]:
    """The run's folder: the one asked for, or a new one, which goes if nothing comes into it."""
    if request.out:
        yield Path(request.out)
        return
    folder = _new_folder(net)
    try:
        yield folder
    finally:
        with suppress(OSError):  # it is not empty: the run has begun
            folder.rmdir()
            folder.parent.rmdir()


def _new_folder(net: str) -> Path:
    """`runs/lenet5-1`, `runs/lenet5-2`, …: the first that does not exist, made for this run."""
    number = 1
    while True:
        folder = Path("runs") / f"{net.lower()}-{number}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            number += 1
        except OSError as error:
            raise TrainError(f"cannot make the folder {folder}: {error.strerror}") from error
