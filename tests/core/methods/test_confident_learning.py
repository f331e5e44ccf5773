"""cleanlab 2.9 is the oracle: thresholds, joints, counts, scores and flagged rows, to the row."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.methods import confident_learning, label_filters
from core.methods.confident_learning import (
    SCORES,
    bootstrap_interval,
    calibrate,
    count_calibrated,
    count_off_diagonal,
    estimate_errors,
    label_quality,
    scan,
)
from core.methods.label_filters import CALIBRATED, DEFAULT_FILTER, FILTERS, flag
from core.progress import Cancelled, Progress

CLEANLAB_FILTERS = tuple(f for f in FILTERS if f not in (CALIBRATED, DEFAULT_FILTER))


def make(n: int, k: int, seed: int, kind: str, dtype: type) -> tuple[np.ndarray, np.ndarray]:
    """Labels with noise, and probabilities of one of several awkward kinds."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    logits = (
        rng.normal(0, 1, (n, k)) + 2 * np.eye(k)[np.where(rng.random(n) < 0.8, labels, rng.integers(0, k, n))]
    )
    if kind == "missing classes":
        labels[labels >= max(2, k - 2)] = 0
    if kind == "imbalanced":
        labels[rng.random(n) < 0.8] = 0
    probs = np.exp(logits * (30 if kind == "saturated" else 1))
    probs /= probs.sum(axis=1, keepdims=True)
    if kind == "ties":
        probs = np.round(probs * 4) / 4
    if kind == "near ties":
        probs += rng.integers(-1, 2, probs.shape) * 1e-6 - probs + 1 / k
        probs = np.clip(probs, 0, 1)
    labels[:2] = (0, 1)
    return labels, np.ascontiguousarray(probs.astype(dtype))


KINDS = ("plain", "saturated", "ties", "near ties", "missing classes", "imbalanced")
CASES = st.tuples(
    st.integers(2, 300), st.integers(2, 12), st.integers(0, 2**31), st.sampled_from(KINDS),
    st.sampled_from([np.float32, np.float64]),
)  # fmt: skip
EASY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(CASES)
@EASY
def test_scan__equals_cleanlab_counts(case: tuple) -> None:
    from cleanlab.count import compute_confident_joint, get_confident_thresholds, num_label_issues

    labels, probs = make(*case)
    scanned = scan(labels, probs)
    expected = get_confident_thresholds(labels, probs)
    assert scanned.thresholds.dtype == expected.dtype
    np.testing.assert_array_equal(scanned.thresholds, expected)
    np.testing.assert_array_equal(
        scanned.confident_joint, compute_confident_joint(labels, probs, calibrate=False)
    )
    np.testing.assert_array_equal(scanned.calibrated_joint, compute_confident_joint(labels, probs))
    np.testing.assert_array_equal(scanned.predicted, probs.argmax(axis=1))
    assert count_off_diagonal(scanned) == num_label_issues(labels, probs)
    assert count_calibrated(scanned) == num_label_issues(
        labels, probs, estimation_method="off_diagonal_calibrated"
    )


@pytest.mark.parametrize("score", SCORES)
@given(case=CASES)
@EASY
def test_label_quality__equals_cleanlab(score: str, case: tuple) -> None:
    from cleanlab.rank import get_label_quality_scores

    labels, probs = make(*case)
    expected = get_label_quality_scores(labels, probs, method=score)
    found = label_quality(scan(labels, probs), score, probs)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("filter_by", CLEANLAB_FILTERS)
@given(case=CASES)
@EASY
def test_flag__equals_cleanlab(filter_by: str, case: tuple) -> None:
    labels, probs = make(*case)
    np.testing.assert_array_equal(
        flag(scan(labels, probs), probs, filter_by), cleanlab_flags(labels, probs, filter_by)
    )


