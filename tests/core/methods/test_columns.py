from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods.columns import LEAK_ROWS, Cells, cells, far_away, leak, looks_like_id, trial


@pytest.mark.parametrize(
    ("values", "missing", "numbers"),
    [
        ([1, 2, 3], [0, 0, 0], [1, 2, 3]),
        ([1.5, np.nan, np.inf], [0, 1, 0], [1.5, np.nan, np.inf]),
        (["1", " 2 ", "", None, "3"], [0, 0, 1, 1, 0], [1, 2, np.nan, np.nan, 3]),
        (["a", "b", " "], [0, 0, 1], None),
        ([True, False], [0, 0], None),
        ([None, None], [1, 1], None),
        ([], [], None),
    ],
)
def test_cells__missing_and_numbers(
    values: list[object], missing: list[int], numbers: list[float] | None
) -> None:
    found = cells(pd.Series(values, dtype=None if values and values != [None, None] else "str"))
    assert found.missing.tolist() == [bool(m) for m in missing]
    if numbers is None:
        assert found.numbers is None
    else:
        np.testing.assert_array_equal(found.numbers, numbers)
    assert (found.codes < 0).tolist() == found.missing.tolist()


def test_cells__text_among_numbers() -> None:
    found = cells(pd.Series([*map(str, range(39)), "n/a"]))
    assert np.flatnonzero(found.odd).tolist() == [39]
    assert cells(pd.Series(["1", "2", "x"])).numbers is None


def test_far_away__known_answer() -> None:
    numbers = np.append(np.arange(-100.0, 101), [1050.0, np.nan, np.inf])  # quartiles near +-50
    far, low, high = far_away(numbers, 4.0)
    there = numbers[:202]
    assert (low, high) == tuple(np.quantile(there, [0.25, 0.75]))
    assert np.flatnonzero(far > 1).tolist() == [201, 203]
    assert far[201] == pytest.approx((1050 - high) / (4 * (high - low)))
    assert far[203] == np.inf and far[202] == 0


@pytest.mark.parametrize("name", ["normal", "lognormal", "exponential", "uniform", "counts"])
def test_far_away__nothing_in_clean_columns(name: str) -> None:
    rng = np.random.default_rng(0)
    drawn = {
        "normal": rng.normal(0, 1, 50_000),
        "lognormal": rng.lognormal(0, 1, 50_000),
        "exponential": rng.exponential(1, 50_000),
        "uniform": rng.random(50_000),
        "counts": rng.poisson(3, 50_000).astype(float),
    }
    assert not (far_away(drawn[name], 4.0)[0] > 1).any()


def test_far_away__a_long_tail_belongs_to_the_column() -> None:
    numbers = np.random.default_rng(0).standard_cauchy(10_000)
    assert not (far_away(numbers, 4.0)[0] > 1).any()


@pytest.mark.parametrize("factor", [100, 1000, -100])
def test_far_away__a_slip_of_the_decimal_point(factor: int) -> None:
    numbers = np.random.default_rng(0).normal(170, 10, 500)
    numbers[7] *= factor
    assert np.flatnonzero(far_away(numbers, 4.0)[0] > 1).tolist() == [7]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=60))
def test_far_away__any_numbers(values: list[float]) -> None:
    far, _, _ = far_away(np.array(values, float), 4.0)
    assert len(far) == len(values) and (far >= 0).all()


@pytest.mark.parametrize(
    ("values", "is_id"),
    [
        ([f"row-{i}" for i in range(50)], True),
        (list(range(1000, 1050)), True),
        ([f"{i}" for i in range(50)], True),
        ([i * 0.37 for i in range(50)], False),
        ([i * 1000 for i in range(50)], False),
        ([f"word {i} of a text" for i in range(50)], False),
        ([f"2024-01-{i % 28 + 1:02} {i}" for i in range(50)], False),
        ([i % 5 for i in range(50)], False),
        ([f"row-{i}" for i in range(10)], False),
    ],
)
def test_looks_like_id(values: list[object], is_id: bool) -> None:
    assert looks_like_id(cells(pd.Series(values))) == is_id


def tried(values: object, labels: np.ndarray, enough: float = 0.95) -> tuple[float, float, float] | None:
    on = trial(labels, int(labels.max()) + 1)
    assert on is not None
    found = leak(cells(pd.Series(values)), on, enough)
    return None if found is None else (found.accuracy, found.low, found.high)


def test_leak__columns_that_are_the_label() -> None:
    labels = np.arange(600) % 3
    rng = np.random.default_rng(0)
    assert tried([f"c{label}" for label in labels], labels) == (1, pytest.approx(0.9936, abs=1e-3), 1)
    assert tried(labels * 10 + rng.random(600), labels) == (1, pytest.approx(0.9936, abs=1e-3), 1)
    assert tried([True, False] * 300, np.arange(600) % 2) is not None


def test_leak__noise_and_ids_say_nothing() -> None:
    labels = np.arange(600) % 3
    assert tried(np.random.default_rng(0).random(600), labels) is None
    assert tried([f"row {i}" for i in range(600)], labels) is None


def test_leak__accuracy_of_a_noisy_copy_lies_in_the_interval() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    said = np.where(rng.random(4000) < 0.9, labels, 1 - labels)
    found = tried(said, labels)
    assert found is not None and found[1] < 0.9 < found[2]


def test_leak__a_frequent_class_is_no_skill() -> None:
    labels = (np.arange(1000) % 50 == 0).astype(int)
    on = trial(labels, 2)
    assert on is not None and on.majority == pytest.approx(0.98)
    assert leak(cells(pd.Series(np.random.default_rng(0).random(1000))), on, 0.95) is None


def test_trial__folds_are_even_and_rows_bounded() -> None:
    labels = np.append(np.arange(20_000) % 4, [-1] * 5 + [4] * 9)
    on = trial(labels, 5)
    assert on is not None and len(on.rows) == LEAK_ROWS
    assert set(labels[on.rows].tolist()) == {0, 1, 2, 3}  # a class of nine rows is left out
    table = pd.crosstab(on.y, on.fold)
    assert (table.max(axis=1) - table.min(axis=1) <= 1).all()


@pytest.mark.parametrize("labels", [[], [-1] * 50, [0] * 50, [0, 1] * 9])
def test_trial__too_few_rows_or_classes(labels: list[int]) -> None:
    assert trial(np.array(labels, np.int32), 2) is None


def test_cells__distinct_of_nothing() -> None:
    assert Cells(np.zeros(0, bool), None, np.zeros(0, np.int64), False).distinct == 0
