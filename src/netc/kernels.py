"""`netc filter --weights`: the kernels that a convolution has learned, drawn as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from netc.converting import Unfit, tensor_in
from netc.filtering import FilterError, write_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = "weights.safetensors"
"""The file in a run's folder."""
TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
IN_A_ROW = 8
"""Kernels beside each other, where each is one tile."""
ZOOM, GAP, LARGEST = 16, 4, 4096
"""Pixels for a weight, between tiles, and of a picture's side, for which the zoom gets less."""


class Drawn(Struct, frozen=True):
    """What was drawn: kernels of rows × columns weights, the least and the largest weight."""

    count: int
    window: tuple[int, int]
    least: float
    largest: float
    size: tuple[int, int]
    """Width and height of the picture in pixels."""


def draw_kernels(layer: str, weights: Path, target: Path) -> Drawn:
    """Draws the kernels of a layer from a run's folder or a file of weights.

    0 is grey, the weight with the largest absolute value white or black. Kernels over one or three
    channels are tiles, of three in colour; over others each has a row, with a tile for each
    channel. Raises FilterError, OSError.
    """
    try:
        import numpy as np
    except ImportError as error:
        raise FilterError(f"{error}; install 'netc[train]', which brings numpy") from None
    found = _kernels(layer, weights / WEIGHTS if weights.is_dir() else weights)
    most = float(np.abs(found).max()) or 1.0
    if not np.isfinite(found).all():
        raise FilterError(f"`{layer}.weight` holds numbers that are not finite")
    count, _, *window = found.shape
    picture = _laid_out(128 + found * (127 / most))
    size = picture.shape[1], picture.shape[0]
    write_picture(picture.round().astype(np.uint8), target)
    least, largest = float(found.min()), float(found.max())
    return Drawn(count, (window[0], window[1]), least, largest, size)


def _kernels(layer: str, file: Path) -> NDArray[Any]:
    """The weights of a convolution, `[kernels, channels, rows, columns]`."""
    import numpy as np

    key = f"{layer}.weight"
    try:
        kind, shape, data = tensor_in(file.read_bytes(), key)
    except Unfit as error:
        raise FilterError(f"{file}: {error}") from None
    if len(shape) not in (3, 4) or 0 in shape:
        raise FilterError(f"`{key}` is {list(shape)}: no kernels of one or two axes")
    if kind not in TYPES:
        raise FilterError(f"`{key}` holds {kind} numbers; {', '.join(TYPES)} can be drawn")
    if len(data) != np.dtype(TYPES[kind]).itemsize * np.prod(shape, dtype=object):
        raise FilterError(f"{file} is damaged: `{key}` has {len(data)} bytes for {list(shape)}")
    flat = np.frombuffer(data, TYPES[kind]).astype(np.float64)
    return flat.reshape(shape if len(shape) == 4 else (*shape[:2], 1, shape[2]))


def _laid_out(grey: NDArray[Any]) -> NDArray[Any]:
    """The tiles with white between them: `[rows, columns]`, or with a last axis of colours."""
    import numpy as np

    count, channels, high, wide = grey.shape
    tiles = grey.reshape(count * channels, high, wide, 1)
    columns = channels
    if channels in (1, 3):
        tiles = grey.transpose(0, 2, 3, 1)
        columns = min(IN_A_ROW, count)
    rows = -(-len(tiles) // columns)
    zoom, gap = _zoom(max(rows * high, columns * wide), max(rows, columns))
    step_down, step_right = high * zoom + gap, wide * zoom + gap
    shape = (rows * step_down + gap, columns * step_right + gap, tiles.shape[3])
    picture = np.full(shape, 255.0)
    for place, tile in enumerate(tiles):
        top, left = gap + place // columns * step_down, gap + place % columns * step_right
        large = tile.repeat(zoom, axis=0).repeat(zoom, axis=1)
        picture[top : top + high * zoom, left : left + wide * zoom] = large
    return picture[:, :, 0] if tiles.shape[3] == 1 else picture


def _zoom(weights: int, tiles: int) -> tuple[int, int]:
    """Pixels for a weight and between tiles, for so many along the longer side."""
    for zoom in range(ZOOM, 0, -1):
        gap = min(GAP, zoom)
        if weights * zoom + (tiles + 1) * gap <= LARGEST:
            return zoom, gap
    raise FilterError(f"{weights:,} weights beside each other are too many for a picture")
