"""Decodes pictures that nobody has vetted, within a limit of pixels.

Whatever the file is, what leaves here is a picture that was decoded and encoded again: upright,
8 bits a channel, RGB or grey, transparency kept, the first frame only, without metadata.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000")
_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}
_LOSSLESS_UP_TO = 512  # small pictures are judged by the pixel
_JPEG_QUALITY = 90
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)


class MediaError(Exception):
    """A picture that cannot be shown. Its text is one sentence that says why."""


@dataclass(frozen=True)
class Picture:
    """An encoded picture. media_type: image/png or image/jpeg."""

    data: bytes
    media_type: str

    @property
    def suffix(self) -> str:
        """Of a file that holds it."""
        return next(suffix for suffix, media_type in _TYPES.items() if media_type == self.media_type)

    @property
    def address(self) -> str:
        """A data: address that holds the whole picture, so that a page needs no second request for it."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode('ascii')}"


def kept_picture(stem: Path) -> Picture | None:
    """The picture in a file of this name and the suffix of its type, None where there is none."""
    for suffix, media_type in _TYPES.items():
        try:
            return Picture(stem.with_suffix(suffix).read_bytes(), media_type)
        except FileNotFoundError:
            continue
    return None


def upright_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels as shown upright, from the file's head. Raises MediaError."""
    with _opened(path) as image:
        turned = image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
        return (image.height, image.width) if turned else image.size


def render(path: Path, longest: int, max_pixels: int) -> Picture:
    """The picture at most `longest` pixels wide and high; a smaller one keeps its size. Raises MediaError."""
    from PIL import Image

    image, whole = upright(path, max_pixels, longest)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return encode(image, lossless=max(whole) <= _LOSSLESS_UP_TO)


_MARGIN, _LEAST_SHOWN = 0.4, 24  # around a box: a share of its longer side; pixels
_LINES = (("#ffffff", 4), ("#0b5cad", 2))  # the box: a pale line under a dark one


def render_around(path: Path, box: Sequence[float], longest: int, max_pixels: int) -> Picture:
    """The part of a picture around a box, at most `longest` pixels wide and high, the box drawn on it.

    box: x, y, width, height as shares of the upright picture. Raises MediaError.
    """
    from PIL import Image, ImageDraw

    part = max(box[2], box[3], 1e-3) * (1 + 2 * _MARGIN)
    image, _ = upright(path, max_pixels, round(longest / min(part, 1.0)))
    start = [box[axis] * image.size[axis] for axis in (0, 1)]
    stop = [start[axis] + box[2 + axis] * image.size[axis] for axis in (0, 1)]
    side = max(stop[0] - start[0], stop[1] - start[1])
    margin = max(_MARGIN * side, (_LEAST_SHOWN - side) / 2)
    first = [int(_within(start[a] - margin, 0, image.size[a] - 1)) for a in (0, 1)]
    last = [int(_within(stop[a] + margin, first[a] + 1, image.size[a])) for a in (0, 1)]
    cut = image.crop((first[0], first[1], last[0], last[1]))
    scale = longest / max(cut.size)
    how = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    cut = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))), how)
    cut = cut.convert("RGBA" if cut.mode in ("LA", "RGBA") else "RGB")
    x, y = (
        sorted(_within((place[a] - first[a]) * scale, -9, longest + 9) for place in (start, stop))
        for a in (0, 1)
    )
    for colour, line in _LINES:
        around = (x[0] - line / 2, y[0] - line / 2, x[1] + line / 2, y[1] + line / 2)
        ImageDraw.Draw(cut).rectangle(around, outline=colour, width=line)
    return encode(cut)


def _within(value: float, least: float, most: float) -> float:
    return max(least, min(value, most))


