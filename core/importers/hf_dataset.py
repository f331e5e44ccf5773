"""Hugging Face datasets on disk: a data set or its splits, as `save_to_disk` writes them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.importers._columns import to_frame
from core.importers._hf import (
    DICT,
    INFO,
    STATE,
    Part,
    class_names,
    image_columns,
    is_saved,
    parts,
    picture,
    read_arrow,
)
from core.paths import inside
from core.progress import Progress
from core.source import RawTable, Source, file_sha256

SPLIT = "split"
_Keep = Callable[[str, bytes], object]


def sniff(path: Path, head: bytes) -> bool:
    return is_saved(path)


def read(path: Path, progress: Progress, keep: _Keep | None = None) -> RawTable:
    """Rows split by split, in file order; with splits, a last column that names them.

    A ClassLabel stays the number that it is; -1, the library's word for none, becomes missing. A picture
    becomes a file name made of its bytes. Lists and structs become JSON text. keep: told of the name and the
    bytes of each picture. Layout: class_names (by column), split (the added column), nested.
    """
    frames, said, nested = [], [], list[str]()
    names: dict[str, list[str]] = {}
    found = parts(path)
    digest = hashlib.sha256()
    for file in _files(path, found):
        digest.update(f"{file}\0{file_sha256(path / file)}\n".encode())
    for number, part in enumerate(found):
        progress.report(number / len(found), f"Reading {part.name or path.name}")
        for column, classes in class_names(part.features).items():
            if names.setdefault(column, classes) != classes:
                raise refuse("two splits with other classes", file=part.folder + INFO, column=column)
        frame, nested, problems = _frame(path, part, keep, progress)
        said += [p for p in problems if p not in said]
        if part.folder:
            frame[_split_name(frame)] = pd.Series([part.name] * len(frame), dtype="str")
        frames.append(frame)
    if any(list(frame.columns) != list(frames[0].columns) for frame in frames):
        raise refuse("two splits with other columns", file=path.name, mend="load each split on its own")
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    layout: dict[str, object] = {"class_names": names, "nested": nested}
    if found[0].folder:
        layout["split"] = str(whole.columns[-1])
    return RawTable(whole, Source(path, FORMAT.name, digest.hexdigest(), len(found), layout), tuple(said))


def read_with_pictures(path: Path, folder: Path, progress: Progress) -> RawTable:
    """`read`, with the pictures' bytes written to a folder named after the content, all or nothing."""
    made = Path(tempfile.mkdtemp(prefix=".new-", dir=_there(folder)))
    try:
        raw = read(path, progress, lambda name, data: (made / name).write_bytes(data))
        place = folder / raw.source.sha256
        if not any(made.iterdir()):
            return raw
        if not place.exists():
            os.sync()
            os.rename(made, place)
        return RawTable(raw.frame, raw.source, raw.problems, place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


FORMAT = ImportFormat(
    "hf_dataset", "Hugging Face dataset on disk (save_to_disk)", (), sniff, read, read_with_pictures
)


def _there(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _files(path: Path, found: list[Part]) -> Iterator[str]:
    """Every file that says or holds something, in order. Raises InputError for one that is not there."""
    if found[0].folder:
        yield DICT
    for part in found:
        for file in (part.folder + INFO, part.folder + STATE, *part.files):
            if inside(path, file) is None:
                raise refuse("no such file in this folder", file=f"{path.name}/{file}"[:200])
            yield file


def _frame(
    path: Path, part: Part, keep: _Keep | None, progress: Progress
) -> tuple[pd.DataFrame, list[str], list[Problem]]:
    tables = [read_arrow(path, file).table for file in part.files]
    if any(table.schema.types != tables[0].schema.types for table in tables):
        raise refuse("files of one split with other columns", file=part.folder or path.name)
    table = pa.concat_tables(tables)
    for column in image_columns(table, part.features):
        at = table.schema.get_field_index(column)
        table = table.set_column(at, column, pa.array(_pictures(table[column], keep, progress), pa.string()))
    size = sum((path / file).stat().st_size for file in part.files)
    frame, nested, said = to_frame(table, size, path.name)
    for column in class_names(part.features):
        if column in frame and pd.api.types.is_integer_dtype(frame[column].dtype):
            frame[column] = frame[column].astype("Int64").mask(frame[column] < 0)
    return frame, nested, said


def _pictures(column: pa.ChunkedArray, keep: _Keep | None, progress: Progress) -> Iterator[str | None]:
    for row, cell in enumerate(cell for chunk in column.chunks for cell in chunk):
        if row % 100 == 0:
            progress.report(0.5, f"Unpacking picture {row:,}")
        name, data = picture(cell.as_py())
        if keep is not None and name is not None and data is not None:
            keep(name, data)
        yield name


def _split_name(frame: pd.DataFrame) -> str:
    name = SPLIT
    while name in frame.columns:
        name += "_"
    return name
