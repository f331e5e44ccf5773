"""Pictures for the browser, made from files that nobody has vetted.

Whatever the file is, what leaves here is a picture that was decoded and encoded again: upright,
8 bits a channel, RGB or grey, transparency kept, the first frame only, without metadata.
"""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.paths import inside

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 64_000_000
"""A picture of more pixels is not decoded. 64 megapixels take 256 MB as RGBA."""
SIZES = {"thumb": 160, "full": 1600}
"""The longest side of each size, in pixels. Smaller pictures keep their size."""
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000")
_LOSSLESS_UP_TO = 512  # small pictures are judged by the pixel
_JPEG_QUALITY = 90


class MediaError(Exception):
    """A picture that cannot be shown. Its text is one sentence that says why."""


@dataclass(frozen=True)
class Picture:
    """An encoded picture. media_type: image/png or image/jpeg."""

    data: bytes
    media_type: str


def picture(dataset: Dataset, position: int, size: str = "full") -> Picture:
    """The picture of one row, at most SIZES[size] pixels wide and high. Raises MediaError."""
    return _render(media_path(dataset, position), SIZES[size])


def thumbnail(dataset: Dataset, position: int, cache_dir: Path) -> Picture:
    """The row's picture in size "thumb", kept on disk by the file's content. Raises MediaError."""
    digest = "" if dataset.media_hash is None else str(dataset.media_hash[position])
    if not digest:
        return picture(dataset, position, "thumb")
    stem = cache_dir / "thumbs" / digest[:2] / f"{digest}-{SIZES['thumb']}"
    for suffix, media_type in ((".png", "image/png"), (".jpg", "image/jpeg")):
        kept = stem.with_suffix(suffix)
        if kept.exists():
            return Picture(kept.read_bytes(), media_type)
    made = picture(dataset, position, "thumb")
    _write(stem.with_suffix(".png" if made.media_type == "image/png" else ".jpg"), made.data)
    return made


def placeholder() -> Picture:
    """A neutral picture for a thumbnail that cannot be made: a grey ground with a cross."""
    from PIL import Image, ImageDraw

    side = SIZES["thumb"]
    image = Image.new("L", (side, side), 200)
    draw = ImageDraw.Draw(image)
    for line in ((40, 40, side - 40, side - 40), (40, side - 40, side - 40, 40)):
        draw.line(line, fill=110, width=6)
    return _encode(image, lossless=True)


def media_path(dataset: Dataset, position: int) -> Path:
    """The regular file inside the media root that a row's picture lies in. Raises MediaError."""
    columns = dataset.columns
    if columns.kind != "image" or dataset.media_root is None:
        raise MediaError("This data set has no pictures.")
    value = dataset.table[columns.content[0]].iloc[position]
    if not isinstance(value, str) or not value:
        raise MediaError("The row names no picture.")
    path = inside(dataset.media_root, value)
    if path is None:
        raise MediaError("The picture's path is missing or leads outside the data folder.")
    return path


def picture_size(dataset: Dataset, position: int) -> tuple[int, int] | None:
    """(width, height) in pixels as shown upright, read from the file's head; None if it cannot be shown."""
    try:
        with _opened(media_path(dataset, position)) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (image.height, image.width) if turned else image.size
    except (MediaError, OSError, ValueError, SyntaxError):
        return None


def _render(path: Path, longest: int) -> Picture:
    from PIL import Image, ImageOps

    try:
        with _opened(path) as image:
            # JPEG decodes straight to 1/2, 1/4 or 1/8 of its size.
            whole = image.size
            image.draft(None, (longest, longest))
            if image.width * image.height > MAX_PIXELS:
                millions = image.width * image.height / 1e6
                raise MediaError(
                    f"The picture has {millions:,.0f} megapixels; {MAX_PIXELS // 10**6} is the limit."
                )
            image.load()
            small = max(whole) <= _LOSSLESS_UP_TO
            shown = _eight_bit(ImageOps.exif_transpose(image))
            shown.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            return _encode(shown, lossless=small or shown.mode in ("LA", "RGBA"))
    # Pillow's decoders raise all of these for damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, ZeroDivisionError, MemoryError) as error:
        raise MediaError(f"The picture cannot be read: {_reason(error)}.") from error


def _opened(path: Path) -> Image.Image:
    """Open a picture's head; nothing is decoded yet. Raises MediaError."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise MediaError(
            f"The picture is too large: {MAX_PIXELS // 10**6} megapixels is the limit."
        ) from error
    except UnidentifiedImageError as error:
        raise MediaError("The file is not a picture of a known format.") from error


def _eight_bit(image: Image.Image) -> Image.Image:
    """The picture as L, LA, RGB or RGBA with 8 bits a channel."""
    from PIL import Image

    if image.mode in ("L", "RGB", "RGBA", "LA"):
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_stretched(np.asarray(image), image.mode))
    if image.mode == "1":
        return image.convert("L")
    transparent = image.mode in ("PA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _stretched(values: np.ndarray, mode: str) -> np.ndarray:
    """(H, W) uint8: 16 bits keep their scale, since clipping would show white; other ranges are stretched."""
    values = values.astype(np.float64)
    if mode == "F" or values.min(initial=0) < 0 or values.max(initial=0) > 65_535:
        finite = np.nan_to_num(values, posinf=0, neginf=0)
        low, high = float(finite.min()), float(finite.max())
        return ((finite - low) * (255 / ((high - low) or 1))).astype(np.uint8)
    return (values / 257).astype(np.uint8)


def _encode(image: Image.Image, lossless: bool) -> Picture:
    out = io.BytesIO()
    clean = image.copy()
    clean.info = {}
    if lossless:
        clean.save(out, "PNG", compress_level=3)
        return Picture(out.getvalue(), "image/png")
    clean.save(out, "JPEG", quality=_JPEG_QUALITY)
    return Picture(out.getvalue(), "image/jpeg")


def _reason(error: Exception) -> str:
    """Pillow's own words, without a file name and without what a page should not show."""
    text = str(error).split("\n")[0]
    return "the file is damaged" if not text or "/" in text or len(text) > 80 else text


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
