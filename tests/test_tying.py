"""Shared modules inside repeats, residuals and branches: one module, called each round."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch._dynamo
from compiling import net_of
from interpreter import interpret
from torch import Tensor, nn
from torch.nn.functional import relu

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


OWN = [
    ("repeat 2: e -> relu -> dense 4", ["e", "repeat1.0.dense1", "repeat1.1.dense1"]),
    (
        "dense 4\n    part = repeat 2:\n        dense 4 -> relu -> e",
        ["e", "dense1", "part.0.dense1"],
    ),
    ("r = residual: e -> dense 4 -> tanh -> e", ["e", "r.dense1"]),
    ("a = e -> dense 4 -> relu -> e -> dense 4", ["e", "a.1", "a.4"]),
    ("s = sequential:\n        e\n        relu\n        dense 4", ["e", "s.2"]),
    ("repeat 2:\n        share f = dense 4\n        f -> e -> f", ["e", "repeat1.0.f"]),
    (
        "repeat 2:\n        repeat 2: e -> dense 4",
        ["e", "repeat1.0.0.dense1", "repeat1.1.1.dense1"],
    ),
    ("repeat 2 as i:\n        e\n        when i > 0: dense 4 -> relu", ["e", "repeat1.1.dense1"]),
    ("repeat 2:\n        r = residual: e -> dense 4", ["e", "repeat1.1.r.dense1"]),
]


@pytest.mark.parametrize(("lines", "layers"), OWN)
def test_weights_of_their_own_may_stand_beside(lines: str, layers: list[str]) -> None:
    net = net_of(f"{HEAD}    {lines}\n")
    module, x = net.module(), torch.randn(3, 4)
    weights = [key for key in module.state_dict() if key.endswith(".weight")]
    assert set(weights) >= {f"{layer}.weight" for layer in layers}
    assert net.report().params == 20 * len(weights) == sum(p.numel() for p in module.parameters())
    (expected,) = interpret(net.graph, dict(module.state_dict()), [x])
    assert torch.allclose(module(x), expected, atol=1e-6)


@pytest.mark.parametrize(("lines", "layers"), OWN)
def test_torch_takes_modules_that_are_handed_in(lines: str, layers: list[str]) -> None:
    module, x = net_of(f"{HEAD}    {lines}\n").module(), torch.randn(3, 4)
    expected = module(x)
    torch._dynamo.reset()
    assert torch.allclose(torch.compile(module, fullgraph=True, backend="eager")(x), expected)
    exported = torch.export.export(module, (x,))
    assert torch.allclose(exported.module()(x), expected)
    assert set(exported.state_dict) == set(module.state_dict())


def test_rounds_are_a_loop_that_hands_the_module_on() -> None:
    source = net_of(HEAD + "    repeat 3: e -> relu -> dense 4\n").source()
    assert "self.repeat1 = nn.ModuleList(Layer() for _ in range(3))" in source
    assert "def forward(self, x: torch.Tensor, e: nn.Module) -> torch.Tensor:" in source
    assert "        for layer in self.repeat1:\n            x = layer(x, self.e)" in source


def test_a_weightless_layer_is_shared_as_well() -> None:
    net = net_of(
        "net A:\n    input x: [4]\n    share act = tanh\n    dense 4 -> act -> dense 3 -> act\n"
    )
    module, x = net.module(), torch.randn(3, 4)
    assert torch.equal(module(x), torch.tanh(module.dense2(torch.tanh(module.dense1(x)))))


def test_inline_rounds_that_share_have_keys_of_their_own() -> None:
    lines = "    inline repeat 2:\n        share e = dense 4\n        e -> relu -> e\n"
    net = net_of("net A:\n    input x: [4]\n" + lines)
    assert list(net.module().state_dict())[::2] == ["e1.weight", "e2.weight"]
    assert net.report().params == 40


def test_a_stack_that_shares_for_itself_is_left_as_it_is() -> None:
    lines = "    repeat 2:\n        share e = dense 4\n        e -> relu -> e\n"
    assert net_of("net A:\n    input x: [4]\n" + lines).report().params == 40
