"""Norms: values by hand and against each other."""

from __future__ import annotations

import pytest
import torch
from layer_oracle import run_of
from torch import nn

from netc.compiler.layers.base import Tensor
from netc.compiler.layers.norms import BatchNorm, GroupNorm, InstanceNorm, LayerNorm

NOTES = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 10.0]])


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


@pytest.mark.covers("NO01", "N088")
def test_batch_norm_by_hand() -> None:
    mean, variance = NOTES.mean(dim=0), NOTES.var(dim=0, correction=0)
    close(mean, torch.tensor([3.0, 6.0]))
    close(variance, torch.tensor([8 / 3, 32 / 3]))
    out = run_of(BatchNorm(eps=1e-7), [Tensor((2,))])(NOTES)
    expected = torch.tensor([-1.22474, 0, 1.22474])[:, None].expand(3, 2)
    close(out, expected)


@pytest.mark.covers("NO02", "N064")
def test_scale_and_shift_can_undo_the_norm() -> None:
    layer = BatchNorm()
    assert sum(w.count for w in layer.weights([Tensor((7, 5, 5))]) if not w.buffer) == 2 * 7
    run = run_of(layer, [Tensor((2,))])
    assert run.module.weight.tolist() == [1, 1]
    assert run.module.bias.tolist() == [0, 0]
    variance = NOTES.var(dim=0, correction=0)
    with torch.no_grad():
        run.module.weight.copy_((variance + layer.eps).sqrt())
        run.module.bias.copy_(NOTES.mean(dim=0))
    close(run(NOTES), NOTES)


@pytest.mark.covers("NO06")
def test_running_averages_of_one_batch() -> None:
    assert "`1 - beta`" in (BatchNorm.__doc__ or "")
    run = run_of(BatchNorm(), [Tensor((2,))])
    run(NOTES)
    close(run.module.running_mean, torch.tensor([0.3, 0.6]))
    close(run.module.running_var, torch.tensor([1.3, 2.5]))
    run.module.eval()
    close(torch.cat([run(row[None]) for row in NOTES]), run(NOTES))


@pytest.mark.covers("NO06")
def test_biased_running_variance() -> None:
    for shape in ((2,), (2, 5), (2, 3, 4), (2, 3, 2, 2)):
        x = NOTES if len(shape) == 1 else torch.randn(3, *shape)
        run = run_of(BatchNorm(running_var="biased"), [Tensor(shape)])
        twin = run_of(BatchNorm(), [Tensor(shape)])
        close(run(x), twin(x))
        axes = [0, *range(2, x.dim())]
        close(run.module.running_mean, twin.module.running_mean)
        close(run.module.running_var, 0.9 + 0.1 * x.var(dim=axes, correction=0))
        assert int(run.module.num_batches_tracked) == 1
        if len(shape) == 1:
            close(run.module.running_var, torch.tensor([1.1667, 1.9667]), 5e-5)
        run.module.eval()
        close(torch.cat([run(row[None]) for row in x]), run(x))


@pytest.mark.covers("NO07", "N090")
def test_batch_norm_pools_batch_and_positions() -> None:
    for shape, twin in (
        ((4,), nn.BatchNorm1d(4)),
        ((4, 6), nn.BatchNorm1d(4)),
        ((4, 6, 5), nn.BatchNorm2d(4)),
        ((4, 3, 2, 5), nn.BatchNorm3d(4)),
    ):
        x = torch.randn(3, *shape)
        axes = [0, *range(2, x.dim())]
        run = run_of(BatchNorm(), [Tensor(shape)])
        assert type(run.module) is type(twin)
        assert all(w.shape in ((4,), ()) for w in BatchNorm().weights([Tensor(shape)]))
        mean = x.mean(dim=axes, keepdim=True)
        variance = x.var(dim=axes, correction=0, keepdim=True)
        close(run(x), (x - mean) / (variance + 1e-5).sqrt())
        close(run.module(x), twin(x))


@pytest.mark.covers("NO08")
def test_layer_norm_is_free_of_the_batch() -> None:
    for shape, axes in (((6,), 1), ((5, 6), 1), ((4, 3, 2), 3)):
        x = torch.randn(8, *shape)
        run = run_of(LayerNorm(axes=axes), [Tensor(shape)])
        close(run(x), nn.LayerNorm(shape[len(shape) - axes :])(x), 1e-6)
        close(torch.cat([run(row[None]) for row in x]), run(x), 1e-6)
    assert [w.shape for w in LayerNorm().weights([Tensor((5, 6))])] == [(6,), (6,)]


@pytest.mark.covers("NO09")
def test_group_norm_lies_between_layer_and_instance_norm() -> None:
    inputs = [Tensor((6, 4, 4))]
    x = torch.randn(2, 6, 4, 4)
    one = run_of(GroupNorm(groups=1), inputs)(x)
    close(one, run_of(LayerNorm(axes=3), inputs)(x))
    each = run_of(GroupNorm(groups=6), inputs)(x)
    close(each, run_of(InstanceNorm(), inputs)(x))


@pytest.mark.covers("NO10")
def test_instance_norm_has_mean_zero_and_variance_one() -> None:
    for shape in ((3, 50), (3, 8, 8), (3, 4, 4, 4)):
        x = 3 * torch.randn(2, *shape) + 5
        out = run_of(InstanceNorm(), [Tensor(shape)])(x).flatten(2)
        close(out.mean(dim=2), torch.zeros(2, 3))
        close(out.var(dim=2, correction=0), torch.ones(2, 3), 1e-4)
