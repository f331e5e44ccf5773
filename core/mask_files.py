"""Reads the masks of one row at a time: nothing of a data set is loaded whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.decoding import MediaError, indices
from core.masks import Masks
from core.media import MAX_PIXELS
from core.paths import inside


@dataclass(frozen=True, eq=False)
class Said:
    """What a model says of one picture.

    mask: (H, W) uint8. confidence: (H, W) uint8 of the class in the mask, 255 = 1; None: not known.
    probs: (K, H, W), where the model gave each class its own.
    """

    mask: np.ndarray
    confidence: np.ndarray | None = None
    probs: np.ndarray | None = None


def given_mask(masks: Masks, position: int) -> np.ndarray:
    """(H, W) uint8 of the row's given mask. Raises MediaError where there is none or it cannot be read."""
    return _read(masks.root, masks.rows["given"].iloc[position])


class Model:
    """The predicted masks of a data set. The file of probabilities, where there is one, stays mapped."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self._probs = None if masks.probs is None else open_probs(masks.probs)

    def says(self, position: int) -> Said | None:
        """What the model says of a row, None where it says nothing. Raises MediaError."""
        rows = self._masks.rows
        if self._probs is not None:
            number = int(rows["number"].iloc[position])
            return None if number < 0 else _likeliest(np.asarray(self._probs[number]))
        path = rows["predicted"].iloc[position]
        if not path:
            return None
        mask = _read(self._masks.predicted_root, path)
        confidence = rows["confidence"].iloc[position]
        if not confidence:
            return Said(mask)
        values = _read(self._masks.predicted_root, confidence)
        if values.shape != mask.shape:
            raise MediaError(
                f"The confidences have {_size(values)} pixels, the predicted mask {_size(mask)}."
            )
        return Said(mask, values)


def open_probs(path: Path) -> np.ndarray:
    """The (N, K, H, W) array of a .npy file, memory-mapped, or the only one of a .npz, which is read whole.

    Raises ValueError for anything else.
    """
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    if isinstance(found, np.lib.npyio.NpzFile):
        with found:
            if len(found.files) != 1:
                raise ValueError(f"{len(found.files)} arrays instead of one")
            found = found[found.files[0]]
    if found.ndim != 4 or found.dtype.kind != "f" or not 0 < found.shape[1] <= 255:
        raise ValueError(f"an array of {found.dtype} with the shape {found.shape}")
    return found


def _likeliest(probs: np.ndarray) -> Said:
    mask = probs.argmax(axis=0)
    top = np.take_along_axis(probs, mask[None], axis=0)[0]
    confidence = np.rint(255 * np.nan_to_num(top).clip(0, 1)).astype(np.uint8)
    return Said(mask.astype(np.uint8), confidence, probs)


def _read(root: Path, relative: str) -> np.ndarray:
    path = inside(root, relative)
    if path is None:
        raise MediaError("The mask's path is missing or leads outside the data folder.")
    return indices(path, MAX_PIXELS)


def _size(values: np.ndarray) -> str:
    return f"{values.shape[1]:,} x {values.shape[0]:,}"
