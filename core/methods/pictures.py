"""Pictures that are the same but for their encoding or size: small copies that almost coincide."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError, upright
from core.media import MAX_PIXELS, media_path
from core.methods.duplicates import Matches, close_within
from core.progress import Progress

if TYPE_CHECKING:
    from PIL import Image

DISTANCE = 0.01
"""1 - correlation of two small copies. At 0.01, 38 of 10,000 digits of MNIST and 2 of 10,000 of CIFAR-10
are grouped; copies of photographs at JPEG quality 30 or at half their size are."""
_SIDE = 16
_FLAT = 4.0  # standard deviation, of 255 grey levels: below, a picture is one colour and noise
_KEPT_BYTES = 64 << 20  # 87,000 pictures
_lock = threading.Lock()
_kept: dict[str, np.ndarray] = {}


def alike_pictures(dataset: Dataset, rows: np.ndarray, limit: float, progress: Progress) -> Matches:
    """Pairs of pictures whose copies of 16x16 pixels have a correlation of at least 1 - `limit`.

    Distance: 1 - correlation over all pixels and channels, so that brightness and contrast do not count.
    Pictures of one colour and those that cannot be read match nothing. Above 30,000 rows pairs are looked
    for near landmarks only, as by close_within, which may miss some. rows: sorted positions to compare.
    """
    small = _signatures(dataset, rows, progress.part(0, 0.6))
    told = rows[small[rows].any(axis=1)]
    return close_within(small, told, limit, progress.part(0.6, 1))


def on_white(file: Path, longest: int) -> Image.Image:
    """The picture upright as RGB, transparent parts white; a JPEG not much larger than `longest`.

    Raises MediaError.
    """
    from PIL import Image

    image, _ = upright(file, MAX_PIXELS, longest)
    if image.mode in ("LA", "RGBA"):
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def small_picture(file: Path, side: int) -> np.ndarray:
    """(side, side, 3) uint8; a transparent picture on white. Raises MediaError."""
    from PIL import Image

    return np.asarray(on_white(file, side * 4).resize((side, side), Image.Resampling.BOX))


def _signatures(dataset: Dataset, rows: np.ndarray, progress: Progress) -> np.ndarray:
    """(N, 768) int8 small pictures less their mean, each scaled to its largest value; zeros where there is
    nothing to compare. The last ones are kept: the baseline and then the check ask for the same."""
    asked = hashlib.sha256(rows.tobytes()).hexdigest()
    key = "" if dataset.media_hash is None else f"{dataset.media_root} {dataset.part('content')} {asked}"
    with _lock:
        if key and key in _kept:
            return _kept[key]
    made = np.zeros((len(dataset), _SIDE * _SIDE * 3), np.int8)
    for at, row in enumerate(rows.tolist()):
        progress.report(at / len(rows), "comparing pictures")
        try:
            made[row] = _signature(small_picture(media_path(dataset, row), _SIDE))
        except MediaError:
            continue  # the baseline's features and the review say which pictures cannot be read
    if key and made.nbytes <= _KEPT_BYTES:
        with _lock:
            _kept.clear()
            _kept[key] = made
    return made


def _signature(pixels: np.ndarray) -> np.ndarray:
    values = pixels.astype(np.float32).ravel()
    values -= values.mean()
    if values.std() < _FLAT:
        return np.zeros(len(values), np.int8)
    return np.rint(values * (127 / np.abs(values).max())).astype(np.int8)
