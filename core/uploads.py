"""Files that came through the browser, kept in the workspace by content."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core.errors import refuse


def store_upload(uploads: Path, name: str, content: BinaryIO) -> Path:
    """Keep one uploaded file as uploads/<digest>/<name>. The same content again is stored once."""
    return _store(uploads, [(_relative(name).name, content)])[0]


def store_upload_folder(uploads: Path, files: Iterable[tuple[str, BinaryIO]]) -> Path:
    """Keep an uploaded folder, files given as (path inside it, content), and return the folder."""
    stored = _store(uploads, [(str(_relative(name)), content) for name, content in files])
    if not stored:
        raise refuse("the folder holds no files", mend="choose a folder with one folder of images a class")
    folder = stored[0]
    while folder.parent.parent != uploads:
        folder = folder.parent
    # A browser sends "folder/class/file": the top folder is the data set, unless files lie beside it.
    alone = len(list(folder.parent.iterdir())) == 1 and folder.is_dir()
    return folder if alone else folder.parent


def _store(uploads: Path, files: list[tuple[str, BinaryIO]]) -> list[Path]:
    """Write all files under one new folder named by their digest, all or nothing."""
    if not files:
        return []
    digest = hashlib.sha256()
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=uploads))
    try:
        for name, content in files:
            digest.update(name.encode("utf-8", "surrogatepass") + b"\0")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            content.seek(0)
            with target.open("xb") as out:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
        place = uploads / digest.hexdigest()[:16]
        if place.exists():
            shutil.rmtree(folder)
        else:
            os.rename(folder, place)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return [place / name for name, _ in files]


def _relative(name: str) -> PurePosixPath:
    """The name as a path that cannot leave its folder. Raises InputError for one that would."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name or ":" in path.parts[0]:
        raise refuse(f"{name!r} is not a file name inside a folder", mend="rename the file")
    return path
