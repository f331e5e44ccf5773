from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.importers.parquet_file import read
from core.progress import Progress


def test_read__types_and_missing_values(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2], pa.int64()),
            "n": pa.array([3, None], pa.int16()),
            "b": pa.array([None, True]),
            "t": pa.array(["a", None]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    frame = read(tmp_path / "t.parquet", Progress()).frame
    assert [str(t) for t in frame.dtypes] == ["int64", "Int16", "boolean", "str"]
    assert frame["n"].iloc[0] == 3 and frame["n"].isna().tolist() == [False, True]


def test_read__row_order_not_the_stored_index(tmp_path: Path) -> None:
    pd.DataFrame({"a": ["x", "y"]}, index=[9, 1]).to_parquet(tmp_path / "t.parquet")
    frame = read(tmp_path / "t.parquet", Progress()).frame
    assert frame.index.tolist() == [0, 1]
    assert frame["a"].tolist() == ["x", "y"] and frame["__index_level_0__"].tolist() == [9, 1]


def test_read__unused_categories_are_kept(tmp_path: Path) -> None:
    label = pd.Categorical(["b", "a"], categories=["b", "never", "a"])
    pd.DataFrame({"label": label}).to_parquet(tmp_path / "t.parquet")
    frame = read(tmp_path / "t.parquet", Progress()).frame
    assert frame["label"].cat.categories.tolist() == ["b", "never", "a"]


def test_read__lists_become_text_and_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"label": [["a", "b"], None, []]}), tmp_path / "t.parquet")
    raw = read(tmp_path / "t.parquet", Progress())
    assert raw.frame["label"].isna().tolist() == [False, True, False]
    assert raw.frame["label"].iloc[0] == '["a", "b"]'
    assert raw.source.layout == {"nested": ["label"]}


def test_read__damaged_file_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "t.parquet")
    (tmp_path / "t.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"t\.parquet: not readable as Parquet"):
        read(tmp_path / "t.parquet", Progress())


def test_read__two_columns_of_one_name(tmp_path: Path) -> None:
    pq.write_table(
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "t.parquet"
    )
    with pytest.raises(InputError, match="column a: two columns of one name"):
        read(tmp_path / "t.parquet", Progress())
