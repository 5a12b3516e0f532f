"""The specs that ship with netc and that others can use: `use std.vision: Bottleneck`."""

from __future__ import annotations

from pathlib import Path

from netc import specs
from netc.compiler.source import Source


def is_module(name: str) -> bool:
    """Whether a name after `use` is a module's, dotted and without a file's ending.

    >>> is_module("std.vision"), is_module("blocks.net"), is_module("../blocks")
    (True, False, False)
    """
    return not name.endswith(".net") and all(part.isidentifier() for part in name.split("."))


def modules() -> tuple[str, ...]:
    """The modules there are, sorted."""
    folder = _folder()
    files = (file.relative_to(folder).with_suffix("") for file in folder.rglob("*.net"))
    return tuple(sorted(".".join(file.parts) for file in files))


def read(name: str) -> Source:
    """The text of a module, by its dotted name. Raises OSError if there is none."""
    file = _folder().joinpath(*name.split(".")).with_suffix(".net")
    return Source(f"{name}.net", file.read_text(encoding="utf-8"))


def _folder() -> Path:
    return Path(str(specs.__file__)).parent
