from __future__ import annotations

import pandas as pd

from core import provenance
from core.audit import Audit, run_audit
from core.dataset import Dataset
from core.predictions import Predictions
from core.source import Source
from core.workspace import Project


def project(pets: Dataset, predictions: Predictions, tmp_path) -> tuple[Project, Audit]:  # type: ignore[no-untyped-def]
    opened = Project(pets, predictions, Source(tmp_path / "pets.csv", "csv", "0" * 64, 1), ())
    return opened, run_audit(pets, predictions, tmp_path)


def test_origins__every_check_names_estimator_inputs_settings_code_and_time(
    pets: Dataset, pets_predictions: Predictions, tmp_path
) -> None:
    opened, audit = project(pets, pets_predictions, tmp_path)
    found = {o.title: o for o in provenance.origins(opened, audit)}
    assert len(found) == len(audit.results)
    labels = found["Label errors"]
    summary = audit.results["label_issues"].summary
    assert labels.numbers[0].value == str(summary["flagged"])
    assert labels.numbers[0].estimator == summary["estimator"]
    assert labels.numbers[1].value.startswith(f"{summary['estimate']}, 95% interval {summary['low']}-")
    facts = dict(labels.made_from)
    assert "predicted probabilities of test model (sha256 " in facts["Inputs"]
    assert pets.part("labels")[:12] in facts["Inputs"]
    assert facts["Settings"] == "filter_by = larger_count, score = corrected_confidence"
    assert facts["Code"].startswith("label_issues version ")
    assert facts["Computed"].startswith("20")
    assert "out-of-sample" in labels.not_covered


def test_as_text__holds_every_number(pets: Dataset, pets_predictions: Predictions, tmp_path) -> None:
    opened, audit = project(pets, pets_predictions, tmp_path)
    found = provenance.origins(opened, audit)
    text = provenance.as_text(opened, 3, found)
    assert text.startswith("pets: 6 rows, 3 decided\nFingerprint: " + pets.fingerprint)
    for origin in found:
        assert f"\n{origin.title}\n" in text
        for number in origin.numbers:
            assert f"{number.name}: {number.value} ({number.estimator})" in text
        for _, fact in origin.made_from:
            assert fact in text


def test_origins__leave_out_inputs_that_are_absent(pets: Dataset, tmp_path) -> None:
    opened, audit = project(pets, Predictions(), tmp_path)
    assert isinstance(audit.results["near_duplicates"].table, pd.DataFrame)
    (twins,) = (o for o in provenance.origins(opened, audit) if o.title == "Near-duplicates")
    assert "embeddings" not in dict(twins.made_from)["Inputs"]
