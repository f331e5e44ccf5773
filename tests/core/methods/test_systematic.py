from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given as cases
from hypothesis import strategies as st

from core.methods.systematic import (
    COLUMNS,
    LEAST,
    Q,
    SliceColumn,
    count,
    params_of,
    systematic_errors,
)
from core.progress import Cancelled, Progress
from core.review.where import conditions

CLASSES = ("shirt", "t-shirt", "shoe", "bag")
RUNS = 400


def shop(n: int = 2000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[SliceColumn]]:
    """(wrong, given, suggested, slices) of n rows with 6 % of errors, spread at random."""
    rng = np.random.default_rng(seed)
    given = rng.integers(0, 4, n)
    wrong = rng.random(n) < 0.06
    suggested = (given + rng.integers(1, 4, n)) % 4
    columns = [
        SliceColumn("source", rng.choice(["shop_a", "shop_b", "shop_c"], n).astype(object)),
        SliceColumn("split", rng.choice(["train", "test"], n).astype(object), "split"),
        SliceColumn("cluster", rng.integers(1, 30, n).astype(str).astype(object), "cluster"),
    ]
    return wrong, given, suggested, columns


def test_systematic_errors__planted_pair_in_one_source() -> None:
    wrong, given, suggested, columns = shop()
    rows = np.flatnonzero((given == 0) & (columns[0].values == "shop_b"))
    planted = rows[:40]
    wrong[planted], suggested[planted] = True, 1
    found = systematic_errors(wrong, given, CLASSES, columns, suggested)
    first = found.findings.iloc[0]
    assert list(found.findings.columns) == list(COLUMNS)
    cell = (given == 0) & (columns[0].values == "shop_b")
    kind = wrong & (given == 0) & (suggested == 1)
    observed, expected = int((kind & cell).sum()), cell.sum() * kind.sum() / (given == 0).sum()
    assert (first["rows"], first["observed"]) == (cell.sum(), observed)
    assert first["expected"] == pytest.approx(expected)
    assert first["ratio"] == pytest.approx(observed / expected)
    assert first["low"] < first["ratio"] < first["high"]
    assert first["sentence"] == (
        f"Of {cell.sum()} rows labelled shirt with source = shop_b, {observed} look like t-shirt; "
        f"{count(expected)} were to be expected."
    )
    assert params_of(first["params"]) == {
        "find": "label_issues",
        "given": "shirt",
        "sug": "t-shirt",
        "where": "source=shop_b",
    }


def test_systematic_errors__planted_slice_of_all_classes() -> None:
    wrong, given, suggested, columns = shop()
    wrong[np.flatnonzero(columns[2].values == "7")[:40]] = True
    found = systematic_errors(wrong, given, CLASSES, columns, suggested, confirmed=True)
    assert params_of(found.findings["params"][0]) == {"find": "label_issues", "cluster": "7"}
    assert re.fullmatch(
        r"Of \d+ rows in cluster 7, \d+ are wrong; \d\.\d were to be expected\.",
        found.findings["sentence"][0],
    )


def test_systematic_errors__without_suggestions_kinds_are_classes() -> None:
    wrong, given, _, columns = shop()
    wrong[np.flatnonzero((given == 2) & (columns[1].values == "test"))[:60]] = True
    found = systematic_errors(wrong, given, CLASSES, columns).findings
    first = found[found["given"] == "shoe"].iloc[0]
    assert (first["suggested"], first["column"], first["value"]) == ("", "split", "test")
    assert params_of(first["params"]) == {"find": "label_issues", "given": "shoe", "split": "test"}


def test_systematic_errors__without_a_class_only_whole_slices() -> None:
    wrong, _, _, columns = shop()
    wrong[columns[0].values == "shop_c"] = True
    found = systematic_errors(wrong, None, (), columns)
    assert set(found.findings["given"]) == {""}
    assert found.findings["value"][0] == "shop_c"


