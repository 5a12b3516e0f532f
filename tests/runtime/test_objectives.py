"""Losses and metrics against torch and against the formulas written out."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from netc.compiler.layers.base import Tensor
from netc.compiler.recipes.losses import Bce, CrossEntropy, Mse
from netc.compiler.sizes import symbol
from netc.runtime.objectives import Objective, objective, weighted


def metrics(aim: Objective, output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
    return aim.finish(aim.sums(output, target), target.numel())


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.covers("LO01")
def test_bce_is_the_formula_on_logits(generator: torch.Generator) -> None:
    z = 3 * torch.randn(50, 1, generator=generator)
    y = torch.randint(2, (50, 1), generator=generator).float()
    p = torch.sigmoid(z.double())
    by_hand = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    aim = objective(Bce(), Tensor((1,)))
    assert aim.loss(z, y).item() == pytest.approx(by_hand.item(), abs=1e-6)
    assert metrics(aim, z, y)["accuracy"] == ((p > 0.5) == (y > 0.5)).double().mean()


def test_a_score_of_0_says_0() -> None:
    aim, scores = objective(Bce(), Tensor((2,))), torch.tensor([[0.0, 1e-9]])
    assert metrics(aim, scores, torch.tensor([[0.0, 1.0]]))["accuracy"] == 1.0
    assert metrics(aim, scores, torch.tensor([[1.0, 0.0]]))["accuracy"] == 0.0


def test_bce_stays_finite_on_large_logits() -> None:
    loss = objective(Bce(), Tensor((2,))).loss(
        torch.tensor([[1e4, -1e4]]), torch.tensor([[0.0, 0.0]])
    )
    assert loss.item() == 5e3


@pytest.mark.covers("LO08")
def test_mse_is_the_formula(generator: torch.Generator) -> None:
    guess, y = torch.randn(2, 40, 3, generator=generator)
    aim = objective(Mse(), Tensor((3,)))
    by_hand = sum(
        (a - b) ** 2 for a, b in zip(guess.ravel().tolist(), y.ravel().tolist(), strict=True)
    )
    assert aim.loss(guess, y).item() == pytest.approx(by_hand / 120, abs=1e-6)
    found = metrics(aim, guess, y)
    assert found["rmse"] == pytest.approx(math.sqrt(by_hand / 120))
    assert found["mae"] == pytest.approx((guess - y).abs().mean().item())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_formula_on_logits(
    generator: torch.Generator, smoothing: float
) -> None:
    z = torch.randn(30, 5, generator=generator, dtype=torch.float64)
    ids = torch.randint(5, (30,), generator=generator)
    wanted = (1 - smoothing) * functional.one_hot(ids, 5).double() + smoothing / 5
    by_hand = -(wanted * (z.exp() / z.exp().sum(1, keepdim=True)).log()).sum(1).mean()
    aim = objective(CrossEntropy(label_smoothing=smoothing), Tensor((5,)))
    assert aim.loss(z, ids).item() == pytest.approx(by_hand.item(), abs=1e-12)
    assert metrics(aim, z, ids)["accuracy"] == (z.argmax(1) == ids).double().mean()


@pytest.mark.parametrize(
    ("output", "scores", "ids", "axis"),
    [
        ((symbol("T"), 5), (7, 4, 5), (7, 4), -1),  # a sequence: a class per step
        ((5, symbol("H"), 6), (7, 5, 4, 6), (7, 4, 6), 1),  # an image: a class per pixel
    ],
)
def test_classes_lie_where_the_layers_put_them(
    generator: torch.Generator,
    output: tuple[int, ...],
    scores: tuple[int, ...],
    ids: tuple[int, ...],
    axis: int,
) -> None:
    z = torch.randn(scores, generator=generator)
    target = torch.randint(5, ids, generator=generator)
    aim = objective(CrossEntropy(), Tensor(output))
    each = -torch.log_softmax(z, axis).gather(axis % z.ndim, target.unsqueeze(axis))
    assert aim.loss(z, target).item() == pytest.approx(each.mean().item(), abs=1e-6)
    assert metrics(aim, z, target)["accuracy"] == pytest.approx(
        (z.argmax(axis) == target).double().mean().item()
    )


@pytest.mark.parametrize("loss", [CrossEntropy(), Bce(), Mse()])
def test_metrics_of_unequal_batches_are_those_of_the_whole(
    generator: torch.Generator, loss: CrossEntropy | Bce | Mse
) -> None:
    aim = objective(loss, Tensor((3,)))
    output = torch.randn(100, 3, generator=generator)
    ids = torch.randint(2, (100,), generator=generator)
    target = ids if aim.target == "class" else ids[:, None].float().expand(100, 3)
    pieces = zip(output.split(64), target.split(64), strict=True)
    added = sum((aim.sums(a, b) for a, b in pieces), torch.zeros(len(aim.metrics)))
    assert aim.finish(added, target.numel()) == pytest.approx(metrics(aim, output, target))


@pytest.mark.covers("LO09", "CN07")
def test_losses_of_several_outputs_add_up_with_their_weights(generator: torch.Generator) -> None:
    target = torch.randint(10, (6,), generator=generator)
    heads = [torch.randn(6, 10, generator=generator, requires_grad=True) for _ in range(3)]
    one = objective(CrossEntropy(), Tensor((10,)))
    both = weighted([(2, 1.0, one), (0, 0.3, one)])
    loss = both.loss(tuple(heads), target)
    expected = one.loss(heads[2], target) + 0.3 * one.loss(heads[0], target)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert heads[1].grad is None
    (alone,) = torch.autograd.grad(one.loss(heads[0], target), heads[0])
    torch.testing.assert_close(heads[0].grad, 0.3 * alone)
    with torch.no_grad():
        found = both.finish(both.sums(tuple(heads), target), len(target))
        accuracy = metrics(one, heads[2], target)["accuracy"]
    assert found == {"loss": pytest.approx(loss.item()), "accuracy": accuracy}


def test_losses_of_one_output_add_up_with_their_weights(generator: torch.Generator) -> None:
    scores = torch.randn(6, 10, generator=generator)
    target = torch.randint(10, (6,), generator=generator)
    one = objective(CrossEntropy(), Tensor((10,)))
    half = weighted([(0, 0.5, one)])
    torch.testing.assert_close(half.loss(scores, target), 0.5 * one.loss(scores, target))
    accuracy = metrics(one, scores, target)["accuracy"]
    assert half.finish(half.sums(scores, target), 6)["accuracy"] == accuracy
