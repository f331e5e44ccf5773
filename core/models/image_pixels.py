"""Images: histograms of oriented gradients, colour histogram and the picture made small, from the pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError, upright
from core.errors import Problem, refuse
from core.media import MAX_PIXELS, media_path
from core.models._base import Embedder, Features
from core.models._reduce import reduced
from core.progress import Progress

_SIDE = 32
_CELL, _ANGLES = 4, 9
_DIMS = 300
_BINS = 4


def _fit_transform(dataset: Dataset, seed: int, progress: Progress) -> Features:
    if dataset.media_root is None:
        raise refuse("no folder of images to learn from", mend="load the data set with its images")
    count = len(dataset)
    pixels = np.zeros((count, _SIDE, _SIDE, 3), np.uint8)
    unread: list[int] = []
    why = ""
    for row in range(count):
        progress.part(0, 0.6, "reading pictures").report(row / count)
        try:
            pixels[row] = _pixels(media_path(dataset, row))
        except MediaError as error:
            why = why or str(error)
            unread.append(row)
    if len(unread) == count:
        raise refuse(f"no picture can be read: {why}", column=dataset.columns.content[0], row=1)
    values = _described(pixels, progress.part(0.6, 0.8, "describing pictures"))
    read = np.ones(count, bool)
    read[unread] = False
    values -= values[read].mean(axis=0)
    values[unread] = 0  # the mean
    out = reduced(values, _DIMS, seed, progress.part(0.8, 1))
    return Features(out, _remarks(unread, why, dataset.columns.content[0]))


def _pixels(file: Path) -> np.ndarray:
    """(32, 32, 3) uint8; a transparent picture on white. Raises MediaError."""
    from PIL import Image

    image, _ = upright(file, MAX_PIXELS, _SIDE * 4)
    if image.mode in ("LA", "RGBA"):
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.asarray(image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX))


def _described(pixels: np.ndarray, progress: Progress) -> np.ndarray:
    """(N, D) float32: gradients, colours and small picture side by side, each scaled to variance 1 in all."""
    steps = range(0, len(pixels), 500)
    parts: list[list[np.ndarray]] = [[], [], []]
    for start in steps:
        progress.report(start / len(pixels))
        block = pixels[start : start + 500].astype(np.float32) / 255
        for kept, describe in zip(parts, (_gradients, _colours, _small), strict=True):
            kept.append(describe(block))
    scaled = []
    for blocks, weight in zip(parts, _WEIGHTS, strict=True):
        values = np.concatenate(blocks)
        spread = float(np.sqrt(values.var(axis=0, dtype=np.float64).sum()))
        scaled.append(values * np.float32(weight / (spread or 1)))
    return np.hstack(scaled)


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


def _remarks(unread: list[int], why: str, column: str) -> tuple[Problem, ...]:
    if not unread:
        return ()
    found = f"pictures that cannot be read look to the model like the mean of all; the first: {why}"
    return (Problem("warning", found, row=unread[0] + 1, column=column, count=len(unread)),)


IMAGE_PIXELS = Embedder("image_pixels", "gradients, colours and pixels", "image", 1, _fit_transform)
