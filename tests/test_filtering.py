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

from netc import filtering
from netc.filtering import NAMES, filter_picture, filtered
from netc.runtime import checkpoint


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


@pytest.mark.parametrize("form", ["L", "RGB", "RGBA", "LA", "P", "I;16"])
def test_a_picture_of_any_form_gives_the_edges_of_its_brightness(form: str, tmp_path: Path) -> None:
    grey = np.random.default_rng(1).integers(0, 256, (9, 11), dtype=np.uint8)
    picture = Image.fromarray(grey.astype(np.uint16) * 257 if form == "I;16" else grey)
    (picture if form == "I;16" else picture.convert(form)).save(tmp_path / "a.png")
    found = filter_picture("sobel_y", tmp_path / "a.png", tmp_path / "b.png", signed=False)
    expected = filtered("sobel_y", grey)
    assert (found.width, found.height) == (9, 7)
    assert (found.least, found.largest) == pytest.approx((expected.min(), expected.max()))


def test_a_turned_photo_is_filtered_as_viewers_show_it(tmp_path: Path) -> None:
    grey = np.random.default_rng(2).integers(0, 256, (8, 12), dtype=np.uint8)
    notes = Image.Exif()
    notes[0x112] = 6  # a quarter to the right
    Image.fromarray(grey).save(tmp_path / "a.png", exif=notes)
    filter_picture("sobel_x", tmp_path / "a.png", tmp_path / "b.png", signed=True)
    Image.fromarray(np.rot90(grey, -1)).save(tmp_path / "upright.png")
    filter_picture("sobel_x", tmp_path / "upright.png", tmp_path / "c.png", signed=True)
    turned, upright = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in "bc")
    assert turned.shape == (10, 6)
    assert np.array_equal(turned, upright)


def test_a_picture_is_filtered_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.random.default_rng(3).integers(0, 256, (30, 9), dtype=np.uint8)
    whole = filtered("scharr", grey)
    for strip in (1, 7, 28):
        monkeypatch.setattr(filtering, "STRIP", strip)
        assert np.array_equal(filtered("scharr", grey), whole)


def test_pictures_without_a_known_white_or_end_are_one_line(tmp_path: Path) -> None:
    real, cut = tmp_path / "real.tiff", tmp_path / "cut.png"
    Image.fromarray(np.zeros((9, 9), np.float32)).save(real)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99), dtype=np.uint8)).save(cut)
    cut.write_bytes(cut.read_bytes()[:2000])
    for source, said in ((real, "holds real numbers"), (cut, "image file is truncated")):
        done = run("sobel", source, "-o", tmp_path / "out.png")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {source} ") and said in done.stderr
        assert done.stderr.count("\n") == 1


# -- kernels that were learned


def saved(folder: Path, line: str, shape: str, **weights: object) -> Path:
    """A run's folder with the weights of a net of one layer."""
    module = lines_of(line, shape).module()
    for name, value in weights.items():
        module.get_parameter(f"conv1.{name}").data = torch.as_tensor(value).float()
    checkpoint.save_weights(folder / "weights.safetensors", module, {"about": "a test"})
    return folder


@pytest.mark.covers("CV21")
def test_the_kernels_of_a_run_are_drawn(tmp_path: Path) -> None:
    sobel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    run_ = saved(tmp_path, "conv 2, 3x3", "[1, 6, 6]", weight=[[sobel], [[[0.0] * 3] * 3]])
    out = tmp_path / "kernels.png"
    for weights in (run_, run_ / "weights.safetensors"):
        done = run("conv1", "--weights", weights, "-o", out)
        assert (done.returncode, done.stderr) == (0, "")
        said = f"wrote {out}: 2 kernels of 3 × 3, weights from -2 to 2; 108 × 56 pixels\n"
        assert done.stdout == said
    picture = np.asarray(Image.open(out))
    middle = 4 + 8 + 16 * np.arange(3)  # the middle of each weight behind the white edge
    assert picture[np.ix_(middle, middle)].tolist() == [
        [64, 128, 192],
        [1, 128, 255],
        [64, 128, 192],
    ]
    assert (picture[np.ix_(middle, middle + 52)] == 128).all()
    assert (picture[:4] == 255).all()


