from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.corrections import Corrections, correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.review.classes import class_list
from core.review.policy import Outcomes
from tests.core.exporters.conftest import decide

CSV = 'id,text,label\r\n1,"first, text",love | joy\r\n2,second,sad\r\n3,third,"joy | café"\r\n4,fourth,\r\n'
RECORDS = [["love", "joy"], ["sad"], [], ["café"], None]


def load(path: Path, delimiter: str) -> Prepared:
    raw = read_table(path)
    prepared = prepare(raw, Plan("set", replace(guess_columns(raw), label="label", delimiter=delimiter)))
    assert prepared.ok, prepared.problems
    return prepared


def corrected(prepared: Prepared, choices: dict[int, str]) -> Corrections:
    dataset = prepared.dataset
    assert dataset is not None
    decisions = [decide(dataset, position, label) for position, label in choices.items()]
    decided = Outcomes({d.row_id: d for d in decisions}, class_list(dataset.classes))
    return correct(dataset, prepared.source, decided)


def export(prepared: Prepared, choices: dict[int, str], out: Path, format: str | None = None) -> bytes:
    corrections = corrected(prepared, choices)
    assert corrections.conflicts == ()
    summary = write_export(corrections, out, format)
    checked = verify_export(corrections, summary)
    assert (checked.changed, checked.unexpected) == (len(choices), 0), checked.examples
    return out.read_bytes()


def test_csv__only_the_cells_of_changed_sets_differ(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    prepared = load(path, "|")
    assert prepared.dataset is not None
    assert prepared.dataset.classes == ("sad", "café | joy", "joy | love")
    assert export(prepared, {}, tmp_path / "same.csv") == CSV.encode()
    changed = export(prepared, {1: "café | joy | sad", 2: "joy"}, tmp_path / "out.csv")
    assert changed.decode() == CSV.replace("sad", "café | joy | sad").replace('"joy | café"', '"joy"')


def test_corrections__the_same_set_in_another_order_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    corrections = corrected(load(path, "|"), {0: "joy | love"})
    assert (corrections.already, corrections.changes) == (1, ())


@pytest.mark.parametrize("label", ["love | joy", "hate", "joy|love", ""])
def test_corrections__what_is_no_set_of_the_classes_is_a_conflict(tmp_path: Path, label: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    (conflict,) = corrected(load(path, "|"), {1: label}).conflicts
    assert "is not in your class list" in conflict.found


def test_json_lines__lists_stay_lists(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [json.dumps({"text": f"text {i}", "label": label}) for i, label in enumerate(RECORDS)]
    path.write_text("\n".join(lines))
    prepared = load(path, "[]")
    assert export(prepared, {}, tmp_path / "same.jsonl") == path.read_bytes()
    choices = {0: "[]", 2: '["café", "sad"]', 4: '["joy"]'}
    found = export(prepared, choices, tmp_path / "out.jsonl").decode().splitlines()
    assert found[0] == '{"text": "text 0", "label": []}'
    assert found[2] == '{"text": "text 2", "label": ["café", "sad"]}'
    assert found[4] == '{"text": "text 4", "label": ["joy"]}'
    assert (found[1], found[3]) == (lines[1], lines[3])


def test_json__numbers_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('[{"text": "a", "label": [3, 1]}, {"text": "b", "label": [ 2 ]}]')
    prepared = load(path, "[]")
    found = export(prepared, {0: '["2", "3"]'}, tmp_path / "out.json").decode()
    assert found == '[{"text": "a", "label": [2, 3]}, {"text": "b", "label": [ 2 ]}]'


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.large_string())])
def test_parquet__the_column_keeps_its_type(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"text": [f"text {i}" for i in range(5)], "label": pa.array(RECORDS, kind)})
    pq.write_table(table, path)
    prepared = load(path, "[]")
    assert export(prepared, {}, tmp_path / "same.parquet") == path.read_bytes()
    export(prepared, {0: "[]", 1: '["café", "sad"]'}, tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.equals(table.schema)
    assert found["label"].to_pylist() == [[], ["café", "sad"], [], ["café"], None]


@pytest.mark.parametrize("format", ["csv", "json", "jsonl", "parquet"])
def test_other_formats__sets_are_written_and_read_back(tmp_path: Path, format: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    export(load(path, "|"), {1: "love"}, tmp_path / f"out.{format}", format)


def test_npy__has_no_room_for_sets(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(CSV.encode())
    with pytest.raises(InputError, match="cannot hold several labels a row"):
        write_export(corrected(load(path, "|"), {}), tmp_path / "out.npy", "npy")
    assert not (tmp_path / "out.npy").exists()
