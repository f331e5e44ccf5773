"""COCO annotations: one row for each annotation, beside the picture that it lies in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._folders import folders
from core.importers._records import check_characters, parse_file, to_frame
from core.importers._tools import coco_files, tool_of
from core.paths import inside
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

MOST_PIXELS = 1e9
PROPOSED = "proposed-"
"""How the ids of boxes begin that a model proposes and nobody has given a category (core.proposed_boxes)."""
_LOOKED_AT = 20
_FOLDERS = 100
_OWN = ("id", "image_id", "category_id", "bbox", "path", "label", "x", "y", "w", "h", "split")
_SIDES = ("x", "y", "w", "h")


def sniff(path: Path, head: bytes) -> bool:
    """A JSON object with COCO's images or annotations, or a folder with such a file."""
    return tool_of(path, head) == "coco"


def read(path: Path, progress: Progress) -> RawTable:
    """Columns id, image_id, path, label, then x, y, w, h in pixels where there are boxes, split where the
    images say it, and the other plain values of an annotation (iscrowd, area, ...).

    label is the category's name. Nested values (segmentation, keypoints) stay in the file and are not shown.
    path is relative to the folder of the pictures, which is looked for beside the file and below it.
    Layout: categories ([name, id] in file order), classes (the names), bare ([id, path] of the images without
    an annotation, where there are such), proposed (positions of the boxes that a model proposes).
    """
    file = _only_file(path) if path.is_dir() else path
    progress.report(0.0, "Reading JSON")
    data = file.read_bytes()
    value = parse_file(data, file.name)
    progress.report(0.4, "Reading annotations")
    images = _by_id(value, "images", "file_name", file.name)
    categories = _by_id(value, "categories", "name", file.name)
    annotations = _list(value, "annotations", file.name)
    names, problems = _category_names(categories, file.name)
    records = _records(annotations, images, names, file.name)
    frame, _, said = to_frame(records, file.name)
    problems += said + _remarks(annotations, images, names, file.name)
    layout = {
        "categories": [[names[key], entry["id"]] for key, entry in categories.items()],
        "classes": list(names.values()),
    }
    if bare := _bare(annotations, images):
        layout["bare"] = [[str(entry["id"]), entry["file_name"]] for entry in bare]
    if proposed := [row for row, a in enumerate(annotations) if _is_proposed(a)]:
        layout["proposed"] = proposed
    check_characters(layout, file.name)
    source = Source(file, FORMAT.name, file_sha256(file), len(data), layout)
    root = _media_root(path if path.is_dir() else file.parent, [str(e["file_name"]) for e in images.values()])
    return RawTable(frame, source, tuple(problems), root)


FORMAT = ImportFormat("coco", "COCO annotations (JSON)", (".json",), sniff, read)


def category_key(value: Any) -> str:
    """An id as a dictionary key: 1 and "1" are two."""
    return json.dumps(value)


def _only_file(folder: Path) -> Path:
    files = coco_files(folder)
    if len(files) != 1:
        names = ", ".join(str(f.relative_to(folder)) for f in files[:5])
        mend = "give the file of one split, or a folder that holds only that"
        raise refuse(f"{len(files):,} COCO files: {names}", file=folder.name, expected="one", mend=mend)
    return files[0]


def _list(value: Any, key: str, file: str) -> list[dict[str, Any]]:
    entries = value.get(key) if isinstance(value, dict) else None
    if not isinstance(entries, list):
        raise refuse(f"there is no list {key!r}", file=file, expected="a COCO file with annotations")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            found = f"entry {number:,} of {key!r} is a {type(entry).__name__}"
            raise refuse(found, file=file, row=number, column=key, expected="an object")
    return entries


def _by_id(value: Any, key: str, name: str, file: str) -> dict[str, dict[str, Any]]:
    """The entries of a list by their id. Raises InputError where one has no id or name, or an id repeats."""
    found: dict[str, dict[str, Any]] = {}
    for number, entry in enumerate(_list(value, key, file), 1):
        where: dict[str, Any] = {"file": file, "row": number, "column": key}
        if "id" not in entry or not isinstance(entry.get(name), str):
            raise refuse(f"entry {number:,} of {key!r} has no id or no {name}", mend="add it", **where)
        if found.setdefault(category_key(entry["id"]), entry) is not entry:
            mend = "give each its own id"
            raise refuse(f"the id {entry['id']!r} is there twice in {key!r}", mend=mend, **where)
    return found


