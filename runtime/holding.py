"""A run's folder belongs to one process at a time: two would mix their logs and checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from netc.runtime.errors import CheckpointError


class Held:
    """A folder that other processes are kept out of for as long as this object is there.

    The lock is the system's own: it ends with the process, whatever ends that.
    """

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __del__(self) -> None:
        os.close(self.handle)


def hold(folder: Path) -> Held | None:
    """Locks the folder of a run; None where the system or its disk knows no locks.

    The lock is on `spec.net`, which nothing else opens while training goes on: a file that is
    closed, by whomever in this process, is unlocked.

    Raises:
        CheckpointError: another process has locked it.
    """
    try:
        import fcntl  # POSIX has it
    except ImportError:
        return None
    try:
        held = Held(os.open(folder / "spec.net", os.O_RDWR))
    except OSError:  # it may not be written
        return None
    try:
        fcntl.lockf(held.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:  # each system has its own
        raise CheckpointError(
            f"the run in {folder} goes on in another process", "wait for its end, or stop it"
        ) from error
    except OSError:  # a disk without locks
        return None
    return held
