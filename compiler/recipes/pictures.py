"""Pictures: the set that scikit-learn ships, and files, by paths relative to the spec's folder.

Nothing here reads data: `runtime/readers` does.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from netc.compiler.recipes.base import Data, Text
from netc.compiler.sizes import Shape

Side: TypeAlias = Annotated[int, Field(gt=0, le=65_536)]
ImageSize: TypeAlias = Side | tuple[Side, Side]
"""Height and width in pixels: `32` for both, or `32x48`."""


def height_width(size: ImageSize) -> tuple[int, int]:
    """Both sides in pixels: one number stands for both."""
    return (size, size) if isinstance(size, int) else size


class Pictures(Data):
    """Pictures `[channels, height, width]`, which may be resized."""

    def fitting(self, found: Sequence[int], declared: Shape) -> str:
        if len(declared) != 3 or declared[0] != found[0]:
            return ""
        height, width = declared[1:]
        if not isinstance(height, int) or not isinstance(width, int):
            return ""
        return f"size={height}" if height == width else f"size={height}x{width}"


class Digits(Pictures):
    """Handwritten digits: 1,797 grey pictures of 8×8 pixels, 10 classes; inputs `[1, 8, 8]`.

    Pixels are 0..16 in the set and are divided by 16, so they lie in 0..1. `size=32` resizes by
    bilinear interpolation (`align_corners=False`) to `[1, 32, 32]`.
    Source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html
    """

    kind = "digits"
    classes = 10
    size: ImageSize | None = None

    def example(self) -> tuple[int, ...]:
        return (1, *height_width(self.size or 8))


class Idx(Pictures):
    """A folder in MNIST's format; grey pictures, inputs `[1, h, w]`, pixels divided by 255.

    Files `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, plain or with `.gz`. The official test set (`t10k`) is kept: the
    training files are shared out between train and dev by the split's first two numbers.
    `size=` resizes (bilinear); then `pad=` adds that many zeros at each side.
    Source: http://yann.lecun.com/exdb/mnist/ (the section on the IDX file format)
    """

    kind = "idx"
    positional = 1
    path: Text
    size: ImageSize | None = None
    pad: Annotated[int, Field(ge=0, le=4096)] = 0


class Images(Pictures):
    """A folder with a sub-folder of pictures per class; inputs `[channels, h, w]`, divided by 255.

    Classes are the sub-folders in sorted order. Every picture is turned upright by its EXIF tag,
    made grey (`channels=1`) or RGB (`channels=3`; transparency is dropped) and resized to `size`
    (bilinear, without keeping its proportions). Hidden files are left out.
    Source: https://pillow.readthedocs.io/en/stable/reference/Image.html (convert, resize)
    """

    kind = "images"
    positional = 1
    path: Text
    size: ImageSize
    channels: Literal[1, 3] = 3

    def example(self) -> tuple[int, ...]:
        return (self.channels, *height_width(self.size))
