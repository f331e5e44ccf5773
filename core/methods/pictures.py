"""Pictures of a data set, each file read once: what they show, and which are the same but for encoding."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError, upright, upright_size
from core.media import MAX_PIXELS, media_path
from core.methods.duplicates import Matches, close_within
from core.methods.picture_facts import FACTS, SIDE, measure
from core.progress import Progress

if TYPE_CHECKING:
    from PIL import Image

DISTANCE = 0.01
"""1 - correlation of two small copies. At 0.01, 38 of 10,000 digits of MNIST and 2 of 10,000 of CIFAR-10
are grouped; copies of photographs at JPEG quality 30 or at half their size are."""
_SIDE = 16
_FLAT = 4.0  # standard deviation, of 255 grey levels: below, a picture is one colour and noise
_KEPT_BYTES = 64 << 20  # 79,000 pictures
_AT_ONCE = 4  # pictures
_LOOK_S = 0.2
_THREADS = min(4, os.cpu_count() or 1)  # each may hold a picture of 64 megapixels
_lock = threading.Lock()
_kept: dict[str, Read] = {}


@dataclass(frozen=True, eq=False)
class Read:
    """What was read of the pictures of a data set, each file opened once.

    signatures: (N, 768) int8 small pictures of 16x16 less their mean, each scaled to its largest value; zeros
    where there is nothing to compare. facts: (N,) of core.methods.picture_facts.FACTS. unread: by position,
    why a picture cannot be opened, as a sentence.
    """

    signatures: np.ndarray
    facts: np.ndarray
    unread: dict[int, str]


def alike_pictures(dataset: Dataset, rows: np.ndarray, limit: float, progress: Progress) -> Matches:
    """Pairs of pictures whose copies of 16x16 pixels have a correlation of at least 1 - `limit`.

    Distance: 1 - correlation over all pixels and channels, so that brightness and contrast do not count.
    Pictures of one colour and those that cannot be read match nothing. Above 30,000 rows pairs are looked
    for near landmarks only, as by close_within, which may miss some. rows: sorted positions to compare.
    """
    small = read_pictures(dataset, rows, progress.part(0, 0.6)).signatures
    told = rows[small[rows].any(axis=1)]
    return close_within(small, told, limit, progress.part(0.6, 1))


def on_white(file: Path, longest: int) -> Image.Image:
    """The picture upright as RGB, transparent parts white; a JPEG not much larger than `longest`.

    Raises MediaError.
    """
    return _on_white(file, longest)[0]


def small_picture(file: Path, side: int) -> np.ndarray:
    """(side, side, 3) uint8; a transparent picture on white. Raises MediaError."""
    from PIL import Image

    return np.asarray(on_white(file, side * 4).resize((side, side), Image.Resampling.BOX))


def read_pictures(dataset: Dataset, rows: np.ndarray, progress: Progress) -> Read:
    """Decode these rows' pictures, several at a time. rows: sorted positions; the others stay 0.

    The last that was read is kept, up to 64 MB of it: the baseline, the duplicates and the quality check ask
    for the same.
    """
    asked = hashlib.sha256(rows.tobytes()).hexdigest()
    key = "" if dataset.media_hash is None else f"{dataset.media_root} {dataset.part('content')} {asked}"
    with _lock:
        if key and key in _kept:
            return _kept[key]
    made = Read(np.zeros((len(dataset), _SIDE * _SIDE * 3), np.int8), np.zeros(len(dataset), FACTS), {})
    _in_threads(dataset, rows, made, progress)
    if key and made.signatures.nbytes + made.facts.nbytes <= _KEPT_BYTES:
        with _lock:
            _kept.clear()
            _kept[key] = made
    return made


def _in_threads(dataset: Dataset, rows: np.ndarray, made: Read, progress: Progress) -> None:
    """Several at a time: Pillow decodes without Python's lock. Cancel waits for the pictures begun."""
    pool = ThreadPoolExecutor(_THREADS, "pictures")
    begun: list[Future[None]] = []
    try:
        for start in range(0, len(rows), _AT_ONCE):
            progress.report(start / len(rows), "reading pictures")
            begun.append(pool.submit(_read, dataset, rows[start : start + _AT_ONCE].tolist(), made, progress))
            while len(begun) > 2 * _THREADS or (begun and start + _AT_ONCE >= len(rows)):
                wait(begun[:1], _LOOK_S)
                progress.report(start / len(rows), "reading pictures")
                if begun[0].done():
                    begun.pop(0).result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read(dataset: Dataset, rows: list[int], made: Read, progress: Progress) -> None:
    from PIL import Image

    for row in rows:
        if progress.cancelled:
            return
        try:
            file = media_path(dataset, row)
            image, size = _on_white(file, SIDE)
        except MediaError as error:
            if not _is_too_large(dataset, row, made.facts):
                made.unread[row] = str(error)
            continue
        small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX)
        made.signatures[row] = _signature(np.asarray(small))
        made.facts[row] = measure(image, size)


def _is_too_large(dataset: Dataset, row: int, facts: np.ndarray) -> bool:
    """Whether a picture that was refused is whole as far as its head says, but too large to decode here."""
    try:
        width, height = upright_size(media_path(dataset, row))
    except (MediaError, OSError, ValueError, SyntaxError):
        return False
    if width * height <= MAX_PIXELS:
        return False
    facts[row]["too_large"], facts[row]["width"], facts[row]["height"] = True, width, height
    return True


def _on_white(file: Path, longest: int) -> tuple[Image.Image, tuple[int, int]]:
    """`on_white`, and the size that the file has."""
    from PIL import Image

    image, size = upright(file, MAX_PIXELS, longest)
    if image.mode in ("LA", "RGBA"):
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB"), size


def _signature(pixels: np.ndarray) -> np.ndarray:
    values = pixels.astype(np.float32).ravel()
    values -= values.mean()
    if values.std() < _FLAT:
        return np.zeros(len(values), np.int8)
    return np.rint(values * (127 / np.abs(values).max())).astype(np.int8)
