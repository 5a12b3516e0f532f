"""The circle data of the TensorFlow playground, drawn from the seed."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from netc.compiler.recipes.arrays import Circles
from netc.runtime.readers.base import Examples, Raw
from netc.runtime.seeds import derive

RADIUS = 5.0


def draw(part: Circles, base: Path, seed: int) -> Raw:
    """Inputs `[n, 2]` within ±5, targets `[n]`: 1 inside, 0 outside; inner points come first."""
    generator = torch.Generator().manual_seed(derive(seed, "circles"))
    inner = part.n // 2
    r, angle, *noise = torch.rand(4, part.n, generator=generator, dtype=torch.float64)
    radius = torch.cat([r[:inner] * RADIUS / 2, RADIUS * (0.7 + 0.3 * r[inner:])])
    points = torch.stack(
        [radius * torch.sin(2 * math.pi * angle), radius * torch.cos(2 * math.pi * angle)], dim=1
    )
    # the playground shows the point where it was drawn, but labels it where noise would have put it
    moved = points + (2 * torch.stack(noise, dim=1) - 1) * RADIUS * part.noise
    return Raw(Examples((points,), (moved.norm(dim=1) < RADIUS / 2).long()), part.classes)
