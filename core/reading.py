"""A file or folder as a table: the format is found by looking at the bytes."""

from __future__ import annotations

import re
from pathlib import Path

import core.importers
from core.errors import refuse
from core.importers._base import ImportFormat
from core.importers._folders import IMAGE_SUFFIXES
from core.progress import Progress
from core.registry import collect
from core.source import RawTable

HEAD = 1 << 16
_LOOKS = (
    (rb"\s*<(!doctype|html|\?xml|[a-z]+>)", "an HTML or XML page"),
    (rb"PK\x03\x04", "a zip archive (or .npz)"),
    (rb"\x80[\x02-\x05]", "a Python pickle, which can run code and is never opened"),
    (rb"(?s).{257}ustar", "a tar archive that is no WebDataset (samples of a picture and a label)"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd", "a compressed file"),
    (rb"%PDF", "a PDF"),
    (rb"\xff\xd8\xff|\x89PNG|GIF8", "a picture"),
    (rb"\x89HDF", "an HDF5 file"),
    (rb"SQLite format 3", "an SQLite database"),
)


def formats() -> dict[str, ImportFormat]:
    """Every import format by its name."""
    return collect(core.importers, ImportFormat)


def read_table(
    path: Path,
    progress: Progress | None = None,
    unpack_to: Path | None = None,
    keep_in: Path | None = None,
) -> RawTable:
    """A file or image folder as a table. The bytes decide on the format; the suffix breaks ties.

    unpack_to: the folder below which an archive is unpacked, once for the same content.
    keep_in: the folder that keeps what was read of a large file, so that it is not held in memory.
    Raises InputError for a missing, empty, unknown or damaged file.
    """
    head = _head(path)
    fitting = [f for f in formats().values() if f.sniff(path, head)]
    if not fitting:
        looks = next(
            (what for mark, what in _LOOKS if re.match(mark, head, re.IGNORECASE)), "no known format"
        )
        known = "; ".join(f.title for f in formats().values())
        raise refuse(f"this is {looks}", file=path.name, expected=known, mend="save the data in one of these")
    chosen = next((f for f in fitting if path.suffix.lower() in f.suffixes), fitting[0])
    progress = progress or Progress()
    if chosen.unpack is not None and unpack_to is not None:
        return chosen.unpack(path, unpack_to, progress)
    if chosen.keep is not None and keep_in is not None:
        return chosen.keep(path, keep_in, progress)
    return chosen.read(path, progress)


def stamp(path: Path) -> tuple[float, int]:
    """(time of the last change, bytes): other ones where a file, or one at the top of a folder, changed."""
    stats = [path.stat()]
    if path.is_dir():
        files = (file for file in path.iterdir() if not file.name.lower().endswith(IMAGE_SUFFIXES))
        stats += [file.stat() for file in files if file.is_file()]
    return max(s.st_mtime for s in stats), sum(s.st_size for s in stats)


def _head(path: Path) -> bytes:
    """The first bytes of a file, b"" for a folder. Raises InputError where there is nothing to read."""
    if path.is_dir():
        return b""
    # Not opened before it is known to be a regular file: opening a pipe waits for its other end.
    if not path.is_file():
        raise refuse("no such file or folder", file=str(path), mend="check the path")
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
    except OSError as error:
        mend = "check the rights on it"
        raise refuse(f"cannot be read: {error}", file=str(path), mend=mend) from error
    bare = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if len(head) < HEAD and not bare.strip():
        raise refuse("the file is empty", file=path.name, mend="give a file with at least one row")
    return head
