"""Walks through a folder, and names that several folder formats share."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from core.errors import Problem, Severity
from core.paths import inside
from core.progress import Progress
from core.unpacking import SYSTEM

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".avif"
)  # fmt: skip
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "holdout"}
METADATA = ("metadata.csv", "metadata.jsonl")
_NO_IMAGE = "file that is no image"


class Walk:
    """Visits a folder in sorted order and keeps what it had to leave out. metadata: tables it came by."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata: list[str] = []
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
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
                continue
            if not _is_text(name):
                self._leave("file name that is not UTF-8", ascii(name))
            elif entry.is_symlink() and (entry.is_dir() or not self._stays(name)):
                self._leave("link to a folder or out of this one", name)
            elif entry.is_dir():
                yield from self._below(folder / entry.name, name + "/", progress)
            elif entry.name.lower() in METADATA and stat.S_ISREG(entry.stat().st_mode):
                self.metadata.append(name)
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


def folders(path: Path) -> list[Path]:
    """The folders in a folder that are neither links nor hidden."""
    return [p for p in path.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith(".")]


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
