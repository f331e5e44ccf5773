from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.checks.identity_cleaning import APART, CHECK, MERGE, run
from core.dataset import Dataset
from core.issues import Result
from core.predictions import Predictions
from core.progress import Progress
from tests.conftest import make_dataset
from tests.core.methods.identities import Planted, planted

DEFAULTS = {setting.name: setting.default for setting in CHECK.settings}


def people_in(rows: Planted) -> Dataset:
    names = tuple(f"person {code}" for code in range(int(rows.labels.max()) + 1))
    return make_dataset(rows.labels.tolist(), names)


def audit(dataset: Dataset, embeddings: np.ndarray, **params: float) -> Result:
    return run(dataset, Predictions("m", None, embeddings), DEFAULTS | params, Progress())


@pytest.fixture(scope="module")
def found() -> tuple[Planted, Dataset, Result]:
    rows = planted()
    dataset = people_in(rows)
    return rows, dataset, audit(dataset, rows.embeddings)


def test_run__flags_who_is_wrong_and_says_who_they_are(found: tuple[Planted, Dataset, Result]) -> None:
    rows, dataset, result = found
    table = result.table
    apart = (table["why"] == APART).to_numpy()
    assert apart[rows.wrong].mean() >= 0.95 and (~apart)[~rows.wrong].mean() >= 0.98
    suggested = table["suggestion"].cat.codes.to_numpy()
    elsewhere, strangers = rows.wrong & (rows.truth >= 0), rows.wrong & (rows.truth < 0)
    one = np.arange(len(dataset.classes))
    one[rows.split[:, 1]] = rows.split[:, 0]  # either name of the person is right
    assert (one[suggested[elsewhere]] == rows.truth[elsewhere]).mean() > 0.99
    assert (suggested[strangers] == -1).mean() > 0.99
    assert table["score"][apart].max() < table["score"][~table["flagged"]].min()


def test_run__rows_of_a_class_to_be_merged_get_the_name_of_the_larger(
    found: tuple[Planted, Dataset, Result],
) -> None:
    rows, dataset, result = found
    table = result.table
    renamed = (table["why"] == MERGE).to_numpy()
    assert set(rows.truth[renamed]) <= set(rows.split[:, 0]) and not rows.wrong[renamed].any()
    merges = result.figures["merges"]
    assert len(merges) == 15 and (merges["verdict"] == "merge").all() and (merges["cosine"] > 0.7).all()
    pairs = {frozenset((f"person {a}", f"person {b}")) for a, b in rows.split.tolist()}
    assert {frozenset(pair) for pair in zip(merges["class"], merges["other"], strict=True)} == pairs
    first = table[renamed].iloc[0]
    given = dataset.given_labels()[np.flatnonzero(renamed)[0]]
    assert first["reason"].startswith(f"All of {given} looks like {first['suggestion']} (cosine 0.9")
    assert set(dataset.given_labels()[renamed]) <= set(merges["class"])


def test_run__figures_and_numbers(found: tuple[Planted, Dataset, Result]) -> None:
    _, _, result = found
    rounds = result.figures["rounds"]
    assert rounds[["round", "classes"]].to_numpy().tolist() == [[1, 215], [2, 200]]
    assert rounds["share"].iloc[-1] == pytest.approx(0.75)
    summary = result.summary
    assert (summary["apart"], summary["merged_classes"], summary["ambiguous_pairs"]) == (1000, 15, 0)
    assert summary["flagged"] == summary["apart"] + summary["to_be_renamed"]
    assert summary["settled"] and not summary["stopped"] and summary["note"] == ""
    cosines = result.figures["cosines"]
    assert cosines["same"].sum() == summary["random_pairs"] and list(cosines) == [
        "low",
        "high",
        "same",
        "cross",
    ]


def test_run__stops_and_asks_below_the_cliff() -> None:
    rows = planted(0.41)
    result = audit(people_in(rows), rows.embeddings)
    assert result.summary["flagged"] == 0 and result.summary["stopped"]
    note = result.summary["note"]
    assert note.startswith(
        "Stopped, nothing is flagged: two rows of one class usually have a cosine of 0.37, below"
    )
    assert list(result.figures) == ["cosines"]  # what to look at
    # As the note says: with that eps it runs, and keeps the good rows.
    eps = float(note.split("set eps to ")[1].split(" ")[0])
    again = audit(people_in(rows), rows.embeddings, eps=eps)
    apart = (again.table["why"] == APART).to_numpy()
    assert (
        not again.summary["stopped"] and apart[rows.wrong].mean() > 0.95 and apart[~rows.wrong].mean() < 0.02
    )


