"""The loop: steps, seeds, claims, the run's folder, and what it says when it cannot go on."""

from __future__ import annotations

import inspect
import json
import platform
import sys
from pathlib import Path
from typing import Any

import jobs
import numpy as np
import pytest
import torch
from devices import DEVICE
from safetensors.torch import load_file

from netc.compiler.recipes.arrays import Circles, Npz
from netc.compiler.recipes.losses import Bce, Mse
from netc.compiler.recipes.optimizers import Sgd
from netc.compiler.recipes.tables import Diabetes
from netc.runtime import DataError, DivergenceError, Outcome, TrainError, train
from netc.runtime.module import net_class

COUNTING = jobs.module(
    "self.net, self.seen = nn.Linear(2, 1), []",
    "self.seen.append((self.training, len(x))); type(self).last = self; return self.net(x)",
)


def run(folder: Path, source: str = jobs.CONV, *shape: Any, **parts: Any) -> Outcome:
    return train(jobs.job(source, *shape, **parts), folder / "run", device=DEVICE, progress=False)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "run/metrics.jsonl").read_text().splitlines()]


def seen(folder: Path) -> list[tuple[bool, Any]]:
    """Batches that went through the COUNTING net: whether it was training, and their sizes."""
    file = str((folder / "run/model.py").resolve())
    (module,) = (m for m in sys.modules.values() if getattr(m, "__file__", None) == file)
    found: list[tuple[bool, Any]] = module.Net.last.seen
    return found


@pytest.mark.covers("PR04")
def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    one, two, other = (run(tmp_path / str(i), seed=seed) for i, seed in enumerate((3, 3, 4)))
    for a, b in zip(one.history, two.history, strict=True):
        assert (a.step, a.train, a.dev) == (b.step, b.train, b.dev)
    assert one.test == two.test and one.test != other.test
    first, second = (load_file(o.folder / "weights.safetensors") for o in (one, two))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_seed_alone_decides_not_the_callers_state(tmp_path: Path) -> None:
    torch.manual_seed(1)
    one = run(tmp_path / "a", epochs=1)
    state = torch.get_rng_state()
    torch.rand(7)
    assert run(tmp_path / "b", epochs=1).test == one.test
    torch.set_rng_state(state)
    run(tmp_path / "c", epochs=1)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("examples", "batch", "steps", "last"),
    [(10_000, 64, 157, 16), (10_000, 100, 100, 100), (500, 500, 1, 500), (5, 1, 5, 1)],
)
def test_steps_of_an_epoch(
    tmp_path: Path, examples: int, batch: int, steps: int, last: int
) -> None:
    outcome = run(
        tmp_path, COUNTING, (2,), (1,), data=Circles(n=examples), loss=Bce(), batch=batch,
        split=(1.0, 0.0, 0.0), epochs=1,
    )  # fmt: skip
    batches = [size for training, size in seen(tmp_path) if training]
    assert outcome.history[0].step == len(batches) == steps
    assert batches[-1] == last and sum(batches) == examples
    assert outcome.history[0].dev is None and outcome.test is None


@pytest.mark.covers("ME01")
def test_dev_is_judged_each_epoch_and_test_once(tmp_path: Path) -> None:
    run(
        tmp_path, COUNTING, (2,), (1,), data=Circles(n=100), loss=Bce(), batch=10,
        split=(0.6, 0.3, 0.1), epochs=3,
    )  # fmt: skip
    epoch = [(True, 10)] * 6 + [(False, 30)]
    assert seen(tmp_path) == epoch * 3 + [(False, 10)]


def test_steps_instead_of_epochs(tmp_path: Path) -> None:
    outcome = run(tmp_path, steps=30)
    assert [(epoch.number, epoch.step) for epoch in outcome.history] == [(1, 23), (2, 30)]


def test_every_epoch_sees_each_example_once_in_its_own_order(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.arange(50.0)[:, None], y=np.zeros(50))
    source = COUNTING.replace("len(x)", "x[:, 0].cpu().tolist()").replace(
        "nn.Linear(2", "nn.Linear(1"
    )
    run(tmp_path, source, (1,), (1,), tmp_path, data=Npz(path="d.npz"), loss=Mse(), batch=8,
        optimizer=Sgd(lr=1e-6), split=(1.0, 0.0, 0.0), epochs=3)  # fmt: skip
    flat = [value for _, batch in seen(tmp_path) for value in batch]
    orders = [flat[:50], flat[50:100], flat[100:]]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_sgd_by_hand(tmp_path: Path) -> None:
    """Two updates on one batch, against the formulas of momentum and weight decay."""
    x, y = np.array([[1.0], [2.0]]), np.array([[1.0], [0.0]])
    np.savez(tmp_path / "d.npz", x=x, y=y)
    source = jobs.module("self.w = nn.Parameter(torch.ones(1))", "return x * self.w")
    optimizer = Sgd(lr=0.1, momentum=0.5, weight_decay=0.01)
    run(
        tmp_path, source, (1,), (1,), tmp_path, data=Npz(path="d.npz"), loss=Mse(),
        optimizer=optimizer, split=(1.0, 0.0, 0.0), steps=2,
    )  # fmt: skip
    w, v = 1.0, 0.0
    for _ in range(2):
        gradient = float(np.mean(2 * (x * w - y) * x)) + 0.01 * w
        v = 0.5 * v + gradient
        w -= 0.1 * v
    assert load_file(tmp_path / "run/weights.safetensors")["w"].item() == pytest.approx(w, abs=1e-6)


