"""One cell of a table: whether it is missing, how it is written as text, whether two are the same."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from core.errors import refuse


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: None, NA, NaT or NaN. An empty text is not missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


def cell_text(value: Any) -> str:
    """A cell as text; "" where it is missing; lists and mappings as JSON.

    Raises InputError for bytes, which are no text.
    """
    if isinstance(value, bytes):
        raise refuse("a column holds bytes, which a text format cannot hold", mend="export as Parquet")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return "" if is_missing(value) else str(value)


def same_cell(found: Any, expected: Any) -> bool:
    """Whether two cells say the same, whatever types hold them: 3 is 3.0 is "3", true is "True"."""
    one, other = cell_text(found), cell_text(expected)
    if one == other or {one, other} in ({"true", "True"}, {"false", "False"}):
        return True
    try:
        return float(one) == float(other) and abs(float(one)) <= 2**53
    except ValueError:
        return False


def same_set(one: Any, other: Any) -> bool:
    """Whether two cells say the same, the order within JSON lists aside."""
    if same_cell(one, other):
        return True
    try:
        lists = json.loads(cell_text(one)), json.loads(cell_text(other))
    except ValueError:
        return False
    return all(isinstance(v, list) for v in lists) and sorted(map(str, lists[0])) == sorted(
        map(str, lists[1])
    )
