"""Boxes that a model proposes: a new version of the data set, and what an export makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.audits import audit_now
from core.corrections import Corrections, ExportOptions, correct
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.loading import Plan, guess_columns, prepare, read_table
from core.model_store import keep_model, models
from core.progress import Progress
from core.proposed_boxes import missing_boxes, propose_and_audit, propose_boxes
from core.review.classes import class_list
from core.review.decisions import Action, Decision
from core.review.policy import Outcomes
from core.settings import Settings
from core.workspace import Workspace

CATS: list[dict[str, Any]] = [{"id": 1, "name": "ant"}, {"id": 5, "name": "bee"}]
ANNOTATIONS = [
    {"id": 7, "image_id": 1, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0},
    {"id": 9, "image_id": 2, "category_id": 5, "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0},
]
RESULTS = [
    {"image_id": 1, "category_id": 1, "score": 0.9, "bbox": [10, 10, 20, 20]},
    {"image_id": 1, "category_id": 5, "score": 0.8, "bbox": [60, 60, 20.25, 20]},
    {"image_id": 2, "category_id": 5, "score": 0.9, "bbox": [10, 10, 20, 20]},
    {"image_id": 3, "category_id": 1, "score": 0.7, "bbox": [5, 6, 30, 30]},
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A data set "small" of two boxes in three pictures, and a model that finds two objects more."""
    for name in "abc":
        Image.new("RGB", (100, 100), "grey").save(tmp_path / f"{name}.png")
    images = [{"id": i, "file_name": f"{name}.png"} for i, name in enumerate("abc", 1)]
    source = tmp_path / "small.json"
    source.write_text(
        json.dumps({"images": images, "annotations": ANNOTATIONS, "categories": CATS}, indent=1)
    )
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    made = Workspace(Settings(tmp_path / "workspace", (tmp_path,), "", "ann"))
    raw = read_table(source)
    prepared = prepare(raw, Plan("small", guess_columns(raw), pred_probs=tmp_path / "results.json"))
    assert prepared.ok, prepared.problems
    made.save(prepared)
    audit_now(made, made.open("small"), Progress())
    return made


def decided(workspace: Workspace, verdicts: dict[str, str | Action], **options: Any) -> Corrections:
    project = workspace.open("small")
    decisions = {}
    for row, what in verdicts.items():
        at = int(project.dataset.positions([row])[0])
        given = str(project.dataset.given_labels(slice(at, at + 1))[0])
        label = None if isinstance(what, Action) else what
        action = what if isinstance(what, Action) else Action.RELABEL
        decisions[row] = Decision("small", row, action, "ann", given, f"op-{row}", label)
    outcome = Outcomes(decisions, class_list(project.dataset.classes))
    return correct(project.dataset, project.source, outcome, ExportOptions(**options))


def test_propose_boxes__new_rows_without_a_label_and_a_suggestion(workspace: Workspace) -> None:
    before = workspace.open("small")
    propose_and_audit(workspace, "small", missing_boxes(workspace, "small"), Progress())
    project = workspace.open("small")
    assert project.dataset.row_ids.tolist() == ["7", "9", "proposed-1", "proposed-2"]
    assert project.dataset.labels.tolist() == [0, 1, -1, -1]
    assert project.dataset.table[["path", "x", "y", "w", "h"]].to_numpy().tolist()[2:] == [
        ["a.png", 60, 60, 20.25, 20],
        ["c.png", 5, 6, 30, 30],  # a picture without an annotation
    ]
    assert project.dataset.media_hash is not None and (project.dataset.media_hash != "").all()
    probs = project.predictions.pred_probs
    assert probs is not None
    np.testing.assert_allclose(probs[2:], [[0.2, 0.8], [0.7, 0.3]], rtol=1e-6)
    assert project.predictions.detections is not None and len(project.predictions.detections) == 4
    found = audit_now(workspace, project, Progress()).results["box_errors"]
    assert found.table["suggestion"].astype(object).fillna("").tolist() == ["", "", "bee", "ant"]
    assert found.table["flagged"].tolist() == [False, False, True, True]
    assert missing_boxes(workspace, "small").empty  # each is proposed once
    assert before.source.path.read_bytes() != project.source.path.read_bytes()
    assert before.source.path.parent != project.source.path.parent  # the file that was loaded is as it was