def upright(path: Path, max_pixels: int, longest: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """(the decoded picture, the size that its file has), turned upright, as L, LA, RGB or RGBA.

    longest: what it will be made small to, so that a JPEG can be decoded to 1/2, 1/4 or 1/8 of its size.
    Raises MediaError for a file that cannot be read or has more than max_pixels.
    """
    from PIL import ImageOps

    try:
        with _opened(path) as image:
            whole = image.size
            if whole[0] * whole[1] > max_pixels:
                found = f"{whole[0] * whole[1] / 1e6:,.0f} megapixels; {max_pixels // 10**6} is the limit"
                raise MediaError(f"The picture has {found}.")
            if longest is not None:
                image.draft(None, (longest, longest))
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _eight_bit(image), whole
    # Pillow's decoders raise all of these for damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, ZeroDivisionError, MemoryError) as error:
        raise MediaError(f"The picture cannot be read: {_reason(error)}.") from error


def indices(path: Path, max_pixels: int) -> np.ndarray:
    """(H, W) uint8: the number that a PNG has for each pixel, of a palette its place there: a mask.

    Raises MediaError for another format, for colours, and for numbers above 255.
    """
    import numpy as np

    try:
        with _opened(path) as image:
            if image.format != "PNG":
                raise MediaError(f"A mask is a PNG, since others change its numbers; this is {image.format}.")
            if image.width * image.height > max_pixels:
                raise MediaError(f"The mask has {image.width * image.height / 1e6:,.0f} megapixels.")
            if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
                raise MediaError(f"The mask has colours ({image.mode}), not one number for each pixel.")
            values = np.asarray(image)
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, ZeroDivisionError, MemoryError) as error:
        raise MediaError(f"The mask cannot be read: {_reason(error)}.") from error
    if values.dtype != np.uint8 and values.size and (values.max() > 255 or values.min() < 0):
        raise MediaError(f"The mask has the number {values.max():,}; 254 is the last class.")
    return values.astype(np.uint8, copy=False)


def shown_size(path: Path) -> tuple[int, int]:
    """As `upright_size`, but a PNG that says nothing of its orientation at its head is not decoded."""
    with _opened(path) as image:
        if image.format == "PNG" and "exif" not in image.info:
            return image.size
    return upright_size(path)


def encode(image: Image.Image, lossless: bool = False) -> Picture:
    """Without metadata; as PNG where asked for or where it is transparent."""
    out = io.BytesIO()
    clean = image.copy()
    clean.info = {}
    if lossless or image.mode in ("LA", "RGBA"):
        clean.save(out, "PNG", compress_level=3)
        return Picture(out.getvalue(), "image/png")
    clean.save(out, "JPEG", quality=_JPEG_QUALITY)
    return Picture(out.getvalue(), "image/jpeg")


@cache
def _rely_on_our_limits() -> None:
    """Pillow warns of large pictures, into the log; how large is too large is said here instead."""
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def _opened(path: Path) -> Image.Image:
    """Open a picture's head; nothing is decoded yet. Raises MediaError."""
    from PIL import Image, UnidentifiedImageError

    _rely_on_our_limits()
    try:
        return Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise MediaError("The picture is too large: it has more than 178 megapixels.") from error
    except UnidentifiedImageError as error:
        raise MediaError("The file is not a picture of a known format.") from error


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture as L, LA, RGB or RGBA with 8 bits a channel."""
    from PIL import Image

    if image.mode in ("L", "RGB", "RGBA", "LA"):
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        import numpy as np

        return Image.fromarray(_stretched(np.asarray(image), image.mode))
    if image.mode == "1":
        return image.convert("L")
    transparent = image.mode in ("PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _stretched(values: np.ndarray, mode: str) -> np.ndarray:
    """(H, W) uint8: 16 bits keep their scale, since clipping would show white; other ranges are stretched."""
    import numpy as np

    values = values.astype(np.float64)
    if mode == "F" or values.min(initial=0) < 0 or values.max(initial=0) > 65_535:
        finite = np.nan_to_num(values, posinf=0, neginf=0)
        low, high = float(finite.min()), float(finite.max())
        return ((finite - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    return (values / 257).astype(np.uint8)


def _reason(error: Exception) -> str:
    """Pillow's own words, without a file name and without what a page should not show."""
    if isinstance(error, MemoryError):
        return "it needs more memory than it may use"
    text = str(error).split("\n")[0]
    return "the file is damaged" if not text or "/" in text or len(text) > 80 else text
