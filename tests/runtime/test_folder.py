"""A run's folder belongs to one process at a time, and what is in it may be broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import jobs_to_stop
import pytest
import torch
from devices import DEVICE

from netc.runtime import CheckpointError, TrainError, resume
from netc.runtime.folder import RunFolder, create


def test_of_two_runs_started_at_once_one_gets_the_folder(tmp_path: Path) -> None:
    """Each has found it missing, then read its data."""
    job, cpu = jobs_to_stop.small(), torch.device("cpu")
    create(tmp_path / "run", job, cpu, "")
    with pytest.raises(TrainError, match=r"another run has begun in .* meanwhile"):
        create(tmp_path / "run", job, cpu, "")


def test_a_run_that_goes_on_elsewhere_is_not_resumed(tmp_path: Path) -> None:
    folder, here = tmp_path / "run", Path(__file__).parent
    settings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SIGNAL_AT": "38",
        "SIGNAL": str(int(signal.SIGSTOP)),
    }
    command = [sys.executable, str(here / "killed.py"), "sgd", str(folder)]
    with subprocess.Popen(command, env=settings) as running:
        _, status = os.waitpid(running.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        try:
            with pytest.raises(CheckpointError, match="goes on in another process"):
                resume(jobs_to_stop.job("sgd"), folder, device=DEVICE, progress=False)
        finally:
            running.kill()
    outcome = resume(jobs_to_stop.job("sgd"), folder, device=DEVICE, progress=False)
    assert not outcome.interrupted


@pytest.mark.parametrize("line", ["5", "null", "[]", '"test"', '{"test": nu'])
def test_what_is_no_line_of_a_log_is_not_the_last(tmp_path: Path, line: str) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"epoch": 1}}\n{line}')
    assert not RunFolder(tmp_path).finished
