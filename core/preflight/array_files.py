"""Arrays from .npy and .npz files, memory-mapped where possible, never unpickled."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import InputError, Problem, refuse

# What numpy raises for damaged files besides ValueError; UnicodeError and JSON errors are ValueErrors.
_DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
)


MOST_JOINED = 1 << 30
"""Bytes of arrays that are put one after the other in memory."""


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """An array as its file has it.

    values: (rows, C). names: C column names, None where the file has none.
    ids: row ids, None where rows are matched by their order.
    detections: as Predictions.detections, classes as the file's; None where it holds no boxes.
    """

    file: str
    values: np.ndarray
    names: tuple[str, ...] | None = None
    ids: pd.Index | None = None
    problems: tuple[Problem, ...] = field(default=())
    detections: pd.DataFrame | None = None


def load_npy(path: Path) -> np.ndarray:
    """The array in a .npy file, memory-mapped and read-only.

    Raises InputError for a damaged file and for a pickled one, which is never opened.
    """
    with path.open("rb") as handle:
        if handle.read(6) != b"\x93NUMPY":
            raise refuse("not a NumPy array", file=path.name, mend="save it with numpy.save")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGE:
        # An array without elements cannot be memory-mapped; for a damaged one this says what is wrong.
        try:
            return np.load(path, allow_pickle=False)
        except _DAMAGE as error:
            raise _unreadable(path, error) from error


def load_npz(path: Path, key: str) -> np.ndarray:
    """The array `key` of an .npz archive, or its only one; or those that numpy.savez numbered (arr_0, arr_1,
    ...), as for a list with the rows of each sentence, put one after the other where they are as wide.

    Raises InputError for a damaged or pickled one, and where several arrays leave the choice open.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n.removesuffix(".npy") for n in archive.namelist()]
            if key not in names and len(names) > 1 and set(names) == {f"arr_{i}" for i in range(len(names))}:
                return _joined(path, archive, len(names))
            if key not in names and len(names) != 1:
                raise refuse(
                    f"{len(names)} arrays ({', '.join(names[:10])})",
                    file=path.name,
                    expected=f"one array called {key}",
                    mend=f"save it under that name: numpy.savez(path, {key}=...)",
                )
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[key if key in names else names[0]]
    except InputError:
        raise
    except _DAMAGE as error:
        raise _unreadable(path, error) from error


def _joined(path: Path, archive: zipfile.ZipFile, count: int) -> np.ndarray:
    """The numbered arrays one after the other. Raises InputError unless they are as wide, and few bytes."""
    size = sum(entry.file_size for entry in archive.infolist())
    if size > MOST_JOINED:
        mend = "save them as one array: numpy.save(path, numpy.concatenate(list))"
        raise refuse(f"{count:,} arrays of {size:,} bytes in all", file=path.name, mend=mend)
    with np.load(path, allow_pickle=False) as arrays:
        parts = [arrays[f"arr_{i}"] for i in range(count)]
    odd = next((i for i, a in enumerate(parts) if a.ndim != 2 or a.shape[1] != parts[0].shape[-1]), None)
    if odd is not None:
        shapes = f"arr_0 has the shape {parts[0].shape}, arr_{odd} {parts[odd].shape}"
        expected = "one array, or one for each sentence with a column for each class"
        raise refuse(f"{count:,} arrays: {shapes}", file=path.name, expected=expected)
    return np.concatenate(parts)


def _unreadable(path: Path, error: BaseException) -> Exception:
    if "pickle" in str(error).lower() or "object arrays" in str(error).lower():
        return refuse(
            "pickled objects, which can run code and are never opened",
            file=path.name,
            mend="save plain numbers or strings: numpy.save(path, numpy.asarray(values, dtype=...))",
        )
    return refuse(f"damaged or cut off: {error}", file=path.name, mend="write the file again")
