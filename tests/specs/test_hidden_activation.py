"""Which activation to take in hidden layers: on digits relu learns at least as fast as sigmoid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from netc.cli import main

SPEC = """
net Digits:
    input image: [1, 8, 8]
    flatten
    dense 64 -> {activation}
    dense 64 -> {activation}
    dense 10

train Digits:
    data digits
    split 80, 10, 10
    loss cross_entropy
    optimizer adam, lr=1e-3
    epochs 60, batch=64
"""
GOOD = 0.95


def _epochs_until_good(activation: str, folder: Path) -> int:
    """Epochs until the dev split is classified well."""
    file = folder / f"{activation}.net"
    file.write_text(SPEC.format(activation=activation))
    arguments = ["train", str(file), "--out", str(folder / activation), "--quiet", "--json"]
    result = CliRunner().invoke(main, [*arguments, "--device", "cpu"])
    assert result.exit_code == 0, result.output
    epochs = json.loads(result.stdout)["epochs"]
    return next(e["epoch"] for e in epochs if e["dev"]["accuracy"] >= GOOD)


@pytest.mark.covers("AC09")
def test_relu_needs_no_more_epochs_than_sigmoid(tmp_path: Path) -> None:
    assert _epochs_until_good("relu", tmp_path) <= _epochs_until_good("sigmoid", tmp_path)
