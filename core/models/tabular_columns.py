"""Tables: numbers standardised, categories one-hot or hashed, a flag where a value is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.errors import Problem, refuse
from core.models._base import Embedder, Features
from core.progress import Progress

_ONE_HOT, _HASHED = 20, 16
_MOSTLY_UNIQUE = 0.9
_CLIP = 10.0


def _fit_transform(dataset: Dataset, seed: int, progress: Progress) -> Features:
    parts: list[np.ndarray] = []
    left_out: list[str] = []
    columns = dataset.columns.content
    for i, name in enumerate(columns):
        progress.report(i / len(columns), "encoding columns")
        values = _encoded(dataset.table[name])
        if values is None:
            left_out.append(name)
        else:
            parts += values
    if not parts:
        raise refuse(
            "no column tells rows apart", column=", ".join(columns), mend="choose other feature columns"
        )
    return Features(np.column_stack(parts).astype(np.float32), _remarks(left_out))


def _encoded(column: pd.Series) -> list[np.ndarray] | None:
    """The column as one or more columns of numbers; None where it is like an identifier, or constant."""
    column = column.reset_index(drop=True)
    missing = column.isna() | (column.astype("str").str.strip() == "")
    there = column[~missing]
    if there.nunique() < 2 and (not missing.any() or missing.all()):
        return None
    numbers = pd.to_numeric(there, errors="coerce") if not _is_bool(there) else there.astype(float)
    flag = [missing.to_numpy(np.float32)] if missing.any() else []
    numbers = numbers.where(np.isfinite(numbers.astype(float)))
    if numbers.notna().all() and len(numbers):
        return None if _counts_rows(numbers) else [_standardised(numbers, missing.to_numpy()), *flag]
    if there.nunique() > max(_ONE_HOT, _MOSTLY_UNIQUE * len(there)):
        return None
    return [*_categories(there.astype("str"), missing.to_numpy()), *flag]


def _is_bool(values: pd.Series) -> bool:
    return pd.api.types.is_bool_dtype(values.dtype)


def _counts_rows(numbers: pd.Series) -> bool:
    """Whether whole numbers, each once, fill their range: a running number and no measurement."""
    values = numbers.to_numpy(np.float64)
    if len(values) < 20 or (values != np.round(values)).any() or len(np.unique(values)) < len(values):
        return False
    return values.max() - values.min() < 2 * len(values)


def _standardised(numbers: pd.Series, missing: np.ndarray) -> np.ndarray:
    """(N,) mean 0, deviation 1, within +-10; 0 where the value is missing."""
    values = numbers.to_numpy(np.float64)
    scale = float(np.abs(values).max()) or 1.0  # so that squares stay finite
    values = values / scale
    out = np.zeros(len(missing))
    out[~missing] = np.clip((values - values.mean()) / (values.std() or 1), -_CLIP, _CLIP)
    return out


def _categories(there: pd.Series, missing: np.ndarray) -> list[np.ndarray]:
    """One column a value, or 16 for hashes of the values where there are many."""
    rows = np.flatnonzero(~missing)
    codes, names = pd.factorize(there, sort=True)
    width = len(names)
    if width > _ONE_HOT:
        hashes = pd.util.hash_array(np.asarray(names, dtype=object), categorize=False)
        codes, width = (hashes % _HASHED).astype(int)[codes], _HASHED
    out = np.zeros((len(missing), width), np.float32)
    out[rows, codes] = 1
    return list(out.T)


def _remarks(left_out: list[str]) -> tuple[Problem, ...]:
    if not left_out:
        return ()
    found = "columns that hold one value, or another one in nearly every row, are not learned from"
    return (Problem("notice", found, column=", ".join(left_out)),)


TABULAR_COLUMNS = Embedder("tabular_columns", "columns of the table", "tabular", 1, _fit_transform)
