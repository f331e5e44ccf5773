from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.audit import audit_summary, run_audit, write_issues_csv
from core.checks.label_issues import CHECK
from core.issues import Result
from core.methods.label_filters import CALIBRATED, DEFAULT_FILTER
from core.predictions import Predictions
from core.progress import Progress
from tests.core.label_sets import CLASSES, PROBS, moods

PARAMS = {"filter_by": "predicted_neq_given", "score": "normalized_margin"}


def run(probs: np.ndarray = PROBS, **params: str) -> Result:
    return CHECK.run(moods(), Predictions("m", probs), {**PARAMS, **params}, Progress())


def test_run__names_what_is_missing_and_what_is_too_many() -> None:
    found = run()
    table = found.table
    assert table["flagged"].tolist() == [True, False, False, False, False, False]
    assert table["suggestion"].astype(object).where(table["suggestion"].notna(), None).tolist() == [
        "joy|sad", None, None, None, None, None,
    ]  # fmt: skip
    assert table["reason"].tolist() == [
        "The model gives sad 60% (not among the labels) and love 3% (a label).", "", "", "", "", "",
    ]  # fmt: skip
    # By the moving average, best class first: 0.95, 0.4, 0.03.
    assert table["score"].iloc[0] == pytest.approx(0.8 * 0.03 + 0.2 * (0.8 * 0.4 + 0.2 * 0.95))
    assert table["score"].iloc[4] == 1  # no label
    assert found.summary["flagged"] == 1
    assert (
        found.summary["estimator"]
        == "rows where the model's class is not the given label, each class against the rest"
    )
    assert (found.summary["labels_missing"], found.summary["labels_extra"]) == (1, 1)
    assert (found.summary["scored"], found.summary["unlabelled"]) == (5, 1)
    assert "estimate" not in found.summary


def test_run__doubts_of_each_label() -> None:
    frame = run().figures["per_label"]
    assert frame.astype({"class": str}).to_dict("list") == {
        "class": ["love", "sad", "joy"],
        "rows": [3, 1, 3],
        "missing": [0, 1, 0],
        "extra": [1, 0, 0],
    }


def test_run__a_set_is_never_suggested_empty() -> None:
    probs = PROBS.copy()
    probs[1] = [0.3, 0.2, 0.1]  # sad: nothing is likely, joy most
    probs[2] = [0.4, 0.2, 0.1]  # joy: nothing is likely, joy most
    table = run(probs).table
    assert table["suggestion"].iloc[1] == "joy"
    assert table["reason"].iloc[1] == "The model gives joy 30% (not among the labels) and sad 10% (a label)."
    assert table["flagged"].iloc[2] and pd.isna(table["suggestion"].iloc[2])
    assert table["reason"].iloc[2] == "The model gives joy 40% (a label)."


def test_run__the_usual_filter_is_cleanlabs(tmp_path: Path) -> None:
    found = run(filter_by=DEFAULT_FILTER)
    named = run(filter_by="prune_by_noise_rate")
    assert found.summary["estimator"] == named.summary["estimator"]
    assert "prune by noise rate" in found.summary["estimator"]
    assert (
        run(filter_by=CALIBRATED).summary["estimator"].startswith("calibrated count")
    )  # where one asks for it
    audit = run_audit(moods(), Predictions("m", PROBS), tmp_path, ["label_issues"])
    assert audit.results["label_issues"].summary["settings"] == {
        "filter_by": "prune_by_noise_rate",
        "score": "normalized_margin",
    }


def test_run_audit__a_suggested_set_that_no_row_has_is_kept(tmp_path: Path) -> None:
    dataset, predictions = moods(), Predictions("m", PROBS)
    settings = {"label_issues": PARAMS}
    made = run_audit(dataset, predictions, tmp_path, ["label_issues"], settings)
    read = run_audit(dataset, predictions, tmp_path, ["label_issues"], settings)
    one, other = (audit.results["label_issues"] for audit in (made, read))
    assert other.table["suggestion"].cat.categories.tolist() == [*CLASSES, "joy|sad"]
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.summary == other.summary
    write_issues_csv(read, dataset, tmp_path / "issues.csv")
    rows = list(csv.DictReader((tmp_path / "issues.csv").open()))
    assert (rows[0]["given_label"], rows[0]["suggested_label"]) == ("joy|love", "joy|sad")
    summary = audit_summary(read, dataset)
    assert (summary["K"], summary["classes"]) == (3, ["joy", "love", "sad"])
    assert summary["checks"]["label_issues"]["per_label"][0]["class"] == "love"
