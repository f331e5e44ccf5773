"""A zipped folder of images, in whatever layout a folder may have."""

from __future__ import annotations

from pathlib import Path

from core.errors import refuse
from core.importers._base import ImportFormat
from core.importers._folders import IMAGE_SUFFIXES
from core.progress import Progress
from core.source import RawTable
from core.unpacking import SYSTEM, is_zip, unpack, zip_names


def sniff(path: Path, head: bytes) -> bool:
    """A zip with pictures in it that is no Office document (those hold pictures too)."""
    if path.is_dir() or not is_zip(path, head):
        return False
    names = zip_names(path)
    return "[Content_Types].xml" not in names and any(n.lower().endswith(IMAGE_SUFFIXES) for n in names)


def read(path: Path, progress: Progress) -> RawTable:
    """Raises InputError: a zip has to be unpacked."""
    mend = "load it into a workspace, or unpack it and give the folder"
    raise refuse("a zipped image folder cannot be read in place", file=path.name, mend=mend)


def unpack_folder(path: Path, folder: Path, progress: Progress) -> RawTable:
    """The table of the folder that the archive unpacks to; see core.unpacking.unpack. Its source is there."""
    from core.reading import read_table

    return read_table(_data_folder(unpack(path, folder, progress.part(0.0, 0.9))), progress.part(0.9, 1.0))


FORMAT = ImportFormat("zip", "Zipped image folder", (".zip",), sniff, read, unpack_folder)


def _data_folder(folder: Path) -> Path:
    """The folder itself, or the only folder in it where that holds more than pictures of one class."""
    while True:
        entries = [p for p in folder.iterdir() if p.name.lower() not in SYSTEM]
        if len(entries) != 1 or not entries[0].is_dir():
            return folder
        if all(p.name.lower().endswith(IMAGE_SUFFIXES) for p in entries[0].iterdir()):
            return folder
        folder = entries[0]
