"""Commands in tests: run in this process or in one of their own, and the files they read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from netc.cli import main

DIGITS = """\
net Small:
    input image: [1, 8, 8]
    flatten
    dense 16 -> relu
    dense 10

train Small:
    data digits
    loss cross_entropy
    optimizer sgd, lr=0.5
    epochs 2, batch=32
    expect accuracy >= 0.5
"""
"""A net that learns digits within a second."""


def netc(*arguments: str, text: str | bytes | None = None) -> Result:
    """Runs a command in this process."""
    return CliRunner().invoke(main, arguments, input=text, catch_exceptions=False)


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process of its own."""
    command = [sys.executable, "-m", "netc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def written(text: str, name: str = "spec.net") -> str:
    """A file with this text in the current folder; its name."""
    Path(name).write_text(text, encoding="utf-8")
    return name
