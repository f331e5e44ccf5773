"""A YOLO folder: pictures below images/, and beside them labels/ with a text file of boxes for each."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import Problem, refuse
from core.importers import mask_folder
from core.importers._base import ImportFormat
from core.importers._folders import SPLITS, Walk, folders
from core.importers._tools import tool_of
from core.importers._yolo_names import class_names
from core.paths import inside
from core.progress import Progress
from core.source import RawTable, Source

COLUMNS = ["box", "path", "label", "x", "y", "w", "h"]
_LARGEST = 16 << 20
_LINE = re.compile(rb"([^\r\n]+)(\r?\n?)")


@dataclass(frozen=True)
class Box:
    """One line of a label file that is not blank. start, stop: where its class number lies in the bytes.

    cells: the words of the line. line_start, line_stop: the line with its end.
    """

    cells: list[str]
    start: int
    stop: int
    line_start: int
    line_stop: int


def sniff(path: Path, head: bytes) -> bool:
    """A folder with images/ and labels/ side by side, or folders of splits that have them; COCO files in
    such a folder go first, and in place of text files there are no masks."""
    if not path.is_dir() or tool_of(path, head) is not None or mask_folder.sniff(path, head):
        return False
    tops = [path, *(f for f in folders(path) if f.name.lower() in SPLITS)]
    return any((top / "images").is_dir() and (top / "labels").is_dir() for top in tops)


def read(path: Path, progress: Progress) -> RawTable:
    """Columns box (id: picture and box), path, label, x, y, w, h as shares of the picture (centre and size),
    and split where the pictures' folders say it.

    label is the class's name from data.yaml or classes.txt, else its number. Rows: pictures in order of
    their paths, boxes in order of their lines. Lines with more than a box (polygons, key points) have no
    x, y, w, h. Layout: classes (the names in order of their numbers), id_column.
    """
    walk = Walk(path)
    images = [i for i in walk.images(progress) if label_file(i) is not None]
    _refuse_shared(images, path.name)
    names, problems = class_names(path)
    files = {i: file for i in images if (file := inside(path, str(label_file(i)))) is not None}
    digest = hashlib.sha256("\n".join([*images, *names]).encode())

    def content(image: str) -> bytes | None:
        data = _bytes(files[image], path) if image in files else None
        digest.update(hashlib.sha256(data or b"").digest())
        return data

    frame, said = table(images, content, names, path.name, progress)
    layout: dict[str, Any] = {"id_column": "box", **({"classes": names} if names else {})}
    bare = [i for i in images if i not in files]
    if bare:
        found = f"{len(bare):,} of {len(images):,} images have no label file and no row: {bare[0][:80]!r}"
        said.append(Problem("notice", found, file=path.name))
    said += _without_picture(path, {str(label_file(i)) for i in images})
    source = Source(path, FORMAT.name, digest.hexdigest(), len(images), layout)
    return RawTable(frame, source, (*problems, *said))


FORMAT = ImportFormat("yolo", "YOLO folder (images/ and labels/)", (), sniff, read)


def table(
    images: Sequence[str],
    content: Callable[[str], bytes | None],
    names: Sequence[str],
    file: str,
    progress: Progress,
) -> tuple[pd.DataFrame, list[Problem]]:
    """(one row for each box, what was said). content: a picture's path -> the bytes of its label file.

    Raises InputError for a line that does not begin with a class number and four numbers.
    """
    rows: list[list[Any]] = []
    seen: dict[str, int] = {}
    shapes = unknown = 0
    for number, image in enumerate(images):
        if number % 1_000 == 0:
            progress.report(number / len(images), "Reading boxes")
        for box in boxes(content(image) or b"", str(label_file(image))):
            index = int(box.cells[0])
            plain = len(box.cells) in (5, 6)  # the sixth is a confidence
            shapes, unknown = shapes + (not plain), unknown + bool(names and index >= len(names))
            sides = [float(c) for c in box.cells[1:5]] if plain else [None] * 4
            rows.append([_id(image, box, seen), image, class_name(names, index), *sides])
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame = frame.astype({"box": "str", "path": "str", "label": "str", **dict.fromkeys("xywh", "float64")})
    splits = [split_of(image) for image in frame["path"]]
    if splits and all(splits):
        frame["split"] = pd.Series(splits, dtype="str")
    said = []
    if shapes:
        found = "line with more than a box (a polygon, key points): it has no x, y, w, h here"
        said.append(Problem("notice", found, file=file, count=shapes))
    if unknown:
        found = f"box whose class number is beyond the {len(names):,} names: it is called by its number"
        said.append(Problem("warning", found, "complete the list of names", file=file, count=unknown))
    return frame, said


def boxes(data: bytes, file: str) -> Iterator[Box]:
    """The lines of a label file that are not blank. Raises InputError for one that is no box."""
    row = 0
    for match in _LINE.finditer(data):
        line = match[1]
        cells = [cell.decode("ascii", "replace") for cell in line.split()]
        if not cells:
            continue
        row += 1
        if not _is_box(cells):
            expected = "a class number, then x, y, w, h"
            found = f"{line[:60].decode('ascii', 'replace')!r} is no box"
            raise refuse(found, file=file, row=row, expected=expected, mend="mend the line")
        start = match.start() + len(line) - len(line.lstrip())
        yield Box(cells, start, start + len(cells[0]), match.start(), match.end())


def label_file(image: str) -> str | None:
    """Where the boxes of a picture are: "labels" instead of its last folder "images", and the suffix .txt."""
    parts = image.split("/")
    places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if not places:
        return None
    parts[places[-1]] = "labels"
    parts[-1] = parts[-1].rpartition(".")[0] + ".txt"
    return "/".join(parts)


def _refuse_shared(images: Sequence[str], file: str) -> None:
    """Raises InputError where two pictures would have one label file, as a.jpg and a.png."""
    owner: dict[str | None, str] = {}
    for image in images:
        first = owner.setdefault(label_file(image), image)
        if first != image:
            found = f"{first!r} and {image!r} share the label file {label_file(image)!r}"
            raise refuse(found, file=file, mend="rename one of the pictures and give it its own label file")


def _is_box(cells: Sequence[str]) -> bool:
    if len(cells) < 5 or not (cells[0].isascii() and cells[0].isdigit() and len(cells[0]) <= 6):
        return False
    try:
        return all(abs(float(c)) < 1e9 for c in cells[1:])
    except ValueError:
        return False


def _id(image: str, box: Box, seen: dict[str, int]) -> str:
    """By the picture and the place of the box, never by its line or class; repeats get (2), (3)."""
    place = " ".join(box.cells[1:])
    if len(place) > 80:
        place = hashlib.sha256(place.encode()).hexdigest()[:16]
    name = f"{image} {place}"
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"


def class_name(names: Sequence[str], index: int) -> str:
    """The name of a class number, or the number where there is none."""
    return names[index] if index < len(names) else str(index)


def split_of(image: str) -> str:
    """The first folder of a path that is named as a split; "" where none is."""
    return next((part for part in image.split("/")[:-1] if part.lower() in SPLITS), "")


def _bytes(path: Path, root: Path) -> bytes:
    if path.stat().st_size > _LARGEST:
        file = str(path.relative_to(root.resolve()))
        raise refuse(f"{path.stat().st_size:,} bytes", file=file, expected="a line for each box")
    return path.read_bytes()


def _without_picture(path: Path, known: set[str]) -> list[Problem]:
    """The label files that belong to no picture."""
    tops = [path, *(f for f in folders(path) if f.name.lower() in SPLITS)]
    texts = (t for top in tops for t in sorted((top / "labels").rglob("*.txt")))
    names = (t.relative_to(path).as_posix() for t in texts)
    left = [n for n in names if n not in known and not n.endswith("/classes.txt")]
    if not left:
        return []
    found = f"label file without a picture, left out: {', '.join(repr(n[:80]) for n in left[:5])}"
    return [Problem("warning", found, file=path.name, count=len(left))]
