"""The one way from a path written in a data set to a file on disk."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath, PureWindowsPath


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
