from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core import audit as audit_module
from core.audit import audit_summary, cached_audit, checks, run_audit, summary_json, write_issues_csv
from core.cache import cache_key
from core.dataset import Columns, Dataset
from core.errors import InputError
from core.issues import Check
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from tests.conftest import make_dataset


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the checks that were really computed, in order."""
    names: list[str] = []

    def counted(check: Check) -> Check:
        def run(*args: Any) -> Any:
            names.append(check.name)
            return check.run(*args)

        return replace(check, run=run)

    found = {name: counted(check) for name, check in checks().items()}
    monkeypatch.setattr(audit_module, "checks", lambda: found)
    return names


ALL = ["label_issues", "near_duplicates", "out_of_distribution"]


def test_checks__are_found_in_name_order() -> None:
    assert [name for name in checks() if name in ALL] == ALL


def test_run_audit__second_time_from_the_cache(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, ran: list[str]
) -> None:
    first = run_audit(pets, pets_predictions, tmp_path, ALL)
    assert ran == ALL
    again = run_audit(pets, pets_predictions, tmp_path, ALL)
    assert ran == ALL
    for name in ALL:
        pd.testing.assert_frame_equal(first.results[name].table, again.results[name].table)
        assert first.results[name].summary == again.results[name].summary
        assert {"check", "version", "settings", "seconds", "versions"} <= first.results[name].summary.keys()


def test_run_audit__settings_are_filled_in_and_part_of_the_key(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, ran: list[str]
) -> None:
    found = run_audit(
        pets, pets_predictions, tmp_path, ["label_issues"], {"label_issues": {"filter_by": "both"}}
    )
    assert found.results["label_issues"].summary["settings"] == {
        "filter_by": "both",
        "score": "corrected_confidence",
    }
    run_audit(pets, pets_predictions, tmp_path, ["label_issues"])
    assert ran == ["label_issues", "label_issues"]


def test_run_audit__skips_what_lacks_its_needs_and_says_why(tmp_path: Path) -> None:
    dataset = replace(make_dataset([-1, -1]), columns=Columns(id="id"))
    found = run_audit(dataset, Predictions(), tmp_path, ALL)
    assert found.results == {}
    assert found.skipped == {
        "label_issues": ["labels", "predicted probabilities"],
        "near_duplicates": ["a content column (image, text or features)"],
        "out_of_distribution": ["embeddings"],
    }


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        (["nope"], None, "no check called 'nope'"),
        (None, {"nope": {}}, "no check called 'nope'"),
        (None, {"label_issues": {"nope": 1}}, "label_issues has no setting 'nope'"),
        (None, {"label_issues": {"filter_by": "nope"}}, "filter_by is 'nope'"),
        (None, {"out_of_distribution": {"k": "ten"}}, "k is 'ten'"),
    ],
)
def test_run_audit__refuses_unknown_names_and_values(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, names: Any, settings: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_audit(pets, pets_predictions, tmp_path, names, settings)
    assert list(tmp_path.iterdir()) == []


def test_run_audit__cancelled_keeps_what_was_finished(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions
) -> None:
    def stop_in_second(fraction: float, message: str) -> None:
        if message.startswith("Near-duplicates"):
            progress.cancel()

    progress = Progress(stop_in_second)
    with pytest.raises(Cancelled):
        run_audit(pets, pets_predictions, tmp_path, ALL, progress=progress)
    assert list(cached_audit(pets, pets_predictions, tmp_path, ALL).results) == ["label_issues"]
    assert not list(tmp_path.glob("**/.new-*"))


def test_run_audit__progress_rises_to_one(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions
) -> None:
    seen: list[float] = []
    run_audit(pets, pets_predictions, tmp_path, progress=Progress(lambda fraction, _: seen.append(fraction)))
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == 1


def test_cached_audit__computes_nothing(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, ran: list[str]
) -> None:
    assert cached_audit(pets, pets_predictions, tmp_path).results == {}
    without = replace(pets_predictions, embeddings=None)
    run_audit(pets, without, tmp_path, ["label_issues"])
    found = cached_audit(pets, without, tmp_path)
    assert list(found.results) == ran == ["label_issues"]
    assert found.missed == {"out_of_distribution": ["embeddings"]}
    assert found.skipped == {
        **found.missed,
        "annotator_votes": ["several annotators' labels of a row"],
        "box_errors": ["boxes in pictures", "images"],
        "identity_cleaning": ["embeddings"],
        "image_quality": ["images"],
        "mask_errors": ["masks of its pictures", "images"],
        "span_labels": ["rows that are tokens of sentences"],
        "split_leakage": ["a split column"],
        "table_quality": ["columns of features"],
        "target_errors": ["labels that are numbers"],
        "tool_flags": ["flags of another tool"],
    }


def test_cache__one_label_of_a_million_invalidates_what_reads_labels_and_nothing_else() -> None:
    n = 1_000_000
    ids = pd.Index(np.arange(n).astype(str), dtype="str")
    labels = np.zeros(n, dtype=np.int32)
    labels[::2] = 1
    dataset = Dataset("m", pd.DataFrame(index=ids), Columns(), ("a", "b"), ("a", "b"), labels)
    changed = labels.copy()
    changed[777_777] = 1 - changed[777_777]
    after = replace(dataset, labels=changed)
    predictions = Predictions("m", np.full((n, 2), 0.5, dtype=np.float32), np.ones((n, 2), dtype=np.float32))
    for check in checks().values():
        stale = cache_key(check, {}, after, predictions) == cache_key(check, {}, dataset, predictions)
        assert stale == ("labels" not in check.needs | check.uses), check.name


def test_run_audit__changed_label_runs_again_only_what_reads_labels(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, ran: list[str]
) -> None:
    run_audit(pets, pets_predictions, tmp_path, ALL)
    ran.clear()
    labels = pets.labels.copy()
    labels[3] = 0
    run_audit(replace(pets, labels=labels), pets_predictions, tmp_path, ALL)
    assert ran == ["label_issues", "near_duplicates"]


def test_write_issues_csv__every_row_and_check_sorted(tmp_path: Path) -> None:
    dataset = make_dataset([0, 0, 0, 1, 1, -1], ("cat", 'the "big", =dog'))
    probs = np.array(
        [[0.875, 0.125], [0.75, 0.25], [0.0625, 0.9375], [0.125, 0.875], [0.25, 0.75], [0.5, 0.5]]
    )
    found = run_audit(
        dataset, Predictions("m", probs), tmp_path / "cache", ["label_issues", "near_duplicates"]
    )
    write_issues_csv(found, dataset, tmp_path / "issues.csv")
    with (tmp_path / "issues.csv").open(newline="", encoding="utf-8") as handle:
        lines = list(csv.reader(handle))
    big = 'the "big", =dog'
    assert lines[:7] == [
        ["row_id", "check", "score", "flagged", "given_label", "suggested_label", "reason"],
        ["r2", "label_issues", "0.0625", "true", "cat", big, f"The model gives {big} 94% and cat 6%."],
        ["r1", "label_issues", "0.75", "false", "cat", "", ""],
        ["r4", "label_issues", "0.75", "false", big, "", ""],
        ["r0", "label_issues", "0.875", "false", "cat", "", ""],
        ["r3", "label_issues", "0.875", "false", big, "", ""],
        ["r5", "label_issues", "1", "false", "", "", ""],
    ]
    assert [line[1] for line in lines[7:]] == ["near_duplicates"] * 6
    assert (tmp_path / "issues.csv").read_bytes().startswith(b"row_id,check,score,flagged,given_label,")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "issues.csv"]


def test_write_issues_csv__nothing_ran(tmp_path: Path, pets: Dataset) -> None:
    write_issues_csv(run_audit(pets, Predictions(), tmp_path, []), pets, tmp_path / "i.csv")
    assert (tmp_path / "i.csv").read_text().count("\n") == 1


def test_summary_json__holds_the_counts_with_their_estimators(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions
) -> None:
    found = run_audit(pets, pets_predictions, tmp_path / "cache", ALL)
    summary_json(found, pets, tmp_path / "summary.json", seconds=1.25)
    read = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert (read["name"], read["N"], read["K"], read["classes"]) == ("pets", 6, 2, ["cat", "dog"])
    assert read["seconds"] == 1.25 and read["peak_memory_mb"] > 10
    assert list(read["checks"]) == ALL and read["skipped"] == {}
    label = read["checks"]["label_issues"]
    assert label["flagged"] == found.results["label_issues"].summary["flagged"]
    assert label["estimator"].startswith("the larger of two counts: calibrated confident joint, ")
    assert {row["class"] for row in label["per_class"]} == {"cat", "dog"}
    assert {"labelmend", "numpy", "python"} <= read["versions"].keys()


def test_audit_summary__class_without_rows_is_null_not_nan(tmp_path: Path) -> None:
    dataset = make_dataset([0, 0, 1], ("cat", "dog", "emu"))
    probs = np.array([[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    read = audit_summary(run_audit(dataset, Predictions("m", probs), tmp_path), dataset)
    emu = next(row for row in read["checks"]["label_issues"]["per_class"] if row["class"] == "emu")
    assert emu["error_rate"] is None and emu["rows"] == 0
    json.dumps(read, allow_nan=False)


def test_write_issues_csv__ties_keep_the_order_of_the_data_set(tmp_path: Path) -> None:
    dataset = make_dataset([0, 1] * 100)
    sure = np.where(np.arange(200) % 3 == 0, 0.75, 0.875)
    probs = np.where(dataset.labels[:, None] == [0, 1], sure[:, None], 1 - sure[:, None])
    found = run_audit(dataset, Predictions("m", probs), tmp_path / "cache", ["label_issues"])
    write_issues_csv(found, dataset, tmp_path / "i.csv")
    expected = [f"r{i}" for i in range(0, 200, 3)] + [f"r{i}" for i in range(200) if i % 3]
    assert pd.read_csv(tmp_path / "i.csv")["row_id"].tolist() == expected
