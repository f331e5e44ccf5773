"""Pictures with masks, a model's masks, and faults that were planted in the given ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, label

KINDS = ("swapped", "shifted", "missing", "extra", "other picture")
CLASSES = 6


@dataclass(frozen=True, eq=False)
class Planted:
    """given, predicted: (H, W) uint8. confidence: (H, W) uint8 of the predicted class. kind: KINDS or ""."""

    given: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray
    kind: str


@dataclass(frozen=True, eq=False)
class _Scene:
    behind: np.ndarray  # grounds of three classes
    objects: list[tuple[np.ndarray, int]]

    @property
    def mask(self) -> np.ndarray:
        made = self.behind.copy()
        for where, code in self.objects:
            made[where] = code
        return made


def planted(pictures: int, side: int, seed: int, share: float = 0.2) -> Iterator[Planted]:
    """A fifth of the pictures have one fault each, its kind drawn evenly.

    Borders of both masks are moved smoothly, the model's by twice as much. The model itself is wrong in a
    blob of a fifth of the pictures, and sure of it in a quarter of those; near borders it is unsure.
    """
    rng = np.random.default_rng(seed)
    last = _scene(rng, side)
    for _ in range(pictures):
        scene = _scene(rng, side)
        kind = str(rng.choice(KINDS)) if rng.random() < share else ""
        given = _moved(_with_fault(scene, last, kind, rng), rng, side / 400)
        predicted, confidence = _model(scene, rng, side)
        yield Planted(given, predicted, confidence, kind)
        last = scene


def _scene(rng: np.random.Generator, side: int) -> _Scene:
    rows, columns = np.mgrid[:side, :side]
    seeds = rng.random((7, 2)) * side
    nearest = np.argmin([(rows - y) ** 2 + (columns - x) ** 2 for y, x in seeds], axis=0)
    behind = rng.integers(0, 3, 7).astype(np.uint8)[nearest]
    objects = []
    for _ in range(rng.integers(2, 6)):
        objects.append((_ellipse(rng, side), int(rng.integers(3, CLASSES))))
    return _Scene(behind, objects)


def _ellipse(rng: np.random.Generator, side: int) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    y, x = rng.random(2) * side
    a, b = side * (0.03 + 0.12 * rng.random(2))
    inside: np.ndarray = ((rows - y) / a) ** 2 + ((columns - x) / b) ** 2 <= 1
    return inside


def _moved(mask: np.ndarray, rng: np.random.Generator, by: float) -> np.ndarray:
    """Borders moved smoothly, `by` pixels in the root mean square."""
    side = mask.shape[0]
    shift = np.stack([gaussian_filter(rng.normal(size=mask.shape), side / 32, mode="wrap") for _ in range(2)])
    shift *= by / shift.std()
    rows, columns = np.mgrid[:side, :side] + shift
    return mask[np.rint(rows).clip(0, side - 1).astype(int), np.rint(columns).clip(0, side - 1).astype(int)]


def _model(scene: _Scene, rng: np.random.Generator, side: int) -> tuple[np.ndarray, np.ndarray]:
    found = _moved(scene.mask, rng, side / 200)
    borders = np.zeros(found.shape, bool)
    borders[1:] |= found[1:] != found[:-1]
    borders[:, 1:] |= found[:, 1:] != found[:, :-1]
    far = distance_transform_edt(~borders)
    sure = 0.5 + 0.48 * (1 - np.exp(-far / (side / 100))) + rng.normal(0, 0.01, found.shape)
    if rng.random() < 0.2:
        blob = _ellipse(rng, side)
        found = np.where(blob, rng.integers(0, CLASSES), found).astype(np.uint8)
        sure = np.where(blob, 0.95 if rng.random() < 0.25 else 0.45 + 0.25 * rng.random(), sure)
    return found, (255 * sure.clip(0.2, 1)).astype(np.uint8)


def _with_fault(scene: _Scene, other: _Scene, kind: str, rng: np.random.Generator) -> np.ndarray:
    mask, side = scene.mask, len(scene.behind)
    if kind == "other picture":
        return other.mask
    if kind == "shifted":
        by = rng.integers(side // 32, side // 10, 2) * rng.choice([-1, 1], 2)
        return np.roll(mask, tuple(by), (0, 1))
    if kind == "extra":
        mask[_ellipse(rng, side)] = rng.integers(3, CLASSES)
    if kind == "missing":
        seen = [i for i, (where, _) in enumerate(scene.objects) if where.any()]
        left = int(rng.choice(seen)) if seen else -1
        return _Scene(scene.behind, [o for i, o in enumerate(scene.objects) if i != left]).mask
    if kind == "swapped":
        areas, count = label(mask == rng.choice(np.unique(mask)))
        where = areas == rng.integers(1, count + 1)
        mask[where] = (mask[where][0] + rng.integers(1, CLASSES)) % CLASSES
    return mask
