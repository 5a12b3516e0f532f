"""Where the numbers are crunched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from netc.runtime.errors import DataError, TrainError

CHOICES = ("auto", "cpu", "cuda")


def choose(name: str) -> torch.device:
    """The device by its word; `auto` takes a CUDA GPU if there is one.

    Raises:
        TrainError: no such device, or none here.
    """
    if name not in CHOICES:
        raise TrainError(f"there is no device `{name}`", f"known: {', '.join(CHOICES)}")
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise TrainError(
            "this machine has no CUDA GPU that PyTorch can use", "write `cpu` or `auto`"
        )
    return torch.device("cuda" if present and name != "cpu" else "cpu")


def moved(net: nn.Module, device: str) -> nn.Module:
    """The net on a device.

    Raises:
        TrainError: PyTorch has no such device here.
    """
    try:
        return net.to(device)
    except (AssertionError, RuntimeError) as error:  # a build without CUDA asserts
        reason = str(error).splitlines()[0]
        raise TrainError(f"PyTorch cannot use the device `{device}` here: {reason}") from error


def describe(device: torch.device) -> str:
    """The device's name for people: `cpu`, `cuda (NVIDIA H200)`."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return device.type


@contextmanager
def checked_lookups() -> Iterator[None]:
    """An id out of range, which a GPU reports some steps later and without it, is a DataError.

    Source: https://pytorch.org/docs/stable/notes/cuda.html#asynchronous-execution
    """
    try:
        yield
    except RuntimeError as error:
        if "device-side assert" not in str(error):
            raise
        raise DataError(
            "the GPU met an index out of range: an id in the inputs is too large for the net",
            "train with `--device cpu`, which stops at the batch that holds it",
        ) from error
