"""`param NAME: [sizes] = …`: what a learned tensor starts as."""

from __future__ import annotations

import pytest
import torch
from compiling import errors_of, net_of

HEAD = 'net A(n=3, name="a"):\n    input x: [4]\n'


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2", 2.0),
        ("-1", -1.0),
        ("1/4", 0.25),
        ("n", 3.0),
        ("2*n + 1", 7.0),
        ("-(n + 1)/8", -0.5),
        ("1e-3 if n > 2 else 0", 0.001),
    ],
)
def test_it_may_start_as_any_number(written: str, value: float) -> None:
    net = net_of(f"{HEAD}    param w: [4] = {written}\n    add w -> dense n\n")
    (start,) = [p for name, p in net.module().named_parameters() if name == "w"]
    assert torch.equal(start.detach(), torch.full((4,), value))


@pytest.mark.parametrize("start", ["zeros", "ones", "normal", "3"])
def test_it_may_be_one_number(start: str) -> None:
    net = net_of(f"{HEAD}    param w: [] = {start}\n    output y = dense n\n    output z = w\n")
    values = net.module()(torch.zeros(2, 4))
    assert [value.shape for value in values] == [(2, 3), (2,)]


def test_rounds_below_each_other_have_one_each() -> None:
    lines = "inline repeat 2:\n        param w: [4] = ones\n        add w"
    net = net_of(f"{HEAD}    {lines}\n")
    assert [name for name, _ in net.module().named_parameters()] == ["w1", "w2"]
    assert torch.equal(net.module()(torch.zeros(1, 4)), torch.full((1, 4), 2.0))


def test_the_number_may_be_a_block_s() -> None:
    block = "block Shift(by):\n    param w: [4] = by/2\n    add w\n\n"
    net = net_of(f"{block}net A:\n    input x: [4]\n    Shift 1\n    Shift 2\n    Shift 1\n")
    module = net.module()
    assert [float(p.detach()[0]) for p in module.parameters()] == [0.5, 1.0, 0.5]
    assert torch.allclose(module(torch.zeros(1, 4)), torch.full((1, 4), 2.0))


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("yes", "3 E0210 `param w` should start as a number, and this is yes"),
        ("name", '3 E0210 `param w` should start as a number, and this is the text "a"'),
        ("x", "3 E0210 `param w` should start as a number, and this is a value of shape [4]"),
        ("zero", "3 E0202 there is no value, size or parameter called `zero` here"),
        ("1/0", "3 E0210 this divides by zero"),
        ("[1, 2]", "3 E0205 `param w` does not say what it starts as"),
    ],
)
def test_what_is_no_number_is_one_error(written: str, wrong: str) -> None:
    assert errors_of(f"{HEAD}    param w: [4] = {written}\n    add w -> dense n\n") == [wrong]
