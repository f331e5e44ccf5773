"""A folder of images: class/file or split/class/file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from core.errors import Problem, Severity, refuse
from core.importers._base import ImportFormat
from core.importers._tools import tool_of
from core.paths import inside
from core.progress import Progress
from core.source import RawTable, Source

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"
)  # fmt: skip
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "holdout"}
_NO_IMAGE = "file that is no image"
_SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}


def sniff(path: Path, head: bytes) -> bool:
    return path.is_dir() and tool_of(path, head) is None


def read(path: Path, progress: Progress) -> RawTable:
    """Columns path, label and, where every top folder is named as a split, split.

    path is relative to the folder, with "/". label is the name of the class folder as it is; images
    outside any class folder have none. Hidden and system files are left out, links that lead out of
    the folder are not followed. Layout: classes (every class folder, sorted), splits (bool).
    """
    walk = _Walk(path)
    files = list(walk.images(progress))
    folders = sorted(p.name for p in _folders(path))
    splits = bool(folders) and all(f.lower() in SPLITS and _folders(path / f) for f in folders)
    depth = 1 if splits else 0
    parts = [f.split("/") for f in files]
    labels = [p[depth] if len(p) > depth + 1 else "" for p in parts]
    columns = {"path": files, "label": labels}
    if splits:
        columns["split"] = [p[0] if len(p) > 1 else "" for p in parts]
    tops = [path / f for f in folders] if splits else [path]
    classes = sorted({c.name for top in tops for c in _folders(top)})
    if not files:
        expected = "images in one folder for each class"
        raise refuse("no images in this folder", file=path.name, expected=expected)
    digest = hashlib.sha256("\n".join(files).encode()).hexdigest()
    source = Source(path, FORMAT.name, digest, len(files), {"classes": classes, "splits": splits})
    return RawTable(pd.DataFrame(columns, dtype="str"), source, tuple(walk.problems()))


FORMAT = ImportFormat("image_folder", "Image folder (a folder for each class)", (), sniff, read)


class _Walk:
    """Visits a folder in sorted order and keeps what it had to leave out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.left_out: dict[str, list[str]] = {}

    def images(self, progress: Progress) -> Iterator[str]:
        """Relative paths of the images, sorted by folder and name."""
        yield from self._below(self.root, "", progress)

    def problems(self) -> list[Problem]:
        said = []
        for reason, names in sorted(self.left_out.items()):
            found = f"{reason}, left out: {', '.join(repr(n) for n in names[:5])}"
            severity: Severity = "notice" if reason == _NO_IMAGE else "warning"
            said.append(Problem(severity, found, file=self.root.name, count=len(names)))
        return said

    def _below(self, folder: Path, prefix: str, progress: Progress) -> Iterator[str]:
        progress.report(0.5, f"Looking through {prefix or self.root.name}")
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda e: e.name)
        for entry in entries:
            name = prefix + entry.name
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                continue
            if not _is_text(name):
                self._leave("file name that is not UTF-8", ascii(name))
            elif entry.is_symlink() and (entry.is_dir() or not self._stays(name)):
                self._leave("link to a folder or out of this one", name)
            elif entry.is_dir():
                yield from self._below(folder / entry.name, name + "/", progress)
            elif not entry.name.lower().endswith(IMAGE_SUFFIXES):
                self._leave(_NO_IMAGE, name)
            elif stat.S_ISREG(entry.stat().st_mode):
                yield name
            else:
                self._leave("device or pipe", name)

    def _stays(self, name: str) -> bool:
        return inside(self.root, name) is not None

    def _leave(self, reason: str, name: str) -> None:
        self.left_out.setdefault(reason, []).append(name)


def _folders(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith(".")]


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
