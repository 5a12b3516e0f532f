"""`netc train` as a command: what it writes, its exit status, runs that are stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import chdir, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import DIGITS, netc, process, written
from safetensors.numpy import load_file


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.covers("BA17", "PR04")
def test_train_learns_digits_and_says_so_in_json() -> None:
    result = netc("train", written(DIGITS), "--out", "run", "--quiet", "--json", "--device", "cpu")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["folder"] == "run"
    assert found["parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    assert [epoch["epoch"] for epoch in found["epochs"]] == [1, 2]
    assert found["claims"][0]["holds"]
    assert found["test"]["accuracy"] >= 0.5


def metrics(folder: str) -> list[dict[str, Any]]:
    """The run's metrics without the clock's readings."""
    lines = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    clocks = ("seconds", "samples_per_second", "time")
    return [{k: v for k, v in json.loads(line).items() if k not in clocks} for line in lines]


def weights(folder: str) -> dict[str, bytes]:
    """The bits of every weight; the file's own header may have its entries in any order."""
    found = load_file(Path(folder) / "weights.safetensors")
    return {key: value.tobytes() for key, value in found.items()}


@pytest.mark.covers("N065")
@pytest.mark.parametrize(("batch", "steps"), [(10_000, 1), (1, 1437)])
def test_an_epoch_has_a_step_for_each_batch(batch: int, steps: int) -> None:
    text = DIGITS.replace("epochs 2, batch=32", f"epochs 1, batch={batch}").replace(
        ">= 0.5", ">= 0"
    )
    result = netc("train", written(text), "--quiet", "--json", "--device", "cpu")
    assert json.loads(result.stdout)["epochs"][-1]["step"] == steps


@pytest.mark.covers("N001", "N031")
@pytest.mark.parametrize(("batch", "steps"), [(100, 100), (64, 157)])
def test_the_last_smaller_batch_counts(batch: int, steps: int) -> None:
    points = np.arange(10_000, dtype=np.float32)
    np.savez("points.npz", x=points[:, None] / 10_000, y=points[:, None] / 10_000)
    text = f"""
net Line:
    input x: [1]
    dense 1

train Line:
    data npz "points.npz"
    split 100, 0, 0
    loss mse
    optimizer sgd, lr=0.1
    epochs 1, batch={batch}
"""
    result = netc("train", written(text), "--quiet", "--json", "--device", "cpu")
    assert json.loads(result.stdout)["epochs"][-1]["step"] == steps


def test_side_heads_train_with_the_main_one() -> None:
    text = """
net Heads:
    input image: [1, 8, 8]
    trunk = flatten -> dense 32 -> relu
    output side = trunk -> dense 10
    output scores = trunk -> dense 16 -> relu -> dense 10

train Heads:
    data digits
    loss cross_entropy scores
    loss cross_entropy side, weight=0.3, label_smoothing=0.1
    optimizer adam, lr=1e-2
    epochs 5, batch=64
    expect accuracy >= 0.9
"""
    file = written(text)
    result = netc("train", file, "--out", "run", "--quiet", "--json", "--device", "cpu")
    assert result.exit_code == 0, result.output
    first, *_, last = [epoch["train"]["loss"] for epoch in json.loads(result.stdout)["epochs"]]
    assert last < first / 3
    alone = text.replace("    loss cross_entropy side, weight=0.3, label_smoothing=0.1\n", "")
    netc("train", written(alone), "--out", "alone", "--quiet", "--device", "cpu")
    heads, none = load_file("run/weights.safetensors"), load_file("alone/weights.safetensors")
    assert heads.keys() == none.keys()
    assert not np.array_equal(heads["trunk.weight"], none["trunk.weight"])


@pytest.mark.covers("PR04")
def test_the_same_command_gives_the_same_numbers() -> None:
    for run in ("a", "b"):
        done = process("train", written(DIGITS), "--out", run, "--quiet", "--device", "cpu")
        assert done.returncode == 0, done.stderr
    assert metrics("a") == metrics("b")
    assert weights("a") == weights("b")


@pytest.mark.covers("PR04")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(how: signal.Signals) -> None:
    file = written(DIGITS.replace("epochs 2", "epochs 15"))
    whole = process("train", file, "--out", "whole", "--quiet", "--device", "cpu")
    assert whole.returncode == 0, whole.stderr
    command = [sys.executable, "-m", "netc", "train", file, "--out", "cut", "--device", "cpu"]
    with subprocess.Popen(
        [*command, "--quiet", "--save-every", "7"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as running:
        while running.poll() is None and not Path("cut/checkpoint.safetensors").exists():
            with suppress(subprocess.TimeoutExpired):
                running.wait(0.02)
        running.send_signal(how)
        running.communicate()
    if how is signal.SIGINT and running.returncode != 0:
        assert running.returncode == 130
    if running.returncode != 0:
        done = process("train", "--resume", "cut", "--quiet", "--device", "cpu")
        assert done.returncode == 0, done.stderr
    assert weights("whole") == weights("cut")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([], 2),
        (["--resume", "nowhere"], 2),
        (["spec.net", "--resume", "."], 2),
        (["--resume", "."], 1),
        (["spec.net", "--epochs", "0"], 2),
        (["spec.net", "--device", "tpu"], 2),
        (["spec.net", "--net", "Large"], 1),
        (["spec.net", "--set", "a=1"], 1),
        (["spec.net", "--out", "."], 1),
    ],
)
def test_train_refuses_what_makes_no_sense(arguments: list[str], status: int) -> None:
    written(DIGITS)
    result = netc("train", *arguments)
    assert result.exit_code == status, result.output
    assert result.stderr


UNTRAINED = "net Net:\n    input x: [4]\n    dense 3\n"


