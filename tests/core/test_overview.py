from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import overview
from core.dataset import Dataset
from core.issues import issue_table
from tests.conftest import make_dataset


def found(
    dataset: Dataset, score: list[float], flagged: list[bool], suggestion: list[int] | None = None
) -> pd.DataFrame:
    codes = None if suggestion is None else np.array(suggestion, dtype=np.int32)
    return issue_table(dataset, np.array(score), np.array(flagged), codes)


def test_worst__lowest_flagged_first_ties_in_data_set_order(pets: Dataset) -> None:
    table = found(pets, [0.5, 0.1, 0.3, 0.1, 0.0, 1.0], [True, True, True, True, False, False])
    assert overview.worst(table, 3).tolist() == [1, 3, 2]
    assert overview.worst(table, 10).tolist() == [1, 3, 2, 0]
    assert overview.worst(found(pets, [0.5] * 6, [False] * 6), 3).tolist() == []


def test_worst__a_tie_at_the_border_takes_earlier_rows() -> None:
    dataset = make_dataset([0] * 5)
    assert overview.worst(found(dataset, [0.2] * 5, [True] * 5), 2).tolist() == [0, 1]


def test_score_histogram__counts_labelled_rows_only(pets: Dataset) -> None:
    table = found(pets, [0.0, 0.4, 0.5, 0.9, 1.0, 1.0], [True, True, False, False, False, False])
    bins = overview.score_histogram(pets, table, bins=2)
    assert bins.to_dict("list") == {
        "low": [0.0, 0.5],
        "high": [0.5, 1.0],
        "flagged": [2, 0],
        "other": [0, 3],
    }


@pytest.mark.parametrize(
    ("scores", "cut"), [([0.1, 0.38], 0.38), ([0.1, 0.381], 0.39), ([0.1, 1.0], 1.0), ([0.0, 0.0], 0.0)]
)
def test_natural_cut__takes_in_every_flagged_row(scores: list[float], cut: float) -> None:
    table = found(make_dataset([0, 1]), scores, [True, True])
    assert overview.natural_cut(table) == cut


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_natural_cut__leaves_no_flagged_row_above_by_more_than_rounding(scores: list[float]) -> None:
    table = found(make_dataset([0] * len(scores)), scores, [True] * len(scores))
    cut = overview.natural_cut(table)
    assert max(scores) <= cut + 1e-6
    assert cut - max(scores) < 0.0101


def test_natural_cut__nothing_flagged_is_zero(pets: Dataset) -> None:
    assert overview.natural_cut(found(pets, [0.5] * 6, [False] * 6)) == 0.0


def test_below_cut__counts_rows_and_flags(pets: Dataset) -> None:
    table = found(pets, [0.1, 0.2, 0.3, 0.4, 0.5, 1.0], [True, False, True, False, False, False])
    assert overview.below_cut(table, 0.35) == (3, 2)


def test_confusion__counts_flagged_pairs_worst_class_first() -> None:
    dataset = make_dataset([0, 0, 1, 2, 2, -1], ("cat", "dog", "fox"))
    flags = [True, True, True, True, False, True]
    table = found(dataset, [0.1] * 6, flags, [1, 1, 0, -1, 0, 0])
    confusion = overview.confusion(dataset, table)
    assert confusion.classes == ("cat", "dog")
    assert confusion.counts.tolist() == [[0, 2], [1, 0]]
    assert confusion.cells == [(1, 0), (0, 1)]
    assert confusion.hidden == 0


def test_confusion__says_how_many_rows_the_top_leaves_out() -> None:
    dataset = make_dataset([0, 0, 0, 2], ("cat", "dog", "fox", "owl"))
    table = found(dataset, [0.1] * 4, [True] * 4, [1, 1, 1, 3])
    confusion = overview.confusion(dataset, table, top=2)
    assert (confusion.classes, confusion.hidden) == (("cat", "dog"), 1)


def test_confused_pairs__most_rows_first() -> None:
    dataset = make_dataset([0, 0, 1, 1], ("cat", "dog", "fox"))
    table = found(dataset, [0.1] * 4, [True] * 4, [2, 2, 0, 2])
    assert overview.confused_pairs(dataset, table).to_dict("list") == {
        "given": ["cat", "dog", "dog"],
        "suggested": ["fox", "cat", "fox"],
        "rows": [2, 1, 1],
    }
    assert len(overview.confused_pairs(dataset, table, top=1)) == 1


def test_worst_classes__marks_wide_intervals_and_leaves_out_classes_without_a_rate() -> None:
    per_class = pd.DataFrame(
        {
            "class": ["owl", "cat", "none"],
            "error_rate": [0.5, 0.1, np.nan],
            "low": [0.2, 0.08, np.nan],
            "high": [0.8, 0.12, np.nan],
        }
    )
    shown = overview.worst_classes(per_class)
    assert shown["class"].tolist() == ["owl", "cat"]
    assert shown["few_rows"].tolist() == [True, False]


def test_reviewed__decided_among_flagged_of_the_check(pets: Dataset) -> None:
    tables = {
        "labels": found(pets, [0.1] * 6, [True, True, False, False, False, False]),
        "twins": found(pets, [0.1] * 6, [False, False, True, False, False, False]),
    }
    decided = ["r0", "r2", "gone"]
    assert overview.reviewed(pets, tables, "labels", decided) == (1, 2)
    assert overview.reviewed(pets, tables, "not run", decided) == (2, 3)


def test_planted_errors__counts_label_errors_only(pets: Dataset, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(
        "id,true_label,planted,duplicate_of\nr0,dog,label_error,\nr1,dog,label_error,\n"
        "r2,,out_of_class,\ngone,cat,label_error,\n"
    )
    table = found(pets, [0.1] * 6, [True, False, True, False, False, False])
    assert overview.planted_errors(truth, table) == (1, 3)
