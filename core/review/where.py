"""Conditions on columns of a table, as one text that an address can carry: "source=shop_b&age=30..40"."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl, urlencode

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import refuse

RANGE = ".."


def conditions(text: str) -> list[tuple[str, str]]:
    """(column, wanted) pairs. Raises InputError for a text that is none."""
    try:
        return parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        raise refuse(
            f"where={text!r} is not a filter",
            expected="column=value, several joined by &, other characters percent-encoded",
        ) from None


def as_text(pairs: list[tuple[str, str]]) -> str:
    """What `conditions` reads back as these pairs."""
    return urlencode(pairs)


def matching(table: pd.DataFrame, text: str) -> np.ndarray:
    """(N,) bool: rows that meet every condition.

    A value is wanted as it is written; in a column of numbers as a number, or as low..high, both included
    and either left out. A condition without a value wants rows that lack one.
    Raises InputError for a column that is not there, or a range that is none.
    """
    mask = np.ones(len(table), dtype=bool)
    for column, wanted in conditions(text):
        if column not in table.columns:
            raise refuse(f"no column called {column!r}", expected=", ".join(map(str, table.columns[:20])))
        values = table[column]
        if not wanted:
            mask &= (values.isna() | (values.astype("str") == "")).to_numpy()
        elif pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
            mask &= equal(values, wanted)
        else:
            low, high = _bounds(column, wanted)
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            mask &= (numbers >= low) & (numbers <= high)
    return mask


def equal(values: pd.Series, wanted: str) -> np.ndarray:
    """(N,) bool: values that are written so; a missing one is equal to nothing."""
    found = pc.fill_null(pc.equal(strings(values), pa.scalar(wanted, pa.large_string())), False)
    return found.to_numpy(zero_copy_only=False)


def strings(values: pd.Series) -> pa.Array:
    """The values as texts, in one piece."""
    array = pa.Array.from_pandas(values.astype("str"))
    chunked = array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])
    return chunked.cast(pa.large_string()).combine_chunks()


def _bounds(column: str, wanted: str) -> tuple[float, float]:
    low, dots, high = wanted.partition(RANGE)
    try:
        bounds = float(low or -math.inf), float((high or math.inf) if dots else low)
    except ValueError:
        raise refuse(
            f"{wanted!r} is not a value of column {column!r}", expected="a number, or low..high"
        ) from None
    if math.isnan(bounds[0]) or math.isnan(bounds[1]):
        raise refuse(f"{wanted!r} is not a value of column {column!r}", expected="a number, or low..high")
    return bounds
