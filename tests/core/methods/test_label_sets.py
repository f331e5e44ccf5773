from __future__ import annotations

import numpy as np
import pytest
from cleanlab.multilabel_classification import get_label_quality_scores
from cleanlab.multilabel_classification.filter import find_label_issues, find_multilabel_issues_per_class

from core.methods.confident_learning import SCORES
from core.methods.label_filters import CALIBRATED, DEFAULT_FILTER, FILTERS
from core.methods.label_sets import doubts, set_quality

CLEANLABS = [name for name in FILTERS if name not in (CALIBRATED, DEFAULT_FILTER)]


def noisy(n: int = 400, k: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(codes, member, pred_probs) of n rows with up to k labels, a tenth of the labels turned round."""
    rng = np.random.default_rng(seed)
    true = rng.random((n, k)) < 0.3
    pred_probs = np.clip(0.7 * true + 0.15 + rng.normal(0, 0.12, (n, k)), 0, 1).astype(np.float32)
    member, codes = np.unique(true ^ (rng.random((n, k)) < 0.1), axis=0, return_inverse=True)
    return codes.reshape(-1).astype(np.int32), member, pred_probs


def lists(codes: np.ndarray, member: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(member[code]).tolist() for code in codes]


@pytest.mark.parametrize("filter_by", CLEANLABS)
def test_doubts__as_cleanlab_finds_them(filter_by: str) -> None:
    codes, member, pred_probs = noisy()
    found = doubts(codes, member, pred_probs, filter_by)
    expected = find_multilabel_issues_per_class(
        lists(codes, member), pred_probs, filter_by=filter_by, n_jobs=1
    )
    mask = np.zeros(pred_probs.shape, dtype=bool)
    mask[found.rows, found.classes] = True
    assert mask.any() and (mask == expected).all()
    assert found.extra.tolist() == member[codes][found.rows, found.classes].tolist()
    assert found.rows.tolist() == sorted(found.rows.tolist())


def test_doubts__rows_flagged_as_cleanlab_flags_them() -> None:
    codes, member, pred_probs = noisy(seed=3)
    found = doubts(codes, member, pred_probs, "prune_by_noise_rate")
    expected = find_label_issues(lists(codes, member), pred_probs, n_jobs=1)
    assert np.unique(found.rows).tolist() == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize("method", SCORES)
def test_set_quality__as_cleanlab_scores(method: str) -> None:
    codes, member, pred_probs = noisy()
    expected = get_label_quality_scores(lists(codes, member), pred_probs.astype(np.float64), method=method)
    assert set_quality(codes, member, pred_probs, method) == pytest.approx(expected, abs=1e-6)


def test_set_quality__by_hand() -> None:
    member = np.array([[True, False], [False, True]])
    pred_probs = np.array([[0.9, 0.4], [0.9, 0.4], [0.9, 0.4]])
    # given 0: its own 0.9, then 1 - 0.4; 0.8 * 0.6 + 0.2 * 0.9. Given 1: 0.4, then 1 - 0.9. No label: 1.
    scores = set_quality(np.array([0, 1, -1]), member, pred_probs, "self_confidence")
    assert scores == pytest.approx([0.66, 0.16, 1.0])


def test_doubts__rows_without_a_label_are_left_out() -> None:
    codes, member, pred_probs = noisy()
    codes[:50] = -1
    found = doubts(codes, member, pred_probs, "predicted_neq_given")
    without = doubts(codes[50:], member, pred_probs[50:], "predicted_neq_given")
    assert found.rows.tolist() == (without.rows + 50).tolist()
