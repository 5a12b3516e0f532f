"""Arrays in a NumPy file. Nothing is unpickled."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from netc.compiler.diagnostics import did_you_mean
from netc.compiler.recipes.arrays import Npz
from netc.runtime.errors import DataError
from netc.runtime.readers.base import Examples, Raw, need_file

MAGIC = (b"PK\3\4", b"PK\5\6", b"\x93NUMPY")
"""How a file with names begins, one without any array, and one with an array without a name."""

LARGEST = 2**63 - 1


def read(part: Npz, base: Path, seed: int) -> Raw:
    """The named arrays as they are: float, or int64 for whole numbers."""
    path = need_file(base / part.path, "`data npz`")
    names = (part.inputs,) if isinstance(part.inputs, str) else part.inputs
    with path.open("rb") as stream, _open(stream, path) as file:
        arrays = [_array(file, name, path) for name in (*names, part.target)]
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        counts = ", ".join(
            f"`{n}` {m}" for n, m in zip((*names, part.target), lengths, strict=True)
        )
        raise DataError(f"the arrays of {path} differ in the number of examples: {counts}")
    *inputs, target = map(torch.from_numpy, arrays)
    return Raw(Examples(tuple(inputs), target))


def _open(stream: BinaryIO, path: Path) -> Any:
    head = stream.read(6)
    stream.seek(0)
    if not head.startswith(MAGIC):  # NumPy would take it for a pickle
        raise DataError(f"{path} is not a NumPy file", "write it with np.savez(file, x=…)")
    try:
        file = np.load(stream, allow_pickle=False)
    except MemoryError:
        raise
    except Exception as error:  # NumPy, zipfile and what unpacks fail each in its own way
        raise _broken(path, error) from error
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise DataError(
            f"{path} holds one array without a name", "write it with np.savez(file, x=…)"
        )
    return file


def _array(file: Any, name: str, path: Path) -> NDArray[Any]:
    if name not in file.files:
        raise DataError(
            f"{path} holds no array `{name}`", did_you_mean(name, file.files) or "it holds no array"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            array = np.asarray(file[name])
    except MemoryError:
        raise
    except Exception as error:  # as in `_open`
        if "allow_pickle" in str(error):
            raise DataError(
                f"array `{name}` of {path} holds Python objects, which could run code",
                "save it as numbers",
            ) from error
        raise _broken(path, error) from error
    return _plain(array, name, path)


def _plain(array: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """The array as int64 or as float in the machine's byte order."""
    if array.ndim == 0:
        raise DataError(
            f"array `{name}` of {path} is a single number: its first axis counts examples"
        )
    if array.dtype.kind in "bui":
        return _whole(array, name, path)
    if array.dtype.kind != "f":
        raise DataError(f"array `{name}` of {path} holds {array.dtype}, not numbers")
    with np.errstate(over="ignore"):  # numbers of more than 64 bits may be too large for 64
        plain = np.ascontiguousarray(
            array, dtype=np.float64 if array.dtype.itemsize > 4 else np.float32
        )
    if not (finite := np.isfinite(plain)).all():
        raise DataError(
            f"array `{name}` of {path} holds {array.size - int(finite.sum())} values that are "
            "infinite or no number",
            "replace or drop these examples",
        )
    return plain


def _whole(array: NDArray[Any], name: str, path: Path) -> NDArray[Any]:
    """Whole numbers, and yes and no, as int64."""
    if array.dtype.kind == "u" and array.size and array.max() > LARGEST:
        raise DataError(
            f"array `{name}` of {path} goes up to {array.max()}, and whole numbers have 64 bits "
            f"with a sign: {LARGEST} at most",
            "save it as real numbers",
        )
    return np.ascontiguousarray(array, dtype=np.int64)


def _broken(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} cannot be read as a NumPy file: {error}", "copy or write it again")
