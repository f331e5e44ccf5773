from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from core.annotator_votes import vote_codes
from core.checks import label_issues
from core.checks.annotator_votes import CHECK, run
from core.dataset import Dataset
from core.issues import Result
from core.multilabel import LabelSets
from core.predictions import Predictions
from core.progress import Progress
from core.settings import Settings
from core.workspace import Workspace
from tests.conftest import make_dataset
from tests.core.label_forms.forms import LONG, WIDE, load, table

CLASSES = ("cat", "dog", "owl")
DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def voted(labels: list[int], votes: Any, names: tuple[str, ...] = CLASSES) -> Dataset:
    """A data set with a column of answers for each annotator. votes: (N, A) codes, -1 = none."""
    dataset = make_dataset(labels, names)
    frame, people = dataset.table.copy(), []
    for number, codes in enumerate(np.asarray(votes).T):
        frame[f"by {number}"] = pd.array([None if c < 0 else names[c] for c in codes], dtype="str")
        people.append(f"by {number}")
    return replace(dataset, table=frame, annotators=tuple(people))


def checked(dataset: Dataset, probs: np.ndarray | None = None, **params: Any) -> Result:
    return run(dataset, Predictions("model", probs), DEFAULTS | params, Progress())


def crowd(rows: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(truth, three annotators' answers, probabilities)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, rows)
    wrong = (truth[:, None] + rng.integers(1, 3, (rows, 3))) % 3
    votes = np.where(rng.random((rows, 3)) < (0.95, 0.9, 0.6), truth[:, None], wrong)
    probs = (0.7 * np.eye(3)[truth] + 0.1).astype(np.float32)
    return truth, votes, probs


def test_run__a_given_label_that_its_annotators_do_not_share() -> None:
    truth, votes, probs = crowd()
    labels = truth.copy()
    votes[0], truth[0], labels[0] = (0, 0, 1), 0, 1
    probs[0] = (0.8, 0.1, 0.1)
    found = checked(voted(labels.tolist(), votes), probs)
    row = found.table.iloc[0]
    assert row["flagged"] and row["suggestion"] == "cat"
    assert (row["answers"], row["agreeing"]) == (3, 1)
    percent = f"{row['score']:.0%}"
    assert row["reason"] == (
        "Of 3 annotators 2 say cat; with the annotators' accuracies and the model the given label dog has "
        f"{percent}."
    )
    assert found.summary["consensus"] == "crowdlab" and "CROWDLAB" in found.summary["estimator"]


def test_run__answers_that_tie_are_ambiguous_and_no_errors() -> None:
    truth, votes, probs = crowd()
    votes[:3] = [[0, 1, 2], [1, 2, 0], [0, 1, -1]]
    labels = truth.copy()
    labels[:3] = 2
    probs[:3] = (0.9, 0.05, 0.05)
    found = checked(voted(labels.tolist(), votes), probs)
    assert found.table["ambiguous"][:3].all() and not found.table["flagged"][:3].any()
    assert not (found.table["ambiguous"] & found.table["flagged"]).any()
    assert found.summary["ambiguous"] == found.table["ambiguous"].sum() >= 3
    assert "ambiguous, not counted as errors" in found.summary["note"]


def test_run__without_a_model_the_majority_or_dawid_skene() -> None:
    truth, votes, _ = crowd()
    labels = truth.copy()
    votes[0], labels[0] = (0, 0, 0), 1
    found = checked(voted(labels.tolist(), votes))
    assert found.summary["consensus"] == "majority"
    assert found.table["score"].iloc[0] == 0 and found.table["flagged"].iloc[0]
    assert found.table["reason"].iloc[0] == (
        "Of 3 annotators 3 say cat; counting each annotator alike the given label dog has 0%."
    )
    four = np.hstack([votes, votes[:, :1]])
    assert checked(voted(labels.tolist(), four)).summary["consensus"] == "dawid_skene"
    instead = checked(voted(labels.tolist(), votes), consensus="crowdlab").summary
    assert "CROWDLAB needs a model: Majority was used instead." in instead["note"]


def test_run__rows_with_one_answer_or_no_label_are_not_judged() -> None:
    votes = [[0, -1, -1], [0, 0, 0], [1, 1, 1], [1, 1, 0], [-1, -1, -1]]
    found = checked(voted([1, -1, 1, 0, 0], votes))
    assert found.table["score"].tolist() == pytest.approx([1, 1, 1, 1 / 3, 1])
    assert found.table["flagged"].tolist() == [False, False, False, True, False]
    assert (found.summary["scored"], found.summary["fewer_answers"]) == (2, 2)
    assert found.summary["unlabelled"] == 1


def test_run__figures_count_every_answer() -> None:
    votes = [[0, 0, 1], [1, 1, 1], [2, 2, 0], [0, -1, -1]]
    found = checked(voted([0, 1, 2, 0], votes))
    people = found.figures["annotators"].set_index("annotator")
    assert people["votes"].tolist() == [3, 4, 3] and people.index.tolist() == ["by 2", "by 0", "by 1"]
    assert people["shared"].tolist() == [3, 3, 3] and people["agreeing"].tolist() == [1, 3, 3]
    # Wilson, 1 of 3: worked out by hand with z = 1.96
    assert people.loc["by 2", ["low", "high"]].tolist() == pytest.approx([0.0615, 0.7923], abs=1e-4)
    rows = found.figures["agreement"]
    assert rows[["answers", "agreeing", "rows"]].to_numpy().tolist() == [[1, 1, 1], [3, 2, 2], [3, 3, 1]]


def test_run__several_labels_a_row_or_nothing_to_compare() -> None:
    alone = checked(voted([0, 1], [[0, -1], [-1, 1]]))
    assert alone.summary["note"] == "No labelled row has two answers." and alone.summary["flagged"] == 0
    sets = LabelSets(names=CLASSES, tokens=CLASSES, delimiter=",")
    several = checked(replace(voted([0, 1], [[0, 0], [1, 1]]), sets=sets))
    assert several.summary["note"] == "A row can have several labels here."


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=st.integers(-1, 2)))
@settings(max_examples=40)
def test_run__keeps_its_promises(votes: np.ndarray) -> None:
    labels = np.roll(votes.max(axis=1), 1)
    for probs in (None, np.full((len(votes), 3), 1 / 3, dtype=np.float32)):
        found = checked(voted(labels.tolist(), votes), probs)
        frame = found.table
        assert frame["score"].between(0, 1).all()
        assert not frame["flagged"][(labels < 0) | ((votes >= 0).sum(axis=1) < 2)].any()
        if frame["flagged"].any():
            differ = frame["suggestion"].astype("str") != np.array([*CLASSES, ""])[labels]  # -1 is the last
            assert differ[frame["flagged"]].all() and not frame["ambiguous"][frame["flagged"]].any()


