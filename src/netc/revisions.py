"""Specs as git keeps them: `HEAD~1:specs/lenet5.net`, and the files that they use, of then."""

from __future__ import annotations

import errno
import posixpath
from pathlib import Path


def is_revision(name: str) -> bool:
    """Whether a name is `REVISION:PATH`, as git writes it, and no file is called so."""
    revision, mark, path = name.partition(":")
    return bool(mark and revision and path) and revision[0] != "-" and not Path(name).exists()


def beside(user: str, name: str) -> str:
    """The file that a spec of a revision names after `use`: in its folder, in its revision."""
    revision, _, path = user.partition(":")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    return f"{revision}:{'./' if path.startswith('./') else ''}{joined}"


def committed(name: str) -> bytes:
    """What git has under `REVISION:PATH`. Raises FileNotFoundError with what git says."""
    import subprocess

    command = ["git", "show", "--no-textconv", "--end-of-options", name]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, "there is no such file, and no git", name) from None
    if done.returncode or done.stdout.startswith(b"tree "):
        said = done.stderr.decode(errors="replace").strip().rpartition("fatal: ")[2]
        reason = said.splitlines()[0] if said else "this is a folder"
        raise FileNotFoundError(errno.ENOENT, f"no such file; git says: {reason}", name)
    return done.stdout
