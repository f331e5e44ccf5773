"""Reads, corrects and exports a file the way people do, for the tests of annotation tools' formats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from core.corrections import Corrections, ExportOptions, correct
from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, Prepared, guess_columns, prepare, read_table
from core.review.classes import class_list
from core.review.policy import Outcomes
from tests.core.exporters.conftest import decide
from tests.core.importers.samples import (
    annotation,
    task,
)


def load(path: Path, label: str | None = None) -> Prepared:
    raw = read_table(path)
    columns = guess_columns(raw)
    prepared = prepare(raw, Plan("set", replace(columns, label=label) if label else columns))
    assert prepared.ok, prepared.problems
    return prepared


def corrected(prepared: Prepared, choices: dict[int, Any], **options: Any) -> Corrections:
    dataset = prepared.dataset
    assert dataset is not None
    decisions = [decide(dataset, position, choice) for position, choice in choices.items()]
    decided = Outcomes({d.row_id: d for d in decisions}, class_list(dataset.classes))
    return correct(dataset, prepared.source, decided, ExportOptions(**options))


def export(path: Path, choices: dict[int, Any], label: str | None = None, **options: Any) -> bytes:
    """The bytes of an export in the file's own format, checked."""
    corrections = corrected(load(path, label), choices, **options)
    assert corrections.conflicts == ()
    out = path.parent / f"out{path.suffix}"
    summary = write_export(corrections, out)
    assert summary.format == corrections.source.format
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    return out.read_bytes()


def made(tmp_path: Path, content: bytes, name: str = "in.json") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


SEVERAL = [
    task(
        1,
        [annotation(["pos"], 1), annotation(["neg"], {"id": 2, "email": "b@x.org"}), annotation(["pos"], 3)],
    ),
    task(2, [annotation(["neg"], 1), annotation(["pos"], 3)]),
    task(3, [annotation(["neg"], 1, was_cancelled=True), annotation(["pos"], 3)]),
    task(4, [annotation(["neg"], 1), annotation(["neg"], 3), annotation(["pos"], 2, ground_truth=True)]),
    task(5, []),
]