def test_metrics_of_numbers(tmp_path: Path) -> None:
    outcome = run(
        tmp_path, jobs.dense(10, 1), (10,), (1,), data=Diabetes(standardize=True), loss=Mse(),
        optimizer=Sgd(lr=0.05), epochs=20,
        claims=[jobs.claim("rmse", "<", 80), jobs.claim("mae", "<=", 1)],
    )  # fmt: skip
    assert outcome.test is not None
    assert outcome.test["rmse"] == pytest.approx(outcome.test["loss"] ** 0.5)
    assert [verdict.holds for verdict in outcome.claims] == [True, False]
    assert outcome.claims[1].measured == outcome.test["mae"]
    assert not outcome.holds


def test_the_folder_tells_the_run(tmp_path: Path) -> None:
    outcome = run(tmp_path, claims=[jobs.claim("accuracy", ">=", 0.5)], seed=5)
    folder = outcome.folder
    assert (folder / "spec.net").read_text() == jobs.SPEC
    assert (folder / "model.py").read_text() == jobs.CONV
    assert json.loads((folder / "job.json").read_text())["data"] == {"kind": "digits", "size": None}
    about = json.loads((folder / "environment.json").read_text())
    assert about["python"] == platform.python_version()
    assert (about["seed"], len(about["data"])) == (5, 64)
    assert about["device"].startswith(DEVICE)
    assert not list(folder.glob("*.part"))

    *epochs, last = lines(tmp_path)
    assert [(line["epoch"], line["step"]) for line in epochs] == [(1, 23), (2, 46)]
    for line, epoch in zip(epochs, outcome.history, strict=True):
        assert (line["train"], line["dev"]) == (epoch.train, epoch.dev)
        assert set(line["dev"]) == {"loss", "accuracy"}
    assert last["test"] == outcome.test
    assert last["claims"][0]["holds"] is True


def test_weights_are_those_that_were_judged(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    net = net_class(jobs.CONV, outcome.folder / "model.py", "Net")()
    weights = load_file(outcome.folder / "weights.safetensors")
    net.load_state_dict(weights, strict=True)
    assert outcome.parameters == sum(p.numel() for p in net.parameters())
    assert inspect.getsource(type(net)) in jobs.CONV


def test_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    run(tmp_path, epochs=1)
    before = (tmp_path / "run/weights.safetensors").read_bytes()
    with pytest.raises(TrainError, match=r"not empty(.|\n)*resume"):
        run(tmp_path)
    assert (tmp_path / "run/weights.safetensors").read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(TrainError, match="is a file"):
        train(jobs.job(), tmp_path / "file")


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"claims": [jobs.claim("rmse", "<", 1)]},
            "`rmse` is not measured under `loss cross_entropy`",
        ),
        ({"claims": [jobs.claim("acuracy", "<", 1)]}, "did you mean `accuracy`"),
        ({"claims": [jobs.claim("loss", "<", 1)], "split": (0.9, 0.1, 0.0)}, "that is empty"),
    ],
)
def test_claims_that_cannot_be_judged_stop_before_training(
    tmp_path: Path, parts: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainError, match=message):
        run(tmp_path, **parts)
    assert not (tmp_path / "run").exists()


def test_divergence_stops_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(DivergenceError, match=r"in epoch \d+, by step \d+") as caught:
        run(tmp_path, jobs.dense(10, 1), (10,), (1,), data=Diabetes(), loss=Mse(),
            optimizer=Sgd(lr=1.0), epochs=50)  # fmt: skip
    assert "learning rate" in caught.value.hint
    kept = load_file(tmp_path / "run/checkpoint.safetensors")
    assert all(bool(value.isfinite().all()) for value in kept.values())


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no CUDA GPU"):
        train(jobs.job(), tmp_path / "run", device="cuda")


def test_an_unknown_device_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="no device `tpu`"):
        train(jobs.job(), tmp_path / "run", device="tpu")


def test_a_batch_of_one_under_batch_norm_is_said(tmp_path: Path) -> None:
    source = jobs.module(
        "self.net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))",
        "return self.net(x)",
    )
    with pytest.raises(TrainError, match=r"last batch holds 1 example(.|\n)*batch=") as caught:
        run(tmp_path, source, (2,), (1,), data=Circles(n=101), loss=Bce(), batch=10,
            split=(1.0, 0.0, 0.0))  # fmt: skip
    assert not isinstance(caught.value, DataError)


def test_an_id_beyond_the_embedding_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.full((20, 3), 9), y=np.zeros(20, int))
    source = jobs.module("self.net = nn.Embedding(5, 2)", "return self.net(x).mean(1)")
    with pytest.raises(DataError, match="id in the inputs is too large"):
        run(tmp_path, source, (3,), (2,), tmp_path, "int", data=Npz(path="d.npz"))


def test_an_output_that_would_be_broadcast_is_refused(tmp_path: Path) -> None:
    source = jobs.module("self.net = nn.Linear(10, 1)", "return self.net(x).squeeze(1)")
    with pytest.raises(TrainError, match=r"gives \[64\] for targets \[64, 1\]"):
        run(tmp_path, source, (10,), (1,), data=Diabetes(), loss=Mse())


def test_a_source_without_the_net_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="defines no net named `Net`"):
        run(tmp_path, "x = 1\n")


def test_a_line_per_epoch_when_nobody_watches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(jobs.job(), tmp_path / "run", device=DEVICE)
    out, err = capsys.readouterr()
    first, second, last = err.splitlines()
    assert out == "" and "\r" not in err and "\x1b" not in err
    assert first.startswith("epoch 1/2  loss ") and "dev loss" in first
    assert second.startswith("epoch 2/2") and last.startswith("test  loss")
