"""Contract over every form and format: no decision is the identity, a decision changes the answers alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.croissant import croissant
from core.errors import InputError
from core.export_check import verify_export
from core.exported import read_exported
from core.exporting import default_format, formats, write_export
from core.label_forms.form import LABEL_FORM, LabelForm
from core.label_forms.reading import TABLES, read_form
from core.loading import read_table
from core.review.decisions import Action
from tests.core.exporters.tool_files import corrected
from tests.core.label_forms.forms import FORMATS, LONG, SHARES, SOFT, WIDE, export, load, records, table

WIDE_ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "one, two", "ann_a": "cat", "ann_b": "cat", "ann_c": "owl", "note": "x"},
    {"id": "b", "text": "three", "ann_a": "dog", "ann_b": None, "ann_c": None, "note": "y"},
    {"id": "c", "text": 'fo"ur', "ann_a": "cat", "ann_b": "dog", "ann_c": None, "note": "z"},
    {"id": "d", "text": "five", "ann_a": "dog", "ann_b": "dog", "ann_c": "dog", "note": "é"},
    {"id": "e", "text": "six", "ann_a": None, "ann_b": None, "ann_c": None, "note": "w"},
]
LONG_ROWS: list[dict[str, Any]] = [
    {"item": "a", "text": "one, two", "worker": "w1", "answer": "cat", "seconds": 3},
    {"item": "b", "text": "three", "worker": "w1", "answer": "dog", "seconds": 4},
    {"item": "a", "text": "one, two", "worker": "w2", "answer": "cat", "seconds": 5},
    {"item": "c", "text": "four", "worker": "w3", "answer": "cat", "seconds": 6},
    {"item": "a", "text": "one, two", "worker": "w3", "answer": "owl", "seconds": 7},
    {"item": "c", "text": "four", "worker": "w1", "answer": "dog", "seconds": 8},
    {"item": "d", "text": "five", "worker": "w2", "answer": "dog", "seconds": 9},
    {"item": "e", "text": "six", "worker": "w2", "answer": None, "seconds": 2},
]
SOFT_ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "one, two", "votes": [0.6, 0.4]},
    {"id": "b", "text": "three", "votes": [0.1, 0.9]},
    {"id": "c", "text": "four", "votes": [0.5, 0.5]},
    {"id": "d", "text": "five", "votes": [0.0, 1.0]},
]
SHARE_ROWS: list[dict[str, Any]] = [
    {"id": r["id"], "text": r["text"], "p_cat": r["votes"][0], "p_dog": r["votes"][1]} for r in SOFT_ROWS
]
CASES: dict[str, tuple[LabelForm, list[dict[str, Any]]]] = {
    "wide": (WIDE, WIDE_ROWS),
    "long": (LONG, LONG_ROWS),
    "soft": (SOFT, SOFT_ROWS),
    "shares": (SHARES, SHARE_ROWS),
}
BOTH = [(case, format) for case in CASES for format in FORMATS]
OF_BYTES = ("csv", "json", "jsonl")


def made(tmp_path: Path, case: str, format: str) -> Path:
    return table(tmp_path / f"in.{format}", format, CASES[case][1])


def test_formats__all_tables_are_tried() -> None:
    assert set(FORMATS) | {"split_files"} == TABLES


@pytest.mark.parametrize(("case", "format"), BOTH)
def test_export__no_decision_gives_the_same_bytes(case: str, format: str, tmp_path: Path) -> None:
    path = made(tmp_path, case, format)
    export(load(path, CASES[case][0]), {}, tmp_path / f"out.{format}")
    assert (tmp_path / f"out.{format}").read_bytes() == path.read_bytes()


EXPECTED: dict[str, dict[int, dict[str, str]]] = {
    # cat -> dog of row a: the answers that said cat. No label in row c: all its answers.
    "wide": {0: {"ann_a": "dog", "ann_b": "dog"}, 2: {"ann_b": "cat"}},
    "long": {0: {"answer": "dog"}, 2: {"answer": "dog"}, 5: {"answer": "cat"}},
    "soft": {0: {"votes": "[0.0, 1.0]"}, 2: {"votes": "[1.0, 0.0]"}},
    "shares": {0: {"p_cat": "0.0", "p_dog": "1.0"}, 2: {"p_cat": "1.0", "p_dog": "0.0"}},
}


@pytest.mark.parametrize(("case", "format"), BOTH)
def test_export__a_decision_changes_the_answers_alone(case: str, format: str, tmp_path: Path) -> None:
    path, form = made(tmp_path, case, format), CASES[case][0]
    prepared = load(path, form)
    one, other = ("0", "1") if case == "soft" else ("cat", "dog")
    export(prepared, {0: other, 2: one, 3: Action.KEEP}, tmp_path / f"out.{format}")
    before, after = records(path), records(tmp_path / f"out.{format}")
    wanted = [{**row, **EXPECTED[case].get(i, {})} for i, row in enumerate(before)]
    if format == "xlsx":  # a workbook writes 0.0 as 0
        wanted = [{k: v.removesuffix(".0") for k, v in row.items()} for row in wanted]
        after = [{k: v.removesuffix(".0") for k, v in row.items()} for row in after]
    assert after == wanted
    again = load(tmp_path / f"out.{format}", form)
    assert again.dataset is not None and prepared.dataset is not None
    labels = again.dataset.given_labels().tolist()
    assert labels == [other, *prepared.dataset.given_labels().tolist()[1:2], one, *labels[3:]]


@pytest.mark.parametrize(("case", "format"), [b for b in BOTH if b[1] in OF_BYTES])
def test_export__other_bytes_only_in_changed_cells(case: str, format: str, tmp_path: Path) -> None:
    path, form = made(tmp_path, case, format), CASES[case][0]
    export(load(path, form), {0: "1" if case == "soft" else "dog"}, tmp_path / f"out.{format}")
    old, new = path.read_bytes().split(b"\n"), (tmp_path / f"out.{format}").read_bytes().split(b"\n")
    differ = [i for i, (was, now) in enumerate(zip(old, new, strict=False)) if was != now]
    if format == "json":
        assert old[-2:] == new[-2:] and len(old) - len(new) == (3 if case == "soft" else 0) and differ
    else:
        first = 1 if format == "csv" else 0
        assert differ == ([first, first + 2] if case == "long" else [first])


@pytest.mark.parametrize(("case", "format"), BOTH)
def test_export__an_excluded_row_goes_with_all_its_records(case: str, format: str, tmp_path: Path) -> None:
    path, form = made(tmp_path, case, format), CASES[case][0]
    export(load(path, form), {0: Action.EXCLUDE}, tmp_path / f"out.{format}")
    key = "item" if case == "long" else "id"
    assert records(tmp_path / f"out.{format}") == [r for r in records(path) if r[key] != "a"]


@pytest.mark.parametrize(("case", "format"), BOTH)
def test_export__every_record_of_a_row_gets_the_added_columns(case: str, format: str, tmp_path: Path) -> None:
    path, form = made(tmp_path, case, format), CASES[case][0]
    other = "1" if case == "soft" else "dog"
    out = tmp_path / f"out.{format}"
    export(
        load(path, form), {0: other, 3: Action.EXCLUDE}, out, add=("given_label", "decision"), excluded="mark"
    )
    key = "item" if case == "long" else "id"
    found = {(r[key], r["given_label"], r["decision"], r["excluded"].lower()) for r in records(out)}
    assert {f for f in found if f[0] in "ad"} == {
        ("a", "0" if case == "soft" else "cat", "relabel", "false"),
        ("d", other, "exclude", "true"),
    }


@pytest.mark.parametrize("other", ["csv", "json", "jsonl", "parquet", "arrow", "xlsx"])
@pytest.mark.parametrize("case", CASES)
def test_export__another_format_has_the_given_label_as_a_column(
    case: str, other: str, tmp_path: Path
) -> None:
    prepared = load(made(tmp_path, case, "csv"), CASES[case][0])
    corrections = corrected(prepared, {0: "1" if case == "soft" else "dog"})
    assert default_format(prepared.source).name == LABEL_FORM
    summary = write_export(corrections, tmp_path / f"wide.{other}", other)
    assert verify_export(corrections, summary).ok
    rows = records(tmp_path / f"wide.{other}")
    assert len(rows) == len(prepared.dataset)  # type: ignore[arg-type]
    label = prepared.dataset.columns.label  # type: ignore[union-attr]
    assert rows[0][label or ""] == ("1" if case == "soft" else "dog")


@pytest.mark.parametrize("case", CASES)
def test_export__the_wrong_record_is_refused(case: str, tmp_path: Path) -> None:
    prepared = load(made(tmp_path, case, "csv"), CASES[case][0])
    corrections = corrected(prepared, {0: "1" if case == "soft" else "dog"})
    frame = corrections.dataset.table.copy()
    frame.iloc[0, list(frame.columns).index(corrections.dataset.columns.label or "")] = "owl"
    forged = replace(corrections, dataset=replace(corrections.dataset, table=frame))
    with pytest.raises(InputError, match=r"row 1, .*where the data set has 'owl'"):
        write_export(forged, tmp_path / "out.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv"]


def test_export__written_from_such_a_source_only(tmp_path: Path) -> None:
    path = table(tmp_path / "in.csv", "csv", WIDE_ROWS)
    with pytest.raises(InputError, match="put together already"):
        read_form(read_form(read_table(path), WIDE), WIDE)
    assert formats()[LABEL_FORM].only_own


@pytest.mark.parametrize("case", CASES)
def test_croissant__says_what_the_file_is(case: str, tmp_path: Path) -> None:
    corrections = corrected(load(made(tmp_path, case, "csv"), CASES[case][0]), {})
    write_export(corrections, tmp_path / "out.csv")
    document = json.loads(croissant(corrections, read_exported(tmp_path / "out.csv", "set")))
    assert document["distribution"][0]["encodingFormat"] == "text/csv"
    assert "recordSet" not in document  # the file's columns are not those of the data set
