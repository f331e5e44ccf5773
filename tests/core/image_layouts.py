"""Small sources in the layouts of picture data sets: row i has label labels[i]."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def put(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def tarred(path: Path, files: Mapping[str, str | bytes], format: int = tarfile.GNU_FORMAT) -> Path:
    """A tar with these files, in this order."""
    with tarfile.open(path, "w", format=format) as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return path


def coco(path: Path, labels: Sequence[str]) -> Path:
    """An annotation with a box in a picture of its own for each label."""
    names = sorted(set(labels))
    value = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(len(labels))],
        "annotations": [
            {"id": 100 + i, "image_id": i, "category_id": 1 + names.index(label), "bbox": [i, 2.5, 3, 4]}
            for i, label in enumerate(labels)
        ],
        "categories": [{"id": 1 + i, "name": name} for i, name in enumerate(names)],
    }
    path.write_text(json.dumps(value, indent=1))
    return path


def webdataset(path: Path, labels: Sequence[str]) -> Path:
    """A picture and a JSON file for each label."""
    files: dict[str, str | bytes] = {}
    for i, label in enumerate(labels):
        files |= {f"{i:03}.png": b"\x89PNG", f"{i:03}.json": json.dumps({"label": label})}
    return tarred(path, files)


def yolo(path: Path, labels: Sequence[str]) -> Path:
    """A picture with one box for each label."""
    names = sorted(set(labels))
    files: dict[str, str | bytes] = {"classes.txt": "\n".join(names)}
    for i, label in enumerate(labels):
        files[f"images/{i}.png"] = b"\x89PNG"
        files[f"labels/{i}.txt"] = f"{names.index(label)} 0.5 0.5 0.{i + 1} 0.2\n"
    return put(path, files)


LAYOUTS = {"coco": coco, "webdataset": webdataset, "yolo": yolo}
