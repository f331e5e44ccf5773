"""Predictions and embeddings from .npy, .npz, JSON or a table, put into the order of the data's rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import Problem, refuse
from core.preflight.array_files import ArrayFile, load_npy, load_npz
from core.preflight.json_rows import is_rows, rows_of
from core.preflight.predicted_labels import PredictedLabels
from core.preflight.prediction_cells import read_values
from core.preflight.prediction_table import from_table
from core.progress import Progress
from core.reading import HEAD, read_table

__all__ = ["IN_ORDER", "ArrayFile", "align", "read_array", "read_numbers", "read_predictions"]

IN_ORDER = "it names no rows: row 1 is taken as row 1 of the data, and so on"
"""Found where rows are matched by order alone, for a person to confirm."""


def read_array(path: Path, key: str, id_column: str | None = None) -> ArrayFile:
    """An array of numbers. key: its name in an .npz; id_column: how the data's ids are called.

    In a table every column of numbers counts, except ids and an unnamed index, or one column of lists;
    others are left out with a notice. Raises InputError for what cannot be read; pickles are never opened.
    """
    found = _read(path, key, id_column)
    if isinstance(found, PredictedLabels):
        raise refuse("a column of classes, not of numbers", file=found.file, column=found.column)
    return found


def read_predictions(path: Path, id_column: str | None = None) -> ArrayFile | PredictedLabels:
    """A model's outputs: numbers, as `read_array` reads them, or a predicted class a row."""
    return _read(path, "pred_probs", id_column)


def read_numbers(path: Path, id_column: str | None = None) -> ArrayFile:
    """A model's numbers where labels are numbers: one column, (N, 1) unless the file has more.

    In a table the column that is called a prediction, else its only column of numbers. Raises InputError for
    what cannot be read, and where a table leaves the choice open.
    """
    found = _read(path, "predicted", id_column)
    if isinstance(found, PredictedLabels):
        raise refuse("texts, not numbers", file=found.file, expected="one predicted number for each row")
    return replace(found, values=found.values[:, None]) if found.values.ndim == 1 else found


def _read(path: Path, key: str, id_column: str | None) -> ArrayFile | PredictedLabels:
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
    except OSError as error:
        raise refuse(f"cannot be read: {error}", file=str(path), mend="check the path") from error
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04")):
        values = load_npy(path) if head.startswith(b"\x93") else load_npz(path, key)
        if values.ndim == 1 and values.dtype.kind == "U":
            return PredictedLabels(path.name, "", pd.Series(np.asarray(values), dtype="str"))
        return ArrayFile(path.name, values)
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        mend = "save plain numbers with numpy.save"
        raise refuse("a Python pickle, which can run code and is never opened", file=path.name, mend=mend)
    if is_rows(head):
        values, names, said = read_values(rows_of(path, head), path.name)
        return ArrayFile(path.name, values, names, None, tuple(said))
    return from_table(read_table(path, Progress()), id_column, key)


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
    return array.values, [*problems, Problem("notice", IN_ORDER, file=array.file)]


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
