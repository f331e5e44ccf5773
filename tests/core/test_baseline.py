from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.baseline import (
    PREFIX,
    Trust,
    baseline,
    fit_of,
    groups_of,
    train_and_store,
    train_where_needed,
    why_not,
)
from core.dataset import Columns, Dataset, Kind
from core.errors import InputError
from core.loading import Prepared
from core.model_store import models
from core.predictions import Predictions
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace
from tests.conftest import make_dataset

WORDS = (("cat purrs meow", "kitten naps"), ("dog barks woof", "puppy runs"))


def texts(rows: int = 200, wrong: tuple[int, ...] = ()) -> Dataset:
    """Two classes told apart by their words; every text is its own."""
    true = np.arange(rows) % 2
    dataset = make_dataset([int(k) for k in true])
    random = np.random.default_rng(0)
    said = [
        f"{WORDS[k][i % 3 > 0]} {' '.join(f'w{n}' for n in random.integers(0, 50, 5))} n{i}"
        for i, k in enumerate(true)
    ]
    labels = true.astype(np.int32)
    labels[list(wrong)] = 1 - labels[list(wrong)]
    return replace(dataset, table=dataset.table.assign(text=said), labels=labels)


def stored(tmp_path: Path, dataset: Dataset, predictions: Predictions | None = None) -> Workspace:
    workspace = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(dataset, predictions or Predictions(), source, ()))
    return workspace


def test_baseline__ranks_wrong_labels_worst(tmp_path: Path) -> None:
    dataset = texts(200, (3, 50, 121))
    made = baseline(dataset, tmp_path)
    p_given = made.predictions.pred_probs[np.arange(200), dataset.labels]
    assert set(np.argsort(p_given)[:3]) == {3, 50, 121}
    assert made.predictions.model == "baseline: TF-IDF of words"
    assert made.trust.accuracy == pytest.approx(197 / 200)
    assert made.trust.verdict == "usable"


def test_groups__nearly_equal_texts_are_never_apart() -> None:
    long = (
        "the quick brown fox jumps over the lazy dog while seven wizards make toxic brew for the evil queen"
    )
    dataset = make_dataset([0, 1, 0, 1, 0, 1])
    said = [long, f"{long}!", "short", long.replace("seven", "eight"), "SHORT", ""]
    found = groups_of(replace(dataset, table=dataset.table.assign(text=said)), None)
    assert found.tolist() == [0, 0, 2, 0, 2, 5]


def test_baseline__labels_that_say_nothing_are_not_trusted(tmp_path: Path) -> None:
    dataset = texts(400)
    shuffled = np.random.default_rng(5).permutation(dataset.labels)
    made = baseline(replace(dataset, labels=shuffled), tmp_path)
    assert abs(made.trust.accuracy - 0.5) < 0.08
    assert made.trust.verdict == "none"
    assert "do not judge labels by it" in made.trust.sentence


def test_baseline__is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = texts()
    first = baseline(dataset, tmp_path)
    monkeypatch.setattr("core.baseline.out_of_sample", None)
    again = baseline(dataset, tmp_path)
    assert np.array_equal(first.predictions.pred_probs, again.predictions.pred_probs)
    assert first.trust == again.trust
    with pytest.raises(TypeError):
        baseline(replace(dataset, labels=1 - dataset.labels), tmp_path)


def test_baseline__rare_classes_are_said(tmp_path: Path) -> None:
    dataset = texts()
    labels = dataset.labels.copy()
    labels[8] = 2
    made = baseline(replace(dataset, labels=labels, classes=("cat", "dog", "eel")), tmp_path)
    assert [p.found[:55] for p in made.problems] == [
        "classes with fewer than 5 rows are hard to learn: eel ("
    ]
    assert made.predictions.pred_probs[8].tolist() == pytest.approx([1 / 3] * 3)
    assert made.trust.rows == 199


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([-1] * 20, "no labels"),
        ([0] * 20, "all labels are the same class"),
        ([0], "all labels are the same class"),
        ([0, 1] * 4, "8 labelled rows are too few"),
        ([0, 1] * 5, ""),
    ],
)
def test_why_not__says_what_is_missing(labels: list[int], reason: str) -> None:
    assert (reason in why_not(make_dataset(labels))) and bool(reason) == bool(why_not(make_dataset(labels)))


