"""Whether a machine's memory can hold a net, told before it is tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from netc.compiler.columns import bytes_text
from netc.runtime.errors import TrainError

_LIMIT = Path("/sys/fs/cgroup/memory.max")
_HINT = "make its layers smaller: `netc report` says what each of them takes"


def machine_bytes() -> int | None:
    """Bytes of memory that this process may have in all; None if the system does not say."""
    found: list[int] = []
    with suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):  # a container's share; `max` is no number
        found.append(int(_LIMIT.read_text()))
    return min(found, default=None)


def need_room(weights: int, device: str) -> None:
    """Raises TrainError if weights of so many bytes, and their gradients, do not fit into memory.

    Weights are made on the CPU on every device; gradients are where training is.
    """
    there = machine_bytes()
    gradients = weights if device == "cpu" else 0
    if there is not None and weights + gradients > there:
        more = ", their gradients as much" if gradients else ""
        raise TrainError(
            f"the weights of the net take {bytes_text(weights)}{more}, and this machine has "
            f"{bytes_text(there)} of memory",
            _HINT,
        )


@contextmanager
def enough_memory(what: str, hint: str = _HINT) -> Iterator[None]:
    """Memory that the system or a GPU refuses is a TrainError that says for what it was asked."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise TrainError(f"the GPU's memory does not hold {what}", hint) from error
    except (MemoryError, RuntimeError) as error:
        if "ALLOC_FAILED" in str(error):  # of cuBLAS and cuDNN
            raise TrainError(f"the GPU's memory does not hold {what}", hint) from error
        if not is_refused(error):
            raise
        raise TrainError(f"this machine's memory does not hold {what}", hint) from error


def is_refused(error: MemoryError | RuntimeError) -> bool:
    """Whether an error says that the system gave no memory; PyTorch says it in a RuntimeError."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error)
