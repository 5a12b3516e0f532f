"""Independent random streams from a recipe's one seed, and the states of PyTorch's generators."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

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


def random_states(device: torch.device) -> dict[str, torch.Tensor]:
    """The states of the generators that training on a device draws from: the CPU's and its own."""
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        states[device.type] = torch.get_device_module(device).get_rng_state(device)
    return states


def set_random_states(states: Mapping[str, torch.Tensor], device: torch.device) -> None:
    """Puts them back; a run that was begun on another device has none for this one.

    Raises:
        KeyError: there is none of the CPU.
    """
    torch.set_rng_state(states["cpu"])
    if device.type != "cpu" and device.type in states:
        torch.get_device_module(device).set_rng_state(states[device.type], device)


@contextmanager
def own_randomness(device: torch.device) -> Iterator[None]:
    """Leaves the caller's random generators as they were."""
    own = [] if device.type == "cpu" else [torch.get_device_module(device).current_device()]
    with torch.random.fork_rng(own, device_type=device.type):
        yield
