"""The device that the runtime's tests train on: the CPU, or what NETC_TEST_DEVICE says.

`cuda` needs a GPU. `pretended` needs none: it shows that everything is where it should be (see
`pretended_gpu`). CI runs these tests on the CPU and on the pretended device.
"""

from __future__ import annotations

import importlib
import os

import torch

from netc.runtime.device import choose

DEVICE = os.environ.get("NETC_TEST_DEVICE", "cpu")
"""As `netc train --device` takes it, or `pretended`."""


def _choose(name: str) -> torch.device:
    return torch.device(name, 0) if name == "pretended" else choose(name)


if DEVICE == "cuda":  # the tests compare with the CPU, and one run with another to the bit
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False

if DEVICE == "pretended":
    import pretended_gpu

    pretended_gpu.install()
    importlib.import_module("netc.runtime.train").choose = _choose  # type: ignore[attr-defined]
