"""One column of labels: unlabelled rows, a class list with classes that no row has, splits by a column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, guess_columns, prepare, read_table
from tests.core.exporters.tool_files import corrected
from tests.core.label_forms.forms import FORMATS, records, table

ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": "one", "label": "cat", "fold": "train"},
    {"id": "b", "text": "two", "label": None, "fold": "train"},
    {"id": "c", "text": "three", "label": "dog", "fold": "test"},
    {"id": "d", "text": "four", "label": "NA", "fold": "test"},
    {"id": "e", "text": "five", "label": "cat", "fold": "dev"},
]


@pytest.mark.parametrize("format", FORMATS)
def test_plain__unlabelled_rows_unused_classes_and_splits(tmp_path: Path, format: str) -> None:
    path = table(tmp_path / f"in.{format}", format, ROWS)
    (tmp_path / "classes.txt").write_text("dog\nowl\ncat\n")
    raw = read_table(path)
    prepared = prepare(raw, Plan("set", guess_columns(raw), classes=tmp_path / "classes.txt"))
    dataset = prepared.dataset
    assert prepared.ok and dataset is not None
    assert dataset.classes == ("dog", "owl", "cat")
    assert dataset.labels.tolist() == [2, -1, 0, -1, 2]
    assert dataset.splits is not None and dataset.splits.tolist() == [row["fold"] for row in ROWS]
    said = "\n".join(map(str, prepared.problems))
    assert "1 of 3 classes have no row: 'owl'" in said
    assert "row 2, column label: no label (also the words NA): kept as unlabelled (2 rows)" in said
    # An unlabelled row gets a class that no row had; rows of the other splits are left out.
    corrections = corrected(prepared, {0: "owl", 1: "owl", 3: "cat"}, splits=("train", "test"))
    summary = write_export(corrections, tmp_path / f"out.{format}")
    assert verify_export(corrections, summary).ok
    wanted = [
        {**row, "label": {"a": "owl", "b": "owl", "d": "cat"}.get(row["id"], row["label"])} for row in ROWS
    ]
    assert records(tmp_path / f"out.{format}") == wanted[:4]
