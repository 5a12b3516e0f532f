"""Readers: a function per data part. A new source of data is a function and a line in the table."""

from __future__ import annotations

from pathlib import Path

from netc.compiler.recipes.arrays import Circles, Npz
from netc.compiler.recipes.base import Data
from netc.compiler.recipes.pictures import Digits, Idx, Images
from netc.compiler.recipes.tables import BreastCancer, Diabetes, Iris, Linnerud, Wine
from netc.runtime.errors import DataError
from netc.runtime.readers import bundled, circles, folders, idx, npz
from netc.runtime.readers.base import Examples, Raw, Reader
from netc.runtime.room import is_refused

__all__ = ["READERS", "Examples", "Raw", "read"]

READERS: dict[type[Data], Reader] = {
    BreastCancer: bundled.table,
    Circles: circles.draw,
    Diabetes: bundled.diabetes,
    Digits: bundled.digits,
    Idx: idx.read,
    Images: folders.read,
    Iris: bundled.table,
    Linnerud: bundled.numbers,
    Npz: npz.read,
    Wine: bundled.table,
}


def read(data: Data, base: Path, seed: int) -> Raw:
    """All examples that a data part names.

    Args:
        data: the part.
        base: the folder that its paths are relative to.
        seed: for data that is drawn.

    Raises:
        DataError: something is missing, broken, or not what it should be.
    """
    try:
        raw = READERS[type(data)](data, base, seed)
    except ImportError as error:
        raise DataError(
            f"`data {data.kind}` needs {error.name}", "install it: pip install 'netc[train]'"
        ) from error
    except PermissionError as error:
        raise DataError(
            f"{error.filename} may not be read", "check the file's permissions"
        ) from error
    except (MemoryError, RuntimeError) as error:
        if not is_refused(error):
            raise
        raise DataError(f"`data {data.kind}` does not fit into memory") from error
    if len(raw.examples) == 0:
        raise DataError(f"`data {data.kind}` holds no example")
    for what, tensor in (
        *(("input", x) for x in raw.examples.inputs),
        ("target", raw.examples.target),
    ):
        if tensor.numel() == 0:
            raise DataError(
                f"`data {data.kind}` holds no number for the {what} of an example: "
                f"its sizes are {list(tensor.shape[1:])}"
            )
    return raw
