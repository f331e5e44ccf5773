from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import cohen_kappa_score

from core.methods.agreement import (
    Agreement,
    alpha_interval,
    class_confusions,
    cohen_kappa,
    krippendorff_alpha,
    pairwise_kappa,
)

# Krippendorff's worked example: four annotators, twelve rows.
WORKED = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, -1, -1, -1],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, -1, 3],
        [-1, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, -1],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, -1],
    ]
).T

some_answers = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 12), st.integers(2, 5)), elements=st.integers(-1, 3)
)


def simulated(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Three annotators, four classes: 70% know the class and 30% guess; 20% of answers missing."""
    truth = rng.integers(0, 4, rows)
    answers = np.where(rng.random((rows, 3)) < 0.7, truth[:, None], rng.integers(0, 4, (rows, 3)))
    return np.where(rng.random((rows, 3)) < 0.2, -1, answers)


def alpha_by_pairs(answers: np.ndarray) -> float:
    """Alpha from its definition: every ordered pair of answers within a row against every pair at all."""
    units = [row[row >= 0] for row in answers if (row >= 0).sum() >= 2]
    pooled = np.concatenate([*units, np.array([], int)])
    n = len(pooled)
    expected = sum(x != y for i, x in enumerate(pooled) for j, y in enumerate(pooled) if i != j)
    if not expected:
        return float("nan")
    observed = sum(sum(x != y for x in u for y in u) / (len(u) - 1) for u in units)
    return 1 - (observed / n) / (expected / (n * (n - 1)))


def test_krippendorff_alpha__worked_example() -> None:
    assert krippendorff_alpha(WORKED) == pytest.approx(0.743, abs=0.0005)


@given(some_answers)
def test_krippendorff_alpha__equals_its_definition(answers: np.ndarray) -> None:
    np.testing.assert_allclose(krippendorff_alpha(answers), alpha_by_pairs(answers), atol=1e-12)


@given(some_answers, st.randoms(use_true_random=False))
def test_krippendorff_alpha__order_says_nothing(answers: np.ndarray, random: object) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    shuffled = rng.permutation(rng.permutation(answers, axis=0), axis=1)
    renamed = np.append(rng.permutation(4), -1)[shuffled]
    np.testing.assert_allclose(krippendorff_alpha(renamed), krippendorff_alpha(answers), atol=1e-12)


@pytest.mark.parametrize(
    "answers",
    [
        np.zeros((0, 3), int),  # no rows
        np.zeros((5, 0), int),  # nobody
        np.full((5, 3), -1),  # no answers
        np.array([[0, -1], [-1, 1]]),  # no double-read row
        np.array([[2, 2], [2, 2], [0, -1]]),  # one class where it counts
    ],
)
def test_krippendorff_alpha__not_defined(answers: np.ndarray) -> None:
    assert np.isnan(krippendorff_alpha(answers))
    assert np.isnan(alpha_interval(answers, 0, min_rows=0).value)


def test_krippendorff_alpha__all_agree_and_all_differ() -> None:
    assert krippendorff_alpha(np.array([[0, 0], [1, 1], [1, 1]])) == 1
    assert krippendorff_alpha(np.array([[0, 1], [1, 0]])) == -0.5


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (np.array([0, 1]), r"not \(2,\)"),
        (np.array([[0.0, 1.0]]), "float64"),
        (np.array([[0, -2]]), "answers hold -2 to 0"),
    ],
)
def test_krippendorff_alpha__refuses_what_is_no_table_of_codes(answers: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        krippendorff_alpha(answers)


def test_alpha_interval__covers_the_truth() -> None:
    rng = np.random.default_rng(7)
    truth = krippendorff_alpha(simulated(rng, 400_000))
    found = [alpha_interval(simulated(rng, 200), seed) for seed in range(600)]
    assert np.mean([a.low <= truth <= a.high for a in found]) >= 0.93
    assert 0.12 < np.mean([a.high - a.low for a in found]) < 0.20


def test_alpha_interval__same_seed_same_interval() -> None:
    answers = simulated(np.random.default_rng(0), 300)
    found = alpha_interval(answers, 3)
    assert found == alpha_interval(answers, 3)
    assert found != alpha_interval(answers, 4)
    assert found.value == krippendorff_alpha(answers)
    assert found.low < found.value < found.high
    assert found.rows == int(((answers >= 0).sum(axis=1) >= 2).sum())


def test_alpha_interval__too_few_rows() -> None:
    found = alpha_interval(np.array([[0, 0], [0, 1]] * 6 + [[0, -1]] * 200), 0)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert (found.rows, found.reason) == (12, "Too few double-read rows (12 of 100).")


def no_interval(found: Agreement) -> tuple[float, str]:
    assert np.isnan(found.low) and np.isnan(found.high)
    return found.value, found.reason


def test_alpha_interval__says_why_there_is_none() -> None:
    agree = np.array([[0, 0], [1, 1]] * 60)
    assert no_interval(alpha_interval(agree, 0)) == (1.0, "No interval: no disagreement seen yet.")
    rare = np.array([[0, 0]] * 120 + [[0, 1]])
    value, reason = no_interval(alpha_interval(rare, 0))
    assert (value, reason) == (0.0, "No interval: almost all answers are one class.")
    alike = np.array([[0, 1]] * 120)
    assert no_interval(alpha_interval(alike, 0))[1] == "No interval: every row was answered alike."


def test_alpha_interval__10_000_rows_of_10_annotators_in_a_second() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 10_000)
    answers = np.where(rng.random((10_000, 10)) < 0.8, truth[:, None], rng.integers(0, 10, (10_000, 10)))
    alpha_interval(answers[:200], 0)  # loads scipy
    start = time.process_time()  # the clock of a busy machine says little
    alpha_interval(answers, 0)
    assert time.process_time() - start < 1


def test_cohen_kappa__worked_example() -> None:
    times = [20, 5, 10, 15]
    assert cohen_kappa(np.repeat([0, 0, 1, 1], times), np.repeat([0, 1, 0, 1], times)) == pytest.approx(0.4)


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.integers(-1, 3)))
@settings(deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_cohen_kappa__equals_sklearn_on_shared_rows(answers: np.ndarray) -> None:
    a, b = answers[(answers >= 0).all(axis=1)].T
    one_class = len(set(a) | set(b)) < 2  # no row, or one and the same class
    expected = np.nan if one_class else cohen_kappa_score(a, b)
    np.testing.assert_allclose(cohen_kappa(*answers.T), expected, atol=1e-12)


def test_pairwise_kappa__every_pair_with_its_rows_and_reason() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 80)
    good = np.where(rng.random(80) < 0.8, truth, rng.integers(0, 3, 80))
    answers = np.stack([truth, good, np.where(np.arange(80) < 12, truth, -1)], axis=1)
    table = pairwise_kappa(answers, ["Anna", "Ben", "Cem"], 0)
    assert list(zip(table.annotator_a, table.annotator_b, table.rows, table.reason, strict=True)) == [
        ("Anna", "Ben", 80, ""),
        ("Anna", "Cem", 12, "Too few shared rows (12 of 30)."),
        ("Ben", "Cem", 12, "Too few shared rows (12 of 30)."),
    ]
    assert table.kappa[0] == pytest.approx(cohen_kappa_score(truth, good))
    assert table.low[0] < table.kappa[0] < table.high[0]
    assert 0.1 < table.high[0] - table.low[0] < 0.4
    assert table[["kappa", "low", "high"]][1:].isna().all(axis=None)
    assert table.equals(pairwise_kappa(answers, ["Anna", "Ben", "Cem"], 0))


def test_pairwise_kappa__not_defined_and_nobody() -> None:
    table = pairwise_kappa(np.zeros((50, 2), int), ["Anna", "Ben"], 0)
    assert table.reason.tolist() == ["Not defined: all answers are one class."]
    assert np.isnan(table.kappa[0])
    nobody = pairwise_kappa(np.zeros((0, 0), int), [], 0)
    assert list(nobody) == ["annotator_a", "annotator_b", "rows", "kappa", "low", "high", "reason"]
    with pytest.raises(ValueError, match="1 names for 2 annotators"):
        pairwise_kappa(np.zeros((50, 2), int), ["Anna"], 0)


def test_class_confusions__pairs_rows_share_and_who() -> None:
    answers = np.array(
        [
            [0, 1, -1],  # bag / cap
            [0, 1, 1],  # bag / cap, once though two said cap
            [1, -1, 0],  # bag / cap the other way round
            [0, 0, -1],  # bag, agreed
            [0, 2, 1],  # all three pairs
            [1, -1, -1],  # read once
            [2, 2, 2],
        ]
    )
    table = class_confusions(answers, ["bag", "cap", "hat"], ["Anna", "Ben", "Cem"])
    assert table.to_dict("list") == {
        "class_a": ["bag", "bag", "cap"],
        "class_b": ["cap", "hat", "hat"],
        "rows": [4, 1, 1],
        "share": [4 / 5, 1 / 6, 1 / 5],
        "says_a": ["Anna", "Anna", "Cem"],
        "says_b": ["Ben", "Ben", "Ben"],
    }


@pytest.mark.parametrize("answers", [np.zeros((0, 2), int), np.array([[0, -1], [1, 1]]), np.full((3, 2), -1)])
def test_class_confusions__no_difference_no_rows(answers: np.ndarray) -> None:
    table = class_confusions(answers, ["bag", "cap"], ["Anna", "Ben"])
    assert list(table) == ["class_a", "class_b", "rows", "share", "says_a", "says_b"]
    assert len(table) == 0


def test_class_confusions__refuses_a_code_without_a_class() -> None:
    with pytest.raises(ValueError, match="classes are 0 to 1"):
        class_confusions(np.array([[0, 2]]), ["bag", "cap"], ["Anna", "Ben"])
