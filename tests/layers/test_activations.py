"""Activations and dropout: their values and slopes."""

from __future__ import annotations

import pytest
import torch
from layer_oracle import run_of
from torch.autograd import gradcheck

from netc.compiler.layers.activations import Linear, Relu, Sigmoid, Softmax, Tanh
from netc.compiler.layers.base import Layer, Tensor
from netc.compiler.layers.dropout import Dropout
from netc.compiler.layers.rectifiers import Elu, LeakyRelu, Prelu
from netc.compiler.layers.refusals import ShapeError
from netc.compiler.layers.smooth import Gelu, Silu


def at(layer: Layer, *values: float) -> tuple[list[float], list[float]]:
    """The values and the slopes of an activation at some points, in double precision."""
    x = torch.tensor([values], dtype=torch.float64, requires_grad=True)
    y = run_of(layer, [Tensor((len(values),))])(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y[0].tolist(), slope[0].tolist()


def smooth(layer: Layer) -> bool:
    """PyTorch's check of the slope against small differences."""
    x = torch.randn(1, 6, dtype=torch.float64, requires_grad=True)
    return gradcheck(run_of(layer, [Tensor((6,))]), (x,))


@pytest.mark.covers("AC01", "N054", "N074")
def test_sigmoid() -> None:
    (value,), (slope,) = at(Sigmoid(), 1.0)
    assert value == pytest.approx(0.7311, abs=5e-5)
    assert slope == pytest.approx(value * (1 - value))
    assert pytest.approx(0.1971) == 0.73 * (1 - 0.73)
    assert smooth(Sigmoid())


@pytest.mark.covers("AC02")
def test_tanh() -> None:
    x = torch.linspace(-4, 4, 81, dtype=torch.float64)
    y = run_of(Tanh(), [Tensor((81,))])(x[None])[0]
    one = (1 - torch.exp(-2 * x)) / (1 + torch.exp(-2 * x))
    two = (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))
    for form in (one, two):
        torch.testing.assert_close(y, form, rtol=0, atol=1e-12)
    assert -1 < y.min() < y.max() < 1
    assert smooth(Tanh())


@pytest.mark.covers("AC03")
def test_relu() -> None:
    assert at(Relu(), -1, 0, 1) == ([0, 0, 1], [0, 0, 1])


@pytest.mark.covers("AC04", "N073")
def test_leaky_relu() -> None:
    values, slopes = at(LeakyRelu(), -2, -1, 3)
    assert values == pytest.approx([-0.02, -0.01, 3])
    assert slopes == pytest.approx([0.01, 0.01, 1])
    assert at(LeakyRelu(slope=0.2), -2.0)[0] == pytest.approx([-0.4])


def test_prelu_begins_at_init_and_learns_its_slope() -> None:
    """The slope's gradient is the sum of the negative inputs: He et al. 2015, equation 4."""
    shared = run_of(Prelu(), [Tensor((3,))])
    assert shared(torch.tensor([[-2.0, 0, 3]])).tolist() == [[-0.5, 0, 3]]
    layer = Prelu(slopes="channels", init=0.1)
    run = run_of(layer, [Tensor((2, 3))])
    x = torch.tensor([[[-1.0, -2.0, 5.0], [4.0, -7.0, 0.0]]])
    y = run(x)
    torch.testing.assert_close(y, torch.where(x > 0, x, 0.1 * x))
    (slopes,) = torch.autograd.grad(y.sum(), list(run.module.parameters()))
    assert slopes.tolist() == [-3, -7]


@pytest.mark.covers("AC05")
def test_elu() -> None:
    assert at(Elu(), -1, 2)[0] == pytest.approx([-0.6321, 2], abs=5e-5)
    assert at(Elu(alpha=0.5), -1.0)[0] == pytest.approx([-0.31606], abs=5e-6)


@pytest.mark.covers("AC07")
def test_softmax_is_shares_over_classes() -> None:
    for shape in ((10,), (7, 10), (10, 4, 4), (10, 3, 3, 3)):
        axis = -1 if len(shape) <= 2 else 1
        z = torch.randn(2, *shape)
        run = run_of(Softmax(), [Tensor(shape)])
        total = run(z).sum(dim=axis)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-6)
        torch.testing.assert_close(run(z + 1000), run(z), rtol=1e-3, atol=1e-6)
    named = run_of(Softmax(axis=0), [Tensor((7, 10))])(torch.randn(2, 7, 10))
    torch.testing.assert_close(named.sum(dim=1), torch.ones(2, 10))


@pytest.mark.covers("AC07")
def test_softmax_of_shifted_scores_is_the_same() -> None:
    z = torch.randn(2, 10, dtype=torch.float64)
    run = run_of(Softmax(), [Tensor((10,))])
    torch.testing.assert_close(run(z + 1000), run(z), rtol=1e-10, atol=1e-12)


def test_linear_is_the_identity() -> None:
    x = torch.randn(3, 4)
    assert torch.equal(run_of(Linear(), [Tensor((4,))])(x), x)


def test_gelu_and_silu_by_their_formulas() -> None:
    x = torch.linspace(-3, 3, 61, dtype=torch.float64)[None]
    inputs = [Tensor((61,))]
    exact = x * torch.special.ndtr(x)
    torch.testing.assert_close(run_of(Gelu(), inputs)(x), exact)
    near = x / 2 * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))
    torch.testing.assert_close(run_of(Gelu(approximate="tanh"), inputs)(x), near)
    torch.testing.assert_close(run_of(Silu(), inputs)(x), x * torch.sigmoid(x))


@pytest.mark.covers("RE05", "N029")
def test_dropout_zeroes_a_share_and_scales_the_rest() -> None:
    torch.manual_seed(0)
    ones = torch.ones(1, 100_000)
    for layer in (Dropout(keep=0.8), Dropout(p=0.2)):
        run = run_of(layer, [Tensor((100_000,))])
        y = run(ones)
        assert (y == 0).float().mean() == pytest.approx(0.2, abs=0.01)
        assert y.mean() == pytest.approx(1, abs=0.01)
        assert y.unique().tolist() == [0, 1.25]
        run.module.eval()
        assert torch.equal(run(ones), ones)
        assert torch.equal(run.inline(ones), ones)


def test_dropout_is_told_once() -> None:
    with pytest.raises(ShapeError, match=r"p=0\.5 is dropped, and keep=0\.5 stays") as caught:
        Dropout(p=0.5, keep=0.5).output([Tensor((3,))])
    assert caught.value.argument == "keep"
