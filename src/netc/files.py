"""Finding the specs of a folder; writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def specs_of(name: str) -> list[str]:
    """The file itself, or the `.net` files of a folder but for hidden ones, sorted.

    Raises FileNotFoundError if a folder has none.
    """
    folder = Path(name)
    if name == "-" or not folder.is_dir():
        return [name]
    found = [
        str(path)
        for path in sorted(folder.rglob("*.net"))
        if path.is_file() and not any(part[0] == "." for part in path.relative_to(folder).parts)
    ]
    if not found:
        raise FileNotFoundError(None, "there is no `.net` file in this folder", name)
    return found


def write_atomically(target: Path, text: str | bytes) -> None:
    """Writes text or bytes beside the target and moves it there in one step.

    Raises OSError, which names the target.
    """
    try:
        _write(target, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None


def _write(target: Path, text: str | bytes) -> None:
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
