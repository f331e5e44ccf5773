"""Pictures of a data set's rows, for the browser."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np

from core import large_pictures
from core.dataset import Dataset
from core.decoding import MediaError, Picture, encode, kept_picture, render, render_around, upright_size
from core.paths import inside

MAX_PIXELS = 64_000_000
"""A picture of more pixels is not decoded in this process. 64 megapixels take 256 MB."""
_SIZES_KEPT = 1_000_000
_sizes: dict[str, tuple[int, int]] = {}
"""By the digest of a file's bytes. A PNG has to be decoded to learn which way is up."""
SIZES = {"thumb": 160, "full": large_pictures.PREVIEW}
"""The longest side of each size, in pixels. Smaller pictures keep their size."""
_AROUND = 480


def picture(dataset: Dataset, position: int, size: str = "full") -> Picture:
    """The picture of one row, at most SIZES[size] pixels wide and high. Raises MediaError."""
    path = media_path(dataset, position)
    if is_large(dataset, position):
        return large_pictures.rendered(path, SIZES[size])
    return render(path, SIZES[size], MAX_PIXELS)


def is_large(dataset: Dataset, position: int) -> bool:
    """Whether the picture is decoded in a process of its own, which takes seconds."""
    size = picture_size(dataset, position)
    return size is not None and size[0] * size[1] > MAX_PIXELS


def thumbnail(dataset: Dataset, position: int, cache_dir: Path) -> Picture:
    """The row's picture in size "thumb", kept on disk by what it shows. Raises MediaError.

    Where the row is a box: the part of the picture around it, with the box drawn.
    """
    stem = _thumbnail_stem(dataset, position, cache_dir)
    kept = None if stem is None else kept_picture(stem)
    if kept is None:
        kept = around(dataset, position, "thumb")
        if stem is not None:
            _write(stem.with_suffix(kept.suffix), kept.data)
    return kept


def _thumbnail_stem(dataset: Dataset, position: int, cache_dir: Path) -> Path | None:
    """The kept thumbnail's path without its suffix, None where nothing is known of the file's content."""
    digest = shown_digest(dataset, position)
    return cache_dir / "thumbs" / digest[:2] / f"{digest}-{SIZES['thumb']}" if digest else None


def shown_digest(dataset: Dataset, position: int) -> str:
    """What a row's thumbnail shows: a digest of its file and, where it is one, its box; "" for no file."""
    digest, boxes = _digest(dataset, position), dataset.boxes
    if not digest or boxes is None:
        return digest
    return hashlib.sha256(f"{digest} {boxes.shares} {boxes.values[position].tolist()}".encode()).hexdigest()


def around(dataset: Dataset, position: int, size: str = "full") -> Picture:
    """The part of a row's picture around its box, the box drawn on it, at most _AROUND pixels wide and high.

    As `picture`, where the row is no box or the picture is very large. Raises MediaError.
    """
    pixels, boxes = picture_size(dataset, position), dataset.boxes
    box = None if boxes is None else boxes.in_shares(boxes.values[position], pixels)
    if box is None or not np.isfinite(box).all() or is_large(dataset, position):
        return picture(dataset, position, size)
    return render_around(media_path(dataset, position), box.tolist(), min(SIZES[size], _AROUND), MAX_PIXELS)


def placeholder() -> Picture:
    """A neutral picture for a thumbnail that cannot be made: a grey ground with a cross."""
    from PIL import Image, ImageDraw

    side = SIZES["thumb"]
    image = Image.new("L", (side, side), 200)
    draw = ImageDraw.Draw(image)
    for line in ((40, 40, side - 40, side - 40), (40, side - 40, side - 40, 40)):
        draw.line(line, fill=110, width=6)
    return encode(image, lossless=True)


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
    digest = _digest(dataset, position)
    if digest in _sizes:
        return _sizes[digest]
    try:
        size = upright_size(media_path(dataset, position))
    except (MediaError, OSError, ValueError, SyntaxError):
        return None
    if digest and len(_sizes) < _SIZES_KEPT:
        _sizes[digest] = size
    return size


def tile_side(size: tuple[int, int] | None) -> int | None:
    """The side of the tiles of a picture of this size; None where its large view shows every pixel anyway."""
    if size is None or max(size) <= SIZES["full"] or size[0] * size[1] > large_pictures.MAX_PIXELS:
        return None
    return large_pictures.TILE


def tile(dataset: Dataset, position: int, cache_dir: Path, level: int, x: int, y: int) -> Picture:
    """A part of a row's picture; see large_pictures.tile. Raises MediaError."""
    path, digest = media_path(dataset, position), _digest(dataset, position)
    return large_pictures.tile(path, digest, cache_dir, level, x, y)


def takes_seconds(dataset: Dataset, position: int, size: str, cache_dir: Path) -> bool:
    """Whether another process must decode the picture before it can be shown in this size."""
    if size == "tile":
        path, digest = media_path(dataset, position), _digest(dataset, position)
        return not large_pictures.is_cut(path, digest, cache_dir)
    stem = _thumbnail_stem(dataset, position, cache_dir) if size == "thumb" else None
    return is_large(dataset, position) and (stem is None or kept_picture(stem) is None)


def _digest(dataset: Dataset, position: int) -> str:
    return "" if dataset.media_hash is None else str(dataset.media_hash[position])


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    with os.fdopen(handle, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
