"""Images: histograms of oriented gradients, colour histogram and the picture made small, from the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError
from core.media import media_path
from core.methods.pictures import small_picture
from core.models._base import Embedder, Features
from core.models._pictures import centred, pictures_of, unread_remark
from core.models._reduce import reduced_on
from core.progress import Progress

_SIDE = 32
_CELL, _ANGLES = 4, 9
_DIMS = 300
_BINS = 4


@dataclass(frozen=True, eq=False)
class Place:
    """Where a picture lies among those that features were learnt from.

    scales: (3,) float32 of gradients, colours and small picture. mean: (D,) of the pictures that were read.
    basis: (D, d) singular vectors.
    """

    scales: np.ndarray
    mean: np.ndarray
    basis: np.ndarray

    def of(self, file: Path) -> np.ndarray:
        """(d,) float32 features of another picture. Raises MediaError."""
        block = small_picture(file, _SIDE)[None].astype(np.float32) / 255
        parts = [made(block)[0] * scale for made, scale in zip(_DESCRIBED, self.scales, strict=True)]
        return (np.concatenate(parts) - self.mean) @ self.basis


def _fit_transform(dataset: Dataset, seed: int, progress: Progress) -> Features:
    return placed_features(dataset, seed, progress)[0]


def placed_features(dataset: Dataset, seed: int, progress: Progress) -> tuple[Features, Place]:
    """The features of every row, and where another picture lies among them. Raises as FitTransform."""
    count = pictures_of(dataset)
    pixels = np.zeros((count, _SIDE, _SIDE, 3), np.uint8)
    unread: list[int] = []
    why = ""
    for row in range(count):
        progress.part(0, 0.6, "reading pictures").report(row / count)
        try:
            pixels[row] = small_picture(media_path(dataset, row), _SIDE)
        except MediaError as error:
            why = why or str(error)
            unread.append(row)
    remarks = unread_remark(dataset, unread, why)
    values, scales = _described(pixels, progress.part(0.6, 0.8, "describing pictures"))
    mean = values[np.setdiff1d(np.arange(count), unread)].mean(axis=0)
    values = centred(values, unread)
    out, basis = reduced_on(values, _DIMS, seed, progress.part(0.8, 1))
    return Features(out, remarks), Place(scales, mean, basis)


def _described(pixels: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(N, D) float32: gradients, colours and small picture side by side, each scaled to variance 1 in all;
    and the three scales."""
    steps = range(0, len(pixels), 500)
    parts: list[list[np.ndarray]] = [[], [], []]
    for start in steps:
        progress.report(start / len(pixels))
        block = pixels[start : start + 500].astype(np.float32) / 255
        for kept, describe in zip(parts, _DESCRIBED, strict=True):
            kept.append(describe(block))
    scaled, scales = [], []
    for blocks, weight in zip(parts, _WEIGHTS, strict=True):
        values = np.concatenate(blocks)
        spread = float(np.sqrt(values.var(axis=0, dtype=np.float64).sum()))
        scales.append(np.float32(weight / (spread or 1)))
        scaled.append(values * scales[-1])
    return np.hstack(scaled), np.array(scales, np.float32)


_WEIGHTS = (1.0, 0.5, 0.5)


def _gradients(block: np.ndarray) -> np.ndarray:
    """(n, D) histograms of oriented gradients: 9 unsigned angles in cells of 4x4, 2x2 cells a block.

    Source: Dalal, Triggs: Histograms of oriented gradients for human detection, CVPR 2005. The channel with
    the steepest gradient votes. Own: for 32x32 pictures scikit-image takes one picture at a time.
    """
    dy, dx = np.gradient(block, axis=(1, 2))
    steep = np.hypot(dx, dy)
    channel = steep.argmax(axis=-1)[..., None]
    size = np.take_along_axis(steep, channel, -1)[..., 0]
    angle = np.arctan2(np.take_along_axis(dy, channel, -1), np.take_along_axis(dx, channel, -1))[..., 0]
    place = (angle % np.pi) / np.pi * _ANGLES
    low = np.floor(place).astype(int)
    share = place - low
    votes = np.zeros((*size.shape, _ANGLES), np.float32)
    np.put_along_axis(votes, (low % _ANGLES)[..., None], (size * (1 - share))[..., None], -1)
    high = ((low + 1) % _ANGLES)[..., None]
    np.put_along_axis(votes, high, np.take_along_axis(votes, high, -1) + (size * share)[..., None], -1)
    cells = _SIDE // _CELL
    summed = votes.reshape(len(block), cells, _CELL, cells, _CELL, _ANGLES).sum(axis=(2, 4))
    corners = (summed[:, :-1, :-1], summed[:, 1:, :-1], summed[:, :-1, 1:], summed[:, 1:, 1:])
    blocks = np.concatenate(corners, axis=-1)
    blocks = np.minimum(blocks / (np.linalg.norm(blocks, axis=-1, keepdims=True) + 1e-3), 0.2)
    blocks /= np.linalg.norm(blocks, axis=-1, keepdims=True) + 1e-3
    return blocks.reshape(len(block), -1).astype(np.float32)


def _colours(block: np.ndarray) -> np.ndarray:
    """(n, 4 * 64) share of the pixels of each quarter in each of 4x4x4 colours, square root taken."""
    code = np.minimum((block * _BINS).astype(int), _BINS - 1) @ np.array([_BINS**2, _BINS, 1])
    half = _SIDE // 2
    quarters = code.reshape(len(block), 2, half, 2, half).transpose(0, 1, 3, 2, 4).reshape(len(block) * 4, -1)
    flat = quarters + np.arange(len(quarters))[:, None] * _BINS**3
    counts = np.bincount(flat.ravel(), minlength=len(quarters) * _BINS**3)
    return np.sqrt(counts.reshape(len(block), -1) / half**2).astype(np.float32)


def _small(block: np.ndarray) -> np.ndarray:
    """(n, 8 * 8 * 3) the picture made small."""
    return block.reshape(len(block), 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(block), -1)


_DESCRIBED = (_gradients, _colours, _small)
IMAGE_PIXELS = Embedder("image_pixels", "gradients, colours and pixels", "image", 1, _fit_transform)
