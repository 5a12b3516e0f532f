"""Batch norm and residuals in training: gradients by finite differences, large rates, depth."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from compiling import net_of
from sklearn.datasets import load_digits


@pytest.mark.covers("NO05")
def test_the_gradients_of_batch_norm_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    module = net_of("net N:\n    input x: [3, 4, 4]\n    batch_norm\n").module().double()
    keys = [key for key, _ in module.named_parameters()]
    buffers = dict(module.named_buffers())

    def run(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        state = {
            **{k: v.clone() for k, v in buffers.items()},
            **dict(zip(keys, values, strict=True)),
        }
        result: torch.Tensor = torch.func.functional_call(module, state, (x,))
        return result

    x = torch.randn(4, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    scales = [torch.randn(3, dtype=torch.float64, requires_grad=True) for _ in keys]
    assert torch.autograd.gradcheck(run, (x, *scales), eps=1e-6, atol=1e-7, rtol=1e-5)


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """All 1,797 pictures, as numbers from 0 to 1, and their digits."""
    pictures, labels = load_digits(return_X_y=True)
    return torch.tensor(pictures / 16, dtype=torch.float32), torch.tensor(labels)


def accuracy_after(text: str, lr: float, steps: int) -> float:
    """The share of digits told rightly after plain gradient descent."""
    torch.manual_seed(0)
    module = net_of(text).module()
    x, y = digits()
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    for step in range(steps):
        batch = torch.arange(step * 128, step * 128 + 128) * 7919 % len(x)
        optimizer.zero_grad()
        F.cross_entropy(module(x[batch]), y[batch]).backward()
        optimizer.step()
    module.eval()
    with torch.no_grad():
        return float((module(x).argmax(1) == y).float().mean())


@pytest.mark.covers("NO13")
def test_with_batch_norm_a_deep_net_trains_at_a_rate_that_is_too_large_without() -> None:
    net = """
        net N:
            input x: [64]
            repeat 8: {}
            dense 10
    """
    plain = accuracy_after(net.format("dense 64 -> relu"), 1.0, 150)
    normed = accuracy_after(net.format("dense 64, bias=no -> batch_norm -> relu"), 1.0, 150)
    assert normed > 0.9
    assert plain < 0.3


@pytest.mark.covers("BL05")
def test_shortcuts_bring_the_gradient_to_the_first_layer() -> None:
    """50 layers of tanh, as in the text: the product of 50 slopes is small without shortcuts."""
    net = """
        net N:
            init torch
            input x: [32]
            first = dense 32
            repeat 50: {}
            dense 1
    """
    norms = []
    for line in ("dense 32 -> tanh", "residual: dense 32 -> tanh"):
        torch.manual_seed(0)
        module = net_of(net.format(line)).module()
        module(torch.randn(16, 32)).sum().backward()
        (gradient,) = [p.grad for name, p in module.named_parameters() if name == "first.weight"]
        assert gradient is not None
        norms.append(float(gradient.norm()))
    plain, residual = norms
    assert residual > 1e3 * plain
