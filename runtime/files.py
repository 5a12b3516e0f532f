"""Writing so that a crash leaves the old file or the new one, never half of one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError

from netc.runtime.errors import TrainError


def write_text(path: Path, text: str) -> None:
    """Replaces the file's content by the text (UTF-8, line ends as given)."""
    replace(path, lambda part: part.write_bytes(text.encode()))


def replace(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file beside `path`, then puts it there, on disk when this returns.

    Raises:
        TrainError: the disk is full, or the folder cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.touch()
        mode = part.stat().st_mode
        write(part)
        part.chmod(mode)  # safetensors makes files that only their owner may read
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)  # half of a file is nobody's, and the disk may be full
        raise TrainError(f"cannot write {path}: {error}", "is the disk full?") from error


def sync_folder(folder: Path) -> None:
    """Makes the folder's list of files durable, where the system has that notion."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
