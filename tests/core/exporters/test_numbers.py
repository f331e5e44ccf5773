"""Exports of labels that are numbers: exactly the cells that were decided change."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Prepared
from core.review.decisions import Action
from core.targets import same_number
from tests.core.numbers import CSV, corrected, load


def export(
    prepared: Prepared, choices: dict[int, str | Action], out: Path, format: str | None = None
) -> bytes:
    corrections = corrected(prepared, choices)
    assert corrections.conflicts == ()
    summary = write_export(corrections, out, format)
    checked = verify_export(corrections, summary)
    assert checked.unexpected == 0, checked.examples
    return out.read_bytes()


def test_csv__the_number_is_written_as_it_was_typed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    prepared = load(path)
    assert export(prepared, {}, tmp_path / "same.csv") == CSV.encode()
    changed = export(prepared, {0: "415.0001", 3: "-1e-7", 5: Action.EXCLUDE}, tmp_path / "out.csv")
    wanted = (
        CSV.replace(",4150\r", ",415.0001\r")
        .replace('3",\r', '3",-1e-7\r')
        .replace('r5,"house, 5",1e3\r\n', "")
    )
    assert changed.decode() == wanted


def test_corrections__an_equal_number_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    corrections = corrected(load(path), {1: "380.5", 5: "1000", 7: "380.50"})
    assert (corrections.already, corrections.changes, corrections.conflicts) == (3, (), ())


@pytest.mark.parametrize("label", ["12,5", "cat", "nan", "1e999", ""])
def test_corrections__what_is_no_number_is_a_conflict(tmp_path: Path, label: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    (conflict,) = corrected(load(path), {1: label}).conflicts
    assert "is no number" in conflict.found and conflict.row == 2


def test_corrections__a_whole_column_refuses_a_fraction(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "label": pa.array([5, 7], pa.int16())}), path)
    found = corrected(load(path), {0: "5.5", 1: "40000"}).conflicts
    assert [c.found for c in found] == [
        "The column holds whole numbers; expected digits alone, found 5.5",
        "The column's type holds no number above 32767, and 40000 is",
    ]


@pytest.mark.parametrize(
    ("kind", "values", "typed"),
    [(pa.float32(), [1.5, None, 3.0], "0.1"), (pa.float64(), [1.5, None, 1e300], "2.5e-10"),
     (pa.int64(), [10**15, None, -4], "-7"), (pa.uint8(), [1, None, 3], "255")],
)  # fmt: skip
def test_parquet__the_column_keeps_its_type(
    tmp_path: Path, kind: pa.DataType, values: list, typed: str
) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"text": ["a", "b", "c"], "label": pa.array(values, kind)})
    pq.write_table(table, path)
    prepared = load(path)
    assert export(prepared, {}, tmp_path / "same.parquet") == path.read_bytes()
    export(prepared, {0: typed, 1: typed}, tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.equals(table.schema)
    wanted = pa.scalar(typed).cast(kind).as_py()
    assert found["label"].to_pylist() == [wanted, wanted, values[2]]


def test_json__numbers_stay_numbers_and_texts_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = ['{"text": "a", "label": 1.50}', '{"text": "b", "label": "7"}', '{"text": "c", "label": null}']
    path.write_text("\n".join(lines))
    found = export(load(path), {0: "2.50", 1: "8.25", 2: "9"}, tmp_path / "out.jsonl").decode().splitlines()
    assert found == [
        lines[0].replace("1.50", "2.50"),
        lines[1].replace("7", "8.25"),
        lines[2].replace("null", "9"),
    ]


def test_npy__numbers_of_a_table_and_of_an_array(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    export(load(path), {0: "415.5"}, tmp_path / "out.npy", "npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy")[:4], [415.5, 380.5, 12.5, np.nan])
    np.save(tmp_path / "own.npy", np.array([1.5, 2.25, np.nan]))
    export(load(tmp_path / "own.npy"), {1: "-3.5"}, tmp_path / "again.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), [1.5, -3.5, np.nan])


NUMBERS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2
).map(str)
TABLES = st.lists(st.one_of(NUMBERS, st.just("")), min_size=2, max_size=30).filter(any)
CHOICES = st.dictionaries(
    st.integers(0, 29), st.one_of(NUMBERS, st.sampled_from([Action.KEEP, Action.EXCLUDE]))
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, CHOICES, st.sampled_from(["csv", "jsonl", "parquet"]))
def test_export__changes_exactly_the_decided_cells(
    tmp_path: Path, cells: list[str], choices: dict[int, str | Action], format: str
) -> None:
    path, out = tmp_path / f"t.{format}", tmp_path / f"out.{format}"
    _write(path, cells, format)
    choices = {at: choice for at, choice in choices.items() if at < len(cells)}
    export(load(path), choices, out)
    texts = {
        at: c for at, c in choices.items() if not isinstance(c, Action) and not same_number(c, cells[at])
    }
    kept = [at for at in range(len(cells)) if choices.get(at) is not Action.EXCLUDE]
    assert [i for i, _ in _read(out, format)] == [f"r{at}" for at in kept]
    for at, (_, found) in zip(kept, _read(out, format), strict=True):
        if at in texts:
            assert Decimal(found) == Decimal(texts[at]) or float(found) == float(texts[at])
        else:
            assert found == dict(_read(path, format))[f"r{at}"]
    for file in tmp_path.iterdir():
        file.unlink()


def _write(path: Path, cells: list[str], format: str) -> None:
    ids = [f"r{i}" for i in range(len(cells))]
    if format == "csv":
        rows = "".join(f"{i},text {i},{cell}\n" for i, cell in zip(ids, cells, strict=True))
        path.write_text(f"id,text,label\n{rows}")
    elif format == "jsonl":
        rows = (
            f'{{"id": "{i}", "text": "text {i}", "label": {c or "null"}}}\n'
            for i, c in zip(ids, cells, strict=True)
        )
        path.write_text("".join(rows))
    else:
        values = [float(c) if c else None for c in cells]
        pq.write_table(pa.table({"id": ids, "text": ids, "label": pa.array(values, pa.float64())}), path)


def _read(path: Path, format: str) -> list[tuple[str, str]]:
    if format == "csv":
        return [(row["id"], row["label"]) for row in csv.DictReader(io.StringIO(path.read_text()))]
    if format == "jsonl":
        rows = [json.loads(line, parse_float=str, parse_int=str) for line in path.read_text().splitlines()]
        return [(row["id"], str(row["label"])) for row in rows]
    frame = pd.read_parquet(path)
    return list(zip(frame["id"], map(str, frame["label"]), strict=True))