def test_kernels_over_colours_are_in_colour_and_over_more_channels_have_rows(
    tmp_path: Path,
) -> None:
    out = tmp_path / "k.png"
    red = torch.zeros(9, 3, 2, 2)
    red[:, 0] = 1.0
    run("conv1", "--weights", saved(tmp_path, "conv 9, 2x2", "[3, 6, 6]", weight=red), "-o", out)
    picture = np.asarray(Image.open(out))
    assert picture.shape == (2 * 36 + 4, 8 * 36 + 4, 3)
    assert picture[10, 10].tolist() == [255, 128, 128]
    run("conv1", "--weights", saved(tmp_path, "conv 3, 1x4", "[5, 6, 6]"), "-o", out)
    assert np.asarray(Image.open(out)).shape == (3 * 20 + 4, 5 * 68 + 4)
    run("conv1", "--weights", saved(tmp_path, "conv 3, 4", "[5, 6]"), "-o", out)
    assert np.asarray(Image.open(out)).shape == (3 * 20 + 4, 5 * 68 + 4)
    run("conv1", "--weights", saved(tmp_path, "conv 300, 5x5", "[100, 9, 9]"), "-o", out)
    assert 3000 < max(np.asarray(Image.open(out)).shape) <= 4096


@pytest.mark.parametrize(
    ("words", "piece"),
    [
        (("conv2", "--weights", "run"), "it has no `conv2.weight`: did you mean `conv1.weight`?"),
        (("dense1", "--weights", "run"), "`dense1.weight` is [10, 98]: no kernels"),
        (("conv1", "--weights", "nowhere"), "No such file"),
        (("conv1", "--weights", "text.png"), "no safetensors file"),
        (("conv1", "step.png", "--weights", "run"), "takes no picture"),
        (("conv1", "--signed", "--weights", "run"), "takes no picture"),
        (("conv1", "--weights", "nan"), "not finite"),
        (("conv1", "--weights", "huge"), "too many for a picture"),
        (("sobel",), "Missing argument"),
    ],
)
def test_kernels_that_cannot_be_drawn_are_one_line(
    words: tuple[str, ...], piece: str, step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(step.parent)
    for name in ("run", "nan", "huge"):
        Path(name).mkdir()
    Path("text.png").write_text("no weights at all")
    saved(Path("run"), "conv 2, 3x3 -> flatten -> dense 10", "[1, 9, 9]")
    saved(Path("nan"), "conv 1, 1x1", "[1, 9, 9]", weight=[[[[float("nan")]]]])
    saved(Path("huge"), "conv 1, 1x5", "[2000, 9, 9]")
    done = run(*words, "-o", "o.png")
    assert done.returncode in (1, 2)
    assert piece in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path("o.png").exists()


# -- edges


def test_without_a_direction_it_is_the_length_of_both() -> None:
    grey = np.random.default_rng(0).uniform(0, 255, (5, 5))
    both = filtered("scharr_x", grey) ** 2 + filtered("scharr_y", grey) ** 2
    np.testing.assert_allclose(filtered("scharr", grey), np.sqrt(both), rtol=1e-6)


@pytest.mark.parametrize(("signed", "grey"), [(False, 0), (True, 128)])
def test_a_picture_of_3_by_3_gives_one_number(signed: bool, grey: int, tmp_path: Path) -> None:
    Image.new("L", (3, 3), 9).save(tmp_path / "a.png")
    found = filter_picture("sobel", tmp_path / "a.png", tmp_path / "b.png", signed=signed)
    assert (found.width, found.height, found.least, found.largest) == (1, 1, 0.0, 0.0)
    assert np.asarray(Image.open(tmp_path / "b.png")).tolist() == [[grey]]


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
