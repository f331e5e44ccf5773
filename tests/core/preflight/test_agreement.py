from __future__ import annotations

import numpy as np
import pytest

from core.preflight.agreement import agreement

RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 5, 1_000)
CLASSES = ("a", "b", "c", "d", "e")


def model(labels: np.ndarray, accuracy: float, k: int = 5) -> np.ndarray:
    """One-hot-like probabilities that are right for that share of rows."""
    rng = np.random.default_rng(1)
    guess = np.where(rng.random(len(labels)) < accuracy, labels, rng.integers(0, k, len(labels)))
    return np.eye(k)[guess] * 0.9 + 0.1 / k


def said(labels: np.ndarray, pred_probs: np.ndarray) -> tuple[str, str]:
    (problem,) = agreement(labels, pred_probs, CLASSES, "p.npy")
    return problem.severity, problem.found


def test_agreement__is_stated() -> None:
    labels = np.array([0, 1, 2, 3, 4, 0, -1])
    probs = np.eye(5)[[0, 1, 2, 3, 4, 1, 3]]
    assert said(labels, probs) == (
        "notice",
        "the predictions agree with 83.3% of the given labels (19.4% would be chance)",
    )


def test_agreement__permuted_columns_are_named() -> None:
    severity, found = said(TRUE, model(TRUE, 0.8)[:, [1, 0, 2, 4, 3]])
    assert severity == "warning"
    assert "column 2 as 'a', column 1 as 'b', column 5 as 'd'" in found


def test_agreement__two_swapped_columns_of_a_weak_model() -> None:
    severity, found = said(TRUE, model(TRUE, 0.6)[:, [0, 1, 2, 4, 3]])
    assert severity == "warning" and "(column 5 as 'd', column 4 as 'e', ...)" in found


def test_agreement__shuffled_rows_warn() -> None:
    severity, found = said(TRUE, RNG.permutation(model(TRUE, 0.9)))
    assert severity == "warning" and found.startswith("the predictions disagree with most labels")


def test_agreement__weak_model_or_noisy_labels_are_no_alarm() -> None:
    noisy = np.where(RNG.random(1_000) < 0.4, RNG.integers(0, 5, 1_000), TRUE)
    assert said(noisy, model(TRUE, 0.6))[0] == "notice"
    half_swapped = np.where((TRUE == 0) & (RNG.random(1_000) < 0.4), 1, TRUE)
    assert said(half_swapped, model(TRUE, 0.95))[0] == "notice"


def test_agreement__nothing_to_compare() -> None:
    assert agreement(np.full(3, -1), np.eye(5)[:3], CLASSES, "p") == []
    assert agreement(np.zeros(3, int), np.ones((3, 1)), ("a",), "p") == []


def test_agreement__in_blocks_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = said(TRUE, model(TRUE, 0.8))
    monkeypatch.setattr("core.preflight.large_arrays.CHUNK", 100)
    assert said(TRUE, model(TRUE, 0.8)) == whole
