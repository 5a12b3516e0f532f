"""`netc filter`: an edge filter of the language applied to a picture."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from netc.compiler.layers.tables import OPERATORS, kernel_of
from netc.files import write_atomically

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = (*OPERATORS, *(f"{name}_{axis}" for name in OPERATORS for axis in "xy"))
"""The filters of one direction, and without a direction the length of both together."""


STRIP = 256
"""Rows at a time, so that a large picture needs no more than a few numbers for each pixel."""


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
    except ImportError as error:
        raise FilterError(
            f"{error}; install 'netc[train]', which brings pillow and numpy"
        ) from None
    grey = _brightness(source)
    if min(grey.shape) < 3:
        height, width = grey.shape
        raise FilterError(f"{source} is {width} × {height}, smaller than the filter's 3 × 3")
    found = filtered(name, grey)
    least, largest = float(found.min()), float(found.max())
    most = max(-least, largest) or 1.0
    found *= (127 if signed else 255) / most
    shown = np.add(found, 128, out=found) if signed else np.abs(found, out=found)
    write_picture(np.round(shown, out=shown).astype(np.uint8), target)
    return Filtered(found.shape[1], found.shape[0], least, largest)


def _brightness(source: Path) -> NDArray[Any]:
    """A picture's brightness, 0 to 255, the way up that viewers show it, without transparency."""
    try:
        import numpy as np
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise FilterError(
            f"{error}; install 'netc[train]', which brings pillow and numpy"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", Image.DecompressionBombWarning
            )  # from 89 million pixels
            with Image.open(source) as picture:
                mode = picture.mode
                upright = ImageOps.exif_transpose(picture)
                if mode.startswith("I;16"):
                    return np.asarray(upright, dtype=np.float32) / 257
                grey = np.asarray(upright.convert("L"))
    except UnidentifiedImageError:
        raise FilterError(f"{source} is no picture that pillow can read") from None
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise FilterError(f"{source} cannot be read as a picture: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise FilterError(f"{source} cannot be read as a picture: {error}") from None
    if mode in ("I", "F"):
        kind = "whole numbers of 32 bits" if mode == "I" else "real numbers"
        raise FilterError(f"{source} holds {kind}, of which white is not known; save 8 or 16 bits")
    return grey


def filtered(name: str, grey: NDArray[Any]) -> NDArray[np.float32]:
    """The filter at every position where it fits; `sobel` is `sqrt(sobel_x^2 + sobel_y^2)`."""
    import numpy as np

    height, width = grey.shape
    found = np.empty((height - 2, width - 2), dtype=np.float32)
    for top in range(0, height - 2, STRIP):
        strip = grey[top : top + STRIP + 2].astype(np.float32)
        if name in OPERATORS:
            across, down = (_one_way(f"{name}_{axis}", strip) for axis in "xy")
            np.hypot(across, down, out=found[top : top + STRIP])
        else:
            found[top : top + STRIP] = _one_way(name, strip)
    return found


def _one_way(name: str, grey: NDArray[np.float32]) -> NDArray[np.float32]:
    import numpy as np

    height, width = grey.shape
    found = np.zeros((height - 2, width - 2), dtype=np.float32)
    for down, row in enumerate(kernel_of(name, "rising")):
        for right, weight in enumerate(row):
            if weight:
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
