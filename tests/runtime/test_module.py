"""The emitted text as a net, with and without a file."""

from __future__ import annotations

import inspect
import os
import traceback
from pathlib import Path

import jobs
import pytest
import torch

from netc.runtime import TrainError
from netc.runtime.module import build, net_class

BROKEN = jobs.module("self.a = nn.Linear(2, 3)", "return self.a(x) @ x  # the line to blame")


def test_a_net_from_text_alone() -> None:
    net = build(jobs.CONV, "Net")
    assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert inspect.getsource(type(net)) in jobs.CONV


def test_a_net_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(jobs.CONV)
    found = net_class(jobs.CONV, path, "Net")
    assert inspect.getsourcefile(found) == str(path)
    assert inspect.getsource(found) in jobs.CONV


def test_a_net_from_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    found = net_class(
        jobs.CONV, Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff/model.py")), "Net"
    )
    assert found.__name__ == "Net"


def test_tracebacks_show_the_line() -> None:
    with pytest.raises(RuntimeError) as caught:
        build(BROKEN, "Net")(torch.zeros(4, 2))
    assert "# the line to blame" in "".join(traceback.format_exception(caught.value))


def test_what_is_no_net_is_refused() -> None:
    for source in ("", "Net = 3\n", "class Net: pass\n"):
        with pytest.raises(TrainError, match="defines no net named `Net`"):
            build(source, "Net")
