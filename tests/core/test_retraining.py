from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.baseline import train_and_store
from core.errors import InputError
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.retraining import corrected_labels, retrain
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.review.policy import outcomes
from core.review.store import Store
from tests.conftest import make_dataset
from tests.core.test_baseline import stored, texts

PETS = make_dataset([0, 1, 0, 1, -1, 0])
"""Rows r0 to r5 of the classes cat and dog."""


def decide(row: str, action: Action, label: str | None = None, op: str = "", who: str = "ann") -> Decision:
    given = {0: "cat", 1: "dog", -1: ""}[int(PETS.labels[PETS.positions([row])[0]])]
    return Decision("pets", row, action, who, given, op or f"{row} {who}", label)


def taught(*events: Decision) -> tuple[list[int], int, int]:
    numbered = [Decision(**{**vars_of(e), "seq": i}) for i, e in enumerate(events, 1)]
    found = corrected_labels(PETS, outcomes(Fold(numbered).standings(), numbered, PETS))
    return found.labels.tolist(), found.changed, found.left_out


def vars_of(event: Decision) -> dict[str, object]:
    return {name: getattr(event, name) for name in Decision.__slots__}


def test_corrected_labels__each_verdict() -> None:
    found = taught(
        decide("r0", Action.KEEP),
        decide("r1", Action.RELABEL, "cat"),
        decide("r2", Action.EXCLUDE),
        decide("r3", Action.AMBIGUOUS),
        decide("r4", Action.RELABEL, "dog"),
        decide("r5", Action.NEEDS_REVIEW),
    )
    assert found == ([0, 0, -1, -1, 1, 0], 2, 2)


def test_corrected_labels__a_disagreement_and_a_row_that_is_gone_change_nothing() -> None:
    gone = Decision("pets", "gone", Action.RELABEL, "ann", "cat", "op", "dog")
    two = decide("r0", Action.RELABEL, "dog"), decide("r0", Action.KEEP, who="bob")
    assert taught(gone, *two) == ([0, 1, 0, 1, -1, 0], 0, 0)


def change(detail: str) -> Decision:
    return Decision("pets", "", Action.CLASS, "ann", "", detail, detail=detail)


def test_corrected_labels__a_new_class_teaches_nothing_and_a_new_name_is_the_old_class() -> None:
    new, named = change('{"add": "cow"}'), change('{"rename": "dog", "to": "hound"}')
    found = taught(new, named, decide("r0", Action.RELABEL, "cow"), decide("r2", Action.RELABEL, "hound"))
    assert found == ([-1, 1, 1, 1, -1, 0], 1, 1)


def test_corrected_labels__of_merged_classes_each_row_keeps_its_own() -> None:
    merged = change('{"merge": ["cat", "dog"], "to": "pet"}')
    found = taught(merged, decide("r1", Action.KEEP), decide("r2", Action.RELABEL, "pet"))
    assert found == ([0, 1, 0, 1, -1, 0], 0, 0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'decisions.db'}")


def test_retrain__learns_from_the_corrected_labels(tmp_path: Path, store: Store) -> None:
    wrong = range(0, 40, 2)  # half of one class: the first baseline learns the errors
    dataset = texts(80, tuple(wrong))
    workspace = stored(tmp_path, dataset)
    before = train_and_store(workspace, workspace.open(dataset.name))
    right, false = dataset.classes
    store.record(
        [Decision(dataset.name, f"r{i}", Action.RELABEL, "ann", false, f"op{i}", right) for i in wrong]
    )
    made = retrain(workspace, store, dataset.name)
    rows = np.array([*wrong])
    assert before.predictions.pred_probs[rows, 0].mean() < 0.75 < made.predictions.pred_probs[rows, 0].mean()
    assert made.trust.accuracy > before.trust.accuracy
    project = workspace.open(dataset.name)
    assert project.predictions.model == "baseline: TF-IDF of words, corrected labels"
    assert project.dataset.labels.tolist() == dataset.labels.tolist()
    assert "baseline: trained with 20 corrected labels" in [p.found for p in project.problems]


def test_retrain__never_trains_on_what_it_scores(tmp_path: Path, store: Store) -> None:
    """A label that no other row bears out does not come back as its own row's prediction."""
    dataset = texts(80)
    workspace = stored(tmp_path, dataset)
    train_and_store(workspace, workspace.open(dataset.name))
    row = str(dataset.row_ids[3])
    store.record([Decision(dataset.name, row, Action.RELABEL, "ann", "dog", "op", dataset.classes[0])])
    made = retrain(workspace, store, dataset.name)
    assert dataset.labels[3] == 1 and made.predictions.pred_probs[3, 0] < 0.2


def test_retrain__keeps_features_and_groups(tmp_path: Path, store: Store) -> None:
    dataset = texts(60)
    dataset = replace(dataset, table=dataset.table.assign(site=[str(i % 20) for i in range(60)]))
    workspace = stored(tmp_path, dataset)
    chosen = {"embedder": "text_characters", "group_column": "site"}
    train_and_store(workspace, workspace.open(dataset.name), **chosen)
    made = retrain(workspace, store, dataset.name)
    assert made.predictions.model == "baseline: character n-grams, corrected labels"
    assert workspace.recall(dataset.name, "baseline") == chosen


def test_retrain__only_a_baseline_is_replaced(tmp_path: Path, store: Store) -> None:
    dataset = texts(20)
    probs = np.full((20, len(dataset.classes)), 1 / len(dataset.classes), np.float32)
    workspace = stored(tmp_path, dataset, Predictions("mine", probs))
    with pytest.raises(InputError, match="no predictions of a baseline"):
        retrain(workspace, store, dataset.name)
    assert workspace.open(dataset.name).predictions.model == "mine"


def test_retrain__cancelled_changes_nothing(tmp_path: Path, store: Store) -> None:
    dataset = texts(60)
    workspace = stored(tmp_path, dataset)
    train_and_store(workspace, workspace.open(dataset.name))
    store.record([Decision(dataset.name, str(dataset.row_ids[0]), Action.EXCLUDE, "ann", "cat", "op")])
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.6 else None)
    with pytest.raises(Cancelled):
        retrain(workspace, store, dataset.name, progress)
    assert workspace.open(dataset.name).predictions.model == "baseline: TF-IDF of words"
