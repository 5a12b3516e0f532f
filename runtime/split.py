"""Who trains, who judges: disjoint shares of the examples, with every class in each share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch

from netc.runtime.seeds import permutation


def split(
    length: int, shares: Sequence[float], seed: int, labels: torch.Tensor | None = None
) -> tuple[torch.Tensor, ...]:
    """Random places for each share: together all of 0..length−1, none twice.

    With labels each class is shared out in the same proportions: its number in a share differs from
    `share · class size` by at most one. Share sizes are those of `sizes`, with or without labels.

    Args:
        length: number of examples.
        shares: fractions that sum to 1.
        seed: the recipe's seed.
        labels: class of each example, `[length]`.

    Returns:
        One int64 tensor of ascending places per share.
    """
    wanted = sizes(length, shares)
    if labels is None:
        return _cut(permutation(length, seed, "split"), wanted)
    classes, members = torch.unique(labels, return_inverse=True)
    shuffled = permutation(length, seed, "split")
    by_class = shuffled[torch.argsort(members[shuffled], stable=True)]
    counts = torch.bincount(members, minlength=len(classes)).tolist()
    pieces = [
        _cut(group, row)
        for group, row in zip(
            torch.split(by_class, counts), _table(counts, shares, wanted), strict=True
        )
    ]
    return tuple(torch.cat(share).sort().values for share in zip(*pieces, strict=True))


def sizes(length: int, shares: Sequence[float]) -> list[int]:
    """How many examples each share gets: `share · length`, rounded so that the sum is `length`.

    What rounding down leaves goes to the largest remainders, the earlier share first.

    >>> sizes(10_000, (0.6, 0.2, 0.2))
    [6000, 2000, 2000]
    """
    exact = _exact(length, shares)
    whole = [int(size) for size in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: whole[i] - exact[i])
    for i in by_remainder[: length - sum(whole)]:
        whole[i] += 1
    return whole


def _exact(length: int, shares: Sequence[float]) -> list[Fraction]:
    """As fractions: 0.7 · 10 in floats is above 7, and 0.29 · 100 below 29."""
    parts = [Fraction(share).limit_denominator(1_000_000) for share in shares]
    return [part / sum(parts) * length for part in parts]


def _table(counts: list[int], shares: Sequence[float], wanted: list[int]) -> list[list[int]]:
    """Whole numbers with the classes' counts as row sums and the shares' sizes as column sums.

    Each cell is rounded down first. What is left over is a table of ones and zeros with known sums:
    giving the rows with most left to the columns with most left always completes it (Gale, Ryser).
    """
    rows = [[int(cell) for cell in _exact(count, shares)] for count in counts]
    missing = [size - sum(row[i] for row in rows) for i, size in enumerate(wanted)]
    left = [count - sum(row) for count, row in zip(counts, rows, strict=True)]
    for row in sorted(range(len(rows)), key=lambda r: -left[r]):
        neediest = sorted(range(len(missing)), key=lambda i: -missing[i])
        for i in neediest[: left[row]]:
            rows[row][i] += 1
            missing[i] -= 1
    return rows


def _cut(places: torch.Tensor, lengths: list[int]) -> tuple[torch.Tensor, ...]:
    return tuple(piece.sort().values for piece in torch.split(places, lengths))
