"""`netc filter`: an edge filter of the language applied to a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from netc.compiler.layers.tables import OPERATORS, kernel_of
from netc.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = (*OPERATORS, *(f"{name}_{axis}" for name in OPERATORS for axis in "xy"))
"""The filters of one direction, and without a direction the length of both together."""


class FilterError(Exception):
    """A picture cannot be filtered; the message says why in one line."""


class Filtered(Struct, frozen=True):
    """What was made: sizes in pixels, and the least and largest number before it became grey."""

    width: int
    height: int
    least: float
    largest: float


def filter_picture(name: str, source: Path, target: Path, *, signed: bool) -> Filtered:
    """Filters a picture's brightness (0 to 255) without padding, and writes it as grey.

    The largest absolute number becomes white and 0 black; with `signed` 0 becomes 128, and numbers
    below it darker. The picture is smaller by 2 along both sides. Raises FilterError, OSError.
    """
    try:
        import numpy as np
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise FilterError(
            f"{error}; install 'netc[train]', which brings pillow and numpy"
        ) from None
    try:
        with Image.open(source) as picture:
            grey = np.asarray(picture.convert("L"), dtype=np.float64)
    except UnidentifiedImageError:
        raise FilterError(f"{source} is no picture that pillow can read") from None
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise FilterError(f"{source} cannot be read as a picture: {error}") from None
    if min(grey.shape) < 3:
        height, width = grey.shape
        raise FilterError(f"{source} is {width} × {height}, smaller than the filter's 3 × 3")
    found = filtered(name, grey)
    most = float(np.abs(found).max()) or 1.0
    shown = 128 + found * (127 / most) if signed else np.abs(found) * (255 / most)
    write_picture(shown.round().astype(np.uint8), target)
    return Filtered(found.shape[1], found.shape[0], float(found.min()), float(found.max()))


def filtered(name: str, grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """The filter at every position where it fits; `sobel` is `sqrt(sobel_x^2 + sobel_y^2)`."""
    import numpy as np

    if name in OPERATORS:
        return np.hypot(filtered(f"{name}_x", grey), filtered(f"{name}_y", grey))
    height, width = grey.shape
    found = np.zeros((height - 2, width - 2))
    for down, row in enumerate(kernel_of(name, "rising")):
        for right, weight in enumerate(row):
            found += weight * grey[down : down + height - 2, right : right + width - 2]
    return found


def write_picture(pixels: NDArray[np.uint8], target: Path) -> None:
    """Writes a picture, `[height, width]` in grey or `[height, width, 3]`, whole or not at all.

    Raises FilterError, OSError.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise FilterError(f"{error}; install 'netc[train]', which brings pillow") from None
    form = Image.registered_extensions().get(target.suffix.lower())
    if form is None or form not in Image.SAVE:
        raise FilterError(f"{target}: pillow writes no {target.suffix or 'nameless'} pictures")
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, form)
    write_atomically(target, data.getvalue())
