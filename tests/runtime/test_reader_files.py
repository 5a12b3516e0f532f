"""Readers of files: what they read, and what they say of files that are broken."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jobs
import numpy as np
import pytest
import torch
from PIL import Image

from netc.compiler.recipes.arrays import Npz
from netc.compiler.recipes.pictures import Idx, Images
from netc.runtime import DataError
from netc.runtime.data import load
from netc.runtime.readers import read

# -- idx -------------------------------------------------------------------------------------------


def idx(array: Any, kind: int = 8) -> bytes:
    sizes = np.asarray(array).shape
    head = bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    return head + np.asarray(array, dtype=np.uint8).tobytes()


def mnist(folder: Path, zipped: bool = False, train: int = 40, test: int = 10) -> None:
    generator = np.random.default_rng(0)
    for name, count in (("train", train), ("t10k", test)):
        images = generator.integers(0, 256, (count, 6, 6))
        for file, array in (("images-idx3", images), ("labels-idx1", np.arange(count) % 4)):
            path, content = folder / f"{name}-{file}-ubyte", idx(array)
            if zipped:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(content))
            else:
                path.write_bytes(content)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_keeps_the_official_test_set(tmp_path: Path, zipped: bool) -> None:
    mnist(tmp_path, zipped)
    data = load(jobs.recipe(Idx(path="."), split=(0.6, 0.2, 0.2)), tmp_path)
    assert [len(examples) for examples in data.splits] == [30, 10, 10]
    assert torch.equal(data.test.target, torch.arange(10) % 4)
    pixels = np.random.default_rng(0)
    pixels.integers(0, 256, (40, 6, 6))  # the training pictures are drawn first
    wanted = torch.from_numpy(pixels.integers(0, 256, (10, 6, 6))).float().unsqueeze(1) / 255
    assert torch.equal(data.test.inputs[0], wanted)


def test_idx_resizes_then_pads(tmp_path: Path) -> None:
    mnist(tmp_path)
    x = read(Idx(path=".", size=12, pad=2), tmp_path, 0).examples.inputs[0]
    assert x.shape == (40, 1, 16, 16)
    assert x[:, :, :2].abs().sum() == 0 and x[:, :, 2].abs().sum() > 0


def test_idx_files_may_have_a_dot(tmp_path: Path) -> None:
    mnist(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert len(read(Idx(path="."), tmp_path, 0).examples) == 40


BROKEN_IDX: list[tuple[bytes | None, str]] = [
    (None, "has no file train-images-idx3-ubyte"),
    (b"", "not an IDX file"),
    (b"\x89PNG", "not an IDX file"),
    (bytes([0, 0, 13, 3]) + bytes(12), "type 0x0d"),
    (idx(np.zeros((40, 36))), "2 axes, and 3 are needed"),
    (idx(np.zeros((40, 6, 6)))[:10], "ends within its header"),
    (idx(np.zeros((40, 6, 6)))[:-1], r"40·6·6 = 1440 bytes, and only 1439 follow"),
    (idx(np.zeros((40, 6, 6))) + b"\0", "more follow"),
    (bytes([0, 0, 8, 3]) + b"\xff" * 12, "only 0 follow"),
    (idx(np.zeros((39, 6, 6))), "39 pictures and .* 40 labels"),
    (idx(np.zeros((40, 0, 6))), "holds no picture"),
]


@pytest.mark.parametrize(("content", "message"), BROKEN_IDX)
def test_broken_idx_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(Idx(path="."), tmp_path, 0)


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-9], lambda b: b"no gzip", lambda b: b[:-8] + b"8 bytes!"]
)
def test_broken_gzip(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    mnist(tmp_path, zipped=True)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match="broken gzip"):
        read(Idx(path="."), tmp_path, 0)


def test_idx_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        read(Idx(path="missing"), tmp_path, 0)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is a file"):
        read(Idx(path="file"), tmp_path, 0)


# -- images ----------------------------------------------------------------------------------------


def picture(path: Path, mode: str = "RGB", colour: Any = (255, 0, 51), size: Any = (6, 4)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def test_a_folder_per_class(tmp_path: Path) -> None:
    picture(tmp_path / "b" / "1.png")
    picture(tmp_path / "b" / "2.jpg")
    picture(tmp_path / "a" / "1.png", "L", 102)
    (tmp_path / "a" / ".DS_Store").write_bytes(b"junk")
    raw = read(Images(path=".", size=(4, 6)), tmp_path, 0)
    assert raw.classes == 2
    assert raw.examples.target.tolist() == [0, 1, 1]
    x = raw.examples.inputs[0]
    assert x.shape == (3, 3, 4, 6)
    assert x[1, :, 0, 0].tolist() == pytest.approx([1, 0, 0.2])
    assert x[0].unique().tolist() == pytest.approx([0.4])


def test_grey_size_palette_and_rotation(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "p.gif", "P", 3)
    picture(tmp_path / "a" / "t.png", "RGBA", (255, 255, 255, 0))
    wide = Image.new("L", (8, 4))
    wide.paste(255, (0, 0, 4, 4))
    tag = Image.Exif()
    tag[0x0112] = 3  # upside down: the white half is on the right
    wide.save(tmp_path / "a" / "r.png", exif=tag)
    x = read(Images(path=".", size=8, channels=1), tmp_path, 0).examples.inputs[0]
    assert x.shape == (3, 1, 8, 8)
    assert x[1, 0, :, 0].max() == 0 and x[1, 0, :, -1].min() == 1


def noise(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "x.png").write_bytes(b"not a picture")


def cut(folder: Path) -> None:
    path = picture(folder / "a" / "x.png", size=(60, 60))
    path.write_bytes(path.read_bytes()[:60])


def deep(folder: Path) -> None:
    picture(folder / "a" / "b" / "x.png")


def sixteen(folder: Path) -> None:
    picture(folder / "a" / "x.png", "I;16", 40_000)


def unknown(folder: Path) -> None:
    """Pillow raises NotImplementedError for pixels in a format that it does not know."""
    (folder / "a").mkdir()
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "DDS")
    content = bytearray(buffer.getvalue())
    content[80:84] = bytes(4)  # the flags of the pixel format
    (folder / "a" / "x.dds").write_bytes(content)


def pipe(folder: Path) -> None:
    (folder / "a").mkdir()
    os.mkfifo(folder / "a" / "x")


def dangling(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "x").symlink_to("nowhere")


def test_a_broken_tag_does_not_matter(tmp_path: Path) -> None:
    """Pillow warns of it on stderr, which the tests' settings would turn into an error."""
    (tmp_path / "a").mkdir()
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "a maker"
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, "JPEG", exif=tags)
    content = bytearray(buffer.getvalue())
    at = content.index(b"\x01\x0f\0\2")  # the tag and its type, then its length and place
    content[at + 4 : at + 12] = b"\0\0\0\x40\0\0\xff\xff"
    (tmp_path / "a" / "x.jpg").write_bytes(content)
    assert len(read(Images(path=".", size=4), tmp_path, 0).examples) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (noise, "x.png is not a picture"),
        (cut, "x.png cannot be read as a picture"),
        (deep, "a folder inside a class's folder"),
        (sixteen, "more than 8 bits"),
        (unknown, "x.dds cannot be read as a picture"),
        (pipe, "x is no file"),
        (dangling, "x is no file"),
        (lambda folder: (folder / "a").mkdir(), "a is empty"),
        (lambda folder: None, "has no sub-folders"),
        (lambda folder: (folder / "x").touch(), "has no sub-folders"),
    ],
)
def test_broken_picture_folders(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(tmp_path)
    with pytest.raises(DataError, match=message):
        read(Images(path=".", size=8), tmp_path, 0)


# -- npz -------------------------------------------------------------------------------------------


def test_arrays_by_name(tmp_path: Path) -> None:
    x, ids = np.arange(12.0).reshape(6, 2), np.arange(6, dtype=np.uint8)
    np.savez(tmp_path / "d.npz", x=x, y=ids, other=x.astype(np.float32), flag=ids > 2)
    raw = read(Npz(path="d.npz"), tmp_path, 0).examples
    assert torch.equal(raw.inputs[0], torch.from_numpy(x))
    assert torch.equal(raw.target, torch.arange(6))
    raw = read(Npz(path="d.npz", inputs=("other", "x"), target="flag"), tmp_path, 0).examples
    assert [t.dtype for t in (*raw.inputs, raw.target)] == [
        torch.float32,
        torch.float64,
        torch.int64,
    ]


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


X, Y = np.zeros((4, 2)), np.zeros(4, dtype=int)
BAD = "cannot be read"


def packed(method: int, spoil: Callable[[bytes], bytes]) -> bytes:
    """A file with the arrays, packed by a method of `zipfile`, then spoiled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr("x.npy", npy(X))
        file.writestr("y.npy", npy(Y))
    return spoil(buffer.getvalue())


def locked(content: bytes) -> bytes:
    """Every entry says that it is encrypted."""
    changed = bytearray(content)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = changed.find(mark)
        while at >= 0:
            changed[at + place] |= 1
            at = changed.find(mark, at + 1)
    return bytes(changed)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a NumPy file"),
        (b"junk, not numpy", "is not a NumPy file"),
        (b"PK\3\4 and junk", "cannot be read"),
        (npz(x=X, y=Y)[:200], "cannot be read"),
        (npz(x=X, y=Y).replace(b"NUMPY", b"NAMPY"), "cannot be read"),
        (npy(X), "one array without a name"),
        (npz(X=X, y=Y), "no array `x`\ndid you mean `X`"),
        (npz(x=X, y=np.array([object()] * 4)), "array `y` .* holds Python objects"),
        (npz(x=X, y=np.array(list("abcd"))), "array `y` .* holds <U1, not numbers"),
        (npz(x=X, y=Y[:3]), "`x` 4, `y` 3"),
        (npz(x=X, y=np.array(3)), "a single number"),
        (npz(x=X / np.where(X == 0, 0.5, 0) * np.nan, y=Y), "8 values that are"),
        (npz(x=X[:0], y=Y[:0]), "holds no example"),
        (npz(x=X[:, :0], y=Y), r"no number for the input of an example: its sizes are \[0\]"),
        (npz(x=X, y=X[:, :0]), r"no number for the target of an example: its sizes are \[0\]"),
        (npz(x=X, y=Y.astype(np.uint64) + 2**63), "`y` .* goes up to 9223372036854775808"),
        (npz(x=X, y=Y.astype(">u8") + 2**63), "`y` .* goes up to 9223372036854775808"),
        (npz(x=X + np.longdouble("1e4000"), y=Y), "8 values that are"),
        (packed(zipfile.ZIP_LZMA, lambda content: content[:80] + b"\xff" * 9 + content[89:]), BAD),
        (packed(zipfile.ZIP_STORED, locked), BAD),
    ],
)
def test_broken_npz(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(Npz(path="d.npz"), tmp_path, 0)


def test_missing_npz(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        read(Npz(path="d.npz"), tmp_path, 0)
    with pytest.raises(DataError, match="is a folder"):
        read(Npz(path="."), tmp_path, 0)
