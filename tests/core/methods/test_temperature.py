from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from core.methods import temperature
from core.methods.softmax import log_loss, probabilities
from core.methods.temperature import best_temperature
from core.progress import Cancelled, Progress


def drawn(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels that are drawn from the probabilities of these scores."""
    random = np.random.default_rng(seed)
    scores = random.standard_normal((n, k)) * 2
    return scores, (random.random((n, 1)) > probabilities(scores).cumsum(axis=1)).sum(axis=1)


def test_best_temperature__mends_scores_that_are_too_sure() -> None:
    scores, labels = drawn(5000, 3, 0)
    found = best_temperature(scores * 4, labels)
    assert found == pytest.approx(4, rel=0.1)
    assert log_loss(scores * 4, labels, found) < log_loss(scores * 4, labels)


@given(st.integers(1, 200), st.integers(2, 6), st.integers(0, 50), st.sampled_from([0.05, 0.5, 1, 3, 40]))
def test_best_temperature__of_the_lowest_loss(n: int, k: int, seed: int, sharp: float) -> None:
    scores, labels = drawn(n, k, seed)
    told = (scores * sharp).astype(np.float32)
    bounds = (-np.log(10), np.log(10))
    found = minimize_scalar(
        lambda log_t: log_loss(told, labels, float(np.exp(log_t))), bounds=bounds, method="bounded"
    )
    mine = best_temperature(told, labels)
    assert log_loss(told, labels, mine) <= found.fun + 1e-9
    assert 0.1 <= mine <= 10


def test_best_temperature__ends_at_the_bounds() -> None:
    labels = np.arange(60) % 3
    right = np.eye(3)[labels]
    assert best_temperature(right, labels) == pytest.approx(0.1)
    assert best_temperature(right, (labels + 1) % 3) == pytest.approx(10)
    assert best_temperature(np.zeros((60, 3)), labels) == 1  # says nothing at any temperature


def test_best_temperature__takes_few_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[float] = []
    plain = temperature._slopes

    def counted(scores: np.ndarray, y: np.ndarray, inverse: float) -> tuple[float, float]:
        passes.append(inverse)
        return plain(scores, y, inverse)

    monkeypatch.setattr(temperature, "_slopes", counted)
    scores, labels = drawn(2000, 5, 1)
    for sharp in (0.2, 1, 5):
        best_temperature(scores * sharp, labels)
    assert len(passes) <= 30


def test_best_temperature__the_same_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, labels = drawn(500, 4, 2)
    expected = best_temperature(scores, labels)
    monkeypatch.setattr(temperature, "_BLOCK_BYTES", 400)
    assert best_temperature(scores, labels) == pytest.approx(expected, rel=1e-9)


def test_best_temperature__can_be_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        best_temperature(*drawn(10, 2, 0), progress)
