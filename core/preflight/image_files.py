"""The files behind a column of image paths: which may be read, and the hash of their bytes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import Problem
from core.known_hashes import KnownHashes
from core.paths import Within
from core.progress import Progress

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")


def hash_images(
    root: Path, paths: pd.Series, file: str, known: KnownHashes, progress: Progress
) -> tuple[np.ndarray, list[Problem]]:
    """((N,) sha256 of each file's bytes, "" where it may not or cannot be read; warnings by reason).

    Only regular files whose real path lies inside root are opened, and of those only what `known` is not.
    """
    hashes = np.full(len(paths), "", dtype=object)
    failed: dict[str, list[int]] = {}
    within = Within(root)
    for i, relative in enumerate(paths.fillna("").tolist()):
        if i % 200 == 0:
            progress.report(i / len(paths), f"Reading image {i + 1:,} of {len(paths):,}")
        path = within.file(relative)
        if path is None:
            failed.setdefault(_reason(root, relative), []).append(i)
            continue
        try:
            hashes[i] = known.sha256(path)
        except OSError:
            failed.setdefault("cannot be read", []).append(i)
    return hashes, [_warning(reason, rows, paths, file) for reason, rows in sorted(failed.items())]


def _reason(root: Path, relative: str) -> str:
    if not relative.strip():
        return "no path"
    if _URL.match(relative):
        return "an address or drive, not a path below the image folder"
    if ".." in relative or relative.startswith(("/", "\\")):
        return "outside the image folder"
    return "no such file in the image folder"


def _warning(reason: str, rows: list[int], paths: pd.Series, file: str) -> Problem:
    example = str(paths.iloc[rows[0]])[:80]
    found = f"image not read, {reason}: {example!r}"
    mend = "give paths relative to the folder of the images, of files below it"
    return Problem("warning", found, mend, "", file, rows[0] + 1, str(paths.name), len(rows))
