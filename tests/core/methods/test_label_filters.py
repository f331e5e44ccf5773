from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.methods import confident_learning, label_filters
from core.methods.confident_learning import estimate_errors, scan
from core.methods.corrected_confidence import Mixture, Ranking
from core.methods.label_filters import CALIBRATED, DEFAULT_FILTER, flag, likelier
from core.progress import Cancelled, Progress
from tests.benchmarks.bench_counts import flags
from tests.benchmarks.bench_ranking import known
from tests.benchmarks.error_counts import Views, consensus_of_neighbours, expectation_maximisation
from tests.benchmarks.label_noise import with_neighbours


def drawn(n: int, k: int, seed: int, sharp: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the probabilities of their rows, so that these are calibrated; then made too sure
    (sharp above 1) or not sure enough."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 1.5
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (probs.cumsum(axis=1) > rng.random(n)[:, None]).argmax(axis=1)
    told = np.exp(logits * sharp) / np.exp(logits * sharp).sum(axis=1, keepdims=True)
    return labels, told


def test_likelier__over_a_half_for_one_other_class() -> None:
    labels, probs = drawn(4000, 4, 0)
    found = likelier(scan(labels, probs), probs)
    others = probs.copy()
    others[np.arange(4000), labels] = 0
    # What is already calibrated stays so but for the draw of the labels: rows near a half may change sides.
    sure = abs(others.max(axis=1) - 0.5) > 0.03
    np.testing.assert_array_equal(found[sure], (others.max(axis=1) > 0.5)[sure])
    assert 0.1 < found.mean() < 0.4


@given(st.sampled_from([0.3, 0.5, 2.0, 3.0]), st.integers(2, 6), st.integers(0, 5))
def test_likelier__how_sure_a_model_claims_to_be_decides_nothing(sharp: float, k: int, seed: int) -> None:
    labels, probs = drawn(500, k, seed)
    _, told = drawn(500, k, seed, sharp)
    usual, found = (likelier(scan(labels, p), p) for p in (probs, told))
    assert np.count_nonzero(usual != found) <= 5  # probabilities under a millionth count as one


def test_likelier__rows_without_a_label_take_no_part() -> None:
    labels, probs = drawn(300, 3, 1)
    expected = likelier(scan(labels, probs), probs)
    gaps, padded = np.insert(labels, [0, 7], -1), np.insert(probs, [0, 7], 1 / 3, axis=0)
    np.testing.assert_array_equal(likelier(scan(gaps, padded), padded), expected)


def test_likelier__above_20000_rows_a_seeded_sample_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probs = drawn(3000, 3, 2, sharp=3)
    expected = likelier(scan(labels, probs), probs)
    monkeypatch.setattr(label_filters, "_ROWS", 1000)
    some = likelier(scan(labels, probs), probs)
    np.testing.assert_array_equal(likelier(scan(labels, probs), probs), some)
    assert np.count_nonzero(some != expected) < 60


def test_likelier__the_same_in_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, probs = drawn(700, 5, 3)
    expected = likelier(scan(labels, probs), probs)
    monkeypatch.setattr(confident_learning, "_BLOCK_BYTES", 400)
    np.testing.assert_array_equal(likelier(scan(labels, probs), probs), expected)


def test_likelier__can_be_cancelled() -> None:
    labels, probs = drawn(100, 3, 0)
    scanned, progress = scan(labels, probs), Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        likelier(scanned, probs, progress)


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_likelier__saturated_probabilities(k: int, value: float) -> None:
    labels = np.arange(60) % k
    probs = np.zeros((60, k), np.float32)
    probs[np.arange(60), labels] = value  # all right, or all zeros
    assert not likelier(scan(labels, probs), probs).any()
    probs[:] = np.eye(k, dtype=np.float32)[np.where(np.arange(60) < 3, (labels + 1) % k, labels)]
    assert np.flatnonzero(likelier(scan(labels, probs), probs)).tolist() == [0, 1, 2]


@given(st.integers(2, 6), st.integers(0, 20), st.sampled_from([0.3, 1.0, 3.0]))
def test_flag__the_default_flags_all_that_the_calibrated_count_flags(k: int, seed: int, sharp: float) -> None:
    labels, probs = drawn(300, k, seed, sharp)
    scanned = scan(labels, probs)
    ranking = Ranking(probs[np.arange(300), labels], scanned.other, Mixture(probs), scanned, 0)
    counted, larger = (flag(scanned, probs, name, None, ranking) for name in (CALIBRATED, DEFAULT_FILTER))
    fits = int(likelier(scanned, probs).sum())
    assert counted.sum() == round(estimate_errors(scanned))
    assert larger.sum() == max(counted.sum(), fits)
    assert not (counted & ~larger).any()
    contradicted = int((scanned.predicted != labels).sum())
    assert larger.sum() <= max(counted.sum(), contradicted)  # so that it cannot flood where a model is good


def test_flag__the_default_asks_the_mixture() -> None:
    labels, probs = drawn(400, 3, 4)
    scanned = scan(labels, probs)
    other = np.eye(3)[(labels + 1) % 3] * 0.96 + 0.02
    other[:250] = np.eye(3)[labels[:250]] * 0.96 + 0.02
    mixture = Mixture(other.astype(np.float32))
    ranking = Ranking(scanned.p_given, scanned.other, mixture, scan(labels, mixture), 0)
    assert likelier(scanned, probs).sum() < 150
    found = flag(scanned, probs, DEFAULT_FILTER, None, ranking)
    assert found.sum() == likelier(ranking.scanned, mixture).sum() == 150


@pytest.mark.parametrize("given", [[0, 0, 0, 0], [-1, -1, 2, -1], [-1, -1, -1, -1]])
def test_likelier__labels_of_one_class_foretell_no_other(given: list[int]) -> None:
    probs = np.array([[0.1, 0.8, 0.1], [0.2, 0.6, 0.2], [0.9, 0.1, 0], [0, 0, 1]])
    scanned = scan(np.array(given), probs)
    assert not likelier(scanned, probs).any() and not flag(scanned, probs, DEFAULT_FILTER).any()


def test_default__finds_more_of_what_a_model_has_learned(shared_data: Path) -> None:
    data = known(shared_data / "text_agnews_human", "crowd AG News", "data.csv", "is_error")
    views = Views(with_neighbours(data))
    usual, larger = (flags(views, name) for name in (CALIBRATED, DEFAULT_FILTER))
    recall = [data.wrong[f].sum() / data.wrong.sum() for f in (usual, larger)]
    assert recall[0] < 0.30 and recall[1] >= 0.40
    assert data.wrong[larger].mean() > 0.7


def noisy_pairs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(given, true, nearest two rows, which have the same true label); 20 % wrong, half of it one way."""
    rng = np.random.default_rng(seed)
    true = np.sort(rng.integers(0, 4, n))
    given = true.copy()
    any_way = rng.random(n) < 0.12
    given[any_way] = (true[any_way] + rng.integers(1, 4, any_way.sum())) % 4
    one_way = (true == 1) & (rng.random(n) < 0.3)
    given[one_way] = 2
    near = np.empty((n, 2), np.int64)
    for k in range(4):
        rows = np.flatnonzero(true == k)
        near[rows] = np.stack([np.roll(rows, 1), np.roll(rows, 2)], axis=1)
    return given, true, near


def test_consensus_of_neighbours__right_where_neighbours_share_their_true_label() -> None:
    given, true, near = noisy_pairs(20_000, 0)
    found = consensus_of_neighbours(given, near, 4)
    assert found == pytest.approx((given != true).sum(), rel=0.03)


def test_expectation_maximisation__right_where_the_model_knows_the_truth() -> None:
    given, true, _ = noisy_pairs(5_000, 1)
    probs = np.eye(4)[true] * 0.9996 + 0.0001
    assert expectation_maximisation(probs, given) == pytest.approx((given != true).sum(), rel=0.05)
