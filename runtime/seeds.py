"""Independent random streams from a recipe's one seed."""

from __future__ import annotations

import hashlib

import torch


def derive(seed: int, purpose: str, *numbers: int) -> int:
    """A seed in 0..2⁶³−1 for one purpose: equal arguments give equal seeds, on every machine.

    Streams by name cannot run into each other, as seeds counted up from `seed` would.
    """
    text = "/".join([str(seed), purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def permutation(length: int, seed: int, purpose: str, *numbers: int) -> torch.Tensor:
    """A random order of 0..length−1: int64 `[length]`, on the CPU whatever the training device."""
    generator = torch.Generator().manual_seed(derive(seed, purpose, *numbers))
    return torch.randperm(length, generator=generator)
