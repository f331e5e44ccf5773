from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset import Columns, Dataset
from tests.conftest import make_dataset


def test_fingerprint__same_values_same_digest(pets: Dataset) -> None:
    assert replace(pets).fingerprint == make_dataset([0, 0, 1, 1, 0, -1]).fingerprint


def test_part__one_label_of_a_million_changes_labels_only() -> None:
    n = 1_000_000
    table = pd.DataFrame({"text": pd.array(["x"] * n, dtype="str")}, index=pd.RangeIndex(n).astype("str"))
    labels = np.zeros(n, dtype=np.int32)
    before = Dataset("big", table, Columns(content=("text",), kind="text"), ("a", "b"), ("a", "b"), labels)
    changed = labels.copy()
    changed[777_777] = 1
    after = replace(before, labels=changed)
    assert before.part("labels") != after.part("labels")
    assert before.part("ids") == after.part("ids")
    assert before.part("content") == after.part("content")
    assert before.fingerprint != after.fingerprint


def test_part__unknown_name_is_refused(pets: Dataset) -> None:
    with pytest.raises(ValueError, match="no part called 'lables'"):
        pets.part("lables")


def table_digest(values: list[str | None]) -> str:
    table = pd.DataFrame(
        {"text": pd.array(values, dtype="str")}, index=pd.RangeIndex(len(values)).astype("str")
    )
    labels = np.full(len(values), -1, dtype=np.int32)
    return Dataset("d", table, Columns(content=("text",)), (), (), labels).part("content")


@given(st.lists(st.one_of(st.none(), st.text(max_size=4)), max_size=6), st.data())
def test_part__differs_exactly_where_values_differ(values: list[str | None], data: st.DataObject) -> None:
    others = data.draw(
        st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=len(values), max_size=len(values))
    )
    assert (table_digest(values) == table_digest(others)) == (values == others)


def test_part__cell_boundaries_and_missing_count() -> None:
    assert table_digest(["ab", "c"]) != table_digest(["a", "bc"])
    assert table_digest(["", "c"]) != table_digest([None, "c"])


def test_part__numbers_and_dates_are_hashed_by_value() -> None:
    def digest(values: list[object]) -> str:
        table = pd.DataFrame({"x": values}, index=pd.Index(["a", "b"], dtype="str"))
        return Dataset("d", table, Columns(), (), (), np.full(2, -1, dtype=np.int32)).part("table")

    assert digest([1.0, 2.0]) == digest([1.0, 2.0])
    assert digest([1.0, 2.0]) != digest([1.0, 2.5])
    assert digest([True, False]) != digest([True, True])
    assert digest([[1, 2], [3]]) != digest([[1], [2, 3]])


def test_positions__missing_is_minus_one(pets: Dataset) -> None:
    assert pets.positions(["r2", "nope", "r0"]).tolist() == [2, -1, 0]