def test_run__stops_where_strangers_are_alike_too() -> None:
    rows = planted()
    shifted = rows.embeddings + 5 * np.ones(rows.embeddings.shape[1], dtype=np.float32)
    result = audit(people_in(rows), shifted)
    assert result.summary["flagged"] == 0
    note = result.summary["note"]
    assert "5% or more have a cosine above 1.00" in note and "nearly as much alike: bring" in note


def test_run__a_clean_set_has_nothing_flagged() -> None:
    rows = planted(wrong=0, splits=0)
    result = audit(people_in(rows), rows.embeddings)
    assert result.summary["flagged"] == 0 and len(result.figures["merges"]) == 0
    assert not result.summary["stopped"] and len(result.figures["rounds"]) == 1


def test_run__ambiguous_pairs_are_no_flags_but_a_queue() -> None:
    rows = planted(0.8, wrong=0, splits=0)
    embeddings = rows.embeddings.copy()
    one, two = (rows.labels == 0), (rows.labels == 1)
    centre = embeddings[one].mean(axis=0) / np.linalg.norm(embeddings[one].mean(axis=0))
    embeddings[two] = embeddings[two] * 0.8 + 0.65 * centre
    result = audit(people_in(rows), embeddings)
    assert result.summary["flagged"] == 0 and result.summary["ambiguous_pairs"] == 1
    line = result.figures["merges"].iloc[0]
    assert {line["class"], line["other"]} == {"person 0", "person 1"} and line["verdict"] == "ambiguous"
    assert 0.5 < line["cosine"] <= 0.7 and (line["rows"], line["other_rows"]) == (20, 20)
    merged = audit(people_in(rows), embeddings, merge=0.5)
    assert (merged.table["why"] == MERGE).sum() == 20


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (
            [0, 1] * 30,
            "at least 20 classes of usually 100 rows or fewer (people, products, speakers); here are 2",
        ),
        (list(range(25)) * 101, "here are 25 of usually 101."),
        ([-1] * 5, "here are 0 of usually 0."),
        (list(range(30)), "No class has two rows"),
    ],
)
def test_run__says_why_it_does_not_fit(labels: list[int], why: str) -> None:
    dataset = make_dataset(labels, tuple(f"c{i}" for i in range(max(labels) + 2)))
    rng = np.random.default_rng(0)
    result = audit(dataset, rng.normal(size=(len(labels), 4)).astype(np.float32))
    assert result.summary["flagged"] == 0 and why in result.summary["note"]


@pytest.mark.parametrize("params", [{"eps": -0.5}, {"eps": 2.5}, {"merge": 0.4}, {"merge": 1.5}])
def test_run__settings_that_mean_nothing_are_named(params: dict[str, float]) -> None:
    rows = planted(people=25, splits=0)
    assert "the settings ask for" in audit(people_in(rows), rows.embeddings, **params).summary["note"]


def test_run__the_same_person_in_two_splits_is_told() -> None:
    """Folder 200 is person `one` again, and in the other split."""
    rows = planted(splits=1, wrong=0)
    dataset = people_in(rows)
    one, two = rows.split[0].tolist()
    split = np.where((rows.labels == two) | (rows.labels % 2 == 1) & (rows.labels != one), "test", "train")
    table = dataset.table.assign(split=pd.array(split, dtype="str"))
    dataset = replace(dataset, table=table, columns=replace(dataset.columns, split="split"))
    result = audit(dataset, rows.embeddings)
    across = result.figures["across_splits"]
    assert len(across) == result.summary["pairs_across_splits"] == 1
    assert {across["class"].iloc[0], across["other"].iloc[0]} == {f"person {one}", f"person {two}"}
    assert (across["split"].iloc[0], across["other_split"].iloc[0]) == ("test", "train")
    assert across["cosine"].iloc[0] > 0.7
    assert "1 pair of classes lies in two splits under two names" in result.summary["note"]


def test_run__names_with_line_breaks_stay_one_sentence() -> None:
    rows = planted(people=25, splits=0)
    names = tuple(f"a\nb {code}" for code in range(25))
    result = audit(make_dataset(rows.labels.tolist(), names), rows.embeddings)
    assert result.table["reason"][result.table["flagged"]].str.fullmatch(r"[A-Z].*\.").all()
