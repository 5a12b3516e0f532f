"""Small members of the classic families learn: a short run on digits, side heads and all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from netc.api import read
from netc.cli import main

SPEC = Path(__file__).parent / "small.net"


def test_the_spec_is_right_and_every_net_has_a_recipe() -> None:
    spec = read(SPEC, {})
    spec.judge()
    assert spec.diagnostics == ()
    assert set(spec.recipes) == set(spec.names)


@pytest.mark.covers("CN05", "CN07", "CN08", "CN10", "CN11")
@pytest.mark.parametrize("name", list(read(SPEC, {}).names))
def test_a_short_run_lowers_the_loss(name: str, tmp_path: Path) -> None:
    command = ["train", str(SPEC), "--net", name, "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(
        main, [*command, "--device", "cpu", "--quiet", "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    epochs = json.loads(result.stdout)["epochs"]
    first, last = epochs[0], epochs[-1]
    assert last["train"]["loss"] < 0.7 * first["train"]["loss"]
    assert last["dev"]["accuracy"] > 0.6, "ten classes: chance is 0.1"
