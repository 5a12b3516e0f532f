"""From the emitted source to a net: what is trained is that text and nothing else."""

from __future__ import annotations

import hashlib
import linecache
import sys
from pathlib import Path
from types import ModuleType

from torch import nn

from netc.runtime.errors import TrainError


def build(source: str, name: str, params: int | None = None) -> nn.Module:
    """A freshly initialised net of the class `name` that the source defines, without a file.

    Tracebacks and `inspect` show the source's lines under a made-up file name.

    Args:
        params: how many parameters it has by its report, where that is to be checked.

    Raises:
        TrainError: the source defines no such `nn.Module`, or it has other parameters.
    """
    file = f"<netc {name} {_digest(source)}>"
    # a time of None marks an entry that is not to be compared with a file on disk
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    return counted(_take(source, file, name)(), params)


def counted(net: nn.Module, params: int | None) -> nn.Module:
    """The net itself. Raises TrainError if it has not as many parameters as its report says."""
    found = sum(parameter.numel() for parameter in net.parameters())
    if params not in (None, found):
        message = f"the net has {found:,} parameters, and its report counts {params:,}"
        raise TrainError(message, "this is an error of netc: please report it with the spec")
    return net


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
    plain = "\0".join(texts).encode(errors="surrogateescape")  # names of files that are no UTF-8
    return hashlib.sha256(plain).hexdigest()[:16]
