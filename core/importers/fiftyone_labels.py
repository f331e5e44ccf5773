"""FiftyOne's image classification (FiftyOneImageClassificationDataset): labels.json beside a folder data."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Any

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._folders import Walk
from core.importers._records import BOM, check_characters, parse_file, to_frame
from core.importers._tools import fiftyone_file, tool_of
from core.progress import Progress
from core.source import RawTable, Source, file_sha256


def sniff(path: Path, head: bytes) -> bool:
    return tool_of(path, head) == "fiftyone_labels"


def read(path: Path, progress: Progress) -> RawTable:
    """Columns id (the image's name without its suffix), path (where the image is beside the file) and label.

    Layout: bom, classes (the list of the file; empty where it has none), id_column.
    """
    file = (fiftyone_file(path) if path.is_dir() else None) or path
    return read_labels(file, file.parent, progress)


def read_labels(file: Path, root: Path, progress: Progress) -> RawTable:
    """The table of a labels.json whose images are in root/data."""
    progress.report(0.0, "Reading JSON")
    data = file.read_bytes()
    value = parse_file(data, file.name)
    labels = value.get("labels") if isinstance(value, dict) else None
    if not isinstance(labels, dict):
        raise refuse("no labels by image", file=file.name, expected='{"classes": [...], "labels": {...}}')
    classes = _classes(value.get("classes"), file.name)
    progress.report(0.3, "Looking for the images")
    images = _images(root / "data", progress)
    columns: dict[str, list[str | None]] = {"id": list(labels)}
    problems = []
    if images:
        columns["path"] = [images.get(name) for name in labels]
        problems += _missing(columns["path"], file.name)
    columns["label"] = [
        label_of(target, classes, row, file.name) for row, target in enumerate(labels.values(), 1)
    ]
    layout = {"encoding": "utf-8", "bom": data.startswith(BOM), "classes": classes, "id_column": "id"}
    source = Source(file, FORMAT.name, file_sha256(file), len(data), layout)
    rows = (dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))
    frame, _, said = to_frame(rows, file.name)
    return RawTable(frame.reindex(columns=list(columns)), source, (*problems, *said))


def label_of(target: Any, classes: list[str], row: int, file: str) -> str | None:
    """The class that a target stands for: its place in the class list, its name, or an object with either."""
    label = target.get("label") if isinstance(target, dict) else target
    if type(label) is int and 0 <= label < len(classes):
        return classes[label]
    if label is None or isinstance(label, str):
        return label
    found = f"the label is {str(label)[:60]}"
    mend = "several labels an image are not supported yet" if isinstance(label, list) else ""
    expected = f"a number from 0 to {len(classes) - 1}, or a name" if classes else "a name"
    raise refuse(found, file=file, row=row, column="label", expected=expected, mend=mend)


FORMAT = ImportFormat("fiftyone_labels", "FiftyOne classification (labels.json)", (".json",), sniff, read)


def _classes(value: Any, file: str) -> list[str]:
    classes = [] if value is None else value
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise refuse("the classes are no list of names", file=file, column="classes")
    twice = next((name for name, count in Counter(classes).items() if count > 1), None)
    check_characters(classes, file)
    if twice is not None:
        raise refuse(f"the class {twice!r} is listed twice", file=file, mend="list each class once")
    return classes


def _images(folder: Path, progress: Progress) -> dict[str, str]:
    """{name without suffix: path from the file's folder}; what a walk leaves out is not there."""
    found: dict[str, str] = {}
    for image in Walk(folder).images(progress) if folder.is_dir() else ():
        found.setdefault(str(PurePosixPath(image).with_suffix("")), f"data/{image}")
    return found


def _missing(paths: list[str | None], file: str) -> list[Problem]:
    rows = [row for row, path in enumerate(paths, 1) if path is None]
    if not rows:
        return []
    found, mend = "no image of this name in data", "put the image there"
    return [Problem("warning", found, mend, "", file, rows[0], "path", len(rows))]
