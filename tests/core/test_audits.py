from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audits import audit_now, choose_settings, chosen_settings, current_audit, not_run
from core.dataset import Dataset
from core.loading import Prepared
from core.predictions import Predictions
from core.progress import Progress
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, pets: Dataset, pets_predictions: Predictions) -> Workspace:
    made = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    made.save(Prepared(pets, pets_predictions, Source(tmp_path / "pets.csv", "csv", "0" * 64, 1), ()))
    return made


def test_current_audit__computes_nothing_and_follows_the_cache(workspace: Workspace) -> None:
    project = workspace.open("pets")
    before = current_audit(workspace, project)
    assert before.results == {}
    assert "label_issues" in not_run(before)
    audit_now(workspace, project, Progress())
    after = current_audit(workspace, project)
    assert "label_issues" in after.results
    assert not_run(after) == []


def test_current_audit__is_the_same_object_until_something_changes(workspace: Workspace) -> None:
    project = workspace.open("pets")
    audit_now(workspace, project, Progress())
    first = current_audit(workspace, project)
    assert current_audit(workspace, project) is first
    choose_settings(workspace, "pets", {"label_issues": {"filter_by": "predicted_neq_given"}})
    assert chosen_settings(workspace, "pets") == {"label_issues": {"filter_by": "predicted_neq_given"}}
    other = current_audit(workspace, project)
    assert "label_issues" not in other.results
    audit_now(workspace, project, Progress())
    again = current_audit(workspace, project)
    assert again.results["label_issues"].summary["settings"]["filter_by"] == "predicted_neq_given"
    choose_settings(workspace, "pets", {})
    assert (
        current_audit(workspace, project)
        .results["label_issues"]
        .table.equals(first.results["label_issues"].table)
    )


def test_current_audit__a_check_that_cannot_run_is_not_waited_for(
    workspace: Workspace, tmp_path: Path, pets: Dataset
) -> None:
    workspace.save(Prepared(pets, Predictions(), Source(tmp_path / "pets.csv", "csv", "0" * 64, 1), ()))
    project = workspace.open("pets")
    audit = current_audit(workspace, project)
    assert audit.skipped["label_issues"] == ["predicted probabilities"]
    assert "label_issues" not in not_run(audit)
    assert np.array_equal(project.dataset.labels, pets.labels)


def test_chosen_settings__leave_out_what_no_check_takes_any_more(workspace: Workspace) -> None:
    kept = {"target_errors": {"rate": 0.01, "far": 6.0}, "gone": {"x": 1}}
    choose_settings(workspace, "pets", kept)
    assert chosen_settings(workspace, "pets") == {"target_errors": {"far": 6.0}}
