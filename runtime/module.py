"""From the emitted source to a net: what is trained is that file and nothing else."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType

from torch import nn

from netc.runtime.errors import TrainError


def net_class(source: str, path: Path, name: str) -> type[nn.Module]:
    """The class `name` that the source defines.

    The code runs under the name of the file it was written to, so that tracebacks, `inspect` and
    `torch.compile` find its lines.

    Args:
        source: text of the emitted file.
        path: where that text was written.
        name: the class to take.

    Raises:
        TrainError: the source defines no such `nn.Module`.
    """
    module = _module(source, path)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise TrainError(f"{path} defines no net named `{name}`")
    return found


def _module(source: str, path: Path) -> ModuleType:
    file = str(path.resolve())
    key = hashlib.sha256(f"{file}\0{source}".encode()).hexdigest()[:16]
    module = ModuleType(f"netc_emitted_{key}")
    module.__file__ = file
    sys.modules[module.__name__] = module  # `inspect` looks a class's file up by its module's name
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    return module
