"""A run that was stopped, politely or not, ends with the bits of a run that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import jobs
import jobs_to_stop
import numpy as np
import pytest
import torch
from devices import DEVICE
from msgspec.structs import replace
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from netc.compiler.recipes.arrays import Npz
from netc.runtime import CheckpointError, Job, Outcome, TrainError, resume, train
from netc.runtime import session as sessions
from netc.runtime.folder import need_free

VERSION = '{"version": 2}'
"""The JSON of a checkpoint that holds nothing else."""


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Runs without a stop, per optimizer, made when first asked for."""

    class Runs(dict[str, Outcome]):
        def __missing__(self, name: str) -> Outcome:
            folder = tmp_path_factory.mktemp("straight") / name
            self[name] = train(jobs_to_stop.job(name), folder, device=DEVICE, progress=False)
            return self[name]

    return Runs()


def log(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def same(one: Outcome, other: Outcome) -> None:
    """Equal to the bit: weights, the optimizer's state, every logged number."""
    for name in ("weights.safetensors", "checkpoint.safetensors"):
        a, b = (load_file(outcome.folder / name) for outcome in (one, other))
        assert a.keys() == b.keys()
        assert [key for key in a if not torch.equal(a[key], b[key])] == []
    assert log(one.folder) == log(other.folder)
    assert one.test == other.test
    assert [e.train for e in one.history] == [e.train for e in other.history]


def signal_at(monkeypatch: pytest.MonkeyPatch, update: int, number: int = signal.SIGINT) -> None:
    monkeypatch.setenv("SIGNAL_AT", str(update))
    monkeypatch.setenv("SIGNAL", str(int(number)))


@pytest.mark.covers("PR04")
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_resume_after_kill_9_in_the_middle_of_an_epoch(
    tmp_path: Path, optimizer: str, straight: dict[str, Outcome]
) -> None:
    folder = tmp_path / "run"
    here = Path(__file__).parent
    died = subprocess.run(
        [sys.executable, str(here / "killed.py"), optimizer, str(folder)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "SIGNAL_AT": "38",
            "SIGNAL": str(int(signal.SIGKILL)),
        },
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    assert (
        len(log(folder)) == 1
    )  # one epoch of 23 updates was over, 14 updates of the next were made
    same(
        resume(jobs_to_stop.job(optimizer), folder, device=DEVICE, progress=False),
        straight[optimizer],
    )


@pytest.mark.covers("PR04")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("update", [1, 23, 30, 46])
def test_resume_after_an_interrupt(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    straight: dict[str, Outcome],
    update: int,
    number: int,
) -> None:
    job, folder = jobs_to_stop.job("adam"), tmp_path / "run"
    signal_at(monkeypatch, update, number)
    stopped = train(job, folder, device=DEVICE, progress=False)
    assert stopped.interrupted and stopped.test is None and stopped.claims == ()
    assert [epoch.number for epoch in stopped.history] == list(range(1, update // 23 + 1))
    weights = load_file(folder / "weights.safetensors")
    saved = load_file(folder / "checkpoint.safetensors")
    assert all(torch.equal(weights[key], saved[f"net.{key}"]) for key in weights)
    monkeypatch.delenv("SIGNAL_AT")
    outcome = resume(job, folder, device=DEVICE, progress=False)
    assert not outcome.interrupted
    same(outcome, straight["adam"])


@pytest.mark.parametrize("optimizer", ["adamw", "momentum", "sgd"])
def test_resume_after_three_interrupts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: dict[str, Outcome], optimizer: str
) -> None:
    job, folder = jobs_to_stop.job(optimizer), tmp_path / "run"
    signal_at(monkeypatch, 10)
    outcome = train(job, folder, device=DEVICE, progress=False)
    for _ in range(2):  # each session counts its own updates
        assert outcome.interrupted
        outcome = resume(job, folder, device=DEVICE, progress=False)
    assert outcome.interrupted
    monkeypatch.delenv("SIGNAL_AT")
    same(resume(job, folder, device=DEVICE, progress=False), straight[optimizer])


@pytest.mark.parametrize(("first", "then"), [("cpu", DEVICE), (DEVICE, "cpu")])
def test_a_run_goes_on_on_another_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, then: str
) -> None:
    """Without dropout, whose random numbers are the device's own, the numbers are the same too."""
    undropped = jobs_to_stop.SIGNALLING.replace("nn.Dropout(0.2)", "nn.Identity()")
    job = replace(jobs_to_stop.job("adam"), source=undropped)
    straight = train(job, tmp_path / "straight", device="cpu", progress=False)
    signal_at(monkeypatch, 30)
    assert train(job, tmp_path / "run", device=first, progress=False).interrupted
    monkeypatch.delenv("SIGNAL_AT")
    outcome = resume(job, tmp_path / "run", device=then, progress=False)
    assert outcome.test == pytest.approx(straight.test, rel=1e-3)
    assert outcome.history[-1].train == pytest.approx(straight.history[-1].train, rel=1e-3)


def test_a_second_ctrl_c_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, straight: dict[str, Outcome]
) -> None:
    one = 'os.kill(os.getpid(), int(os.environ["SIGNAL"]))'
    twice = jobs_to_stop.SIGNALLING.replace(one, f"{one}; {one}")
    job, folder = replace(jobs_to_stop.job("adam"), source=twice), tmp_path / "run"
    signal_at(monkeypatch, 30)
    with pytest.raises(KeyboardInterrupt):
        train(job, folder, device=DEVICE, progress=False)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert not (folder / "weights.safetensors").exists()
    monkeypatch.delenv("SIGNAL_AT")
    same(resume(job, folder, device=DEVICE, progress=False), straight["adam"])


def test_an_interrupt_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signal_at(monkeypatch, 3)
    train(jobs_to_stop.job("sgd"), tmp_path / "run", device=DEVICE)
    said = capsys.readouterr().err
    assert "stopped after step 3 of 69" in said and str(tmp_path / "run") in said
    assert "resume" in said


def test_what_was_logged_after_the_checkpoint_is_logged_once(
    tmp_path: Path, straight: dict[str, Outcome]
) -> None:
    """Killed between a line of the log and its checkpoint, or within the line."""
    job, folder = jobs_to_stop.job("adam"), tmp_path / "run"
    train(job, folder, device=DEVICE, progress=False)
    content = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_bytes(b"".join(content[:3]) + content[3][:20])
    same(resume(job, folder, device=DEVICE, progress=False), straight["adam"])


def test_checkpoints_are_made_as_time_goes_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[int] = []
    whole = sessions.Session.save

    def save(session: sessions.Session) -> None:
        saves.append(session.position.step)
        whole(session)

    monkeypatch.setattr(sessions.Session, "save", save)
    monkeypatch.setattr(sessions, "SAVE_SHARE", 1e-9)  # as if they took too long
    train(jobs_to_stop.small(), tmp_path / "two", device=DEVICE, progress=False)
    assert saves == [0, 16]
    saves.clear()
    monkeypatch.setattr(sessions, "SAVE_SHARE", 1e9)
    train(jobs_to_stop.small(), tmp_path / "few", device=DEVICE, progress=False)
    assert saves == [0, 8, 16]
    saves.clear()
    train(jobs_to_stop.small(), tmp_path / "every", device=DEVICE, save_every=3, progress=False)
    assert saves == [0, 3, 6, 8, 9, 12, 15, 16]
    saves.clear()
    monkeypatch.setattr(sessions, "SAVE_SECONDS", 0.0)
    train(jobs_to_stop.small(), tmp_path / "always", device=DEVICE, progress=False)
    assert saves == list(range(17))


def test_tied_weights_are_kept(tmp_path: Path) -> None:
    source = jobs.module(
        "self.a = nn.Linear(2, 2); self.b = nn.Linear(2, 2); self.b.weight = self.a.weight; "
        "self.c = nn.Linear(2, 1)",
        "return self.c(self.b(torch.tanh(self.a(x))))",
    )
    job = replace(jobs_to_stop.small(), source=source)
    weights = load_file(train(job, tmp_path / "run", progress=False).folder / "weights.safetensors")
    assert torch.equal(weights["a.weight"], weights["b.weight"])


def other_spec(job: Job) -> Job:
    return replace(job, spec=job.spec + "\n")


def other_source(job: Job) -> Job:
    return replace(job, source=job.source + "\n")


def other_batch(job: Job) -> Job:
    return replace(job, recipe=replace(job.recipe, batch=7))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_spec, "spec.net is not what would be trained now"),
        (other_source, "model.py is not what would be trained now"),
        (other_batch, "batch was 10, is 7"),
    ],
)
def test_another_job_is_not_resumed(tmp_path: Path, change: Any, message: str) -> None:
    job, folder = jobs_to_stop.small(), tmp_path / "run"
    unfinished(job, folder)
    with pytest.raises(CheckpointError, match=message):
        resume(change(job), folder)


