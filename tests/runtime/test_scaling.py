"""Scaling is fitted on the training split, and on nothing else."""

from __future__ import annotations

from pathlib import Path

import jobs
import pytest
import torch

from netc.compiler.recipes.base import Scaling
from netc.compiler.recipes.tables import Wine
from netc.runtime import scaling
from netc.runtime.data import DataSet, load


def wine(how: Scaling) -> DataSet:
    return load(jobs.recipe(Wine(standardize=how)), Path())


@pytest.mark.covers("BA15")
def test_zscore_divides_by_sigma_and_uses_the_training_split_alone() -> None:
    raw, scaled = wine(False), wine(True)
    x = raw.train.inputs[0].double()
    mean, sigma = x.mean(0), (x - x.mean(0)).square().mean(0).sqrt()
    train = scaled.train.inputs[0].double()
    assert train.mean(0).abs().max() <= 1e-6
    assert ((train.square().mean(0) - train.mean(0).square()).sqrt() - 1).abs().max() <= 1e-6
    for name in ("dev", "test"):
        before, after = getattr(raw, name).inputs[0].double(), getattr(scaled, name).inputs[0]
        assert torch.allclose(after.double(), (before - mean) / sigma, atol=1e-5)
        assert after.mean(0).abs().max() > 0.01  # its own mean would have been 0


@pytest.mark.covers("BA15")
def test_minmax_and_center() -> None:
    train = wine("minmax").train.inputs[0]
    assert torch.equal(train.amin(0), torch.zeros(13))
    assert torch.equal(train.amax(0), torch.ones(13))
    raw, centred = wine(False).train.inputs[0], wine("center").train.inputs[0]
    assert centred.double().mean(0).abs().max() <= 1e-4  # proline goes up to 1,680
    assert torch.allclose(centred.std(0), raw.std(0))


def test_yes_is_zscore() -> None:
    assert wine(True).digest() == wine("zscore").digest()


@pytest.mark.parametrize("how", [True, "center", "minmax"])
def test_a_constant_feature_becomes_zero(how: Scaling) -> None:
    x = torch.tensor([[3.0, 1.0], [3.0, 5.0]])
    assert torch.equal(scaling.apply(x, scaling.fit(x, how))[:, 0], torch.zeros(2).double())


def test_off_changes_nothing() -> None:
    x = torch.randn(5, 2)
    assert torch.equal(scaling.apply(x, scaling.fit(x, False)), x.double())
