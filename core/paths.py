"""The one way from a path written in a data set to a file on disk."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

_UNUSUAL = re.compile(r"[\\:\0]")


def inside(root: Path, relative: str) -> Path | None:
    """The regular file that `relative` names below root, links followed; None for anything else.

    None where the path is absolute, a URL, leads out of root (by "..", by a link), names a device or
    a folder, or does not exist. Nothing is opened, so that a device cannot block.
    """
    if not relative or "\0" in relative or "://" in relative:
        return None
    windows = PureWindowsPath(relative)
    if PurePosixPath(relative).is_absolute() or windows.is_absolute() or windows.drive or windows.root:
        return None
    try:
        base = root.resolve()
        full = (base / relative).resolve(strict=True)
        regular = stat.S_ISREG(full.stat().st_mode)
    except (OSError, ValueError, RuntimeError):  # missing, too long, a loop of links
        return None
    return full if regular and full.is_relative_to(base) else None


class Within:
    """`inside` for very many paths below one root: folders are resolved once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[str, str | None] = {}

    def file(self, relative: str) -> Path | None:
        """As `inside`."""
        folder, _, name = relative.rpartition("/")
        if name in ("", ".", "..") or _UNUSUAL.search(relative):
            return inside(self._root, relative)
        if folder not in self._folders:
            self._folders[folder] = self._resolved(folder)
        place = self._folders[folder]
        if place is None:
            return inside(self._root, relative)
        path = f"{place}/{name}"
        try:
            plain = stat.S_ISREG(os.lstat(path).st_mode)
        except (OSError, ValueError):
            return None
        return Path(path) if plain else inside(self._root, relative)  # a link may lead out

    def _resolved(self, folder: str) -> str | None:
        """A folder below the root, links followed; None for one that is outside, or is none."""
        try:
            base = self._root.resolve()
            full = (base / folder).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return None
        return str(full) if full.is_relative_to(base) and not folder.startswith("/") else None
