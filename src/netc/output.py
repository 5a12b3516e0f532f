"""Findings on a terminal or in a pipe."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from netc.compiler.diagnostics import Diagnostic


def show(found: Sequence[Diagnostic]) -> None:
    """Prints findings on standard error."""
    from netc.compiler.render import render, summary

    if found:
        click.echo(render(found, color=colored(sys.stderr)), err=True)
        click.echo(summary(found), err=True)


def colored(stream: Any) -> bool:
    """Colour in a terminal only, and not where NO_COLOR asks for none."""
    return bool(stream.isatty()) and not os.environ.get("NO_COLOR")
