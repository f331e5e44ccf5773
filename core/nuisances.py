"""Properties of rows that should say nothing of their class: of texts, of pictures, and other columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.dataset import Dataset
from core.decoding import MediaError
from core.media import is_large, media_path, picture_size
from core.methods.duplicates import contents
from core.methods.pictures import on_white
from core.methods.shortcuts import (
    MOST_ROWS,
    SEED,
    Property,
    picture_numbers,
    text_properties,
    texture,
)
from core.methods.systematic import SliceColumn, plain
from core.progress import Progress

_SIDE = 64
_CROP = 32  # pixels of the picture's middle, at full size: made smaller, its texture would be lost
_LONGEST = 4096


@dataclass(frozen=True, eq=False)
class Nuisances:
    """Of the rows in `rows`, (M,) positions: properties with M values each, and (M, 48) textures, NaN where a
    picture cannot be read; None where there are no pictures."""

    rows: np.ndarray
    properties: list[Property]
    textures: np.ndarray | None


def nuisances(dataset: Dataset, columns: Sequence[SliceColumn], progress: Progress) -> Nuisances:
    """What could foretell the label by mistake, of at most MOST_ROWS labelled rows (seeded).

    columns: the slice columns; those of clusters are left out, since clusters may well foretell the label.
    """
    rows = np.flatnonzero(dataset.labels >= 0)
    if len(rows) > MOST_ROWS:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, MOST_ROWS, replace=False))
    found = []
    for column in columns:
        if column.param != "cluster":
            codes, _ = column.codes()
            values = np.where(codes[rows] >= 0, codes[rows].astype(np.float64), np.nan)
            found.append(Property(f"{plain(column.name)}", values))
    textures = None
    if dataset.columns.kind == "text":
        some = contents_of(dataset, rows)
        found += text_properties(some)
    elif dataset.columns.kind == "image" and dataset.media_root is not None:
        pictures, textures = _of_pictures(dataset, rows, progress)
        found += pictures
    return Nuisances(rows, found, textures)


def contents_of(dataset: Dataset, rows: np.ndarray) -> list[str]:
    """The content of these rows as text."""
    from dataclasses import replace

    return contents(replace(dataset, table=dataset.table.iloc[rows], labels=dataset.labels[rows]))


def _of_pictures(dataset: Dataset, rows: np.ndarray, progress: Progress) -> tuple[list[Property], np.ndarray]:
    numbers: dict[str, np.ndarray] = {}
    kinds: list[str] = []
    middle = np.full((len(rows), _CROP, _CROP), np.nan, dtype=np.float32)
    for at, row in enumerate(rows.tolist()):
        progress.report(at / len(rows), "looking at pictures")
        kind = ""
        try:
            one = _picture(dataset, row)
        except MediaError:
            one = None  # what cannot be read, Evidence and the review say
        if one is not None:
            small, middle[at], size, kind = one
            for name, value in picture_numbers(small, size).items():
                numbers.setdefault(name, np.full(len(rows), np.nan))[at] = value
        kinds.append(kind)
    found = [Property(name, values) for name, values in numbers.items()]
    names = sorted({k for k in kinds if k})
    codes = np.array([names.index(k) if k else np.nan for k in kinds], dtype=np.float64)
    found.append(Property("the kind of file", codes))
    features = texture(middle)
    features[np.isnan(middle).any(axis=(1, 2))] = np.nan
    return found, features


def _picture(dataset: Dataset, row: int) -> tuple[np.ndarray, np.ndarray, tuple[int, int], str] | None:
    """(small RGB copy, its grey middle at full size, size, suffix); None for a very large picture."""
    from PIL import Image

    if is_large(dataset, row):
        return None
    file = media_path(dataset, row)
    image = on_white(file, _LONGEST)
    size = picture_size(dataset, row) or image.size
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    left, top = (image.width - _CROP) // 2, (image.height - _CROP) // 2
    if left < 0 or top < 0:
        image, left, top = image.resize((_CROP, _CROP)), 0, 0
    crop = image.crop((left, top, left + _CROP, top + _CROP)).convert("L")
    return small, np.asarray(crop, dtype=np.float32), size, file.suffix.lower().replace("jpeg", "jpg")
