"""Train, dev and test: disjoint, covering, seeded, with every class in each."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

import jobs
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netc.compiler.recipes.arrays import Circles
from netc.compiler.recipes.losses import Mse
from netc.compiler.recipes.pictures import Digits
from netc.compiler.recipes.tables import Diabetes
from netc.runtime import DataError
from netc.runtime.data import load
from netc.runtime.seeds import derive
from netc.runtime.split import sizes, split

SHARES = (0.8, 0.1, 0.1)


def labels(*counts: int) -> torch.Tensor:
    return torch.cat([torch.full((count,), i) for i, count in enumerate(counts)])


@pytest.mark.covers("ME01")
@pytest.mark.parametrize("classes", [None, labels(100, 3, 894)])
def test_shares_are_disjoint_cover_all_and_follow_the_seed(classes: torch.Tensor | None) -> None:
    parts = split(997, SHARES, 0, classes)
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(997))
    again, other = split(997, SHARES, 0, classes), split(997, SHARES, 1, classes)
    assert all(map(torch.equal, parts, again))
    assert not any(map(torch.equal, parts, other))


@pytest.mark.covers("ME02")
@pytest.mark.parametrize(
    ("length", "shares", "expected"),
    [
        (10_000, (0.6, 0.2, 0.2), [6_000, 2_000, 2_000]),
        (1_000_000, (0.98, 0.01, 0.01), [980_000, 10_000, 10_000]),
        (1_000, (0.7, 0.3, 0.0), [700, 300, 0]),
        (1_797, SHARES, [1_437, 180, 180]),
        (3, SHARES, [3, 0, 0]),
        (0, SHARES, [0, 0, 0]),
    ],
)
def test_sizes_are_the_ratios(length: int, shares: tuple[float, ...], expected: list[int]) -> None:
    assert sizes(length, shares) == expected
    assert [len(part) for part in split(length, shares, 0)] == expected


def test_digits_keep_their_class_shares_within_one_percent() -> None:
    data = load(jobs.recipe(Digits()), Path())
    whole = torch.cat([examples.target for examples in data.splits])
    shares = torch.bincount(whole) / len(whole)
    for examples in data.splits:
        found = torch.bincount(examples.target, minlength=10) / len(examples)
        assert (found - shares).abs().max() <= 0.01


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    shares=st.lists(st.integers(0, 10), min_size=3, max_size=3).filter(any),
    seed=st.integers(0, 2**63),
)
def test_each_class_is_shared_out_alike(counts: list[int], shares: list[int], seed: int) -> None:
    fractions = [share / sum(shares) for share in shares]
    classes = labels(*counts)
    parts = split(len(classes), fractions, seed, classes)
    assert [len(part) for part in parts] == sizes(len(classes), fractions)
    for part, fraction in zip(parts, fractions, strict=True):
        found = torch.bincount(classes[part], minlength=len(counts))
        wanted = fraction * torch.tensor(counts)
        assert (found - wanted).abs().max() <= 1 + 1e-4


def test_numbers_are_split_without_classes() -> None:
    data = load(jobs.recipe(Diabetes(), Mse()), Path())
    assert [len(examples) for examples in data.splits] == [354, 44, 44]


def test_an_empty_training_split_is_an_error() -> None:
    with pytest.raises(DataError, match="training split is empty"):
        load(jobs.recipe(Circles(n=4), split=(0.0, 0.5, 0.5)), Path())


def test_the_digest_follows_the_data() -> None:
    one, same, other = (
        load(jobs.recipe(Circles(), seed=seed), Path()).digest() for seed in (0, 0, 1)
    )
    assert one == same != other


def test_a_seed_is_the_hash_of_its_seed_purpose_and_numbers() -> None:
    """Another rule would shuffle otherwise, and no run of before could be resumed or repeated."""
    hashed = blake2b(b"7/order/3/12", digest_size=8).digest()
    assert derive(7, "order", 3, 12) == int.from_bytes(hashed, "big") // 2
    assert len({derive(0, "a"), derive(0, "b"), derive(1, "a"), derive(0, "a", 1)}) == 4
