"""The specs that ship: they check clean, their claims are true, and they learn what they claim."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import torch

from netc.api import NetHandle, Spec, load, read
from netc.compiler.render import render
from netc.runtime.module import build

FOLDER = Path(__file__).resolve().parents[2] / "specs"
FILES = sorted(FOLDER.glob("*.net"))
BATCH = 2

COVERED = {
    "lenet5": ("CN01", "AP01"),
    "linear": ("CL05",),
    "playground": ("AP07",),
    "resnet50": ("CN09",),
    "rows_lstm": ("RN23",),
}
"""Rows of the coverage table that a spec shows by its claims."""


@cache
def compiled(file: Path) -> Spec:
    """The judged spec."""
    spec = read(file, {})
    spec.judge()
    return spec


def nets() -> list[NetHandle]:
    """Every net that ships."""
    return [compiled(file).net(name) for file in FILES for name in compiled(file).names]


def named(files: list[Path]) -> list[object]:
    """The files as parameters of a test, marked with the rows that they show."""
    return [
        pytest.param(file, id=file.stem, marks=pytest.mark.covers(*COVERED.get(file.stem, ())))
        for file in files
    ]


TRAINABLE = [file for file in FILES if compiled(file).recipes]


def test_the_specs_that_the_readme_names_are_there() -> None:
    wanted = {"inception", "lenet5", "linear", "mlp", "playground", "resnet50"}
    assert wanted | {"rows_attention", "rows_lstm"} <= {file.stem for file in FILES}
    assert {file.stem for file in FILES} - {file.stem for file in TRAINABLE} <= {"resnet50"}


@pytest.mark.parametrize("file", named(FILES))
def test_checks_clean_and_every_claim_holds(file: Path) -> None:
    spec = compiled(file)
    assert not spec.diagnostics, render(spec.diagnostics)
    for name in spec.names:
        claims = spec.net(name).report().claims
        assert claims
        assert all(claim.holds for claim in claims)


@pytest.mark.parametrize("file", named(FILES))
def test_starts_with_what_it_is_and_is_laid_out_like_the_others(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert all(len(line) <= 100 and line == line.rstrip() for line in lines)
    assert all((len(line) - len(line.lstrip())) % 4 == 0 for line in lines)


@pytest.mark.parametrize("file", named(FILES))
def test_claims_of_shapes_stand_in_one_column(file: Path) -> None:
    """In a run of lines that end with a shape, the arrows stand below each other."""
    before: int | None = None
    for line in file.read_text(encoding="utf-8").splitlines():
        column = line.rfind("-> [") if line.endswith("]") and "-> [" in line else None
        if column is not None and before is not None:
            assert column == before, line
        before = column


@pytest.mark.covers("PR01", "PR02")
@pytest.mark.parametrize("net", nets(), ids=lambda net: net.name)
def test_static_shapes_and_parameters_are_the_modules_on_meta(net: NetHandle) -> None:
    report = net.report()
    with torch.device("meta"):
        module = build(net.source(), net.name).eval()
        inputs = [torch.zeros(BATCH, *tensor.shape) for _, tensor in report.inputs]
    assert sum(weight.numel() for weight in module.parameters()) == report.params
    assert sum(buffer.numel() for buffer in module.buffers()) == report.buffers

    owners = dict(module.named_modules())
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for path, owner in owners.items():
        owner.register_forward_hook(
            lambda _, __, output, path=path: shapes.setdefault(path, []).append(
                tuple(_first(output).shape)
            )
        )
    output = module(*inputs)
    assert tuple(output.shape) == (BATCH, *report.outputs[0][1].shape)

    weighted = [row for row in report.rows if row.params]
    assert weighted
    for row in weighted:
        owner = owners[row.path]
        assert shapes[row.path] == [(BATCH, *row.output.shape)], row.path
        assert sum(w.numel() for w in owner.parameters(recurse=True)) == row.params, row.path


def _first(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    return output if isinstance(output, torch.Tensor) else output[0]


@pytest.mark.covers("BL09")
def test_the_inception_block_has_the_papers_numbers() -> None:
    """GoogLeNet's block 3a."""
    block, _, _ = (FOLDER / "inception.net").read_text(encoding="utf-8").partition("\nnet ")
    net = "net Block3a:\n    input x: [192, 28, 28]\n    Inception 64, 96, 128, 16, 32, 32\n"
    report = load(f"{block}\n{net}").net().report()
    assert report.outputs[0][1].shape == (256, 28, 28)
    assert report.params == 163_696


@pytest.mark.covers("PR03", "PR04")
@pytest.mark.parametrize("file", named(TRAINABLE))
def test_learns_what_it_claims(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "netc", "train", str(file), "--out", str(folder), "--json"]
    done = subprocess.run(
        [*command, "--device", "cpu", "--quiet"],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # two of these at a time, on two cores
    )
    assert done.returncode == 0, done.stderr + done.stdout
    result = json.loads(done.stdout)
    assert [claim["holds"] for claim in result["claims"]] == [True]
    assert not result["interrupted"]
    assert {path.name for path in folder.iterdir()} >= {
        "spec.net",
        "model.py",
        "metrics.jsonl",
        "weights.safetensors",
    }
