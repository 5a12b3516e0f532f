"""Every net of the repository on the tests' device (see `devices`), run and trained."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from compiling import REPOSITORY
from devices import DEVICE
from emitted import NETS, built, every_net, inputs_of, outputs

from netc import load
from netc.commands import Request
from netc.commands import run as train

TRAINED = [
    file
    for file in sorted((REPOSITORY / "specs").glob("*.net"))
    if "\ntrain " in file.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", NETS)
def test_a_net_gives_there_what_it_gives_here(name: str) -> None:
    net = every_net()[name]
    here, values = built(net), inputs_of(net)
    there = copy.deepcopy(here).to(DEVICE)
    with torch.no_grad():
        wanted, found = outputs(here(*values)), outputs(there(*(x.to(DEVICE) for x in values)))
    for one, other in zip(found, wanted, strict=True):
        assert one.device.type == torch.device(DEVICE).type
        torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-5)


def test_a_module_is_made_there() -> None:
    module = load("net Net:\n    input x: [4]\n    dense 3 -> dropout\n").net().module(DEVICE)
    x = torch.ones(2, 4, device=DEVICE)
    assert module(x).device.type == next(module.parameters()).device.type == x.device.type


def losses(file: Path, device: str, folder: Path) -> list[float]:
    """What three updates by the spec's own recipe measure on each split, in the log's order."""
    text = file.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.strip().startswith("epochs "))
    batch = line.partition(",")[2] or " batch=64"
    spec = folder / f"{device}.net"
    kept = [each for each in text.splitlines() if not each.strip().startswith("expect ")]
    spec.write_text("\n".join(kept).replace(line, f"    steps 3,{batch}"), encoding="utf-8")
    train(Request(str(spec), None, None, {}, None, device, str(folder / device), None, False))
    about = json.loads((folder / device / "environment.json").read_text(encoding="utf-8"))
    assert about["device"].startswith(device)
    log = (folder / device / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    splits = [part for each in log for part in json.loads(each).values() if isinstance(part, dict)]
    return [split["loss"] for split in splits]


@pytest.mark.parametrize("file", TRAINED, ids=lambda file: file.stem)
def test_training_there_goes_as_here(file: Path, tmp_path: Path) -> None:
    """Losses, not weights: single ones may differ, where Adam divides noise by noise."""
    here, there = (losses(file, device, tmp_path) for device in ("cpu", DEVICE))
    assert len(here) >= 2  # train and dev; a recipe may have no test split
    assert there == pytest.approx(here, rel=1e-4)


def test_a_value_left_on_the_cpu_is_refused_there() -> None:
    """What the tests above would see if something stayed behind."""
    left = torch.nn.Linear(2, 2)
    with pytest.raises(RuntimeError, match="device"):
        left(torch.ones(1, 2, device=DEVICE))
