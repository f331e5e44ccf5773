"""Pictures that somebody uploaded to find rows like them, kept in the cache under a digest of their bytes.

<cache_dir>/asked_pictures/<name>/picture.png (or .jpg)   decoded and encoded again, never the upload itself
                                 /in-<space>.json         where it lies in a space of features

What is kept is bounded: those looked for longest ago go first, and whoever opens their address is told so.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core import large_pictures
from core.decoding import MediaError, Picture, kept_picture
from core.errors import refuse
from core.files import staged

MOST_BYTES = 20 << 20
"""Of an upload."""
LONGEST = 1024
"""The longest side of what is kept, in pixels: no model looks at more."""
KEPT = 100
_FOLDER, _STEM = "asked_pictures", "picture"


@dataclass(frozen=True, eq=False)
class Placed:
    """Where a picture lies among the rows of a data set.

    space: "embeddings" (the data set's own) or "pixels" (the built-in features). model: the title of what
    made them. vector: (D,).
    """

    space: str
    model: str
    vector: np.ndarray


def keep_picture(cache_dir: Path, name: str, content: BinaryIO) -> str:
    """Keep an uploaded picture; the name that it has from now on. The same bytes have the same name.

    name: of the upload, for the message. It is decoded by a process of its own, with a limit of memory and
    time. Raises InputError for what is no picture, and for one with too many bytes or pixels.
    """
    place = cache_dir / _FOLDER
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".new-") as made:
        upload = Path(made) / "upload"
        digest = _written(upload, name, content)
        folder = place / digest
        if not folder.is_dir():
            try:
                shown = large_pictures.rendered(upload, LONGEST)
            except MediaError as error:
                raise refuse(str(error).rstrip("."), file=name, expected="PNG, JPEG, WebP or GIF") from None
            whole = Path(made) / "whole"
            whole.mkdir()
            with staged(whole / f"{_STEM}{shown.suffix}") as (file,):
                file.write_bytes(shown.data)
            if not folder.is_dir():  # another process may have been as fast
                whole.rename(folder)
    os.utime(folder)
    _forget_oldest(place)
    return digest


def _written(upload: Path, name: str, content: BinaryIO) -> str:
    sha, size = hashlib.sha256(), 0
    content.seek(0)
    with upload.open("xb") as out:
        while chunk := content.read(1 << 20):
            size += len(chunk)
            if size > MOST_BYTES:
                limit = f"{MOST_BYTES >> 20} MB or less"
                raise refuse("the picture has too many bytes", file=name, expected=limit)
            sha.update(chunk)
            out.write(chunk)
    return sha.hexdigest()[:32]


def _forget_oldest(place: Path) -> None:
    kept = [folder for folder in place.iterdir() if not folder.name.startswith(".")]
    for folder in sorted(kept, key=lambda f: -f.stat().st_mtime)[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)  # another process may be at it too


def asked_picture(cache_dir: Path, name: str) -> Picture | None:
    """The picture of that name, None where it is not kept any more."""
    return kept_picture(cache_dir / _FOLDER / name / _STEM)


def asked_file(cache_dir: Path, name: str) -> Path:
    """Its file. Raises InputError where it is not kept any more."""
    shown = asked_picture(cache_dir, name)
    if shown is None:
        raise gone()
    folder = cache_dir / _FOLDER / name
    os.utime(folder)
    return folder / f"{_STEM}{shown.suffix}"


def gone() -> Exception:
    """What to raise where a picture is not kept any more."""
    found = f"the picture of this address is not kept any more (the last {KEPT} are)"
    return refuse(found, mend="upload it again")


def place_picture(cache_dir: Path, name: str, space: str, placed: Placed) -> None:
    """Keep where a picture lies in a space. Raises InputError where it is not kept any more."""
    folder = asked_file(cache_dir, name).parent
    body = {**asdict(placed), "vector": [float(value) for value in placed.vector]}
    with staged(folder / f"in-{space}.json") as (file,):
        file.write_text(json.dumps(body), encoding="utf-8")


def placed_picture(cache_dir: Path, name: str, space: str) -> Placed | None:
    """Where a picture lies in a space, None where that has not been worked out."""
    file = cache_dir / _FOLDER / name / f"in-{space}.json"
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Placed(body["space"], body["model"], np.array(body["vector"], dtype=np.float32))
