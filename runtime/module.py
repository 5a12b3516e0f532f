"""From the emitted source to a net: what is trained is that text and nothing else."""

from __future__ import annotations

import hashlib
import linecache
import sys
from pathlib import Path
from types import ModuleType

from torch import nn

from netc.runtime.errors import TrainError


def build(source: str, name: str) -> nn.Module:
    """A freshly initialised net of the class `name` that the source defines, without a file.

    Tracebacks and `inspect` show the source's lines under a made-up file name.

    Raises:
        TrainError: the source defines no such `nn.Module`.
    """
    file = f"<netc {name} {_digest(source)}>"
    # a time of None marks an entry that is not to be compared with a file on disk
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return _take(source, file, name)()


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
    return _take(source, str(path.resolve()), name)


def _take(source: str, file: str, name: str) -> type[nn.Module]:
    module = ModuleType(f"netc_emitted_{_digest(file, source)}")
    module.__file__ = file
    sys.modules[module.__name__] = module  # `inspect` looks a class's file up by its module's name
    exec(compile(source, file, "exec", dont_inherit=True), module.__dict__)
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise TrainError(f"{file} defines no net named `{name}`")
    return found


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