def test_baseline__refuses_without_content(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text, image or feature column"):
        baseline(replace(texts(), columns=Columns(id="id", label="label")), tmp_path)


def test_baseline__refuses_rows_that_cannot_be_kept_apart(tmp_path: Path) -> None:
    """The same text everywhere is one group; a class that is one group is never both learned and judged."""
    same = texts(20)
    same = replace(same, table=same.table.assign(text="the same"))
    with pytest.raises(InputError, match="hold 1 different contents, 5 are needed"):
        baseline(same, tmp_path)
    labels = np.arange(20, dtype=np.int32) // 4
    apart = replace(texts(20), labels=labels, classes=("a", "b", "c", "d", "e"))
    table = apart.table.assign(text=[f"word{k}" for k in labels])
    with pytest.raises(InputError, match="no class has rows that can be kept apart"):
        baseline(replace(apart, table=table), tmp_path)


def test_train_where_needed__an_audit_goes_on_without_a_baseline(tmp_path: Path) -> None:
    same = texts(20)
    workspace = stored(tmp_path, replace(same, table=same.table.assign(text="the same")))
    assert train_where_needed(workspace, "pets") == [
        "no baseline: the labelled rows hold 1 different contents, 5 are needed. "
        "Mend: bring predictions of a model of your own."
    ]
    with pytest.raises(InputError, match="1 different contents"):
        train_where_needed(workspace, "pets", embedder="text_tfidf")


def test_baseline__refuses_an_unknown_group_column(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such group column"):
        baseline(texts(), tmp_path, group_column="owner")


def test_groups__join_equal_content_and_the_group_column() -> None:
    dataset = make_dataset([0, 1, 0, 1, 0, 1])
    said = ["a", "b", "a", "c", "d", "e"]
    owner = ["x", "y", "z", "z", None, None]
    table = dataset.table.assign(text=said, owner=pd.array(owner, dtype="str"))
    alone = groups_of(replace(dataset, table=table), None)
    assert alone.tolist() == [0, 1, 0, 3, 4, 5]
    joined = groups_of(replace(dataset, table=table), "owner")
    assert joined[0] == joined[2] == joined[3]
    assert len(set(joined)) == 4


def test_train_and_store__keeps_predictions_with_the_data_set(tmp_path: Path) -> None:
    workspace = stored(tmp_path, texts())
    made = train_and_store(workspace, workspace.open("pets"))
    project = workspace.open("pets")
    assert np.array_equal(project.predictions.pred_probs, made.predictions.pred_probs)
    assert project.predictions.model == "baseline: TF-IDF of words"
    assert project.problems[-1].found.startswith(PREFIX + "Out of sample it agrees with 100.0% of 200")
    train_and_store(workspace, project)
    assert len(workspace.open("pets").problems) == 1


def test_train_and_store__is_kept_beside_another_model(tmp_path: Path) -> None:
    brought = Predictions("mine", np.full((200, 2), 0.5, np.float32))
    workspace = stored(tmp_path, texts(), brought)
    for _ in range(2):  # trained again it replaces itself only
        train_and_store(workspace, workspace.open("pets"))
        assert workspace.open("pets").predictions.model == "mine"
        assert workspace.open("pets").problems == ()
        mine, beside = models(workspace, "pets")
        assert (mine.name, mine.in_use) == ("mine", True)
        assert (beside.name, beside.in_use, beside.fits) == ("baseline: TF-IDF of words", False, True)
        assert beside.problems[-1].found.startswith(PREFIX + "Out of sample it agrees with 100.0% of 200")


@pytest.mark.parametrize(
    ("kind", "features", "classes", "rows", "expected"),
    [
        ("tabular", 11, 6, 1_000, "trees"),
        ("tabular", 50, 6, 50, "trees"),
        ("tabular", 51, 6, 50, "logistic"),
        ("tabular", 1_001, 6, 100_000, "logistic"),
        ("tabular", 11, 31, 1_000, "logistic"),
        ("text", 11, 6, 1_000, "logistic"),
    ],
)
def test_fit__trees_for_tables_that_are_not_wide(
    kind: Kind, features: int, classes: int, rows: int, expected: str
) -> None:
    assert fit_of(kind, features, classes, rows) == expected


def test_baseline__a_table_wider_than_long_is_learned(tmp_path: Path) -> None:
    """Forty rows of 100 measurements, of which ten differ by class; row 7 has the other label."""
    random = np.random.default_rng(0)
    true = np.arange(40) % 2
    values = random.normal(size=(40, 100)) + 3 * true[:, None] * (np.arange(100) < 10)
    names = tuple(f"m{i}" for i in range(100))
    dataset = make_dataset([int(k) for k in true])
    table = pd.concat([dataset.table, pd.DataFrame(values, dataset.table.index, names)], axis=1)
    labels = true.astype(np.int32)
    labels[7] = 1 - labels[7]
    columns = Columns(id="id", label="label", content=names, kind="tabular")
    made = baseline(replace(dataset, table=table, labels=labels, columns=columns), tmp_path)
    assert made.predictions.pred_probs[np.arange(40), labels].argmin() == 7
    assert made.trust.accuracy == pytest.approx(39 / 40)


def test_trust__verdict_follows_the_lower_bound() -> None:
    verdicts = [Trust(100, 0.9, low, 0.95, 0.5, 0.0).verdict for low in (0.5, 0.51, 0.69, 0.71)]
    assert verdicts == ["none", "weak", "weak", "usable"]
