"""MNIST's file format: a magic number, sizes as big-endian 32-bit numbers, then bytes.

Source: http://yann.lecun.com/exdb/mnist/
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import torch

from netc.compiler.recipes.pictures import Idx
from netc.runtime.errors import DataError
from netc.runtime.readers.base import Examples, Raw, need_folder
from netc.runtime.readers.pictures import pad, resize

UNSIGNED_BYTE = 8
CHUNK = 1 << 20


def read(part: Idx, base: Path, seed: int) -> Raw:
    """Inputs `[m, 1, h, w]` in 0..1, targets int64 `[m]`; the files named t10k as the test set."""
    folder = need_folder(base / part.path, "`data idx`")
    return Raw(_examples(folder, "train", part), test=_examples(folder, "t10k", part))


def _examples(folder: Path, which: str, part: Idx) -> Examples:
    images_file = _find(folder, f"{which}-images", 3)
    labels_file = _find(folder, f"{which}-labels", 1)
    images, labels = read_bytes(images_file, 3), read_bytes(labels_file, 1)
    if len(images) != len(labels):
        raise DataError(
            f"{images_file.name} holds {len(images)} pictures and {labels_file.name} "
            f"{len(labels)} labels"
        )
    if images.numel() == 0:
        raise DataError(f"{images_file} holds no picture: its sizes are {list(images.shape)}")
    grey = images.unsqueeze(1).float().div_(255)
    return Examples((pad(resize(grey, part.size), part.pad),), labels.long())


def _find(folder: Path, stem: str, axes: int) -> Path:
    """The file of that name, with a dash or a dot before `idx`, plain or gzip."""
    names = [f"{stem}{mark}idx{axes}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(
        f"{folder} has no file {names[0]}, plain or with .gz",
        "the folder needs MNIST's four files: train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte",
    )


def read_bytes(path: Path, axes: int) -> torch.Tensor:
    """The array in an IDX file of unsigned bytes: uint8, with the given number of axes.

    Raises:
        DataError: the file is not IDX, not of bytes, has other axes, or more or fewer bytes
            than it says.
    """
    try:
        with _open(path) as file:
            sizes = _sizes(file, path, axes)
            wanted = math.prod(sizes)
            content = _at_most(file, wanted + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a broken gzip file: {error}", "copy it again") from error
    if len(content) != wanted:
        found = f"only {len(content)} follow" if len(content) < wanted else "more follow"
        product = "·".join(map(str, sizes))
        raise DataError(
            f"{path} says that it holds {product} = {wanted} bytes, and {found}", "copy it again"
        )
    # an empty buffer has no memory that torch could look at
    flat = torch.frombuffer(content, dtype=torch.uint8) if content else torch.zeros(0).byte()
    return flat.reshape(sizes)


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _sizes(file: BinaryIO, path: Path, axes: int) -> list[int]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise DataError(f"{path} is not an IDX file: it does not begin with two zero bytes")
    if head[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} holds numbers of IDX type 0x{head[2]:02x}, not bytes (0x08)")
    if head[3] != axes:
        raise DataError(f"{path} holds an array with {head[3]} axes, and {axes} are needed")
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{path} ends within its header", "copy it again")
    return list(struct.unpack(f">{axes}I", sizes))


def _at_most(file: BinaryIO, limit: int) -> bytearray:
    """Reads in pieces: a header that lies about sizes must not make us ask for that much memory."""
    content = bytearray()
    while len(content) < limit and (piece := file.read(min(CHUNK, limit - len(content)))):
        content += piece
    return content
