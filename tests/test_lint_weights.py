"""W0306 says of weights at 0 what training then shows."""

from __future__ import annotations

import pytest
import torch
from compiling import findings, net_of


def net(lines: str) -> str:
    body = "\n".join(f"    {line}" for line in lines.splitlines())
    return f"net N:\n    input x: [6]\n{body}\n"


def trained(text: str, steps: int = 30) -> dict[str, torch.Tensor]:
    """The weights after some steps on random numbers."""
    torch.manual_seed(0)
    module = net_of(text).module()
    x, y = torch.randn(64, 6), torch.randn(64, 3)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(module(x), y).backward()
        optimizer.step()
    return dict(module.state_dict())


STUCK = [
    "dense 4, init=zeros -> relu\ndense 3",
    "dense 4, init=zeros -> batch_norm -> relu\ndense 3",
    "dense 4, init=zeros -> tanh -> relu\ndense 3",
    "init zeros\ndense 4 -> tanh\ndense 3",
    "init zeros\ndense 4 -> sigmoid -> dropout 0.1\ndense 3",
    "dense 4, init=zeros\ndense 3, init=zeros",
    "init torch\ndense 4, init=zeros\ndense 3, init=zeros",
]
FREE = [
    "dense 4, init=zeros -> tanh\ndense 3",
    "dense 4, init=zeros -> sigmoid -> relu\ndense 3",
    "dense 4 -> relu\ndense 3, init=zeros",
    "dense 6 -> relu\nresidual: dense 4 -> tanh -> dense 6, init=zeros\nrelu\ndense 3",
]


@pytest.mark.covers("IN01")
@pytest.mark.parametrize("lines", STUCK)
def test_layers_that_cannot_learn_are_named(lines: str) -> None:
    codes = [d.code for d in findings(net(lines))]
    assert codes.count("W0306") == 1
    weight = trained(net(lines).replace(" -> dropout 0.1", ""))["dense1.weight"]
    torch.testing.assert_close(weight, weight[:1].expand_as(weight))


@pytest.mark.covers("IN01")
@pytest.mark.parametrize(
    ("line", "shape", "learns"),
    [
        ("attention 2", "[5, 6]", False),
        ("lstm 4, layers=2", "[5, 6]", False),
        ("rnn 4, act=relu", "[5, 6]", False),
        ("rnn 4", "[5, 6]", True),
        ("gru 4", "[5, 6]", True),
        ("lstm 4, bidirectional=yes", "[5, 6]", True),
        ("netvlad 3", "[6, 5]", True),
        ("table_conv [[0, 1], [2]], 2x2", "[3, 4, 4]", True),
    ],
)
def test_layers_of_many_parts_that_begin_as_0(line: str, shape: str, learns: bool) -> None:
    text = f"net N:\n    input x: {shape}\n    first = {line}, init=zeros -> tanh\n"
    text += "    flatten -> dense 3\n"
    assert [d.code for d in findings(text)] == ([] if learns else ["W0306"])
    torch.manual_seed(0)
    module = net_of(text).module()
    x, y = torch.randn(64, *map(int, shape.strip("[]").split(","))), torch.randn(64, 3)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    for _ in range(30):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(module(x), y).backward()
        optimizer.step()
    moved = {
        name: bool(value.any())
        for name, value in module.named_parameters()
        if name.startswith("first") and "weight" in name
    }
    assert moved
    assert all(moved.values()) if learns else not all(moved.values())


@pytest.mark.covers("IN01")
@pytest.mark.parametrize("lines", FREE)
def test_layers_that_learn_from_0_are_not(lines: str) -> None:
    assert "W0306" not in [d.code for d in findings(net(lines))]
    last = "dense3.weight" if "residual" in lines else "dense1.weight"
    zero = "dense2.weight" if lines.startswith("dense 4 -> relu") else last
    weight = trained(net(lines))[zero]
    assert not torch.allclose(weight[0], weight[1], atol=1e-4)