def test_vote_codes__reads_answers_as_the_labels_are_written() -> None:
    dataset = voted([0, 1, 0, 1], [[0, 1]] * 4)
    frame = dataset.table.copy()
    frame["by 0"] = pd.array(["cat", " Dog", None, "fish"], dtype="str")
    frame["by 1"] = pd.array(["OWL", "n/a", "", "ant"], dtype=object)
    codes, unknown = vote_codes(replace(dataset, table=frame))
    assert codes.tolist() == [[0, 2], [1, -1], [-1, -1], [-1, -1]] and unknown == 2
    numbers = replace(dataset, tokens=("0", "1", "2"), table=frame.assign(**{"by 0": [0, 1.0, np.nan, 2]}))
    assert vote_codes(numbers)[0][:, 0].tolist() == [0, 1, -1, 2]


@pytest.mark.parametrize("form", [WIDE, LONG], ids=["wide", "long"])
def test_annotators__are_known_after_loading_and_after_opening_again(tmp_path: Path, form: Any) -> None:
    wide = [
        {"id": "a", "text": "one", "ann_a": "cat", "ann_b": "cat", "ann_c": "dog"},
        {"id": "b", "text": "two", "ann_a": "dog", "ann_b": "dog", "ann_c": None},
    ]
    said = [("ann_a", "w1"), ("ann_b", "w2"), ("ann_c", "w3")]
    long = [
        {"item": row["id"], "text": row["text"], "worker": who, "answer": row[name]}
        for row in wide
        for name, who in said
    ]
    path = table(tmp_path / "votes.csv", "csv", wide if form is WIDE else long)
    prepared = load(path, form)
    assert prepared.dataset is not None
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "ann"))
    opened = workspace.open(workspace.save(prepared)).dataset
    for dataset in (prepared.dataset, opened):
        assert len(dataset.annotators) == 3
        codes, unknown = vote_codes(dataset)
        names = np.array([*dataset.classes, ""], dtype=object)
        assert names[codes].tolist() == [["cat", "cat", "dog"], ["dog", "dog", ""]] and unknown == 0
    assert opened.part("votes") == prepared.dataset.part("votes")
    changed = opened.table.assign(**{opened.annotators[0]: "dog"})
    assert replace(opened, table=changed).part("votes") != opened.part("votes")


def test_run__finds_more_errors_of_people_than_the_label_check(shared_data: Path) -> None:
    folder = shared_data / "cifar10n"
    names = tuple(pd.read_csv(folder / "classes.csv")["name"])
    code = {name: number for number, name in enumerate(names)}
    labels = pd.read_csv(folder / "labels.csv")["label"].map(code)
    read = pd.read_csv(folder / "annotators.csv")
    votes = np.stack([read[f"annotator_{k}"].map(code) for k in (1, 2, 3)], axis=1)
    wrong = pd.read_csv(folder / "truth.csv")["is_error"].to_numpy()
    probs = np.load(folder / "pred_probs.npy")
    dataset = voted(labels.tolist(), votes, names)
    found = checked(dataset, probs).table
    defaults = {setting.name: setting.default for setting in label_issues.CHECK.settings}
    alone = label_issues.run(dataset, Predictions("model", probs), defaults, Progress()).table
    precision = [average_precision_score(wrong, -frame["score"].to_numpy()) for frame in (found, alone)]
    assert precision[0] > 0.70 > precision[1]
    assert wrong[found["flagged"].to_numpy()].mean() > 0.7
