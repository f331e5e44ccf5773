from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.methods.confident_learning import label_quality, scan
from core.preflight.probabilities import (
    LOG_OFF,
    as_float_matrix,
    check_embeddings,
    check_label_probs,
    check_pred_probs,
)

GOOD = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])


def check(values: object, softmax: bool = False) -> tuple[np.ndarray, list[str]]:
    found, problems = check_pred_probs(np.asarray(values), "p.npy", softmax)
    return found, [f"{p.severity}: {p.found}" for p in problems]


def test_check__good_ones_come_back_untouched() -> None:
    assert check(GOOD)[0] is GOOD and check(GOOD)[1] == []


def test_check__memory_map_is_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", GOOD.astype(np.float32))
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    matrix, problems = as_float_matrix(mapped, "p.npy", "pred_probs")
    assert problems == [] and np.shares_memory(matrix, mapped)
    assert check(matrix)[0] is matrix


def test_check__noise_in_the_sums_is_left_as_it_is() -> None:
    noisy = GOOD * (1 + 5e-6)
    noisy[2, 0] = 1.0
    assert check(noisy)[0] is noisy and check(noisy)[1] == []


def test_check__sums_are_renormalised_and_said() -> None:
    found, said = check([[0.2505, 0.75], [0.5, 0.5]])
    assert said == ["notice: rows sum to 1 to 1.0005, renormalised to 1"]
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-12
    found, said = check([[1.012, 0.02], [0.5, 0.5]])
    assert said == ["notice: rows sum to 1 to 1.032, renormalised to 1"] and found.max() <= 1


def test_check__a_hair_outside_is_clipped_and_said() -> None:
    found, said = check([[1.00001, -0.00001], [0.5, 0.5]])
    assert said == ["notice: values a hair outside [0, 1] (-1e-05 to 1.00001), clipped"]
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0.5, 0.5], [np.nan, 0.5], [np.nan, np.nan]], r"row 2: NaN in rows 2, 3 \(2 rows\)"),
        ([[np.inf, 0.5], [0.5, 0.5]], "row 1: infinite values in row 1"),
        ([[0.5, 0.5], [0.0, 0.0]], "row 2: only zeros in row 2"),
        ([[2.5, -1.0], [0.1, 3.0]], "look like logits.*softmax"),
        ([[-0.1, -1.3], [-1.3, -0.1]], "look like logits.*softmax"),
        ([[-0.1, -2.3], [np.nan, -0.1]], "row 2: NaN in row 2"),
        ([[-np.inf, -np.inf], [0.0, -np.inf]], "row 1: infinite values in rows 1, 2"),
        ([[1.2, -0.2], [0.5, 0.5]], "is not a probability"),
        ([[0.9, 0.9], [0.1, 0.2]], "rows sum to 0.3 to 1.8.*multi-label"),
        ([[0.3], [0.7]], "1 column"),
    ],
)
def test_check__refused(values: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(values)


def test_check__nan_and_inf_are_both_named() -> None:
    with pytest.raises(InputError) as caught:
        check([[np.nan, 0.5], [0.5, np.inf]])
    assert [p.row for p in caught.value.problems] == [1, 2]


def test_check__softmax() -> None:
    found, said = check(np.log([[0.25, 0.75], [0.5, 0.5]]) + 2, softmax=True)
    assert said == ["notice: logits, turned into probabilities by softmax"]
    assert np.allclose(found, [[0.25, 0.75], [0.5, 0.5]])
    found, said = check([[1000.0, 0.0], [0.0, 0.0]], softmax=True)
    assert found.tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_check__softmax_is_not_applied_to_probabilities() -> None:
    found, said = check(GOOD, softmax=True)
    assert found is GOOD and "not applied" in said[0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_check__log_probabilities_show_by_themselves(dtype: type) -> None:
    values = np.log(np.array([[0.25, 0.75], [0.5, 0.5]])).astype(dtype)
    matrix, _ = as_float_matrix(values, "p.npy", "pred_probs")
    for softmax in (False, True):
        found, said = check(matrix, softmax)
        assert said[0].startswith("notice: log-probabilities (none over 0, and exp of each row sums to 1)")
        assert np.allclose(found, [[0.25, 0.75], [0.5, 0.5]], atol=1e-3)


def test_check__the_log_of_zero_is_a_probability() -> None:
    found, said = check([[0.0, -np.inf], [np.log(0.25), np.log(0.75)]])
    assert np.allclose(found, [[1.0, 0.0], [0.25, 0.75]]) and len(said) == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(2, 6), st.floats(-0.05, 0.05), st.integers(0, 2**32 - 1))
def test_check__scores_near_log_probabilities_are_refused_or_their_softmax(
    n: int, k: int, shift: float, seed: int
) -> None:
    """Whether these are logits or log-probabilities does not matter: both readings are the same numbers."""
    probs = np.random.default_rng(seed).dirichlet(np.ones(k), n)
    assert check(probs)[0] is probs
    try:
        found, said = check(np.log(probs) + shift)
    except InputError:
        assert abs(np.expm1(shift)) > LOG_OFF / 2 or (np.log(probs) + shift).max() > 0
        return
    assert "log-probabilities" in said[0] and np.allclose(found, probs, atol=2e-5)


def test_check_label_probs__says_hard_labels_and_logits_that_may_be_logs() -> None:
    values = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    found, problems = check_label_probs(values, "p.npy")
    assert found is values and [p.severity for p in problems] == ["warning"]
    assert problems[0].found.startswith("hard labels")
    found, problems = check_label_probs(np.array([[-0.1, -3.0], [-2.0, -0.2]]), "p.npy", logits=True)
    assert [p.severity for p in problems] == ["notice", "warning"]
    assert "may be log-probabilities" in problems[1].found and found.max() < 0.5


def test_check__hard_labels_warn_of_what_they_cost() -> None:
    (said,) = check([[1.0, 0.0], [0.0, 1.0]])[1]
    assert said.startswith("warning: hard labels, 0 and 1 only (one-hot)")
    assert "all rows it disagrees with score the same" in said
    matrix, _ = as_float_matrix(np.eye(2, dtype=np.int64), "p.npy", "pred_probs")
    assert "hard labels" in check(matrix)[1][0]


def test_check__hard_labels_cost_what_the_warning_says() -> None:
    """The joint is the table of given and predicted labels, and the score says agreement alone."""
    random = np.random.default_rng(0)
    labels, predicted = random.integers(0, 3, 200).astype(np.int32), random.integers(0, 3, 200)
    scanned = scan(labels, np.eye(3)[predicted])
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (labels, predicted), 1)
    assert scanned.confident_joint.tolist() == table.tolist()
    quality = label_quality(scanned, "normalized_margin", np.eye(3)[predicted])
    assert set(quality[labels == predicted]) == {1.0} and set(quality[labels != predicted]) == {0.0}


