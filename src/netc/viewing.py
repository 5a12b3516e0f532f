"""`netc view`: the page of a spec's nets, and a browser that shows it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from netc.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netc.api import NetHandle


def html(nets: Sequence[NetHandle], file: str) -> str:
    """One HTML file with the nets; `file` is the spec's name."""
    from netc.compiler.view import page

    return page([(net.report(), net.graph.module) for net in nets], file)


def saved(text: str, output: str | None) -> Path:
    """Writes the page, without a name to a new file for temporary ones. Raises OSError."""
    if output is None:
        with tempfile.NamedTemporaryFile(prefix="netc-", suffix=".html", delete=False) as file:
            file.write(text.encode())
        return Path(file.name)
    write_atomically(Path(output), text)
    return Path(output)


def opened(path: Path) -> bool:
    """Shows a file in the browser; whether there is one."""
    import webbrowser

    return webbrowser.open(path.resolve().as_uri())
