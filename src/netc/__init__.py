"""netc: a compiler for neural-network specs.

    >>> import netc
    >>> spec = netc.load("net Tiny:\\n    input x: [4]\\n    dense 3\\n")
    >>> spec.net("Tiny").report().params
    15
"""

from netc.api import NetHandle, Spec, load
from netc.compiler.diagnostics import CompileError, Diagnostic
from netc.compiler.report import Report

__version__ = "0.1.0"

__all__ = ["CompileError", "Diagnostic", "NetHandle", "Report", "Spec", "load"]
