"""Parquet keeps schema, metadata, compression and row groups; only decided cells differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError
from core.exporters.parquet_file import PARQUET
from core.progress import Progress
from core.review.decisions import Action

from .conftest import load, plan


def export(path: Path, choices: dict[int, str | Action] | None = None, **options: object) -> Path:
    out = path.parent / "out"
    PARQUET.write(plan(load(path, "parquet"), choices, **options), out, Progress())
    return out


TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4, 5], pa.int16()),
        "when": pa.array([0, 1, None, 3, 4], pa.timestamp("ns", "UTC")),
        "tags": pa.array([["a"], [], None, ["b", "c"], ["d"]]),
        "label": pa.array(["cat", "dog", None, "cat", "dog"]),
    },
    metadata={"made by": "hand"},
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "t.parquet"
    compression = {"id": "gzip", "when": "none", "tags.list.element": "zstd", "label": "snappy"}
    pq.write_table(TABLE, path, row_group_size=2, compression=compression, use_dictionary=["label"])
    return path


def test_write__no_decision_is_the_same_bytes(source: Path) -> None:
    assert export(source).read_bytes() == source.read_bytes()


def test_write__only_decided_cells_differ(source: Path) -> None:
    got = pq.read_table(export(source, {0: "dog", 2: "cat", 4: "cat"}))
    labels = pa.array(["dog", "dog", "cat", "cat", "cat"])
    assert got.equals(pq.read_table(source).set_column(3, "label", labels), check_metadata=True)


def test_write__keeps_how_the_file_is_written(source: Path) -> None:
    def shape(path: Path) -> list[object]:
        meta = pq.ParquetFile(path).metadata
        groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
        columns = [g.column(c) for g in groups for c in range(g.num_columns)]
        said = [(c.path_in_schema, c.compression, c.has_dictionary_page, c.physical_type) for c in columns]
        return [meta.format_version, [g.num_rows for g in groups], said, meta.metadata[b"made by"]]

    assert shape(export(source, {1: "cat"})) == shape(source)


def test_write__drops_excluded_rows_and_empty_row_groups(source: Path) -> None:
    out = export(source, dict.fromkeys((0, 2, 3), Action.EXCLUDE))
    assert pq.read_table(out).equals(pq.read_table(source).take([1, 4]), check_metadata=True)
    assert [pq.ParquetFile(out).metadata.row_group(i).num_rows for i in range(2)] == [1, 1]
    assert pq.read_table(export(source, dict.fromkeys(range(5), Action.EXCLUDE))).num_rows == 0


def test_write__added_columns(source: Path) -> None:
    out = source.parent / "out"
    quality = np.array([0.1, 1, 1, 1, 0], dtype=np.float32)
    names = ("given_label", "label_quality", "decision")
    choices = {0: "dog", 4: Action.EXCLUDE}
    PARQUET.write(
        plan(load(source, "parquet"), choices, quality, add=names, excluded="mark"), out, Progress()
    )
    got = pq.read_table(out)
    assert got.column_names == ["id", "when", "tags", "label", *names, "excluded"]
    assert got["given_label"].to_pylist() == ["cat", "dog", None, "cat", "dog"]
    assert got["label_quality"].to_pylist() == [0.1, 1.0, 1.0, 1.0, 0.0]
    assert got["decision"].to_pylist() == ["relabel", None, None, None, "exclude"]
    assert got["excluded"].to_pylist() == [False, False, False, False, True]


def test_write__dictionary_keeps_its_categories_and_order(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    label = pd.Categorical(["b", "a", None, "b"], categories=["unused", "b", "a"], ordered=True)
    frame = pd.DataFrame({"label": label, "x": [1.5, None, 2.5, 3.5]})
    frame.to_parquet(path, row_group_size=2)
    before = pq.read_table(path)
    got = pq.read_table(export(path, {0: "a", 2: "b"}))
    assert got.schema.equals(before.schema, check_metadata=True)
    assert got["label"].to_pylist() == ["a", "a", "b", "b"]
    assert pd.read_parquet(tmp_path / "out")["label"].cat.categories.tolist() == ["unused", "b", "a"]


def test_write__dictionary_gains_a_class_that_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    label = pa.chunked_array([pa.array(["b", "b"]).dictionary_encode(), pa.array(["a"]).dictionary_encode()])
    pq.write_table(pa.table({"label": label}), path, row_group_size=2)
    got = pq.read_table(export(path, {0: "a"}))
    assert got["label"].type == label.type
    assert got["label"].to_pylist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("kind", "values", "token"),
    [
        (pa.int8(), [1, 2, None], "2"),
        (pa.float32(), [1.0, 2.0, None], "2.0"),
        (pa.bool_(), [True, False, None], "False"),
        (pa.large_string(), ["x", "y", None], "y"),
        (pa.uint64(), [1, 2**64 - 1, None], str(2**64 - 1)),
    ],
)
def test_write__types_are_kept(tmp_path: Path, kind: pa.DataType, values: list, token: str) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"label": pa.array(values, kind)}), path)
    out = tmp_path / "out"
    PARQUET.write(plan(load(path, "parquet"), {0: token, 2: token}), out, Progress())
    got = pq.read_table(out)["label"]
    assert (got.type, got.to_pylist()) == (kind, [values[1]] * 3)


def test_write__pandas_index_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"label": ["a", "b", "a"]}, index=[30, 20, 10]).to_parquet(path)
    got = pd.read_parquet(export(path, {1: "a", 0: Action.EXCLUDE}))
    assert got.index.tolist() == [20, 10]
    assert got["label"].tolist() == ["a", "a"]


def test_write__wrong_row_is_refused(source: Path) -> None:
    loaded = load(source, "parquet")
    pq.write_table(TABLE.take([1, 0, 2, 3, 4]), source)
    with pytest.raises(InputError, match="row 1, column label: the source has 'dog'"):
        PARQUET.write(plan(loaded, {0: "dog"}), source.parent / "out", Progress())


def test_write__from_csv(written) -> None:
    path = written("t.csv", b"text,label\na,cat\nb,dog\n")
    out = path.parent / "out"
    PARQUET.write(plan(load(path), {0: "dog", 1: Action.EXCLUDE}), out, Progress())
    assert pq.read_table(out).to_pylist() == [{"text": "a", "label": "dog"}]
