"""A folder of pictures with masks: images/ and beside it masks/ or labels/ with a PNG of the same name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

import pandas as pd

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._folders import IMAGE_SUFFIXES, METADATA, SPLITS, Walk, folders
from core.importers._tools import tool_of
from core.paths import inside
from core.progress import Progress
from core.source import RawTable, Source

IMAGES = "images"
MASKS = ("masks", "labels")
PREDICTED = ("predictions", "predicted_masks")
CONFIDENCES = ("confidences", "confidence")
CLASSES = ("classes.txt", "classes.json")
_LOOKED_AT = 20
_ONE_NUMBER = ("1", "L", "P", "I", "I;16", "I;16B")


def sniff(path: Path, head: bytes) -> bool:
    """A folder with images/ and masks/ or labels/ side by side, or folders of splits that have them, where
    most of the first pictures have a PNG of the same name there that holds one number a pixel."""
    if not path.is_dir() or tool_of(path, head) is not None or any((path / m).is_file() for m in METADATA):
        return False
    for top, masks in _tops(path):
        first = list(islice(_pictures(top / IMAGES), _LOOKED_AT))
        found = sum(_is_mask(top / masks, name) for name in first)
        if first and 2 * found > len(first):
            return True
    return False


def read(path: Path, progress: Progress) -> RawTable:
    """Columns path, mask (relative to the folder, "/" between; mask is "" where there is none), where folders
    predictions/ and confidences/ lie beside them predicted_mask and mask_confidence, and split where folders
    say it.

    Rows: the pictures in order of their paths. Masks without a picture are told. Layout: masks (the name of
    their folder), splits (bool).
    """
    walk = Walk(path)
    files = list(walk.images(progress))
    for left in walk.left_out.values():
        left[:] = [name for name in left if name not in CLASSES]
    walk.left_out = {reason: left for reason, left in walk.left_out.items() if left}
    there = set(files)
    names = {str(top.relative_to(path)).replace("\\", "/"): masks for top, masks in _tops(path)}
    rows: list[tuple[str, ...]] = []
    used: set[str] = set()
    for file in files:
        top, _, rest = _parted(file)
        if top is None or top not in names:
            continue
        stem = rest.rpartition(".")[0]
        beside = ((names[top],), PREDICTED, CONFIDENCES)
        masks = [_first(there, top, kind, stem) for kind in beside]
        used.update((file, *masks))
        rows.append((file, *masks, _split(file)))
    if not rows:
        raise refuse("no pictures in images/", file=path.name, expected="images/ and masks/ side by side")
    frame = pd.DataFrame(rows, columns=["path", "mask", "predicted_mask", "mask_confidence", "split"])
    frame = frame.astype("str")
    empty = [c for c in ("predicted_mask", "mask_confidence") if not (frame[c] != "").any()]
    splits = bool((frame["split"] != "").all())
    frame = frame.drop(columns=[*empty, *([] if splits else ["split"])])
    digest = hashlib.sha256("\n".join(files).encode())
    layout = {"masks": next(iter(names.values())), "splits": splits}
    source = Source(path, FORMAT.name, digest.hexdigest(), len(files), layout)
    return RawTable(frame, source, tuple([*walk.problems(), *_without_picture(path, files, used)]))


FORMAT = ImportFormat("mask_folder", "Pictures with masks (images/ and masks/)", (), sniff, read)


def _tops(path: Path) -> Iterator[tuple[Path, str]]:
    """(folder, name of the masks' folder in it): of the folder itself, then of those named as splits."""
    splits = sorted(f for f in folders(path) if f.name.lower() in SPLITS)
    for top in (path, *splits):
        if (top / IMAGES).is_dir() and not (top / IMAGES).is_symlink():
            name = next((m for m in MASKS if (top / m).is_dir() and not (top / m).is_symlink()), None)
            if name is not None:
                yield top, name


def _pictures(folder: Path) -> Iterator[str]:
    """Paths of pictures below a folder, as the system lists them."""
    for file in folder.rglob("*"):
        if file.name.lower().endswith(IMAGE_SUFFIXES) and not file.name.startswith("."):
            yield file.relative_to(folder).as_posix()


def _is_mask(folder: Path, picture: str) -> bool:
    from PIL import Image

    file = inside(folder, str(PurePosixPath(picture).with_suffix(".png")))
    if file is None:
        return False
    try:
        with Image.open(file, formats=("PNG",)) as image:
            return image.mode in _ONE_NUMBER
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _parted(file: str) -> tuple[str | None, str, str]:
    """("." or the split's folder, "images", the rest) of a picture's path; (None, "", "") of any other."""
    parts = file.split("/")
    for depth in (0, 1):
        if len(parts) > depth + 1 and parts[depth] == IMAGES:
            return ("/".join(parts[:depth]) or "."), IMAGES, "/".join(parts[depth + 1 :])
    return None, "", ""


def _first(there: set[str], top: str, kinds: tuple[str, ...], stem: str) -> str:
    """The path of the PNG of this stem in the first of these folders that has one, "" where none has."""
    prefix = "" if top == "." else f"{top}/"
    names = (f"{prefix}{kind}/{stem}{suffix}" for kind in kinds for suffix in (".png", ".PNG"))
    return next((name for name in names if name in there), "")


def _split(file: str) -> str:
    return next((part for part in file.split("/")[:-1] if part.lower() in SPLITS), "")


def _without_picture(path: Path, files: list[str], used: set[str]) -> list[Problem]:
    left = [f for f in files if f not in used]
    if not left:
        return []
    found = f"picture or mask that belongs to no row, left out: {', '.join(repr(n[:80]) for n in left[:5])}"
    return [Problem("warning", found, file=path.name, count=len(left))]
