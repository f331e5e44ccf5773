from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom

from core.correction_causes import Corrections, correction_causes, corrections, guideline, rule_params
from core.dataset import Dataset
from core.review.classes import change_event, classes_of
from core.review.decisions import Action, Decision
from core.review.fold import Fold
from core.slices import slice_columns
from tests.conftest import make_dataset

ROWS = 240
"""Rows are cats and dogs by turns, of two shops by pairs; the last half have another month."""


@pytest.fixture
def dataset() -> Dataset:
    made = make_dataset([0, 1] * (ROWS // 2))
    shop = [["a", "b"][i // 2 % 2] for i in range(ROWS)]
    day = [f"2026-{1 + i // 60:02d}-{1 + i % 28:02d}" for i in range(ROWS)]
    table = made.table.assign(shop=pd.array(shop, dtype="str"), taken=pd.array(day, dtype="str"))
    return replace(made, table=table)


def decided(dataset: Dataset, rows: dict[int, str], who: str = "ann", hour: int = 9) -> list[Decision]:
    """Verdicts by position: a class to relabel to, "" to keep."""
    return [
        Decision(
            "pets",
            f"r{i}",
            Action.RELABEL if label else Action.KEEP,
            who,
            str(dataset.given_labels()[i]),
            f"{who}{i}",
            label or None,
            seq=i + 1,
            decided_at=f"2026-05-04T{hour:02d}:00:00.000+00:00",
        )
        for i, label in rows.items()
    ]


def read(dataset: Dataset, events: list[Decision]) -> Corrections:
    return corrections(events, Fold(events).standings(), dataset, classes_of(dataset, events))


def all_read(dataset: Dataset, upto: int = ROWS) -> list[Decision]:
    """Every row read; cats of shop b are dogs, but for every fifth of them."""
    wrong = {i: "dog" for i in range(upto) if i % 2 == 0 and i // 2 % 2 == 1 and i % 5}
    return decided(dataset, {i: wrong.get(i, "") for i in range(upto)})


def findings(dataset: Dataset, events: list[Decision]) -> pd.DataFrame:
    columns, _ = slice_columns(dataset, None)
    return correction_causes(dataset, read(dataset, events), columns).findings


def test_correction_causes__a_pair_of_classes_piles_up_in_a_slice_with_its_exact_probability(
    dataset: Dataset,
) -> None:
    frame = findings(dataset, all_read(dataset))
    line = frame[(frame["column"] == "shop") & (frame["value"] == "b")].iloc[0]
    assert (line["given"], line["suggested"], line["rows"], line["observed"]) == ("cat", "dog", 60, 48)
    assert line["expected"] == pytest.approx(60 * 48 / 120)
    assert line["p"] == pytest.approx(hypergeom.sf(47, 120, 48, 60), rel=1e-9)
    assert line["p"] <= line["q"] <= 0.05
    assert line["sentence"] == "Of 60 rows labelled cat with shop = b, 48 are dog; 24 were to be expected."
    assert guideline(line) == ("Guideline: where shop is b, ask whether cat is not dog: 48 of 60 read were.")
    assert rule_params(line) == {"find": "label_issues", "given": "cat", "sug": "dog", "where": "shop=b"}


def test_correction_causes__counts_only_rows_that_were_read(dataset: Dataset) -> None:
    half = all_read(dataset, 120)
    line = findings(dataset, half).iloc[0]
    assert line["rows"] == 30 and line["observed"] == 24
    rest = [(f"r{i}", "cat", "dog") for i in range(120, ROWS) if i % 2 == 0]
    bulk = Decision("pets", "", Action.RELABEL, "ann", "", "bulk", seq=500, decided_at="2026-05-04").bulk(
        rest
    )
    assert len(read(dataset, [*half, bulk])) == 120
    waits = replace(half[0], action=Action.NEEDS_REVIEW, label=None)
    assert len(read(dataset, [waits])) == 0
    excluded = replace(half[2], action=Action.EXCLUDE, label=None)
    assert read(dataset, [excluded]).wrong.tolist() == [True]


def test_correction_causes__finds_a_class_a_reviewer_and_a_month(dataset: Dataset) -> None:
    cats = {i: "dog" if i % 2 == 0 else "" for i in range(ROWS)}
    frame = findings(dataset, decided(dataset, cats))
    assert list(zip(frame["column"], frame["value"], strict=True)) == [("given label", "cat")]
    assert guideline(frame.iloc[0]).startswith(
        "Guideline: look again at labels where given label is cat: 120 of"
    )
    assert rule_params(frame.iloc[0]) == {}
    by_two = [
        *decided(dataset, {i: "dog" if i % 2 == 0 else "" for i in range(120)}, "ann", 9),
        *decided(dataset, {i: "" for i in range(120, ROWS)}, "bea", 15),
    ]
    frame = findings(dataset, by_two)
    line = frame.iloc[0]
    assert (line["column"], line["value"], line["rows"], line["observed"]) == ("reviewer", "ann", 60, 60)
    assert "with decided by hour = 2026-05-04 09h" in line["also"]
    moved = {i: "dog" if i % 2 == 0 and i < 60 else "" for i in range(ROWS)}
    frame = findings(dataset, decided(dataset, moved))
    assert list(zip(frame["column"], frame["value"], strict=True)) == [("taken by month", "2026-01")]
    assert (frame.iloc[0]["given"], frame.iloc[0]["rows"], frame.iloc[0]["observed"]) == ("cat", 30, 30)
    assert rule_params(frame.iloc[0]) == {}


def test_correction_causes__of_errors_at_random_finds_at_most_one_in_twenty(dataset: Dataset) -> None:
    rng, found = np.random.default_rng(0), 0
    for _ in range(60):
        wrong = rng.random(ROWS) < 0.2
        other = np.where(np.arange(ROWS) % 2 == 0, "dog", "cat")
        rows = {i: str(other[i]) if wrong[i] else "" for i in range(ROWS)}
        found += bool(len(findings(dataset, decided(dataset, rows))))
    assert found / 60 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


def test_corrections__speak_of_classes_as_the_data_do(dataset: Dataset) -> None:
    events = decided(dataset, {0: "dog"})
    change = change_event("pets", "ann", classes_of(dataset), {"rename": "dog", "to": "hound"})
    events = [*events, replace(change, seq=10, decided_at="2026-05-05")]
    assert read(dataset, events).new.tolist() == ["dog"]


def test_correction_causes__without_a_reading_finds_nothing(dataset: Dataset) -> None:
    assert findings(dataset, []).empty
