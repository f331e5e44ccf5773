from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evidence.errors_expected import (
    by_time,
    hours_left,
    learned,
    next_yield,
    reliability,
)


def simulated(rng: np.random.Generator, rows: int, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """(score, wrong) of rows whose errors follow the curve."""
    x = rng.normal(-1, 2, rows)
    score = 1 / (1 + np.exp(x))
    return score, rng.random(rows) < 1 / (1 + np.exp(-(a + b * x)))


def test_learned__without_decisions_is_the_prior() -> None:
    curve = learned(np.zeros(0), np.zeros(0, dtype=bool))
    assert (curve.a, curve.b, curve.decisions) == (0, 1, 0)
    np.testing.assert_allclose(curve.covariance, np.diag([4.0, 0.25]))
    np.testing.assert_allclose(curve.probability(np.array([0.1, 0.5])), [0.9, 0.5])


def test_learned__finds_the_curve_that_the_errors_follow() -> None:
    curve = learned(*simulated(np.random.default_rng(0), 2000, -2.0, 0.6))
    error = np.sqrt(np.diag(curve.covariance))
    assert abs(curve.a + 2.0) < 3 * error[0] and abs(curve.b - 0.6) < 3 * error[1]


@given(st.lists(st.tuples(st.sampled_from([0.0, 1e-9, 0.5, 1 - 1e-9, 1.0]), st.booleans()), max_size=40))
def test_learned__is_the_minimum_even_where_scores_are_extreme(rows: list[tuple[float, bool]]) -> None:
    score, wrong = np.array([s for s, _ in rows]), np.array([w for _, w in rows], dtype=bool)
    curve = learned(score, wrong)
    x = np.log(np.clip(1 - score, 1e-4, 1 - 1e-4) / (1 - np.clip(1 - score, 1e-4, 1 - 1e-4)))

    def loss(a: float, b: float) -> float:
        z = a + b * x
        return float((np.logaddexp(0, z) - wrong * z).sum() + a**2 / 8 + 2 * (b - 1) ** 2)

    best = loss(curve.a, curve.b)
    for da, db in itertools.product((-0.01, 0, 0.01), repeat=2):
        assert best <= loss(curve.a + da, curve.b + db) + 1e-9


def test_next_yield__holds_what_comes_nine_times_in_ten() -> None:
    rng, inside = np.random.default_rng(2), 0
    for seed in range(100):
        score, wrong = simulated(rng, 250, -2.0, 0.6)
        curve = learned(score[:200], wrong[:200])
        found = next_yield(curve, score[200:], seed)
        inside += found.low <= wrong[200:].sum() <= found.high
        assert found.low <= found.expected + 1e-9 and found.expected <= found.high + 1
    assert inside >= 85


def test_next_yield__of_no_rows_is_nothing_and_is_the_same_for_a_seed() -> None:
    curve = learned(np.zeros(0), np.zeros(0, dtype=bool))
    assert next_yield(curve, np.zeros(0)).high == 0
    score = np.linspace(0, 1, 50)
    assert next_yield(curve, score) == next_yield(curve, score)


def test_reliability__lies_on_the_diagonal_where_the_curve_is_right() -> None:
    score, wrong = simulated(np.random.default_rng(4), 6000, -2.0, 0.6)
    curve = learned(*simulated(np.random.default_rng(5), 4000, -2.0, 0.6))
    frame = reliability(curve, score, wrong)
    assert frame["rows"].sum() == 6000 and frame["foretold"].is_monotonic_increasing
    assert (frame["foretold"] - frame["found"]).abs().max() < 0.04
    assert (frame["low"] <= frame["found"]).all() and (frame["found"] <= frame["high"]).all()
    assert reliability(curve, np.zeros(0), np.zeros(0, dtype=bool)).empty


def test_by_time__is_the_order_that_finds_most_in_any_time() -> None:
    p, t = np.array([0.5, 0.3, 0.4]), np.array([10.0, 3.0, 20.0])
    assert by_time(p, t).tolist() == [1, 0, 2]

    def area(order: tuple[int, ...]) -> float:
        return float(sum(p[row] * t[list(order[: i + 1])].sum() for i, row in enumerate(order)))

    assert min(itertools.permutations(range(3)), key=area) == (1, 0, 2)


def test_hours_left__leaves_out_pauses_and_covers_what_follows() -> None:
    seconds = np.full(300, 4.0)
    seconds[::50] = 3600  # went for lunch
    found = hours_left(900, seconds)
    assert found is not None and found.seconds == 4.0 and found.hours == pytest.approx(1.0)
    rng, inside = np.random.default_rng(1), 0
    for _ in range(300):
        times = rng.lognormal(1.5, 0.7, 600)
        guess = hours_left(400, times[:200])
        assert guess is not None
        inside += guess.low <= times[200:].sum() / 3600 <= guess.high
    assert inside / 300 >= 0.85


def test_hours_left__says_nothing_without_a_pace() -> None:
    assert hours_left(10, np.array([3.0])) is None
    assert hours_left(10, np.array([0.0, 0.0, 5.0])) is None
