"""The folder that `save_to_disk` of Hugging Face datasets writes: which files, which features, which rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from core.errors import refuse
from core.importers._arrow_messages import ArrowTable, read_messages
from core.importers._columns import check_names, check_table
from core.paths import inside

DICT, STATE, INFO = "dataset_dict.json", "state.json", "dataset_info.json"
_LARGEST_JSON = 64 << 20
_ENDINGS = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"), (b"BM", "bmp"), (b"II", "tif"))


@dataclass(frozen=True)
class Part:
    """One split. folder: its path in the folder with a "/" at its end, "" for a data set without splits.

    files: of its rows in their order, relative to the whole folder. state, info: its JSON files.
    """

    name: str
    folder: str
    files: tuple[str, ...]
    state: Mapping[str, Any]
    info: Mapping[str, Any]

    @property
    def features(self) -> Mapping[str, Any]:
        found = self.info.get("features")
        return found if isinstance(found, dict) else {}


def is_saved(path: Path) -> bool:
    """Whether a folder is one that `save_to_disk` has written."""
    return path.is_dir() and (
        inside(path, DICT) is not None or (inside(path, STATE) is not None and inside(path, INFO) is not None)
    )


def parts(path: Path) -> list[Part]:
    """The splits of a folder, in their order. Raises InputError for JSON and names that make no sense."""
    if inside(path, DICT) is None:
        return [_part(path, "", "")]
    splits = read_json(path, DICT).get("splits")
    if not isinstance(splits, list) or not all(isinstance(name, str) for name in splits) or not splits:
        raise _odd(DICT, "no list of splits")
    if len(set(splits)) < len(splits):
        raise _odd(DICT, "a split twice")
    return [_part(path, name, f"{name}/") for name in splits]


def _part(path: Path, name: str, folder: str) -> Part:
    state, info = read_json(path, folder + STATE), read_json(path, folder + INFO)
    files = state.get("_data_files")
    names = [f.get("filename") for f in files if isinstance(f, dict)] if isinstance(files, list) else []
    listed = [file for file in names if isinstance(file, str)]
    if not names or len(listed) < len(names):
        raise _odd(folder + STATE, "no list of data files")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise _odd(folder + STATE, "a selection of rows in a file of its own")
    return Part(name, folder, tuple(folder + file for file in listed), state, info)


def read_json(path: Path, name: str) -> dict[str, Any]:
    """A JSON object below the folder. Raises InputError where there is none."""
    file = inside(path, name)
    if file is None:
        raise refuse("no such file in this folder", file=f"{path.name}/{name}"[:200], mend=_SAVE_AGAIN)
    if file.stat().st_size > _LARGEST_JSON:
        raise _odd(name, f"{file.stat().st_size:,} bytes")
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise _odd(name, f"no JSON: {error}") from error
    if not isinstance(found, dict):
        raise _odd(name, "no JSON object")
    return found


_SAVE_AGAIN = "save the data set again with save_to_disk"


def _odd(name: str, found: str) -> Exception:
    return refuse(found, file=name[:200], mend=_SAVE_AGAIN)


def read_arrow(path: Path, name: str) -> ArrowTable:
    """The rows of one file. Raises InputError for a path that leads out of the folder and damaged data."""
    file = inside(path, name)
    if file is None:
        raise refuse("no such file in this folder", file=f"{path.name}/{name}"[:200], mend=_SAVE_AGAIN)
    with pa.memory_map(str(file)) as mapped:
        arrow = read_messages(mapped.read_buffer(), name)
    check_names(arrow.schema.names, name)
    check_table(arrow.table, file.stat().st_size, name)
    return arrow


def class_names(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names of the classes, by the columns that hold their numbers."""
    found = {}
    for column, feature in features.items():
        names = feature.get("names") if isinstance(feature, dict) else None
        if isinstance(names, list) and feature.get("_type") == "ClassLabel" and names:
            found[column] = [str(name) for name in names]
    return found


def image_columns(table: pa.Table, features: Mapping[str, Any]) -> list[str]:
    """The columns of pictures: a struct of bytes and path each."""
    return [
        column
        for column, feature in features.items()
        if isinstance(feature, dict)
        and feature.get("_type") == "Image"
        and column in table.column_names
        and pa.types.is_struct(table.schema.field(column).type)
        and {"bytes", "path"} <= {f.name for f in table.schema.field(column).type}
    ]


def picture(cell: Mapping[str, Any] | None) -> tuple[str | None, bytes | None]:
    """(path, bytes) of a picture: a name made of its bytes where they are there, else the path it has."""
    data = cell["bytes"] if cell else None
    if data is None:
        return (cell["path"] if cell else None), None
    ending = next((end for mark, end in _ENDINGS if data.startswith(mark)), "bin")
    if data[8:12] == b"WEBP":
        ending = "webp"
    return f"{hashlib.sha256(data).hexdigest()[:32]}.{ending}", data
