"""Large tables of text on disk, column by column, while they are read and afterwards.

<folder>/position.json   how far the reader came, and how many bytes of each file count
         0.text, 0.ends  column 0: its N values one after the other, and N + 1 bounds between them (int64)
         ...

A column so is what Arrow calls large_string, and is mapped, not loaded. Blocks are appended; reading that was
stopped goes on behind the last position that was kept, and a table that is whole is not read again.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from core.files import write_json
from core.progress import Progress

KEPT_EVERY = 256 << 20
"""Bytes of text after which the position is kept; no more than these are read again."""
MOST_KEPT = 4
"""Tables below one root; of more, those that were used longest ago are deleted."""
_POSITION, _LOCK = "position.json", "lock"
_FORMAT = 1
_START: dict[str, Any] = {"format": _FORMAT, "position": None, "whole": False, "rows": 0, "sizes": []}


class Spool:
    """One table, for one reader at a time.

    position: what the reader said of its place, JSON-able; None at the start. whole: nothing is left to read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = self._kept()
        self.position: Any = kept["position"]
        self.whole: bool = kept["whole"]
        self._rows: int = kept["rows"]
        self._sizes: list[int] = kept["sizes"]
        self._since = 0
        self._cut()

    def append(self, arrays: Sequence[pa.Array], position: Any) -> None:
        """Add a block: a large_string array for each column, of one length, without missing values."""
        first = not self._sizes
        sizes = self._sizes or [0] * len(arrays)
        grown = []
        for c, array in enumerate(arrays):
            bounds = _bounds(array)
            start, stop = int(bounds[0]), int(bounds[-1])
            with self._file(c, "text").open("ab") as out:
                if stop > start:
                    out.write(memoryview(array.buffers()[2])[start:stop])
            with self._file(c, "ends").open("ab") as out:
                out.write(bytes(8) if first else b"")
                out.write(np.ascontiguousarray(bounds[1:] - start + sizes[c]).data)
            grown.append(sizes[c] + stop - start)
        self._since += sum(grown) - sum(sizes)
        # All at once: where the lines above are interrupted, nothing of the block counts.
        self._sizes, self._rows, self.position = grown, self._rows + len(arrays[0]), position
        if self._since > KEPT_EVERY:
            self.keep()

    def keep(self, whole: bool = False) -> None:
        """Make what was appended outlive the process and the machine's power. whole: it is all."""
        self.whole = whole
        for file in self._files():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
        state = {"position": self.position, "whole": whole, "rows": self._rows, "sizes": self._sizes}
        write_json(self.folder / _POSITION, {"format": _FORMAT, **state})
        self._since = 0

    def columns(self) -> list[pa.Array]:
        """The columns as large_string, memory-mapped, in one chunk each."""
        return [self._column(c) for c in range(len(self._sizes))]

    def _column(self, c: int) -> pa.Array:
        bounds, text = (_mapped(self._file(c, part)) for part in ("ends", "text"))
        column = pa.Array.from_buffers(pa.large_string(), self._rows, [None, bounds, text])
        column.validate()
        return column

    def _kept(self) -> dict[str, Any]:
        """What `keep` wrote; the start where it wrote nothing, or where bytes are gone."""
        try:
            kept = json.loads((self.folder / _POSITION).read_text())
            self._sizes, self._rows = kept["sizes"], kept["rows"]
            there = all(f.stat().st_size >= n for f, n in zip(self._files(), self._lengths(), strict=True))
            return kept if kept["format"] == _FORMAT and there else _START
        except (OSError, ValueError, KeyError, TypeError):
            return _START  # read from the beginning

    def _cut(self) -> None:
        """Take away what was appended after the position was kept."""
        if not self._sizes:
            for file in (*self.folder.glob("*.text"), *self.folder.glob("*.ends")):
                file.unlink()
        for file, length in zip(self._files(), self._lengths(), strict=True):
            if file.stat().st_size > length:
                os.truncate(file, length)

    def _files(self) -> list[Path]:
        return [self._file(c, part) for c in range(len(self._sizes)) for part in ("text", "ends")]

    def _lengths(self) -> list[int]:
        return [length for size in self._sizes for length in (size, 8 * (self._rows + 1))]

    def _file(self, c: int, part: str) -> Path:
        return self.folder / f"{c}.{part}"


@contextmanager
def spooled(root: Path, key: str, progress: Progress) -> Iterator[Spool]:
    """The spool <root>/<key>, locked; what was appended is kept however the block ends.

    While somebody else reads the same table it is waited for, until `progress` is cancelled.
    """
    folder = root / key
    folder.mkdir(parents=True, exist_ok=True)
    _forget(root, but=key)
    with (folder / _LOCK).open("wb") as lock:
        while not _locked(lock):
            progress.report(0.0, "Somebody else is loading this file")
            time.sleep(0.2)
        spool = Spool(folder)
        try:
            yield spool
        finally:
            if not spool.whole:
                spool.keep()
        os.utime(folder)


def _locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _forget(root: Path, but: str) -> None:
    """Delete those used longest ago, where there are too many; who has one mapped still has it."""
    others = [folder for folder in root.iterdir() if folder.is_dir() and folder.name != but]
    others.sort(key=lambda folder: folder.stat().st_mtime)
    too_many = len(others) + 1 - MOST_KEPT
    for folder in others:
        with (folder / _LOCK).open("wb") as lock:
            if too_many > 0 and _locked(lock):
                shutil.rmtree(folder)
                too_many -= 1


def _bounds(array: pa.Array) -> np.ndarray:
    """(len(array) + 1,) int64: where its values begin and end among its bytes."""
    if len(array) == 0:
        return np.zeros(1, dtype=np.int64)
    bounds = np.frombuffer(array.buffers()[1], dtype=np.int64)
    return bounds[array.offset : array.offset + len(array) + 1]


def _mapped(file: Path) -> pa.Buffer:
    if file.stat().st_size == 0:
        return pa.py_buffer(b"")  # an empty file cannot be mapped
    return pa.memory_map(str(file)).read_buffer()
