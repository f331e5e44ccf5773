"""Predictions and embeddings from .npy, .npz or a table, put into the order of the data's rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import Problem, refuse
from core.preflight.array_files import load_npy, load_npz
from core.progress import Progress
from core.reading import read_table
from core.source import RawTable

_IDS = ("id", "row_id", "example_id", "sample_id", "item_id", "uuid")
_INDEX = ("column 1", "Unnamed: 0", "index", "__index_level_0__")


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """An array as its file has it.

    values: (rows, C). names: C column names, None where the file has none.
    ids: row ids, None where rows are matched by their order.
    """

    file: str
    values: np.ndarray
    names: tuple[str, ...] | None = None
    ids: pd.Index | None = None
    problems: tuple[Problem, ...] = field(default=())


def read_array(path: Path, key: str, id_column: str | None = None) -> ArrayFile:
    """An array of numbers. key: its name in an .npz; id_column: how the data's ids are called.

    In a table every column of numbers counts, except ids and an unnamed index; others are left out
    with a notice. Raises InputError for what cannot be read; pickles are never opened.
    """
    try:
        with path.open("rb") as handle:
            magic = handle.read(8)
    except OSError as error:
        raise refuse(f"cannot be read: {error}", file=str(path), mend="check the path") from error
    if magic.startswith(b"\x93NUMPY"):
        return ArrayFile(path.name, load_npy(path))
    if magic.startswith(b"PK\x03\x04"):
        return ArrayFile(path.name, load_npz(path, key))
    if magic[:1] == b"\x80" and magic[1:2] <= b"\x05":
        mend = "save plain numbers with numpy.save"
        raise refuse("a Python pickle, which can run code and is never opened", file=path.name, mend=mend)
    return _from_table(read_table(path, Progress()), id_column)


def align(array: ArrayFile, row_ids: pd.Index) -> tuple[np.ndarray, list[Problem]]:
    """(N, C) rows in the order of row_ids, and what was inferred. By id where the file has ids.

    Raises InputError naming both counts, or the ids that are missing.
    """
    problems = list(array.problems)
    rows = len(array.values)
    if array.ids is not None:
        repeated = array.ids.duplicated()
        if repeated.any():
            first = int(repeated.argmax())
            found = f"the id {array.ids[first]!r} is there more than once"
            raise refuse(found, file=array.file, row=first + 1, count=int(repeated.sum()))
        position = array.ids.get_indexer(row_ids)
        if (position >= 0).any():
            return array.values[_complete(position, array, row_ids, problems)], problems
        in_order = bool((array.ids == pd.RangeIndex(rows).astype("str")).all())
        if not in_order:
            found = f"none of its ids (such as {array.ids[0]!r}) is in the data (such as {row_ids[0]!r})"
            raise refuse(found, file=array.file, mend="use the same ids in both files, or no id column")
    if rows != len(row_ids):
        raise refuse(
            f"{rows:,} rows, but the data has {len(row_ids):,}",
            file=array.file,
            expected="one row for each row of the data, in the same order",
            mend="predict the same rows, or give a table with an id column",
        )
    said = "it names no rows: row 1 is taken as row 1 of the data, and so on"
    return array.values, [*problems, Problem("notice", said, file=array.file)]


def _complete(
    position: np.ndarray, array: ArrayFile, row_ids: pd.Index, problems: list[Problem]
) -> np.ndarray:
    """The positions, all found. Raises InputError for rows of the data that the file lacks."""
    missing = np.flatnonzero(position < 0)
    if len(missing):
        raise refuse(
            f"no row for the id {row_ids[missing[0]]!r} of the data",
            file=array.file,
            row=int(missing[0]) + 1,
            count=len(missing),
            mend="predict these rows too, or leave them out of the data",
        )
    extra = len(array.values) - len(position)
    if extra:
        problems.append(
            Problem("notice", f"{extra:,} rows are not in the data and left out", file=array.file)
        )
    problems.append(Problem("notice", "rows are matched by id", file=array.file))
    return position


def _from_table(raw: RawTable, id_column: str | None) -> ArrayFile:
    frame, file = raw.frame, raw.source.path.name
    header = bool(raw.source.layout.get("header", True))
    problems = list(raw.problems)
    columns = [str(c) for c in frame.columns]
    row_id = next((c for c in (id_column, *_IDS) if header and c in columns), None)
    index = next(
        (c for c in _INDEX if header and c in columns and c != row_id and _counts_up(frame[c])), None
    )
    numbers: dict[str, np.ndarray] = {}
    left_out = []
    for c, name in enumerate(columns):
        if name in (row_id, index):
            continue
        values = _numbers(frame.iloc[:, c], file, name)
        if values is None:
            left_out.append(name)
        else:
            numbers[name] = values
    if left_out:
        said = f"columns without numbers are left out: {', '.join(left_out[:5])}"
        problems.append(Problem("notice", said, file=file, count=1))
    if not numbers:
        raise refuse("no column of numbers", file=file, expected="one column for each class or dimension")
    ids = None if row_id is None else pd.Index(frame[row_id].astype("str").fillna(""), dtype="str")
    names = tuple(numbers) if header else None
    return ArrayFile(file, np.stack(list(numbers.values()), axis=1), names, ids, tuple(problems))


def _counts_up(values: pd.Series) -> bool:
    """Whether a column is the row number, 0, 1, 2, ..."""
    return bool((values.astype("str").to_numpy() == np.arange(len(values)).astype("str")).all())


def _numbers(values: pd.Series, file: str, name: str) -> np.ndarray | None:
    """float64 values, NaN for empty cells; None for a column that is not of numbers.

    Raises InputError for a column whose first cell is a number and another one is not.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if not isinstance(values.dtype, pd.StringDtype):
        return None
    cells = pc.utf8_trim_whitespace(pa.array(values, pa.large_string()))
    cells = pc.if_else(pc.equal(cells, ""), None, cells)
    try:
        return pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        good = pd.to_numeric(values, errors="coerce").notna().to_numpy()
        if not good[:1].all():
            return None
        bad = np.flatnonzero(~good)
        found = f"{values.iloc[bad[0]]!r} is no number"
        raise refuse(found, file=file, row=int(bad[0]) + 1, column=name, count=len(bad)) from None
