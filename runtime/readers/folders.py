"""Pictures in a folder with one sub-folder per class."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from netc.compiler.recipes.pictures import Images, height_width
from netc.runtime.errors import DataError
from netc.runtime.readers.base import Examples, Raw, need_folder


def read(part: Images, base: Path, seed: int) -> Raw:
    """Inputs `[m, channels, h, w]` in 0..1, targets int64 `[m]`: the class's place in order."""
    folder = need_folder(base / part.path, "`data images`")
    classes = [path for path in _visible(folder) if path.is_dir()]
    if not classes:
        raise DataError(
            f"{folder} has no sub-folders",
            "put the pictures of each class into a folder of its own",
        )
    files = [(number, file) for number, path in enumerate(classes) for file in _files(path)]
    height, width = height_width(part.size)
    pixels = torch.empty(len(files), part.channels, height, width, dtype=torch.uint8)
    for place, (_, file) in enumerate(files):
        pixels[place] = _picture(file, part.channels, height, width)
    ids = torch.tensor([number for number, _ in files])
    return Raw(Examples((pixels.float().div_(255),), ids), classes=len(classes))


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    files = _visible(folder)
    if not files:
        raise DataError(
            f"{folder} is empty", "remove the folder, or put pictures of the class into it"
        )
    return files


def _picture(path: Path, channels: int, height: int, width: int) -> torch.Tensor:
    """One picture's bytes `[channels, height, width]`."""
    from PIL import UnidentifiedImageError  # only this reader needs it

    if path.is_dir():
        raise DataError(
            f"{path} is a folder inside a class's folder", "pictures lie one level deep"
        )
    if not path.is_file():  # a pipe would never end, and a link may lead nowhere
        raise DataError(f"{path} is no file", "remove it from the folder")
    try:
        flat = _pixels(path, channels, height, width)
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not a picture", "remove it from the folder") from error
    except (DataError, PermissionError, MemoryError):
        raise
    except Exception as error:  # each of Pillow's decoders fails in its own way on broken bytes
        raise DataError(f"{path} cannot be read as a picture: {error}", "copy it again") from error
    return flat.reshape(height, width, channels).permute(2, 0, 1)


def _pixels(path: Path, channels: int, height: int, width: int) -> torch.Tensor:
    """A picture's bytes row by row: uint8 `[height · width · channels]`."""
    from PIL import Image, ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tags that are broken while the pixels are not
        with Image.open(path) as image:
            if image.mode[0] in "IF":
                raise DataError(f"{path} has more than 8 bits a pixel", "save it with 8 bits")
            upright = ImageOps.exif_transpose(image)
            # palettes with transparency lose their colours unless they pass through RGBA
            full = upright.convert("RGBA") if upright.mode in ("P", "PA") else upright
            plain = full.convert("L" if channels == 1 else "RGB")
            small = plain.resize((width, height), Image.Resampling.BILINEAR)
    return torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8)
