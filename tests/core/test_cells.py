"""Cells of any type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.cells import cell_text, is_missing, same_cell
from core.errors import InputError


@pytest.mark.parametrize("value", [None, pd.NA, pd.NaT, float("nan"), np.float32("nan")])
def test_is_missing__every_kind(value: Any) -> None:
    assert is_missing(value)
    assert cell_text(value) == ""


@pytest.mark.parametrize("value", ["", 0, False, "nan"])
def test_is_missing__values_are_not(value: Any) -> None:
    assert not is_missing(value)
    assert cell_text(value) == str(value)


def test_cell_text__refuses_bytes() -> None:
    with pytest.raises(InputError, match="export as Parquet"):
        cell_text(b"x")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (3, "3", True), (3.0, "3", True), (True, "true", True), (None, "", True), ("a", "a ", False),
        (2**53 + 2, str(2**53 + 3), False), ("3", "4", False), ("True", "1", False),
    ],
)  # fmt: skip
def test_same_cell(one: Any, other: Any, same: bool) -> None:
    assert same_cell(one, other) is same
