"""A run's folder: everything that is needed to understand a run, to use it and to go on with it.

spec.net                 the spec
model.py                 the emitted source that was trained
job.json                 what was chosen
environment.json         machine, versions, threads, seed, digest of the data
metrics.jsonl            a line per epoch, and a last one for the test split
checkpoint.safetensors   all of the state, to go on from
weights.safetensors      the net's state dict
"""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from msgspec import Struct

from netc.runtime.device import describe
from netc.runtime.errors import CheckpointError, TrainError
from netc.runtime.files import write_text
from netc.runtime.holding import Held, hold
from netc.runtime.job import Job
from netc.runtime.outcome import Epoch


class RunFolder(Struct, frozen=True):
    """Paths in a run's folder, and how its log is written.

    Attributes:
        path: the folder.
        held: what keeps other processes out while it is there; None where nothing can.
    """

    path: Path
    held: Held | None = None

    @property
    def source(self) -> Path:
        """The emitted source."""
        return self.path / "model.py"

    @property
    def checkpoint(self) -> Path:
        """All of the run's state."""
        return self.path / "checkpoint.safetensors"

    @property
    def weights(self) -> Path:
        """The net's state dict."""
        return self.path / "weights.safetensors"

    @property
    def log(self) -> Path:
        """One JSON line per epoch, and one for the test split."""
        return self.path / "metrics.jsonl"

    def append(self, line: dict[str, Any]) -> int:
        """Adds a line to the log; the log's length in bytes then."""
        try:
            with self.log.open("ab") as file:
                file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
                return file.tell()
        except OSError as error:
            raise TrainError(f"cannot write {self.log}: {error}", "is the disk full?") from error

    def sync_log(self) -> None:
        """Makes the log durable: a checkpoint says how long it is, so it must not be shorter."""
        with self.log.open("rb+") as file:
            os.fsync(file.fileno())

    def cut_log(self, length: int) -> tuple[Epoch, ...]:
        """Drops what was logged after a checkpoint; the epochs that remain.

        Raises:
            CheckpointError: the log is shorter than that, or broken.
        """
        try:
            with self.log.open("rb+") as file:
                content = file.read(length)
                file.truncate(length)
            lines = [json.loads(line) for line in content.splitlines()]
            epochs = tuple(
                Epoch(line["epoch"], line["step"], line["train"], line["dev"], line["seconds"])
                for line in lines
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{self.log} is broken: {error}", "start the run anew") from error
        if len(content) != length:
            raise CheckpointError(
                f"{self.log} has {len(content)} bytes, and the checkpoint was made at {length}",
                "start the run anew",
            )
        return epochs

    @property
    def finished(self) -> bool:
        """Whether the run came to its end: the log's last line is that of the test split."""
        lines = self.log.read_bytes().splitlines() if self.log.is_file() else []
        try:
            last = json.loads(lines[-1]) if lines else None
        except ValueError:
            return False  # cut off while it was written
        return isinstance(last, dict) and "test" in last


def need_free(path: Path) -> None:
    """Raises TrainError unless the folder is missing or empty: results are never overwritten."""
    if path.exists() and not path.is_dir():
        raise TrainError(f"{path} is a file, and a run needs a folder", "name another folder")
    if path.is_dir() and any(path.iterdir()):
        resumable = (path / "checkpoint.safetensors").is_file()
        raise TrainError(
            f"the folder {path} is not empty, and a run never overwrites another",
            "name another folder" + (", or resume the run in it" if resumable else ""),
        )


def create(path: Path, job: Job, device: torch.device, digest: str) -> RunFolder:
    """The folder with all that is known before training.

    Raises:
        TrainError: it cannot be made, or a run that was started at the same time has taken it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "spec.net").open("xb").close()
    except FileExistsError as error:
        if not path.is_dir():
            raise TrainError(f"cannot make the folder {path}: {error.strerror}") from error
        raise TrainError(
            f"another run has begun in {path} meanwhile", "start again, or name another folder"
        ) from error
    except OSError as error:
        raise TrainError(f"cannot make the folder {path}: {error.strerror}") from error
    write_text(path / "spec.net", job.spec)
    write_text(path / "model.py", job.source)
    write_text(path / "job.json", _json(job.options()))
    write_text(path / "environment.json", _json(environment(job, device, digest)))
    write_text(path / "metrics.jsonl", "")
    return RunFolder(path, hold(path))


def reopen(path: Path, job: Job, digest: str) -> RunFolder:
    """The folder of an earlier run of the same job on the same data.

    Raises:
        CheckpointError: it is no run's folder, the run is finished or goes on in another process,
            or job or data have changed.
    """
    folder = RunFolder(path)
    if not (path / "job.json").is_file():
        raise CheckpointError(f"{path} is not the folder of a run")
    if folder.finished:
        raise CheckpointError(
            f"the run in {path} is finished: nothing is left to resume",
            "train anew in another folder",
        )
    for name, text in (("spec.net", job.spec), ("model.py", job.source)):
        if not (path / name).is_file() or (path / name).read_bytes() != text.encode():
            raise CheckpointError(
                f"{path / name} is not what would be trained now: spec or netc has changed",
                "resume with the spec as it was, or train anew in another folder",
            )
    _need_same_options(path, job)
    if _read_json(path / "environment.json").get("data") != digest:
        raise CheckpointError(
            f"the data is not the data that the run in {path} began with",
            "bring the data back, or train anew in another folder",
        )
    return RunFolder(path, hold(path))


def environment(job: Job, device: torch.device, digest: str) -> dict[str, Any]:
    """What besides the job decides about the numbers."""
    return {
        "netc": _version("netc"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": _version("numpy"),
        "platform": platform.platform(),
        "device": describe(device),
        "threads": torch.get_num_threads(),
        "seed": job.recipe.seed,
        "data": digest,
        "command": sys.argv,
    }


def differences(path: Path, now: dict[str, Any]) -> str:
    """What of the first session's surroundings may change a result's last digits; empty if nothing.

    Args:
        path: the run's folder.
        now: the surroundings of this session (see `environment`).
    """
    before = _read_json(path / "environment.json")
    return "; ".join(
        f"{key} was {before.get(key)}, is {now[key]}"
        for key in ("torch", "platform", "device", "threads")
        if before.get(key) != now[key]
    )


def _need_same_options(path: Path, job: Job) -> None:
    before, now = _read_json(path / "job.json"), job.options()
    changed = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if changed:
        facts = "; ".join(f"{key} was {before.get(key)}, is {now.get(key)}" for key in changed)
        raise CheckpointError(
            f"the run in {path} was begun with other options: {facts}",
            "resume with the same options, or train anew in another folder",
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} is broken: {error}", "start the run anew") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} is broken: it holds no JSON object", "start the run anew")
    return found


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2) + "\n"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