def test_check__every_probability_the_same_is_said() -> None:
    assert "every probability is the same" in check([[0.5, 0.5], [0.5, 0.5]])[1][0]


def test_check__every_block_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.preflight.large_arrays.CHUNK", 16)
    values = np.tile([[0.25, 0.75]], (100, 1))
    values[98] = [0.0, 0.0]
    with pytest.raises(InputError, match="row 99: only zeros"):
        check(values)
    values[98], values[97, 0] = [0.5, 0.5], np.nan
    with pytest.raises(InputError, match="row 98: NaN"):
        check(values)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(2, 6), st.floats(0.91, 1.09), st.integers(0, 2**32 - 1))
def test_check__whatever_comes_back_is_a_distribution(n: int, k: int, scale: float, seed: int) -> None:
    values = np.random.default_rng(seed).dirichlet(np.ones(k), n) * scale
    for dtype in (np.float32, np.float64):
        found, _ = check_pred_probs(values.astype(dtype), "p")
        assert found.dtype == dtype and found.min() >= 0 and found.max() <= 1
        assert np.abs(found.sum(axis=1) - 1).max() <= 2e-5


def test_as_float_matrix__types() -> None:
    for dtype, expected in (
        (">f8", np.float64),
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.int64, np.float32),
        (bool, np.float32),
        (np.longdouble, np.float64),
    ):
        found, _ = as_float_matrix(np.eye(2).astype(dtype), "p", "pred_probs")
        assert found.dtype == expected and found.dtype.isnative and found.tolist() == [[1, 0], [0, 1]]
    assert as_float_matrix(np.eye(2, dtype=np.float16), "e", "embeddings")[0].dtype == np.float16
    assert as_float_matrix(np.eye(2), "e", "embeddings")[0].dtype == np.float32


def test_as_float_matrix__fortran_order_and_last_axis_of_one() -> None:
    values = np.arange(6.0).reshape(3, 2)
    found, problems = as_float_matrix(np.asfortranarray(values), "p", "pred_probs")
    assert found.flags.c_contiguous and found.tolist() == values.tolist() and problems == []
    found, problems = as_float_matrix(values[:, :, None], "p", "pred_probs")
    assert found.shape == (3, 2) and len(problems) == 1


@pytest.mark.parametrize("array", [np.arange(3), np.zeros((2, 2, 2)), np.zeros(()), np.ones((2, 2), complex),
                                   np.array([["a", "b"]])])  # fmt: skip
def test_as_float_matrix__refused(array: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"p\.npy"):
        as_float_matrix(array, "p.npy", "pred_probs")


def test_check_embeddings__rows_are_named() -> None:
    values = np.ones((5, 3), dtype=np.float16)
    check_embeddings(values, "e.npy")
    values[3, 1] = np.inf
    with pytest.raises(InputError, match=r"e\.npy, row 4: infinite values"):
        check_embeddings(values, "e.npy")