def _category_names(
    categories: Mapping[str, dict[str, Any]], file: str
) -> tuple[dict[str, str], list[Problem]]:
    """(name of each category by its id, made different where several share one; what was said)."""
    count = Counter(entry["name"] for entry in categories.values())
    repeated = [name for name, n in count.items() if n > 1]
    names = {
        key: f"{entry['name']} ({entry['id']})" if count[entry["name"]] > 1 else entry["name"]
        for key, entry in categories.items()
    }
    clash = next((name for name, n in Counter(names.values()).items() if n > 1), None)
    if clash is not None:
        found = f"two categories that would both be called {clash!r}"
        raise refuse(found, file=file, column="categories", mend="give every category its own name")
    if not repeated:
        return names, []
    found = f"categories with one name and several ids, told apart: {', '.join(map(repr, repeated[:5]))}"
    return names, [Problem("warning", found, file=file, column="categories", count=len(repeated))]


def _records(
    annotations: Sequence[dict[str, Any]],
    images: Mapping[str, dict[str, Any]],
    names: Mapping[str, str],
    file: str,
) -> list[dict[str, Any]]:
    boxes = any("bbox" in a for a in annotations)
    splits = bool(images) and all(isinstance(e.get("split"), str) for e in images.values())
    known = [key for key in ("id", "image_id") if any(key in a for a in annotations)]
    extra = dict.fromkeys(k for a in annotations for k, v in a.items() if k not in _OWN and not _nested(v))
    records = []
    for a in annotations:
        image = images.get(category_key(a.get("image_id")), {})
        record = {key: a.get(key) for key in known}
        record["path"] = image.get("file_name")
        record["label"] = names.get(category_key(a.get("category_id")))
        if boxes:
            record |= dict(zip(_SIDES, _box(a) or (None,) * 4, strict=True))
        if splits:
            record["split"] = image.get("split")
        records.append(record | {k: None if _nested(a.get(k)) else a.get(k) for k in extra})
    return records


def _nested(value: Any) -> bool:
    return isinstance(value, list | dict)


def _box(annotation: dict[str, Any]) -> list[float] | None:
    box = annotation.get("bbox")
    if not (isinstance(box, list) and len(box) == 4 and all(type(v) in (int, float) for v in box)):
        return None
    plain = all(abs(v) < MOST_PIXELS for v in box)  # neither infinite nor NaN nor too long for a float
    return [float(v) for v in box] if plain else None


def _remarks(
    annotations: Sequence[dict[str, Any]],
    images: Mapping[str, dict[str, Any]],
    names: Mapping[str, str],
    file: str,
) -> list[Problem]:
    """What is odd about annotations, and the images that have none."""
    odd: dict[str, list[int]] = {}
    for row, a in enumerate(annotations, 1):
        key, box = category_key(a.get("image_id")), _box(a)
        if key not in images:
            odd.setdefault("its image_id is not among the images", []).append(row)
        if category_key(a.get("category_id")) not in names and not _is_proposed(a):
            odd.setdefault("its category_id is not among the categories: no label", []).append(row)
        if "bbox" in a and box is None:
            odd.setdefault("its bbox is not four numbers", []).append(row)
        elif box is not None and min(box[2:]) <= 0:
            odd.setdefault("its box has no width or no height", []).append(row)
    problems = [
        Problem("warning", f"annotation: {found}", "", "", file, rows[0], "annotations", len(rows))
        for found, rows in odd.items()
    ]
    if bare := _bare(annotations, images):
        shown = bare[0]["file_name"][:80]
        found = f"{len(bare):,} of {len(images):,} images have no annotation and no row: {shown!r}"
        problems.append(Problem("notice", found, file=file, column="images"))
    return problems


def _is_proposed(annotation: dict[str, Any]) -> bool:
    return str(annotation.get("id", "")).startswith(PROPOSED) and "category_id" not in annotation


def _bare(
    annotations: Sequence[dict[str, Any]], images: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """The images without an annotation."""
    seen = {category_key(a.get("image_id")) for a in annotations}
    return [entry for key, entry in images.items() if key not in seen]


def _media_root(base: Path, names: Sequence[str]) -> Path:
    """The folder below `base` in which most of the first pictures lie."""
    below = [base, base / "images"]
    below += [p for b in below if b.is_dir() for p in sorted(folders(b))[:_FOLDERS]]
    looked = names[:: max(1, len(names) // _LOOKED_AT)][:_LOOKED_AT]
    return max(below, key=lambda folder: sum(inside(folder, name) is not None for name in looked))