def test_export__accepted_proposals_get_fresh_ids_and_the_others_are_left_out(
    workspace: Workspace, tmp_path: Path
) -> None:
    propose_boxes(workspace, "small", missing_boxes(workspace, "small"))
    corrections = decided(workspace, {"proposed-1": "bee", "7": "bee"})
    summary = write_export(corrections, tmp_path / "out.json")
    written = json.loads(summary.path.read_text())
    assert written["annotations"] == [
        {**ANNOTATIONS[0], "category_id": 5},
        ANNOTATIONS[1],
        {
            "id": 10,
            "image_id": 1,
            "bbox": [60.0, 60.0, 20.25, 20.0],
            "area": 405.0,
            "iscrowd": 0,
            "category_id": 5,
        },
    ]
    assert (summary.proposals_left_out, summary.rows_written, summary.cells_changed) == (1, 3, 2)
    assert "1 proposed box without an accepted class left out" in summary.sentence
    checked = verify_export(corrections, summary)
    assert checked.ok and checked.changed == 3, checked.examples  # two labels and an id
    assert read_table(summary.path).source.layout.keys() == {"categories", "classes", "bare"}


@pytest.mark.parametrize("excluded", ["drop", "mark"])
def test_export__without_a_verdict_it_is_the_file_that_was_loaded(
    workspace: Workspace, tmp_path: Path, excluded: str
) -> None:
    """Also where one is excluded, kept without a label, or marked for review."""
    propose_boxes(workspace, "small", missing_boxes(workspace, "small"))
    verdicts: dict[str, str | Action] = {"proposed-1": Action.EXCLUDE, "proposed-2": Action.KEEP}
    corrections = decided(workspace, verdicts, excluded=excluded)
    summary = write_export(corrections, tmp_path / "out.json")
    assert summary.proposals_left_out == 2 and summary.rows_excluded == 0
    if excluded == "drop":
        assert summary.path.read_bytes() == (tmp_path / "small.json").read_bytes()
    assert verify_export(corrections, summary).ok


def test_propose_boxes__a_second_time_counts_on(workspace: Workspace) -> None:
    missing = missing_boxes(workspace, "small")
    propose_boxes(workspace, "small", missing.iloc[:1])
    audit_now(workspace, workspace.open("small"), Progress())
    again = missing_boxes(workspace, "small")
    assert again["image"].tolist() == ["c.png"]
    propose_boxes(workspace, "small", again)
    assert workspace.open("small").dataset.row_ids.tolist()[2:] == ["proposed-1", "proposed-2"]


def test_propose_boxes__refuses_what_it_cannot_do(workspace: Workspace, tmp_path: Path) -> None:
    missing = missing_boxes(workspace, "small")
    with pytest.raises(InputError, match="no object looks as if it had no box"):
        propose_boxes(workspace, "small", missing.iloc[:0])
    (tmp_path / "small.json").write_text("{}")
    with pytest.raises(InputError, match="changed since it was loaded"):
        propose_boxes(workspace, "small", missing)
    assert workspace.open("small").dataset.row_ids.tolist() == ["7", "9"]


def test_model_store__keeps_the_detections_with_their_model(workspace: Workspace) -> None:
    keep_model(workspace, "small")
    held = models(workspace, "small")[0].predictions
    found = workspace.open("small").predictions
    assert held.detections is not None and found.detections is not None
    pd.testing.assert_frame_equal(held.detections, found.detections)
    assert held.part("detections") == found.part("detections") != ""
