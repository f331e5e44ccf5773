"""Small pictures with masks, given and predicted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from core.dataset import Dataset
from core.loading import Plan, Prepared, prepare, read_table
from core.preflight.columns import guess_columns

SIDE = 40
NAMES = ("road", "pavement", "car")


def scene(number: int) -> np.ndarray:
    """(SIDE, SIDE): road above, pavement below, a car whose place says which picture it is."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[20 + number % 7 :] = 1
    mask[3 : 11 + number % 5, 2 + number % 20 : 12 + number % 20] = 2
    return mask


def write_png(path: Path, values: np.ndarray) -> None:
    """A PNG of these very numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def mask_folder(root: Path, rows: int, confident: bool = True) -> Path:
    """Pictures with masks that the model agrees with, wholly."""
    rng = np.random.default_rng(0)
    for i in range(rows):
        write_png(root / "images" / f"{i:03}.png", rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
        write_png(root / "masks" / f"{i:03}.png", scene(i))
        write_png(root / "predictions" / f"{i:03}.png", scene(i))
        if confident:
            write_png(root / "confidences" / f"{i:03}.png", np.full((SIDE, SIDE), 242, np.uint8))
    (root / "classes.txt").write_text("\n".join(NAMES))
    return root


def prepared(root: Path, **plan: object) -> Prepared:
    """The folder or file, checked as it is when somebody loads it."""
    raw = read_table(root)
    return prepare(raw, Plan("masks", guess_columns(raw), **plan))  # type: ignore[arg-type]


def loaded(root: Path, **plan: object) -> Dataset:
    """Its data set."""
    made = prepared(root, **plan)
    assert made.ok and made.dataset is not None, made.problems
    return made.dataset
