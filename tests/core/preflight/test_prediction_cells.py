from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.preflight.array_files import ArrayFile
from core.preflight.prediction_cells import read_values
from core.preflight.prediction_files import read_array, read_predictions

VALUES = [[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]


def read(tmp_path: Path, text: str, name: str = "p.json") -> ArrayFile:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_array(tmp_path / name, "pred_probs", "id")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(VALUES),
        json.dumps(VALUES, indent=2),
        "\ufeff" + json.dumps(VALUES),
        json.dumps({"predictions": VALUES}),
        "\n".join(map(json.dumps, VALUES)),
        "[0.25, 0.75]\n\n[0.5, 0.5]\r\n[1, 0]\n",
    ],
)
def test_read_array__rows_of_numbers_as_json(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert found.values.tolist() == VALUES
    assert (found.names, found.ids, found.problems) == (None, None, ())


RECORDS = [
    [{"id": "b", "probs": v} for v in VALUES],
    [{"id": "b", "probs": {"cat": a, "dog": b}} for a, b in VALUES],
    [{"id": "b", "probs": [{"label": "cat", "score": a}, {"label": "dog", "score": b}]} for a, b in VALUES],
    [{"id": "b", "cat": a, "dog": b} for a, b in VALUES],
]


@pytest.mark.parametrize("records", RECORDS)
@pytest.mark.parametrize("lines", [True, False])
def test_read_array__records_with_ids(tmp_path: Path, records: list[dict], lines: bool) -> None:
    records = [{**r, "id": name} for r, name in zip(records, "bca", strict=True)]
    text = "\n".join(map(json.dumps, records)) if lines else json.dumps(records)
    found = read(tmp_path, text, "p.jsonl" if lines else "p.json")
    assert found.ids is not None and found.ids.tolist() == ["b", "c", "a"]
    assert found.values.tolist() == VALUES
    assert found.names == (("cat", "dog") if records[0].get("probs") != VALUES[0] else None)


def test_read_array__all_scores_of_a_pipeline(tmp_path: Path) -> None:
    """Labels come sorted by their score, each row in its own order."""
    row = (
        '[[{"label": "dog", "score": 0.75}, {"label": "cat", "score": 0.25}], [{"label": "cat", "score": 1}]]'
    )
    found = read(tmp_path, row)
    assert found.names == ("dog", "cat") and found.values.tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert [(p.found, p.row) for p in found.problems] == [
        ("classes that a row leaves out have probability 0 there", 2)
    ]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float16()), pa.list_(pa.float64(), 2)])
@pytest.mark.parametrize("suffix", ["parquet", "arrow", "arrows"])
def test_read_array__a_column_of_lists(tmp_path: Path, kind: pa.DataType, suffix: str) -> None:
    """As Hugging Face data sets keep them, with text and label beside."""
    path = tmp_path / f"p.{suffix}"
    value = np.float16 if kind == pa.list_(pa.float16()) else float
    lists = pa.array([[value(v) for v in row] for row in VALUES], kind)
    table = pa.table({"id": ["b", "c", "a"], "text": ["x"] * 3, "label": [0, 1, 0], "probs": lists})
    if suffix == "parquet":
        pq.write_table(table, path)
    else:
        new = pa.ipc.new_file if suffix == "arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as writer:
            writer.write_table(table)
    found = read_array(path, "pred_probs", "id")
    assert found.ids is not None and found.ids.tolist() == ["b", "c", "a"]
    assert found.values.tolist() == VALUES and found.names is None
    assert [p.found for p in found.problems] == ["other columns are left out: text, label"]


def test_read_array__a_csv_column_of_lists(tmp_path: Path) -> None:
    found = read(tmp_path, 'id,probs\nb,"[0.25, 0.75]"\nc,"[0.5, 0.5]"\n', "p.csv")
    assert found.values.tolist() == VALUES[:2]
    assert np.isnan(read(tmp_path, 'id,probs\nb,"[0.25, 0.75]"\nc,\n', "p.csv").values[1]).all()


