"""`netc filter`: edges of a picture, and pictures that are none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from compiling import lines_of
from PIL import Image

from netc.filtering import NAMES, filtered


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "netc", "filter", *map(str, words)]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture
def step(tmp_path: Path) -> Path:
    """A picture of 6 by 6, bright on the left."""
    path = tmp_path / "step.png"
    grey = np.repeat([[10, 10, 10, 0, 0, 0]], 6, axis=0).astype(np.uint8)
    Image.fromarray(grey).save(path)
    return path


@pytest.mark.covers("CV02")
def test_a_step_gives_one_edge(step: Path) -> None:
    out = step.with_name("edges.png")
    done = run("sobel_x", step, "-o", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {out}: 4 × 4, numbers from -40 to 0\n"
    assert np.asarray(Image.open(out)).tolist() == [[0, 255, 255, 0]] * 4
    assert run("sobel_x", step, "-o", out, "--signed").returncode == 0
    assert np.asarray(Image.open(out)).tolist() == [[128, 1, 1, 128]] * 4


@pytest.mark.parametrize("name", [name for name in NAMES if "_" in name])
def test_the_command_and_the_layer_agree(name: str) -> None:
    grey = np.random.default_rng(0).uniform(0, 255, (9, 11))
    layer = lines_of(f"filter {name}", "[1, 9, 11]").module()
    by_layer = layer(torch.tensor(grey, dtype=torch.float32)[None, None])[0, 0]
    np.testing.assert_allclose(filtered(name, grey), by_layer.numpy(), rtol=1e-4, atol=1e-2)


def test_without_a_direction_it_is_the_length_of_both() -> None:
    grey = np.random.default_rng(0).uniform(0, 255, (5, 5))
    both = filtered("scharr_x", grey) ** 2 + filtered("scharr_y", grey) ** 2
    np.testing.assert_allclose(filtered("scharr", grey) ** 2, both)


@pytest.mark.parametrize(
    ("words", "piece"),
    [
        (("sobelx", "step.png", "-o", "o.png"), "did you mean `sobel_x`?"),
        (("sobel", "nowhere.png", "-o", "o.png"), "No such file"),
        (("sobel", "text.png", "-o", "o.png"), "no picture that pillow can read"),
        (("sobel", "small.png", "-o", "o.png"), "2 × 2, smaller than the filter's 3 × 3"),
        (("sobel", "step.png", "-o", "o.xyz"), "writes no .xyz pictures"),
        (("sobel", "step.png", "-o", "no/where.png"), "No such file"),
        (("sobel", "step.png"), "Missing option"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: tuple[str, ...], piece: str, step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(step.parent)
    Path("text.png").write_text("no picture")
    Image.new("L", (2, 2)).save("small.png")
    done = run(*words)
    assert done.returncode in (1, 2)
    assert piece in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("o.png").exists()