def unfinished(job: Job, folder: Path) -> None:
    train(job, folder, device=DEVICE, progress=False)
    lines = (folder / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "metrics.jsonl").write_bytes(b"".join(lines[:-1]))


def test_other_data_is_not_resumed(tmp_path: Path) -> None:
    arrays = {"x": np.random.default_rng(0).random((50, 2)), "y": np.arange(50) % 2}
    np.savez(tmp_path / "d.npz", **arrays)
    job = jobs_to_stop.small()
    job = replace(job, base=tmp_path, recipe=replace(job.recipe, data=Npz(path="d.npz")))
    unfinished(job, tmp_path / "run")
    np.savez(tmp_path / "d.npz", x=arrays["x"] + 1, y=arrays["y"])
    with pytest.raises(CheckpointError, match="not the data"):
        resume(job, tmp_path / "run")


def test_other_surroundings_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    unfinished(jobs_to_stop.small(), folder)
    about = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps(about | {"threads": 64}))
    resume(jobs_to_stop.small(), folder, device=DEVICE)
    assert "last digits may differ: threads was 64, is 1" in capsys.readouterr().err


def test_a_finished_run_is_not_resumed(tmp_path: Path) -> None:
    train(jobs_to_stop.small(), tmp_path / "run", progress=False)
    with pytest.raises(CheckpointError, match="is finished"):
        resume(jobs_to_stop.small(), tmp_path / "run")


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no run's folder"):
        resume(jobs_to_stop.small(), tmp_path / "missing")
    with pytest.raises(CheckpointError, match="not the folder of a run"):
        resume(jobs_to_stop.small(), tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "no checkpoint"),
        (lambda path: path.write_bytes(b"junk"), "is broken"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "is broken"),
        (lambda path: save_file({"a": torch.ones(1)}, path), "is broken"),
        (lambda path: save_file({}, path, {"netc": "{}"}), "has version None"),
        (lambda path: save_file({}, path, {"netc": "[]"}), "no JSON object"),
        (lambda path: save_file({}, path, {"netc": '{"version": 1}'}), "has version 1"),
        (lambda path: save_file({}, path, {"netc": VERSION}), "not what was written"),
        (
            lambda path: save_file(
                {}, path, {"netc": VERSION, "sha256": sha256(VERSION.encode()).hexdigest()}
            ),
            "does not belong to this net",
        ),
    ],
)
def test_broken_checkpoints(tmp_path: Path, spoil: Any, message: str) -> None:
    folder = tmp_path / "run"
    unfinished(jobs_to_stop.small(), folder)
    spoil(folder / "checkpoint.safetensors")
    with pytest.raises(CheckpointError, match=message):
        resume(jobs_to_stop.small(), folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: {**tensors, "net.net.0.weight": tensors["net.net.0.weight"].reshape(2, 4)},
        lambda tensors: {**tensors, "sums": tensors["sums"].view(torch.int64)},
        lambda tensors: {key.replace("net.net.0.bias", "net.bias"): value
                         for key, value in tensors.items()},
    ],
    ids=["shape", "type", "name"],
)  # fmt: skip
def test_equal_bytes_of_another_name_type_or_shape_are_noticed(tmp_path: Path, spoil: Any) -> None:
    folder = tmp_path / "run"
    unfinished(jobs_to_stop.small(), folder)
    path = folder / "checkpoint.safetensors"
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
    save_file(spoil(load_file(path)), path, about)
    with pytest.raises(CheckpointError, match="not what was written"):
        resume(jobs_to_stop.small(), folder)


