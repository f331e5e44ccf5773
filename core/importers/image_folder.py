"""A folder of images: class/file or split/class/file, or with Hugging Face's metadata.csv or .jsonl."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from core.errors import refuse
from core.importers import mask_folder, split_files, yolo
from core.importers._base import ImportFormat
from core.importers._folders import METADATA, SPLITS, Walk, folders
from core.importers._metadata import join, only_table
from core.importers._tools import tool_of
from core.progress import Progress
from core.source import RawTable, Source, file_sha256


def sniff(path: Path, head: bytes) -> bool:
    """Any folder that is not laid out as another format."""
    others = (yolo.sniff, mask_folder.sniff, split_files.sniff)
    return path.is_dir() and tool_of(path, head) is None and not any(other(path, head) for other in others)


def read(path: Path, progress: Progress) -> RawTable:
    """Columns path, label and, where every top folder is named as a split, split.

    path is relative to the folder, with "/". label is the name of the class folder as it is; images
    outside any class folder have none. Hidden and system files are left out, links that lead out of
    the folder are not followed. Layout: classes (every class folder, sorted), splits (bool).

    With one metadata file that holds the labels, at the top, its table is the data set, and it is the source.
    With several, or where the class folders hold the labels, their columns are joined to the images.
    Images without a row and rows without an image are told.
    """
    walk = Walk(path)
    files = list(walk.images(progress))
    if not files:
        expected = "images in one folder for each class"
        raise refuse("no images in this folder", file=path.name, expected=expected)
    frame, splits, classes = _by_folder(path, files)
    problems = walk.problems()
    layout: dict[str, object] = {"classes": classes, "splits": splits}
    digest = hashlib.sha256("\n".join(files).encode())
    if walk.metadata:
        alone = only_table(path, walk.metadata, files, bool(classes), progress)
        if alone is not None:
            return RawTable(alone.frame, alone.source, (*alone.problems, *problems))
        frame, said = join(path, frame, walk.metadata, progress)
        problems += said
        for name in walk.metadata:
            digest.update(file_sha256(path / name).encode())
        if not set(frame["label"]) <= {*classes, ""}:
            del layout["classes"]
    source = Source(path, FORMAT.name, digest.hexdigest(), len(files), layout)
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("image_folder", "Image folder (a folder for each class)", (), sniff, read)


def _by_folder(path: Path, files: Sequence[str]) -> tuple[pd.DataFrame, bool, list[str]]:
    """(path, label and split of each file by its folders, whether there are splits, the classes)."""
    tops = sorted(p.name for p in folders(path))
    splits = bool(tops) and all(f.lower() in SPLITS and _holds_more(path / f) for f in tops)
    depth = 1 if splits else 0
    parts = [f.split("/") for f in files]
    columns = {"path": list(files), "label": [p[depth] if len(p) > depth + 1 else "" for p in parts]}
    if splits:
        columns["split"] = [p[0] if len(p) > 1 else "" for p in parts]
    classes = {c.name for top in ([path / f for f in tops] if splits else [path]) for c in folders(top)}
    return pd.DataFrame(columns, dtype="str"), splits, sorted(classes)


def _holds_more(folder: Path) -> bool:
    """Whether a folder named as a split holds class folders, or a table that says the labels."""
    return bool(folders(folder)) or any((folder / name).is_file() for name in METADATA)
