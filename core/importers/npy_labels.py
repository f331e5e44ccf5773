"""A .npy array of labels: one integer or string for each row, the row's position its id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import Problem, refuse
from core.importers._base import ImportFormat
from core.preflight.array_files import load_npy
from core.progress import Progress
from core.source import RawTable, Source, file_sha256


def sniff(path: Path, head: bytes) -> bool:
    return head.startswith(b"\x93NUMPY")


def read(path: Path, progress: Progress) -> RawTable:
    """One column, label. Never unpickles. Layout: dtype."""
    progress.report(0.0, "Reading labels")
    array = load_npy(path)
    problems: list[Problem] = []
    values = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
    if values.ndim != 1:
        raise refuse(
            f"an array of shape {array.shape}",
            file=path.name,
            expected="one label for each row, shape (N,)",
            mend="probabilities belong beside the data (pred_probs); for one-hot labels take argmax(axis=1)",
        )
    if values.dtype.kind == "f":
        values, problems = _whole(values, path.name)
    if values.dtype.kind not in "biufUS":
        raise refuse(f"an array of type {array.dtype}", file=path.name, expected="integers or strings")
    try:
        texts = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
    except UnicodeDecodeError as error:
        raise refuse("bytes that are not UTF-8", file=path.name, mend="save the labels as str") from error
    native = np.array(texts, dtype=texts.dtype.newbyteorder("="))
    if native.dtype.kind == "U" and not _are_characters(native):
        raise refuse("numbers that are no characters", file=path.name, mend="write the file again")
    frame = pd.DataFrame({"label": pd.Series(native, dtype="str" if native.dtype.kind == "U" else None)})
    source = Source(path, FORMAT.name, file_sha256(path), path.stat().st_size, {"dtype": array.dtype.str})
    return RawTable(frame, source, tuple(problems))


FORMAT = ImportFormat("npy", "NumPy array of labels", (".npy",), sniff, read)


def _are_characters(texts: np.ndarray) -> bool:
    """Whether every code point is one that a text can hold; NumPy reads any number."""
    points = np.ascontiguousarray(texts).view(np.uint32)
    return not (points > 0x10FFFF).any() and not ((points >= 0xD800) & (points < 0xE000)).any()


def _whole(values: np.ndarray, file: str) -> tuple[np.ndarray, list[Problem]]:
    """Floats that are whole numbers as int64; others stay floats where all are numbers, NaN for no label, as
    where labels are numbers. Raises InputError for infinite ones, and for NaN among whole numbers."""
    there = values[~np.isnan(values)]
    if np.isfinite(there).all() and (there != np.floor(there)).any():
        return values, []
    odd = np.flatnonzero(~(np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**53)))
    if len(odd):
        raise refuse(
            f"{values[odd[0]]} is no label",
            file=file,
            row=int(odd[0]) + 1,
            count=len(odd),
            expected="integers or strings",
        )
    said = Problem("notice", "labels are stored as floats, read as integers", file=file)
    return values.astype(np.int64), [said]