def test_a_byte_that_changed_on_the_disk_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    unfinished(jobs_to_stop.small(), folder)
    path = folder / "checkpoint.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    tensors = range(8 + length, len(content), (len(content) - 8 - length) // 20)
    position = content.index(b"epoch") + len('epoch\\": ')
    for place in [*tensors, len(content) - 1, position]:
        flipped = bytes([content[place] ^ 1])
        path.write_bytes(content[:place] + flipped + content[place + 1 :])
        with pytest.raises(CheckpointError, match=r"checkpoint\.safetensors is broken"):
            resume(jobs_to_stop.small(), folder)
    path.write_bytes(content)
    assert resume(jobs_to_stop.small(), folder, progress=False).history


def test_a_log_shorter_than_the_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    unfinished(jobs_to_stop.small(), folder)
    (folder / "metrics.jsonl").write_text("")
    with pytest.raises(CheckpointError, match="has 0 bytes"):
        resume(jobs_to_stop.small(), folder)


def test_only_a_run_is_offered_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(TrainError) as caught:
        need_free(tmp_path)
    assert caught.value.hint == "name another folder"
    (tmp_path / "checkpoint.safetensors").touch()
    with pytest.raises(TrainError) as caught:
        need_free(tmp_path)
    assert caught.value.hint == "name another folder, or resume the run in it"


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("pickle was used")

    folder = tmp_path / "run"
    unfinished(jobs_to_stop.small(), folder)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert resume(jobs_to_stop.small(), folder, progress=False).test is not None
