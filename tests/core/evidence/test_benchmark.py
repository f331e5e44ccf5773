from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evidence.benchmark import (
    alone,
    corrected,
    crossing,
    inclusion,
    lines,
    prefix,
    rows_to,
    sweep,
)
from core.methods.exact import mcnemar


def world(rng: np.random.Generator, n: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(predicted, given, truth): two models equally good, whose mistakes lie in the class that label errors
    lie in.
    """
    truth = rng.integers(0, 5, n)
    confusable = (truth + 1) % 5
    given = np.where(rng.random(n) < noise, confusable, truth)
    predicted = np.stack([np.where(rng.random(n) < 0.15, confusable, truth) for _ in range(2)])
    return predicted, given, truth


def test_corrected__of_a_whole_review_is_exact() -> None:
    predicted, given_labels, truth = world(np.random.default_rng(0), 500, 0.2)
    found = corrected(predicted, given_labels, truth, np.ones(500, dtype=bool), np.ones(500))
    np.testing.assert_allclose(found.after, (predicted == truth).mean(axis=1))
    np.testing.assert_allclose(found.before, (predicted == given_labels).mean(axis=1))
    assert (found.se == 0).all() and (found.low <= found.after).all() and (found.after <= found.high).all()
    assert found.best.sum() == pytest.approx(1)


def test_corrected__is_unbiased_and_its_interval_covers() -> None:
    rng = np.random.default_rng(1)
    misses, covered, runs = np.zeros(2), 0, 200
    predicted, given_labels, truth = world(rng, 800, 0.2)
    exact = (predicted == truth).mean(axis=1)
    pi = inclusion(predicted, given_labels, 0.5, 0.1)
    for _ in range(runs):
        found = corrected(predicted, given_labels, truth, rng.random(800) < pi, pi)
        misses += (found.after - exact) / runs
        covered += (np.abs(found.after - exact) <= 1.96 * found.se).mean()
    assert np.abs(misses).max() < 0.006 and covered / runs >= 0.91


def test_corrected__pooled_flags_favour_nobody_where_one_models_flags_do() -> None:
    rng = np.random.default_rng(2)
    alone, pooled = [], []
    for _ in range(40):
        predicted, given_labels, truth = world(rng, 1500, 0.2)
        own = predicted[0] != given_labels
        ones = np.ones(1500)
        biased = corrected(predicted, given_labels, truth, own, ones)
        pi = inclusion(predicted, given_labels, 0.5, 0.1)
        fair = corrected(predicted, given_labels, truth, rng.random(1500) < pi, pi)
        true_gap = np.subtract(*(predicted == truth).mean(axis=1))
        alone.append(np.subtract(*biased.after) - true_gap)
        pooled.append(np.subtract(*fair.after) - true_gap)
    assert np.mean(alone) > 0.02
    assert abs(np.mean(pooled)) < 0.01


def test_corrected__wants_a_chance_for_every_reviewed_row() -> None:
    with pytest.raises(ValueError, match="no chance"):
        corrected(np.zeros((1, 2), int), np.zeros(2, int), np.zeros(2, int), np.ones(2, bool), np.zeros(2))


def test_corrected__of_no_rows_and_of_one_model() -> None:
    empty = np.zeros(0, dtype=int)
    assert np.isnan(corrected(np.zeros((2, 0), int), empty, empty, empty.astype(bool), empty).after).all()
    one = corrected(np.array([[0, 1]]), np.array([0, 1]), np.array([0, -1]), np.ones(2, bool), np.ones(2))
    assert one.after.tolist() == [0.5] and one.tau is None and one.best.tolist() == [1.0]


def test_corrected__sees_that_the_order_turns() -> None:
    given_labels, truth = np.array([0] * 10), np.array([1] * 6 + [0] * 4)
    predicted = np.array([[0] * 10, [1] * 6 + [0] * 4])
    found = corrected(predicted, given_labels, truth, np.ones(10, bool), np.ones(10))
    assert found.tau == -1 and found.best[1] > 0.99


def test_crossing__is_where_the_lines_meet() -> None:
    assert crossing(0.04, 0.06) == pytest.approx(0.4)
    assert crossing(0.90 - 0.88, 0.60 - 0.40) == pytest.approx(1 / 11)
    assert crossing(0.04, -0.06) is None and crossing(0.0, 0.06) is None


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_crossing__has_both_models_equal(benign: float, errors: float) -> None:
    at = crossing(benign, errors)
    if at is not None:
        assert 0 <= at <= 1 and (1 - at) * benign == pytest.approx(at * errors, abs=1e-9)


def test_sweep__finds_the_pair_that_crosses_and_names_who_leads_on_right_labels() -> None:
    given_labels = np.zeros(200, dtype=int)
    wrong = np.arange(200) >= 100
    first, second = np.zeros(200, int), np.zeros(200, int)
    first[:12] = 1  # 88% on right labels, 60% on wrong ones
    first[100:140] = 1
    second[:10] = 1  # 90% and 40%: ahead on right labels
    second[100:160] = 1
    for order in ([first, second], [second, first]):
        (line,) = sweep(np.stack(order), given_labels, wrong).itertuples()
        assert order[line.first] is second  # it leads where the labels are right
        assert line.at == pytest.approx(1 / 11)
        assert line.low <= line.at <= line.high and 0.5 < line.crosses <= 1
    assert sweep(np.stack([first, first]), given_labels, wrong).empty
    assert sweep(np.stack([first, second]), given_labels, wrong | True).empty


def test_mcnemar__has_the_published_values() -> None:
    exact, mid = mcnemar(10, 2)
    assert exact == pytest.approx(0.0386, abs=5e-5) and mid == pytest.approx(0.0225, abs=5e-5)
    assert mcnemar(0, 0) == (1.0, 1.0) and mcnemar(3, 3)[0] == 1.0


def test_prefix__ends_at_the_first_row_that_waits() -> None:
    u, pi = np.array([0.05, 0.5, 0.02, 0.3, 0.9]), np.array([1.0, 1.0, 0.1, 1.0, 1.0])
    found = prefix(u, pi, np.array([True, True, True, False, False]))  # turns .05, .5, .2, .3, .9
    assert found.reviewed.tolist() == [True, False, True, False, False]
    assert found.pi == pytest.approx([0.3, 0.3, 0.03, 0.3, 0.3])
    assert (found.first, found.beyond) == (3, 1)
    whole = prefix(u, pi, np.ones(5, bool))
    assert whole.reviewed.all() and (whole.pi == 1).all() and whole.first is None
    assert not prefix(u, pi, np.zeros(5, bool)).reviewed.any()


def test_prefix__wherever_reading_stops_the_estimate_is_unbiased_also_with_rows_decided_elsewhere() -> None:
    rng = np.random.default_rng(5)
    predicted, given_labels, truth = world(rng, 400, 0.2)
    exact = (predicted == truth).mean(axis=1)
    pi = inclusion(predicted, given_labels)
    ranked = np.flatnonzero(predicted[0] != given_labels)[:60]  # decided in another queue, one model's flags
    misses, covered, runs = np.zeros(2), 0.0, 400
    for _ in range(runs):
        u = rng.random(400)
        decided = np.zeros(400, bool)
        decided[np.argsort(u / pi)[:120]] = True
        decided[ranked] = True
        read = prefix(u, pi, decided)
        assert read.reviewed.sum() >= 120 and read.beyond < 60
        found = corrected(predicted, given_labels, truth, read.reviewed, read.pi)
        misses += (found.after - exact) / runs
        covered += (np.abs(found.after - exact) <= 1.96 * found.se).mean() / runs
    assert np.abs(misses).max() < 0.008 and covered >= 0.9


def test_lines__of_a_part_are_those_of_the_whole_on_average() -> None:
    rng = np.random.default_rng(6)
    predicted, given_labels, truth = world(rng, 600, 0.2)
    predicted[0] = np.where(rng.random(600) < 0.05, 4, truth)
    wrong = given_labels != truth
    whole = lines(predicted, given_labels, wrong)
    assert whole is not None and whole.share == pytest.approx(wrong.mean())
    hit = predicted == given_labels
    np.testing.assert_allclose(whole.benign, hit[:, ~wrong].mean(axis=1))
    np.testing.assert_allclose(whole.errors, hit[:, wrong].mean(axis=1))
    pi = inclusion(predicted, given_labels, 0.6, 0.2)
    parts = []
    for _ in range(200):
        read = rng.random(600) < pi
        parts.append(lines(predicted, given_labels, wrong & read, np.where(read, 1 / pi, 0)))
    assert np.mean([p.share for p in parts if p]) == pytest.approx(whole.share, abs=0.01)
    assert np.mean([p.benign for p in parts if p], axis=0) == pytest.approx(whole.benign, abs=0.01)
    assert lines(predicted, given_labels, wrong & False) is None


def test_alone__counts_discordant_rows_of_all_read_and_of_those_corrected() -> None:
    truth, given_labels = np.zeros(20, int), np.zeros(20, int)
    given_labels[:6] = 1
    first, second = np.zeros(20, int), np.zeros(20, int)
    second[:10], first[10:12] = 1, 1  # the first is right alone on ten rows, six of them mislabelled
    (line,) = alone(np.stack([first, second]), given_labels, truth, np.ones(20, bool)).itertuples()
    assert (line.only_first, line.only_second) == (10, 2)
    assert (line.p, line.mid_p) == (pytest.approx(0.0386, abs=5e-5), pytest.approx(0.0225, abs=5e-5))
    assert (line.mended_only_first, line.mended_only_second, line.mended_p) == (6, 0, 0.03125)
    part = np.arange(20) >= 9
    (line,) = alone(np.stack([first, second]), given_labels, truth, part).itertuples()
    assert (line.only_first, line.only_second, line.mended_only_first) == (1, 2, 0)


def test_rows_to__as_many_rows_as_it_says_bring_the_interval() -> None:
    rng = np.random.default_rng(7)
    predicted, given_labels, truth = world(rng, 3000, 0.1)
    shared = rng.random(3000) < 0.03  # wrong labels that both models believe
    given_labels[shared] = (truth[shared] + 1) % 5
    predicted[:, shared] = given_labels[shared]
    pi, u = inclusion(predicted, given_labels), rng.random(3000)
    order = np.argsort(u / pi)

    def after(rows: int) -> tuple[int, float]:
        decided = np.zeros(3000, bool)
        decided[order[:rows]] = True
        read = prefix(u, pi, decided)
        half = 1.96 * corrected(predicted, given_labels, truth, read.reviewed, read.pi).se.max()
        return rows_to(0.01, predicted, given_labels, truth, read, pi), half

    more, half = after(600)
    assert half > 0.011 and more > 100
    _, then = after(600 + more)
    assert then == pytest.approx(0.01, rel=0.25)
    assert after(3000) == (0, 0)
    assert 100 < after(0)[0] < 3000  # a guess before anything is read
