"""netc: a compiler for neural-network specs.

>>> import netc
>>> spec = netc.load("net Tiny:\\n    input x: [4]\\n    dense 3\\n")
>>> spec.net("Tiny").report().params
15
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netc.api import NetHandle as NetHandle
    from netc.api import Spec as Spec
    from netc.api import load as load
    from netc.compiler.diagnostics import CompileError as CompileError
    from netc.compiler.diagnostics import Diagnostic as Diagnostic
    from netc.compiler.report import Report as Report

__version__ = "0.1.0"

_HOMES = {
    "CompileError": "netc.compiler.diagnostics",
    "Diagnostic": "netc.compiler.diagnostics",
    "NetHandle": "netc.api",
    "Report": "netc.compiler.report",
    "Spec": "netc.api",
    "load": "netc.api",
}

__all__ = ["CompileError", "Diagnostic", "NetHandle", "Report", "Spec", "load"]


def __getattr__(name: str) -> object:
    """Brings a public name on first use, so that the command line starts quickly."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
