"""Training: a command gives the same numbers twice, and a stopped run goes on as if never stopped.

On the CPU a resumed run's weights are bit-equal to those of a run without a stop: a checkpoint
holds weights, optimizer, random generator and running sums; the order of examples follows from seed
and epoch alone. On a GPU, and with another number of threads, sums are added in another order.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from msgspec import Struct, field

from netc.runtime import checkpoint
from netc.runtime.checkpoint import Position
from netc.runtime.data import DataSet, load
from netc.runtime.device import checked_lookups, choose
from netc.runtime.errors import TrainError
from netc.runtime.fit import aim, fit
from netc.runtime.folder import RunFolder, create, differences, environment, need_free, reopen
from netc.runtime.job import Job
from netc.runtime.module import counted, net_class
from netc.runtime.objectives import Objective
from netc.runtime.optimizers import NOTHING_TO_LEARN, optimizer
from netc.runtime.outcome import Epoch, Outcome, Verdict, check_claims, judge
from netc.runtime.progress import Progress, duration, numbers
from netc.runtime.room import enough_memory, need_room
from netc.runtime.seeds import own_randomness, permutation
from netc.runtime.session import Session
from netc.runtime.stopping import Stop, listening


class Prepared(Struct, frozen=True):
    """What is checked before anything is written."""

    job: Job
    device: torch.device
    objective: Objective
    data: DataSet
    digest: str


class _Watch(Struct):
    """How a session is watched: what it says, when it saves, who may stop it, its past epochs."""

    progress: Progress
    save_every: int | None
    stop: Stop
    history: list[Epoch] = field(default_factory=list)


def train(
    job: Job,
    out: Path,
    *,
    device: str = "auto",
    save_every: int | None = None,
    progress: bool = True,
) -> Outcome:
    """Trains a net by its recipe and writes everything into a new folder (see `folder`).

    Ctrl-C or SIGTERM stop after the step under way: checkpoint and weights are written, and the
    outcome says `interrupted`. A second one stops at once and leaves the last checkpoint.

    Args:
        job: the emitted source and the recipe.
        out: the run's folder; it must be missing or empty.
        device: `auto`, `cpu` or `cuda`.
        save_every: updates between two checkpoints, besides those at each epoch's end (if it
            took long enough to be worth one) and about every 30 seconds.
        progress: whether to tell on stderr how it goes.

    Raises:
        DataError: the data is missing, broken, or does not fit the net.
        DivergenceError: the loss is no longer a finite number.
        TrainError: any other reason why the job cannot run.
    """
    need_free(out)
    prepared = prepare(job, device, save_every)
    folder = create(out, job, prepared.device, prepared.digest)
    with own_randomness(prepared.device):
        torch.manual_seed(job.recipe.seed)
        session = _session(prepared, folder)
        session.start_clock()
        session.save()
        return _run(session, [], save_every, progress)


def resume(
    job: Job,
    out: Path,
    *,
    device: str = "auto",
    save_every: int | None = None,
    progress: bool = True,
) -> Outcome:
    """Goes on with a run that was stopped, from its last checkpoint.

    Args:
        job: the same job; spec, source, options and data are compared with those of the folder.
        out: the run's folder.
        device: as for `train`; it may differ from the first session's.
        save_every: as for `train`.
        progress: as for `train`.

    Raises:
        CheckpointError: the folder holds no run, another one, a broken one or a finished one.
        TrainError: as for `train`.
    """
    if not out.is_dir():
        raise TrainError(f"there is no run's folder {out}", "train first, then resume")
    prepared = prepare(job, device, save_every)
    folder = reopen(out, job, prepared.digest)
    changed = differences(out, environment(job, prepared.device, prepared.digest))
    with own_randomness(prepared.device):
        session = _session(prepared, folder)
        session.position = checkpoint.load(
            folder.checkpoint, session.net, session.optimizer, session.sums
        )
        history = folder.cut_log(session.position.logged)
        session.start_clock()
        if changed and progress:
            print(f"resumed elsewhere, last digits may differ: {changed}", file=sys.stderr)
        return _run(session, list(history), save_every, progress)


def prepare(job: Job, device: str = "auto", save_every: int | None = None) -> Prepared:
    """Reads the data and makes every check that needs no training. Raises TrainError."""
    recipe = job.recipe
    if save_every is not None and save_every < 1:
        raise TrainError(f"a checkpoint every {save_every} steps cannot be", "name at least 1")
    if recipe.epochs is None and recipe.steps is None:
        raise TrainError("the recipe names neither epochs nor steps", "write `epochs 10`")
    if job.params == 0:
        raise TrainError(*NOTHING_TO_LEARN)
    chosen = choose(device)
    if job.weights is not None:
        need_room(job.weights, chosen.type)
    minimised = aim(job)
    check_claims(recipe.claims, minimised.metrics, recipe.loss.kind)
    hint = "train with `--device cpu`, or on fewer examples"
    with enough_memory("the data", hint):
        data = fit(load(recipe, job.base), job, minimised)
    if recipe.claims and len(data.test) == 0:
        raise TrainError(
            f"`{recipe.claims[0].text}` is judged on the test split, and that is empty",
            "give test a share: `split 80, 10, 10`",
        )
    with enough_memory("the data", hint):
        there = data.to(chosen)
    return Prepared(job, chosen, minimised, there, data.digest())


def _session(prepared: Prepared, folder: RunFolder) -> Session:
    job = prepared.job
    # made on the CPU on every machine, so that a seed means the same first weights everywhere
    with enough_memory("the weights of the net"):
        net = counted(net_class(job.source, folder.source, job.net_class)(), job.params)
        net = net.to(prepared.device)
    sums = torch.zeros(len(prepared.objective.metrics), dtype=torch.float64, device=prepared.device)
    return Session(
        net=net.train(),
        optimizer=optimizer(job.recipe.optimizer, net.parameters()),
        objective=prepared.objective,
        data=prepared.data,
        recipe=job.recipe,
        folder=folder,
        sums=sums,
        position=Position(),
    )


def _run(session: Session, history: list[Epoch], save_every: int | None, progress: bool) -> Outcome:
    epochs = math.ceil(session.total / session.batches)
    shown = Progress(session.total, epochs, session.position.step, quiet=not progress)
    with listening() as stop, checked_lookups():
        watch = _Watch(shown, save_every, stop, history)
        try:
            while session.position.step < session.total and not stop.asked:
                _epoch(session, watch)
        finally:
            shown.clear()
        if session.position.step < session.total:
            return _interrupted(session, watch)
        return _finished(session, watch)


def _epoch(session: Session, watch: _Watch) -> None:
    """Makes the updates that the epoch under way still lacks, unless somebody asks to stop."""
    position, recipe = session.position, session.recipe
    order = permutation(len(session.data.train), recipe.seed, "order", position.epoch)
    places = torch.split(order.to(session.sums.device), recipe.batch)
    for index in places[position.batch :]:
        session.update(index)
        watch.progress.step(position.epoch, position.step, len(index), session.metrics)
        if position.step == session.total or position.batch == len(places):
            break
        if watch.stop.asked:
            return
        session.save_if_due(watch.save_every)
    _close(session, watch)


def _close(session: Session, watch: _Watch) -> None:
    """Judges the epoch, logs it, and turns to the next one."""
    session.need_finite()
    position = session.position
    epoch = Epoch(
        number=position.epoch,
        step=position.step,
        train=session.metrics(),
        dev=session.judge(session.data.dev),
        seconds=round(session.seconds, 3),
    )
    position.logged = session.folder.append(
        {
            "epoch": epoch.number,
            "step": epoch.step,
            "train": epoch.train,
            "dev": epoch.dev,
            "seconds": epoch.seconds,
        }
    )
    watch.history.append(epoch)
    watch.progress.epoch(epoch)
    session.next_epoch()
    session.save_if_due(watch.save_every, epoch_over=True)


def _interrupted(session: Session, watch: _Watch) -> Outcome:
    session.save()
    session.save_weights()
    path = session.folder.path
    watch.progress.say(
        f"stopped after step {session.position.step:,} of {session.total:,}; weights and "
        f"checkpoint are in {path}: resume the run in that folder to go on from here"
    )
    return _outcome(session, watch, interrupted=True)


def _finished(session: Session, watch: _Watch) -> Outcome:
    """Touches the test split, for the first and only time."""
    test = session.judge(session.data.test)
    verdicts = judge(session.recipe.claims, test or {})
    session.save_weights()
    claims = [
        {"claim": verdict.claim.text, "measured": verdict.measured, "holds": verdict.holds}
        for verdict in verdicts
    ]
    seconds = round(session.seconds, 3)
    session.folder.append(
        {"test": test, "step": session.position.step, "claims": claims, "seconds": seconds}
    )
    session.folder.sync_log()
    if test is not None:
        watch.progress.say(f"test  {numbers(test)}  {duration(seconds)}")
    return _outcome(session, watch, interrupted=False, test=test, verdicts=verdicts)


def _outcome(
    session: Session,
    watch: _Watch,
    *,
    interrupted: bool,
    test: Mapping[str, float] | None = None,
    verdicts: tuple[Verdict, ...] = (),
) -> Outcome:
    return Outcome(
        history=tuple(watch.history),
        test=test,
        claims=verdicts,
        seconds=session.seconds,
        parameters=sum(p.numel() for p in session.net.parameters()),
        folder=session.folder.path,
        interrupted=interrupted,
    )
