"""Shared modules inside repeats, residuals and branches: one module, called each round."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from compiling import errors_of, findings, net_of
from torch import Tensor, nn
from torch.nn.functional import relu

from netc.compiler.edits import applied

HEAD = "net A:\n    input x: [4]\n    share e = dense 4\n"
Way = Callable[[nn.Module, Tensor], Tensor]


def twice(e: nn.Module, x: Tensor) -> Tensor:
    return relu(e(relu(e(x))))


def thrice_residual(e: nn.Module, x: Tensor) -> Tensor:
    for _ in range(3):
        x = x + relu(e(x))
    return x


@pytest.mark.parametrize(
    ("lines", "way"),
    [
        ("repeat 2: e -> relu", twice),
        ("repeat 2:\n        e\n        relu", twice),
        ("repeat 2:\n        h = e -> relu\n        h", twice),
        ("repeat 2:\n        h = e\n        relu -> add h", lambda e, x: _named(e, _named(e, x))),
        ("repeat 3:\n        residual: e -> relu", thrice_residual),
        ("repeat 1:\n        repeat 2:\n            e -> relu", twice),
        ("repeat 2 as i:\n        e\n        when i > 0: relu", lambda e, x: relu(e(e(x)))),
        ("r = residual: e -> relu", lambda e, x: x + relu(e(x))),
        (
            "parallel join=add:\n        a = branch: e -> relu -> e\n        branch: relu",
            lambda e, x: e(relu(e(x))) + relu(x),
        ),
        ("repeat 2: e -> relu\n    e", lambda e, x: e(twice(e, x))),
    ],
)
def test_one_module_is_called_each_round(lines: str, way: Way) -> None:
    net = net_of(f"{HEAD}    {lines}\n")
    assert net.report().params == 20
    module, x = net.module(), torch.randn(3, 4)
    assert list(module.state_dict()) == ["e.weight", "e.bias"]
    assert torch.allclose(module(x), way(module.e, x))


def _named(e: nn.Module, x: Tensor) -> Tensor:
    return relu(e(x)) + e(x)


def test_a_tied_stack_in_a_block_belongs_to_the_block() -> None:
    block = "block Stack(n):\n    share unit = dense n\n    repeat n: unit -> relu\n\n"
    net = net_of(f"{block}net A:\n    input x: [4]\n    Stack 4\n    dense 3\n    Stack 3\n")
    assert net.report().params == 20 + 15 + 12
    keys = ["stack1.unit.weight", "stack1.unit.bias", "dense1.weight"]
    assert [key for key in net.module().state_dict() if key in keys] == keys


def test_blocks_are_tied_too() -> None:
    block = "block Unit:\n    residual: dense 4 -> relu -> dense 4\n\n"
    text = block + HEAD.replace("dense 4", "Unit") + "    repeat 3:\n        e\n        relu\n"
    net = net_of(text)
    assert net.report().params == 40
    assert net.source().count("Unit()") == 1


def test_weights_of_their_own_besides_are_an_error_with_its_edit() -> None:
    text = HEAD + "    repeat 2: e -> dense 4\n"
    (wrong,) = findings(text)
    assert (wrong.code, wrong.span.text) == ("E0408", "e")
    assert [label.span.text for label in wrong.labels] == ["share e = dense 4", "dense 4"]
    mended = net_of(applied(wrong.span.source, wrong.edits))
    assert mended.report().params == 3 * 20
    named = errors_of(HEAD + "    r = residual: e -> dense 4\n")
    assert named == ["4 E0408 `e` is shared around lines that have weights of their own besides"]


def test_a_stack_that_shares_for_itself_is_left_as_it_is() -> None:
    lines = "    repeat 2:\n        share e = dense 4\n        e -> relu -> e\n"
    assert net_of("net A:\n    input x: [4]\n" + lines).report().params == 40
