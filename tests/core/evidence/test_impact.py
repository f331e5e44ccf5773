from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from core.evidence.impact import (
    Effect,
    FitPredict,
    Gain,
    Impact,
    compared,
    control_labels,
    effect_of,
    impact,
)
from core.progress import Progress


def blobs(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(features, class) of three classes that overlap."""
    truth = rng.integers(0, 3, n)
    return np.eye(3)[truth] * 1.6 + rng.normal(0, 1, (n, 3)), truth


def nearest_mean(features: np.ndarray, test: np.ndarray) -> FitPredict:
    def fit_predict(rows: np.ndarray, labels: np.ndarray, _: Progress) -> np.ndarray:
        means = np.stack([features[rows[labels == k]].mean(axis=0) for k in range(3)])
        return np.argmin(((test[:, None] - means[None]) ** 2).sum(axis=2), axis=1)

    return fit_predict


def nearest_rows(features: np.ndarray, test: np.ndarray) -> FitPredict:
    """The most frequent label of the 15 nearest rows: it learns what it is told."""
    order = np.argsort(((test[:, None] - features[None]) ** 2).sum(axis=2), axis=1)

    def fit_predict(rows: np.ndarray, labels: np.ndarray, _: Progress) -> np.ndarray:
        known = np.full(len(features), -1)
        known[rows] = labels
        out = []
        for near in order:
            told = known[near]
            out.append(np.bincount(told[told >= 0][:15]).argmax())
        return np.array(out)

    return fit_predict


def test_impact__of_no_edit_is_nothing() -> None:
    rng = np.random.default_rng(0)
    (x, y), (xt, zt) = blobs(rng, 300), blobs(rng, 200)
    found = impact(nearest_mean(x, xt), y, y.copy(), zt, Progress(), seeds=3)
    assert found.gain == Gain(0, 0, 0) and found.effect is Effect.NONE and found.edits == 0


def test_impact__sees_that_most_of_a_class_was_put_right_and_that_it_was_spoilt() -> None:
    rng = np.random.default_rng(1)
    (x, y), (xt, zt) = blobs(rng, 600), blobs(rng, 500)
    given = np.where((y == 0) & (rng.random(600) < 0.6), 1, y)
    found = impact(nearest_rows(x, xt), given, y, zt, Progress(), seeds=3)
    assert found.effect is Effect.IMPROVED and found.corrected > found.given
    assert impact(nearest_rows(x, xt), y, given, zt, Progress(), seeds=3).effect is Effect.WORSE


def test_impact__does_not_praise_random_edits() -> None:
    """A miniature of the benchmark: 60 reviews that only spoil labels, none of which may count as a gain."""
    improved = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        (x, y), (xt, zt) = blobs(rng, 200), blobs(rng, 200)
        spoilt = y.copy()
        rows = rng.choice(200, 6, replace=False)
        spoilt[rows] = (spoilt[rows] + 1) % 3
        improved += impact(nearest_mean(x, xt), y, spoilt, zt, Progress(), 3).effect is Effect.IMPROVED
    assert improved <= 5  # 5% of 60, and a standard error of 1.7


def test_control_labels__makes_the_same_edits_on_other_rows() -> None:
    rng = np.random.default_rng(3)
    given = rng.integers(0, 4, 400)
    corrected = np.where(rng.random(400) < 0.1, rng.integers(0, 4, 400), given)
    control = control_labels(given, corrected)

    def edits(labels: np.ndarray) -> Counter[tuple[int, int]]:
        at = np.flatnonzero(labels != given)
        return Counter(zip(given[at].tolist(), labels[at].tolist(), strict=True))

    assert edits(control) == edits(corrected)
    assert not np.array_equal(control, corrected)
    assert np.array_equal(control, control_labels(given, corrected))


def test_impact__wants_both_bounds() -> None:
    good, flat = Gain(0.02, 0.01, 0.03), Gain(0.01, -0.01, 0.03)
    assert Impact(0.5, 0.52, 0.5, good, flat, good, 10, 100, 10).effect is Effect.IMPROVED
    assert Impact(0.5, 0.52, 0.5, good, flat, flat, 10, 100, 10).effect is Effect.NONE
    assert Impact(0.5, 0.51, 0.5, flat, flat, good, 10, 100, 10).effect is Effect.NONE


def test_impact__refuses_what_cannot_be_scored() -> None:
    with pytest.raises(ValueError, match="1 test rows"):
        impact(
            lambda rows, labels, _: labels[:1],
            np.zeros(3, int),
            np.zeros(3, int),
            np.zeros(1, int),
            Progress(),
        )


def test_compared__is_paired_over_the_test_rows() -> None:
    truth = np.zeros(1000, int)
    first, second = truth.copy(), truth.copy()
    first[:100], second[:70] = 1, 1  # the second is right on thirty rows more, and nowhere else apart
    gain = compared(first, second, truth)
    half = 1.96 * np.sqrt(0.03 * 0.97 * 1000 / 999) / np.sqrt(1000)
    assert gain == Gain(pytest.approx(0.03), pytest.approx(0.03 - half), pytest.approx(0.03 + half))
    assert effect_of(gain) is Effect.IMPROVED
    assert effect_of(compared(second, first, truth)) is Effect.WORSE
    assert effect_of(compared(first, first, truth)) is Effect.NONE
    with pytest.raises(ValueError, match="1 test rows"):
        compared(first[:1], second[:1], truth[:1])
