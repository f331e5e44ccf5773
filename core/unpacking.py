"""Archives unpacked below a folder, by the digest of their bytes, within limits.

Every name, kind and size is looked at before anything is written; what is written is counted again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from core.errors import InputError, refuse
from core.progress import Progress

MOST_FILES = 1_000_000
MOST_BYTES = 64 << 30
MOST_BYTES_OF_ONE = 1 << 30
MOST_TIMES = 100
"""How many times its packed size an entry, or the whole archive, may have unpacked."""
SMALL = 1 << 20
"""Bytes up to which no ratio is asked for: an even picture packs very well."""
SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}
_LONGEST_NAME = 240
_LONGEST_HEADER = 1 << 20
_CHUNK = 1 << 20
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# ValueError: names that are no UTF-8, offsets before the beginning.
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, ValueError)

Opener = Callable[["Entry"], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Entry:
    """A regular file of an archive. name: as the archive writes it; size: bytes it says it unpacks to.

    packed: bytes it takes in the archive. offset: in a tar, where its bytes begin.
    start, stop: in a tar, its bytes with all headers and padding.
    """

    name: str
    size: int
    packed: int
    offset: int = 0
    start: int = 0
    stop: int = 0

    @property
    def path(self) -> PurePosixPath:
        return PurePosixPath(self.name.replace("\\", "/"))

    @property
    def hidden(self) -> bool:
        """Whether it is a system's own or a hidden file, which is not unpacked."""
        return any(p.startswith(".") or p.lower() in SYSTEM for p in self.path.parts)


def unpack(path: Path, folder: Path, progress: Progress | None = None) -> Path:
    """The folder <folder>/<sha256 of the archive>/<its stem> with the files of a zip or tar.

    It appears whole or not at all; where it is there already, nothing is unpacked again, and it is called as
    the archive was then. Hidden and
    system files are left out. Raises InputError for an archive that is damaged, encrypted, too large or
    packed too tightly, and for one with a link, a device, a path that is absolute or holds "..", or two
    names that are the same where case does not count.
    """
    progress = progress or Progress()
    progress.report(0.0, f"Looking at {path.name}")
    with path.open("rb") as handle:
        place = folder / hashlib.file_digest(handle, "sha256").hexdigest()
    if not place.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with _opened(path) as (entries, opened):
            check_entries(entries, path)
            _check_room(entries, folder, path.name)
            _write(entries, opened, place, path.stem.strip(". ") or "data", progress, path.name)
    return next(place.iterdir())


def check_entries(entries: Iterable[Entry], path: Path) -> None:
    """Raises InputError for the first name that may not be unpacked, and for sizes beyond the limits."""
    file, spellings = path.name, _Spellings(path.name)
    count = total = 0
    for entry in entries:
        count, total = count + 1, total + entry.size
        if entry.size > MOST_BYTES_OF_ONE:
            raise refuse(f"{_short(entry.name)} unpacks to {entry.size:,} bytes", file=file, expected=_LIMITS)
        if entry.size > SMALL and entry.size > MOST_TIMES * entry.packed:
            raise _bomb(_short(entry.name), entry.size, entry.packed, file)
        _check_name(entry, file)
        spellings.add(entry)
    if count > MOST_FILES or total > MOST_BYTES:
        raise refuse(f"{count:,} files of {total:,} bytes in all", file=file, expected=_LIMITS)
    # Entries may share packed bytes, so that each looks harmless.
    if total > SMALL and total > MOST_TIMES * path.stat().st_size:
        raise _bomb("the archive", total, path.stat().st_size, file)


def is_zip(path: Path, head: bytes) -> bool:
    """Whether a file begins and ends as a zip archive does."""
    return head.startswith(b"PK\x03\x04") and zipfile.is_zipfile(path)


def is_tar(head: bytes) -> bool:
    """Whether a file begins as a tar archive that is not compressed."""
    return head[257:262] == b"ustar"


def check_zip(path: Path) -> None:
    """Raises InputError for a zip whose files may not be unpacked: see `check_entries`."""
    with path.open("rb") as handle, _mended(path.name), zipfile.ZipFile(handle) as archive:
        check_entries(_zip_entries(archive, path.name), path)


def zip_names(path: Path) -> list[str]:
    """The names in a zip's directory; [] where it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except _DAMAGED:
        return []


def tar_entries(path: Path) -> Iterator[Entry]:
    """The regular files of a tar that is not compressed, in file order; folders are passed over.

    Raises InputError for a link or a device, and for a damaged archive.
    """
    with path.open("rb") as handle, _mended(path.name):
        archive = tarfile.open(fileobj=_Headers(handle), mode="r:")  # type: ignore[call-overload]  # noqa: SIM115
        start, count = 0, 0
        while (info := archive.next()) is not None:
            archive.members = []  # a million of them would fill the memory
            count += 1
            if info.size < 0 or archive.offset <= start or count > 2 * MOST_FILES:
                raise tarfile.ReadError("sizes that make no sense")
            if not info.isdir():
                if not info.isreg() or info.issparse():
                    raise _no_file(info.name, "link" if info.issym() or info.islnk() else "device", path.name)
                yield Entry(info.name, info.size, info.size, info.offset_data, start, archive.offset)
            start = archive.offset


_LIMITS = (
    f"at most {MOST_FILES:,} files of {MOST_BYTES_OF_ONE >> 30} GB each and {MOST_BYTES >> 30} GB together"
)


class _Headers:
    """A file for tarfile to read headers from: what is asked for at once is bounded."""

    def __init__(self, handle: IO[bytes]) -> None:
        self.tell, self.seek = handle.tell, handle.seek
        self._read = handle.read

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise tarfile.ReadError("a header of absurd length")
        return self._read(size)


class _Spellings:
    """The paths seen so far, by what they are where case does not count."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.files: dict[str, str] = {}
        self.folders: dict[str, str] = {}

    def add(self, entry: Entry) -> None:
        folded = _folded(entry.path)
        for parent in entry.path.parents[:-1]:
            known = self.folders.setdefault(_folded(parent), str(parent))
            if known != str(parent):
                raise self._clash(known, str(parent))
        for same in (self.files.get(folded), self.folders.get(folded)):
            if same is not None:
                raise self._clash(same, str(entry.path))
        for parent in entry.path.parents[:-1]:
            if (taken := self.files.get(_folded(parent))) is not None:
                raise self._clash(taken, str(parent))
        self.files[folded] = str(entry.path)

    def _clash(self, first: str, second: str) -> Exception:
        same = "is there twice" if first == second else f"and {_short(second)} differ only by case"
        return refuse(f"{_short(first)} {same}", file=self.file, mend="give every file a name of its own")


