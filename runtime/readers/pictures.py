"""What readers of pictures share."""

from __future__ import annotations

import torch
from torch.nn import functional

from netc.compiler.recipes.pictures import ImageSize, height_width


def resize(images: torch.Tensor, size: ImageSize | None) -> torch.Tensor:
    """Pictures `[m, c, h, w]` at another size; unchanged without one.

    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
    """
    if size is None or tuple(images.shape[2:]) == height_width(size):
        return images
    return functional.interpolate(
        images, size=height_width(size), mode="bilinear", align_corners=False
    )


def pad(images: torch.Tensor, width: int) -> torch.Tensor:
    """Pictures `[m, c, h, w]` with `width` zeros at each of the four sides."""
    return functional.pad(images, (width, width, width, width)) if width else images