@given(case=CASES)
@EASY
def test_flag__default_is_the_estimate_with_lowest_margin(case: tuple) -> None:
    from cleanlab.count import compute_confident_joint
    from cleanlab.rank import get_label_quality_scores

    labels, probs = make(*case)
    joint = compute_confident_joint(labels, probs, calibrate=False)
    counts = np.bincount(labels, minlength=len(joint))
    estimate = (counts * (1 - joint.diagonal() / joint.sum(axis=1))).sum()
    margin = get_label_quality_scores(labels, probs, method="normalized_margin")
    scanned = scan(labels, probs)
    found = flag(scanned, probs, "calibrated")
    assert estimate_errors(scanned) == pytest.approx(estimate)
    assert found.sum() == round(estimate_errors(scanned))
    expected = np.zeros(len(labels), dtype=bool)
    expected[np.argsort(margin, kind="stable")[: found.sum()]] = True
    np.testing.assert_array_equal(found, expected)


def cleanlab_flags(labels: np.ndarray, probs: np.ndarray, filter_by: str) -> np.ndarray:
    from cleanlab.filter import find_label_issues

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab warns about classes of one row
        return find_label_issues(labels, probs, filter_by=filter_by, n_jobs=1)


@pytest.mark.parametrize("filter_by", FILTERS)
def test_flag__the_same_in_small_blocks_and_from_a_memory_map(
    filter_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, probs = make(700, 9, 3, "plain", np.float32)
    expected = flag(scan(labels, probs), probs, filter_by)
    np.save(tmp_path / "p.npy", probs)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    monkeypatch.setattr(confident_learning, "_BLOCK_BYTES", 400)
    np.testing.assert_array_equal(flag(scan(labels, mapped), mapped, filter_by), expected)
    assert 0 < expected.sum() < 350


def test_scan__rows_without_label_take_no_part() -> None:
    labels, probs = make(200, 5, 1, "plain", np.float32)
    with_gaps = np.insert(labels, [0, 50, 200], -1)
    padded = np.insert(probs, [0, 50, 200], 0.2, axis=0)
    scanned = scan(with_gaps, padded)
    assert set(range(203)) - set(scanned.rows.tolist()) == {0, 51, 202}
    np.testing.assert_array_equal(scanned.confident_joint, scan(labels, probs).confident_joint)
    for filter_by in FILTERS:
        np.testing.assert_array_equal(
            flag(scanned, padded, filter_by), flag(scan(labels, probs), probs, filter_by)
        )


def test_scan__two_classes_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.4, 0.6]])
    scanned = scan(labels, probs)
    np.testing.assert_allclose(scanned.thresholds, [0.6, 0.7])
    # Row 4 reaches neither threshold, row 2 counts as class 1.
    assert scanned.confident.tolist() == [0, 0, 1, 1, -1]
    assert scanned.confident_joint.tolist() == [[2, 1], [0, 1]]
    assert scanned.calibrated_joint.tolist() == [[2, 1], [0, 2]]
    assert count_off_diagonal(scanned) == count_calibrated(scanned) == 1
    assert flag(scanned, probs, "calibrated").tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(label_quality(scanned, "normalized_margin", probs), [0.9, 0.8, 0.1, 0.8, 0.6])


@pytest.mark.parametrize("filter_by", FILTERS)
def test_flag__one_class_only_flags_nothing_confidently(filter_by: str) -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    scanned = scan(np.zeros(3, dtype=int), probs)
    assert count_calibrated(scanned) == 0
    assert not flag(scanned, probs, filter_by).any()


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_flag__no_labelled_row(labels: list[int]) -> None:
    probs = np.full((len(labels), 3), 1 / 3)
    scanned = scan(np.array(labels, dtype=int), probs)
    assert count_calibrated(scanned) == count_off_diagonal(scanned) == 0
    for filter_by in FILTERS:
        assert flag(scanned, probs, filter_by).tolist() == []


