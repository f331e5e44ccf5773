from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.checks.split_leakage import CHECK, run
from core.dataset import Dataset
from core.leakage import effects, equal_and_near, headline, in_words, repair
from core.multilabel import LabelSets
from core.predictions import Predictions
from core.progress import Progress
from core.splits import Splits, splits_of
from tests.conftest import make_dataset


def leaky(splits: list[str], texts: list[str], labels: list[int]) -> tuple[Splits, Dataset, pd.DataFrame]:
    dataset = make_dataset(labels)
    table = dataset.table.assign(text=pd.array(texts, dtype="str"), split=pd.array(splits, dtype="str"))
    dataset = replace(dataset, table=table, columns=replace(dataset.columns, split="split"))
    params = {setting.name: setting.default for setting in CHECK.settings}
    found = splits_of(dataset)
    assert found is not None
    return found, dataset, run(dataset, Predictions(), params, Progress()).table


def predicted(classes: list[int]) -> Predictions:
    return Predictions("m", np.eye(2, dtype=np.float32)[classes])


SPLITS = ["train", "train", "train", "test", "test", "test", "dev", "dev"]
TEXTS = ["one", "one", "two", "one", "three", "four", "four", "five"]
LABELS = [0, 1, 0, 0, 1, 0, -1, 1]


def test_repair__drops_training_rows_by_default() -> None:
    splits, dataset, table = leaky(SPLITS, TEXTS, LABELS)
    found = repair(splits, dataset, table)
    assert (found.side, found.rows.tolist()) == ("training", [0, 1])
    assert (found.leaked, found.left) == (1, 2)


def test_repair__of_the_held_out_side_drops_what_is_flagged() -> None:
    splits, dataset, table = leaky(SPLITS, TEXTS, LABELS)
    found = repair(splits, dataset, table, "held out")
    assert (found.rows.tolist(), found.leaked, found.left) == ([3, 5, 6], 3, 0)


@settings(max_examples=25)
@given(st.lists(st.sampled_from("abc"), min_size=6, max_size=12), st.integers(1, 5))
def test_repair__leaves_nothing_flagged_against_training(texts: list[str], trains: int) -> None:
    rows = ["train"] * trains + ["test"] * (len(texts) - trains)
    splits, dataset, table = leaky(rows, texts, [0] * len(texts))
    dropped = repair(splits, dataset, table).rows
    kept = np.setdiff1d(np.arange(len(texts)), dropped)
    again = leaky([rows[i] for i in kept], [texts[i] for i in kept], [0] * len(kept))[2]
    assert not again["flagged"].any() and (kept >= trains).sum() == len(texts) - trains


def test_effects__scores_with_and_without_what_leaks() -> None:
    splits, dataset, table = leaky(SPLITS, TEXTS, LABELS)
    dev, test = effects(splits, dataset, predicted([0, 0, 0, 0, 1, 1, 0, 0]), table)
    assert (dev.split, dev.every.hits, dev.every.of, dev.leaked) == ("dev", 0, 1, None)
    assert (test.every.hits, test.every.of) == (2, 3)
    assert test.leaked is not None and (test.leaked.hits, test.leaked.of) == (1, 2)
    assert test.rest is not None and (test.rest.hits, test.rest.of) == (1, 1)
    assert test.rest.low == pytest.approx(0.2065, abs=1e-4) and test.rest.high == 1
    assert in_words(test) == (
        "The test score is 66.7% (20.8% to 93.9%), without the 2 leaked rows 100.0% (20.7% to 100.0%); "
        "on the 2 leaked rows alone 50.0% (9.5% to 90.5%)."
    )
    assert in_words(dev) == "The dev score is 0.0% (0.0% to 79.3%); no row of it leaks."


def test_in_words__all_rows_leak() -> None:
    splits, dataset, table = leaky(["train", "train", "test"], ["one", "two", "one"], [0, 1, 0])
    (effect,) = effects(splits, dataset, predicted([0, 1, 0]), table)
    assert in_words(effect) == "The test score is 100.0% (20.7% to 100.0%); all of its rows leak."


def test_effects__needs_probabilities_and_one_label_a_row() -> None:
    splits, dataset, table = leaky(SPLITS, TEXTS, LABELS)
    assert effects(splits, dataset, Predictions(), table) == []
    several = replace(dataset, sets=LabelSets(("cat", "dog"), ("cat", "dog"), ";"))
    assert effects(splits, several, predicted([0] * 8), table) == []


def test_effects__a_split_without_labels_has_no_score() -> None:
    splits, dataset, table = leaky(["train", "train", "test"], ["one", "two", "one"], [0, 1, -1])
    assert effects(splits, dataset, predicted([0, 1, 0]), table) == []


def pairs(*lines: tuple[str, str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=["split", "other_split", "method", "rows"])


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            [("test", "train", "exact", 4), ("test", "train", "picture", 2)],
            "6 test rows also appear in train",
        ),
        ([("test", "train", "exact", 1)], "1 test row also appears in train"),
        ([("test", "train", "picture", 2)], "2 test rows have a near copy in train"),
        ([("dev", "train", "ngram_8", 1)], "1 dev row has a near copy in train"),
        (
            [("dev", "train", "exact", 1), ("test", "train", "exact", 1)],
            "2 held-out rows also appear in train",
        ),
        ([("dev", "test", "exact", 3)], "3 held-out rows also appear in another held-out split"),
        ([], "No held-out row was found in train"),
    ],
)
def test_headline__counts_what_is_in_training(lines: list[tuple[str, str, str, int]], said: str) -> None:
    splits = leaky(SPLITS, TEXTS, LABELS)[0]
    assert headline(splits, pairs(*lines)) == said


def test_headline__names_the_split_and_the_side() -> None:
    splits = leaky(["train_a", "train_b", "test"], ["one", "two", "three"], [0, 0, 0])[0]
    assert headline(splits, pairs()) == "No test row was found in training"


def test_equal_and_near__tells_them_apart() -> None:
    assert (
        equal_and_near(pairs(("t", "u", "exact", 2), ("t", "u", "ngram_8", 1)))
        == "2 of them equal, 1 nearly."
    )
    assert equal_and_near(pairs(("t", "u", "exact", 2))) == equal_and_near(pairs()) == ""