def _folded(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path).casefold())


def _check_name(entry: Entry, file: str) -> None:
    name, path = entry.name, entry.path
    outside = path.is_absolute() or ".." in path.parts or not path.parts or ":" in path.parts[0]
    if outside or "\0" in name:
        raise refuse(
            f"the path {_short(name)} leads out of the archive",
            file=file,
            mend="pack the folder anew with paths inside it",
        )
    lengths = [len(p.encode("utf-8", "surrogatepass")) for p in path.parts]
    if max(lengths) > _LONGEST_NAME or sum(lengths) > 4 * _LONGEST_NAME:
        raise refuse(f"the path {_short(name)} is too long", file=file, mend="shorten it")
    if any("\ud800" <= c <= "\udfff" or ord(c) < 32 for c in name):
        raise refuse(f"the name {_short(name)} is not text", file=file, mend="rename it")


def _no_file(name: str, kind: str, file: str) -> Exception:
    mend = "pack the folder anew with files only"
    return refuse(f"{_short(name)} is a {kind}, which is never unpacked", file=file, mend=mend)


def _bomb(what: str, size: int, packed: int, file: str) -> Exception:
    found = f"{what} would unpack from {packed:,} to {size:,} bytes"
    return refuse(found, file=file, expected=f"at most {MOST_TIMES} times the packed size")


def _short(name: str) -> str:
    return ascii(name) if len(name) <= 80 else ascii(name[:77] + "...")


def _check_room(entries: list[Entry], folder: Path, file: str) -> None:
    needed, free = sum(e.size for e in entries), shutil.disk_usage(folder).free
    if needed + (needed >> 4) > free:
        found = f"it unpacks to {needed:,} bytes, and the workspace's disk has {free:,} left"
        raise refuse(found, file=file, mend="make room, or unpack it elsewhere and load the folder")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[list[Entry], Opener]]:
    """(the regular files of a zip or tar, how to open one of them)."""
    with path.open("rb") as handle, _mended(path.name):
        if not is_tar(handle.read(512)):
            with zipfile.ZipFile(handle) as archive:
                infos = {i.filename: i for i in archive.infolist()}
                yield _zip_entries(archive, path.name), lambda e: archive.open(infos[e.name])
            return

        def at(entry: Entry) -> AbstractContextManager[IO[bytes]]:
            handle.seek(entry.offset)
            return nullcontext(handle)

        yield list(tar_entries(path)), at


@contextmanager
def _mended(file: str) -> Iterator[None]:
    """Damage that the libraries find, in words for the archive's owner."""
    try:
        yield
    except InputError:
        raise
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # a seek to before the beginning
            raise
        raise refuse(f"the archive is damaged: {error}", file=file, mend="pack it anew") from error


def _zip_entries(archive: zipfile.ZipFile, file: str) -> list[Entry]:
    """Its regular files. Raises InputError for a link, a device, encryption and unusual packing."""
    entries = []
    for info in archive.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _no_file(info.filename, "link" if kind == stat.S_IFLNK else "device", file)
        if info.flag_bits & 0x1:
            mend = "pack it without a password"
            raise refuse(f"{_short(info.filename)} is encrypted", file=file, mend=mend)
        if info.filename.endswith("/"):
            continue
        if info.compress_type not in _METHODS:
            found = f"{_short(info.filename)} is packed by method {info.compress_type}"
            raise refuse(found, file=file, expected="stored or deflated", mend="pack it anew")
        # The library cuts a name at a NUL byte.
        name = info.orig_filename if "\0" in info.orig_filename else info.filename
        entries.append(Entry(name, info.file_size, info.compress_size))
    return entries


def _write(
    entries: list[Entry], opened: Opener, place: Path, stem: str, progress: Progress, file: str
) -> None:
    """Write the files under a temporary name, flush them to disk and rename the folder to `place`."""
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    try:
        root = made / stem
        root.mkdir()
        wanted = [e for e in entries if not e.hidden]
        for number, entry in enumerate(wanted):
            if number % 100 == 0:
                progress.report(number / len(wanted), f"Unpacking file {number + 1:,} of {len(wanted):,}")
            target = root / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with opened(entry) as source:
                _copy(source, target, entry, file)
        os.sync()  # once for all of them: one fsync a file takes minutes for a million
        if not place.exists():
            os.rename(made, place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _copy(source: IO[bytes], target: Path, entry: Entry, file: str) -> None:
    """Exactly the bytes that the entry says it has; no more is ever written."""
    left = entry.size
    with target.open("xb") as out:
        while left:
            chunk = source.read(min(left, _CHUNK))
            if not chunk:
                raise refuse(f"{_short(entry.name)} ends early", file=file, mend="pack it anew")
            out.write(chunk)
            left -= len(chunk)