def test_systematic_errors__slices_of_nearly_the_same_rows_are_one_finding() -> None:
    wrong, given, suggested, columns = shop()
    wrong[np.flatnonzero(columns[0].values == "shop_b")[:150]] = True
    city = np.where(columns[0].values == "shop_b", "Berlin", "Rome").astype(object)
    city[np.flatnonzero(columns[0].values == "shop_b")[:5]] = "Rome"
    alone = systematic_errors(wrong, given, CLASSES, columns, suggested)
    both = systematic_errors(wrong, given, CLASSES, [*columns, SliceColumn("city", city)], suggested)
    here = both.findings[both.findings["value"].isin(["shop_b", "Berlin"])]
    assert not here.duplicated(["given", "suggested"]).any()
    assert both.folded > alone.folded
    assert here["also"].str.contains("with city = Berlin|with source = shop_b").any()


def test_systematic_errors__errors_at_random_are_rarely_called_systematic() -> None:
    """Under permuted errors the share of runs with any finding is the false discovery rate, at most."""
    wrong, given, suggested, columns = shop(600)
    kind = np.where(wrong, suggested, -1)
    hits = 0
    for seed in range(RUNS):
        order = np.random.default_rng(seed).permutation(len(wrong))
        permuted = np.where(kind[order] == given, (given + 1) % 4, kind[order])
        found = systematic_errors(wrong[order], given, CLASSES, columns, permuted)
        hits += bool(len(found.findings) + found.folded)
    # Four standard errors above the promised rate.
    assert hits / RUNS <= Q + 4 * np.sqrt(Q * (1 - Q) / RUNS)


def test_systematic_errors__every_test_is_counted() -> None:
    given = np.array([0] * 40 + [1] * 40)
    wrong = np.zeros(80, dtype=bool)
    wrong[:5] = wrong[40:45] = True
    values = np.array(["a", "b"] * 40, dtype=object)
    values[-1] = "c"  # one row: too few for a test
    found = systematic_errors(wrong, given, ("x", "y"), [SliceColumn("s", values)], 1 - given)
    assert found.tests == 2 + 2 * 2  # two values; and in each of two kinds of errors
    assert "6 slices and pairs" in found.estimator


def test_systematic_errors__rows_without_a_label_or_a_value_take_no_part() -> None:
    wrong, given, suggested, columns = shop()
    wrong[columns[0].values == "shop_b"] = True
    given[::3] = -1
    columns[0].values[::5] = None
    first = systematic_errors(wrong, given, CLASSES, columns, suggested).findings.iloc[0]
    inside = (given >= 0) & (columns[0].values == "shop_b")
    assert first["value"] == "shop_b" and first["rows"] <= inside.sum()


@pytest.mark.parametrize("n", [0, 1, 4])
def test_systematic_errors__too_few_rows(n: int) -> None:
    values = np.array(["a"] * n, dtype=object)
    found = systematic_errors(np.ones(n, dtype=bool), np.zeros(n, int), ("x",), [SliceColumn("s", values)])
    assert (len(found.findings), found.tests, found.folded) == (0, 0, 0)
    assert list(found.findings.columns) == list(COLUMNS)


def test_systematic_errors__lengths_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        systematic_errors(np.ones(3, dtype=bool), np.zeros(2, int), ("x",), [])


def test_systematic_errors__stops_when_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    wrong, given, suggested, columns = shop()
    with pytest.raises(Cancelled):
        systematic_errors(wrong, given, CLASSES, columns, suggested, progress=progress)


@cases(st.lists(st.text(max_size=6), min_size=1, max_size=5), st.integers(0, 20))
def test_systematic_errors__any_text_is_a_value(values: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    column = SliceColumn(values[0], np.array([values[i] for i in rng.integers(0, len(values), n)], object))
    wrong = (column.values == values[0]) & (rng.random(n) < 0.7)
    given = rng.integers(-1, 3, n)
    suggested = (given + 1) % 3
    found = systematic_errors(wrong, given, (*values, "b", "c")[-3:], [column], suggested).findings
    for line in found.itertuples():
        assert re.fullmatch(r"[A-Z].*\.", line.sentence)
        assert line.observed >= LEAST and 0 <= line.p <= line.q <= Q
        assert line.low < line.ratio <= line.high * (1 + 1e-9)
        assert conditions(params_of(line.params)["where"]) == [(values[0], line.value)]
