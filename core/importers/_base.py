"""The contract of an import format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.progress import Progress
from core.source import RawTable


@dataclass(frozen=True)
class ImportFormat:
    """An extension that reads one format. One module in core/importers exports one of these.

    suffixes: lower case with the dot; only a hint.
    sniff: (path, first 64 KiB of it, b"" for a folder) -> whether these bytes are this format.
    read: (path, progress) -> RawTable; raises core.errors.InputError for what its owner can mend.
    unpack: for an archive, (path, folder, progress) -> RawTable, its files unpacked below the folder.
    keep: (path, folder, progress) -> RawTable as `read` gives it, what was read of a large file kept in the
        folder, so that it is neither held in memory nor read twice.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    read: Callable[[Path, Progress], RawTable]
    unpack: Callable[[Path, Path, Progress], RawTable] | None = None
    keep: Callable[[Path, Path, Progress], RawTable] | None = None