def test_scan__names_the_first_row_that_is_not_finite() -> None:
    labels, probs = make(30, 3, 0, "plain", np.float32)
    probs[7, 2] = np.nan
    probs[9, 0] = np.inf
    with pytest.raises(InputError, match=r"row 8: a probability that is not a finite number \(2 rows\)"):
        scan(labels, probs)


@pytest.mark.parametrize(
    ("labels", "probs", "message"),
    [
        (np.zeros(2, int), np.zeros((3, 2)), "do not fit"),
        (np.zeros(2, int), np.zeros((2, 1)), "do not fit"),
        (np.zeros(2, int), np.zeros((2, 2), np.float16), "float16"),
        (np.array([0, 2]), np.zeros((2, 2)), "label 2 has no column"),
    ],
)
def test_scan__refuses_what_does_not_fit(labels: np.ndarray, probs: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scan(labels, probs)


def test_scan__can_be_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        scan(*make(20, 3, 0, "plain", np.float32), progress)


@given(st.integers(2, 40), st.integers(0, 2**31))
@EASY
def test_calibrate__rows_sum_to_class_counts(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    joint = rng.integers(0, 5, (k, k)) + np.eye(k, dtype=int)
    counts = rng.integers(1, 50, k)
    calibrated = calibrate(joint, counts)
    np.testing.assert_array_equal(calibrated.sum(axis=1), counts)
    assert (calibrated >= 0).all()


def test_bootstrap_interval__holds_the_estimate_and_repeats() -> None:
    scanned = scan(*make(3000, 6, 5, "plain", np.float32))
    low, high = bootstrap_interval(scanned, seed=1)
    assert low < estimate_errors(scanned) < high
    assert (low, high) == bootstrap_interval(scanned, seed=1) != bootstrap_interval(scanned, seed=2)


def test_bootstrap_interval__matches_the_binomial_closed_form() -> None:
    # 1,000 rows of class 0: 100 of 500 counted elsewhere, so 200 +- 1.96 * 1000 * sqrt(.2 * .8 / 500).
    scanned = scan(np.array([0, 1]), np.eye(2))
    object.__setattr__(scanned, "confident_joint", np.array([[400, 100], [0, 50]]))
    object.__setattr__(scanned, "class_counts", np.array([1000, 50]))
    low, high = bootstrap_interval(scanned, draws=20_000)
    assert abs(low - 165) <= 2 and abs(high - 235) <= 2


@pytest.mark.parametrize("name", ["20news", "mnist"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_flag__equals_cleanlab_on_recorded_predictions(shared_data: Path, name: str, dtype: type) -> None:
    folder = shared_data / "label_errors" / name
    labels = np.genfromtxt(
        folder / "labels.csv", delimiter=",", skip_header=1, usecols=2 if name == "20news" else 1, dtype=int
    )
    probs = np.load(folder / "pred_probs.npy").clip(0, 1).astype(dtype)
    scanned = scan(labels, probs)
    for filter_by in CLEANLAB_FILTERS:
        np.testing.assert_array_equal(
            flag(scanned, probs, filter_by), cleanlab_flags(labels, probs, filter_by), filter_by
        )


def test_lowest__takes_earlier_rows_of_a_tie_when_stable() -> None:
    scores = np.array([0.5, 0.1, 0.5, 0.5, 0.2])
    assert sorted(label_filters.lowest(scores, 3, stable=True)) == [0, 1, 4]
    assert label_filters.lowest(scores, 0).tolist() == []
    assert label_filters.lowest(scores, 9).tolist() == [0, 1, 2, 3, 4]


@given(st.floats(1e-6, 1))
@EASY
def test_at_least__decides_in_float32_what_float64_decides(value: float) -> None:
    cut = confident_learning._at_least(np.array([value]), np.dtype(np.float32))
    near = np.float32(value)
    probs = np.array([np.nextafter(near, np.float32(0)), near, np.nextafter(near, np.float32(2))])
    assert cut.dtype == np.float32
    assert (probs >= cut).tolist() == (probs.astype(float) >= value).tolist()