def test_a_spec_without_a_train_block_says_what_to_write() -> None:
    result = netc("train", written(UNTRAINED))
    assert result.exit_code == 1
    assert "train Net:" in result.stderr


def test_a_claim_that_training_does_not_reach_ends_with_1() -> None:
    text = DIGITS.replace(">= 0.5", ">= 1.1").replace("epochs 2", "epochs 1")
    result = netc("train", written(text), "--out", "run", "--quiet", "--device", "cpu")
    assert result.exit_code == 1
    assert "✗" in result.stdout


POINTS = """\
net Net:
    input x: [2]
    dense 3

train Net:
    data npz "points.npz"
    loss cross_entropy
    optimizer sgd, lr=0.1
    steps 4, batch=8
    split 100, 0, 0
"""


def points(**more: Any) -> None:
    found = {"x": np.arange(80.0).reshape(40, 2) / 80, "y": np.arange(40) % 3, **more}
    np.savez("points.npz", **found)


def train(text: str, *more: str) -> tuple[int, str]:
    """The exit status of a run, and what it says."""
    done = netc("train", written(text), "--quiet", "--device", "cpu", *more)
    return done.exit_code, done.output


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce"])
def test_a_weight_on_the_only_output(loss: str) -> None:
    points(**({} if loss == "cross_entropy" else {"y": np.ones((40, 3))}))
    losses = []
    for weight in ("", ", weight=0.5"):
        text = POINTS.replace("cross_entropy", f"{loss}{weight}").replace("steps 4", "steps 1")
        status, said = train(text, "--json", "--out", f"run{len(losses)}")
        assert status == 0, said
        losses.append(json.loads(said)["epochs"][0]["train"]["loss"])
    assert losses[1] == pytest.approx(losses[0] / 2)


def test_outputs_that_differ_in_axes_of_one() -> None:
    points()
    outputs = "    a = dense 3\n    output flat = a\n    output deep = a -> reshape [3, 1, 1]\n"
    losses = "loss cross_entropy flat\n    loss cross_entropy deep"
    text = POINTS.replace("    dense 3\n", outputs).replace("loss cross_entropy", losses)
    status, said = train(text, "--out", "run")
    assert status == 0, said


def test_a_loss_that_no_parameter_has_a_part_in() -> None:
    points(y=np.ones((40, 2)))
    text = POINTS.replace("    dense 3\n", "    output bare = x\n    output y = x -> dense 2\n")
    status, said = train(text.replace("loss cross_entropy", "loss mse bare"), "--out", "run")
    assert status == 1 and "no parameter of the net has a part in what the loss judges" in said


def test_a_net_without_parameters_leaves_no_folder() -> None:
    points(y=np.ones((40, 2)))
    text = POINTS.replace("dense 3", "relu").replace("cross_entropy", "mse")
    status, said = train(text)
    assert status == 1 and "the net has no parameter to learn" in said
    assert not Path("runs").exists()


@pytest.mark.parametrize("more", [[], ["--save-every", "1"]])
def test_weights_that_are_no_numbers_are_never_saved(more: list[str]) -> None:
    """The last update's weights are in no loss yet."""
    points()
    recipe = "optimizer adamw, lr=1e18, weight_decay=1e18"
    text = POINTS.replace("optimizer sgd, lr=0.1", recipe).replace("steps 4", "steps 2")
    status, said = train(text, "--out", "run", *more)
    assert status == 1 and "the weight `dense1.weight` is no longer made of finite numbers" in said
    kept = load_file("run/checkpoint.safetensors")
    assert all(np.isfinite(value).all() for key, value in kept.items() if key.startswith("net."))


def test_numbers_beyond_float32() -> None:
    points(x=np.full((40, 2), 1e39))
    status, said = train(POINTS, "--out", "run")
    assert (
        status == 1 and "the data holds 1e+39" in said and "float32, which ends at 3.4e+38" in said
    )


@pytest.mark.parametrize(
    "content",
    ["[]", "null", "5", "{}", '{"settings": null}', "[" * 100_000, "\0",
     '{"settings": {"file": null, "base": "", "net": null, "epochs": null, "set": {}}}'],
)  # fmt: skip
def test_a_broken_job_is_said(content: str) -> None:
    Path("run").mkdir()
    Path("run/job.json").write_text(content, encoding="utf-8")
    result = netc("train", "--resume", "run")
    assert result.exit_code == 1
    assert "its job.json is missing or broken" in result.stderr


@pytest.mark.parametrize("moved", [False, True])
def test_a_run_goes_on_from_another_folder(tmp_path: Path, moved: bool) -> None:
    """And where all of it was moved: then the data is sought where the spec's path says."""
    Path("work").mkdir()
    with chdir(Path("work")):
        points()
        assert (
            train(POINTS.replace("steps 4", "steps 400"), "--out", "run", "--epochs", "1")[0] == 0
        )
        log = Path("run/metrics.jsonl")
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        log.write_text("".join(lines[:-1]), encoding="utf-8")  # as if it was stopped before the end
    place = Path("work")
    if moved:
        place = place.rename("elsewhere")
    with chdir(place if moved else Path()):
        run = "run" if moved else "work/run"
        result = netc("train", "--resume", run, "--quiet", "--device", "cpu")
    assert result.exit_code == 0, result.output


def test_two_runs_at_once_take_two_folders() -> None:
    command = [sys.executable, "-m", "netc", "train", written(DIGITS), "--quiet", "--device", "cpu"]
    with subprocess.Popen(command) as one, subprocess.Popen(command) as other:
        assert (one.wait(), other.wait()) == (0, 0)
    assert sorted(path.name for path in Path("runs").iterdir()) == ["small-1", "small-2"]
