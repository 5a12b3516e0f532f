"""What all tests share: the coverage marker, the flag that rewrites golden pages."""

from __future__ import annotations

import os
import re

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores: more threads than cores wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if os.environ.get("NETC_TEST_DEVICE", "cpu") == "cpu":  # these compare another device with it
    collect_ignore = ["test_nets_on_device.py", "layers/test_on_device.py"]

_ROW = re.compile(r"[A-Z]{2}\d\d|N\d{3}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite-goldens` writes what the compiler says now into the golden pages."""
    parser.addoption("--rewrite-goldens", action="store_true", help="rewrite tests/goldens/*.md")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--rewrite-goldens") and os.environ.get("CI"):
        raise pytest.UsageError("golden pages are rewritten by people who read them, not by CI")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A misspelt coverage id is an error, or the table would be short of it unseen."""
    for item in items:
        for mark in item.iter_markers("covers"):
            for row in mark.args:
                if not (isinstance(row, str) and _ROW.fullmatch(row)):
                    raise pytest.UsageError(
                        f"{item.nodeid} covers {row!r}, which is no coverage id"
                    )