def test_read_array__the_named_column_of_several(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a"], "embedding": [[1.0, 2.0, 3.0]], "probs": [[0.25, 0.75]]})
    frame.to_parquet(tmp_path / "p.parquet")
    assert read_array(tmp_path / "p.parquet", "pred_probs").values.tolist() == [[0.25, 0.75]]
    assert read_array(tmp_path / "p.parquet", "embeddings").values.tolist() == [[1, 2, 3]]
    frame.rename(columns={"embedding": "u", "probs": "v"}).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(
        InputError, match=r"2 columns of lists \(u, v\). Expected: one of them called pred_probs"
    ):
        read_array(tmp_path / "p.parquet", "pred_probs")


def test_read_array__numbers_beside_an_unnamed_list_count(tmp_path: Path) -> None:
    frame = pd.DataFrame({"cat": [0.25], "dog": [0.75], "tokens": [[1, 2]]})
    frame.to_parquet(tmp_path / "p.parquet")
    found = read_array(tmp_path / "p.parquet", "pred_probs")
    assert found.names == ("cat", "dog") and found.values.tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[0.1, 0.9], [0.1]]", "p.json, row 2: 1 numbers, but the rows before have 2"),
        ('[[0.1, 0.9], [0.1, "0.9"]]', r'p.json, row 2: found \[0.1, "0.9"\]. Expected: a list of numbers'),
        ("[[0.1, 0.9], [true, false]]", "row 2: found"),
        ("[[0.1, 0.9], []]", r"row 2: found \[\]"),
        ("[[0.1, 0.9], 0.5]", "a list of single values"),
        ("[0, 1, 1]", "a list of single values.*for each row"),
        ('{"a": [[1, 2]], "b": [[1, 2]]}', r"an object of 2 lists \(a, b\)"),
        ("[[0.1, 0.9], [0.1", "not valid JSON"),
        ("[[1e400, 0.9]]", None),
        ("[[" + "9" * 400 + ", 0.9]]", "row 1: a number too large"),
        ("[" * 100_000, "nested too deeply"),
        ("[0.1, 0.9]\n[0.1, 0.9\n", "row 2: line 2 is not valid JSON"),
        ('[0.1, 0.9]\n{"a": 1}\n', "row 2: line 2 is no list"),
        ('[{"id": 1, "probs": {"a": 0.5, "a": 0.5}}]', "the key 'a' is there twice"),
        ('[{"id": 1, "probs": [0.1, 0.9]}, {"id": 2, "probs": {"a": 1}}]', "row 2, column probs: found"),
        ('[{"id": 1, "probs": {"a": 2.5, "b": -1}}, {"id": 2, "probs": {"a": 2.5}}]',
         "row 2, column probs: no number for the class 'b', and the others sum to 2.5"),
        ('[{"id": 1, "probs": {"a": 0.6, "b": 0.4}}, {"id": 2, "probs": {"a": 0.6}}]', "others sum to 0.6"),
    ],
)  # fmt: skip
def test_read_array__bad_json_is_named(tmp_path: Path, text: str, message: str | None) -> None:
    if message is None:
        assert np.isinf(read(tmp_path, text).values[0, 0])  # refused with its row by the value check
        return
    with pytest.raises(InputError, match=message):
        read(tmp_path, text)


def test_read_array__lists_as_numpy_prints_them_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2, column probs: '\[0.5 0.5\]' is no JSON"):
        read(tmp_path, 'id,probs\na,"[0.25, 0.75]"\nb,[0.5 0.5]\n', "p.csv")


def test_read_values__is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.preflight.prediction_cells.MOST_VALUES", 5)
    with pytest.raises(InputError, match=r"more than 5 numbers as text.*numpy\.save"):
        read_values([[1, 2, 3], [1, 2, 3]], "p.json")
    with pytest.raises(InputError, match="more than 5 numbers as text"):
        read_values([{"a": 1}, {"b": 1}, {"c": 1}], "p.json")


def test_read_array__json_in_one_piece_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.preflight.json_rows.MOST_BYTES", 10)
    with pytest.raises(InputError, match=r"JSON of 24 bytes in one piece.*one list a line"):
        read(tmp_path, "[[0.25, 0.75], [0.5, 1]]")
    assert read(tmp_path, "[0.25, 0.75]\n[0.5, 0.5]").values.tolist() == VALUES[:2]


_NUMBER = st.floats(allow_nan=False, width=32) | st.integers(-5, 5)
_CELL = st.recursive(
    st.none() | st.booleans() | _NUMBER | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_CELL, max_size=5))
def test_read_values__whatever_comes_is_an_array_or_refused(cells: list) -> None:
    try:
        values, names, _ = read_values(cells, "p.json")
    except InputError:
        return
    assert values.ndim == 2 and values.dtype == np.float64
    assert len(values) in (len(cells), 0) and (names is None or len(names) == values.shape[1])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3), st.lists(st.none() | st.tuples(_NUMBER, _NUMBER), min_size=1, max_size=6))
def test_read_values__an_empty_cell_is_nan_wherever_it_is(_: int, rows: list) -> None:
    if all(row is None for row in rows):
        return
    values, names, _ = read_values([None if r is None else list(r) for r in rows], "p")
    expected = np.array([(np.nan, np.nan) if r is None else r for r in rows], dtype=float)
    assert np.array_equal(values, expected, equal_nan=True) and names is None


def test_read_predictions__embeddings_are_never_labels(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,prediction\na,cat\n")
    assert not isinstance(read_predictions(tmp_path / "p.csv", "id"), ArrayFile)
    with pytest.raises(InputError, match="no column of numbers"):
        read_array(tmp_path / "p.csv", "embeddings", "id")
