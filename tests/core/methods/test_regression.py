from __future__ import annotations

import numpy as np
import pytest

from core.methods.regression import AS_THEY_ARE, BY_RATIO, COVERED, FAR, LEAST_ROWS, judge

NOISES = {
    "normal": lambda rng, n: rng.normal(size=n),
    "laplace": lambda rng, n: rng.laplace(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(3, n),
    "skewed": lambda rng, n: rng.gamma(2, 1, n) - 2,
}


def numbers(noise: str, n: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Given numbers, what a good model says of them, and the generator to go on with."""
    rng = np.random.default_rng(seed)
    predicted = rng.normal(size=n) * 5
    return predicted + NOISES[noise](rng, n), predicted, rng


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("n", [200, 2000])
def test_flagged__next_to_nothing_of_right_numbers(noise: str, n: int) -> None:
    given, predicted, _ = numbers(noise, n)
    assert judge(given, predicted).flagged().mean() <= 0.01


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("share", "ways"), [(0.05, (-1, 1)), (0.05, (1,)), (0.08, (1,)), (0.08, (-1,))])
def test_flagged__what_is_far_off_also_where_all_errors_go_one_way(
    noise: str, share: float, ways: tuple[int, ...]
) -> None:
    given, predicted, rng = numbers(noise)
    wrong = np.zeros(len(given), bool)
    wrong[rng.choice(len(given), round(share * len(given)), replace=False)] = True
    given[wrong] = predicted[wrong] + rng.choice(ways, wrong.sum()) * rng.uniform(15, 40, wrong.sum())
    flagged = judge(given, predicted).flagged()
    assert flagged[wrong].mean() >= 0.9
    assert wrong[flagged].mean() >= 0.9


def test_flagged__by_how_far_one_says() -> None:
    given, predicted, _ = numbers("heavy tails")
    found = judge(given, predicted)
    some, more = found.flagged(5), found.flagged(3)
    assert not (some & ~more).any() and more.sum() > some.sum() > 0
    np.testing.assert_array_equal(more, found.score <= 0.25)
    np.testing.assert_array_equal(found.flagged(), found.times >= FAR)


def test_flagged__none_of_too_few_rows() -> None:
    predicted = np.arange(LEAST_ROWS - 1.0)
    given = predicted + 0.1
    given[3] = 1e6
    assert not judge(given, predicted).flagged().any()
    assert not judge(np.empty(0), np.empty(0)).flagged().any()


def test_judge__half_of_the_rows_score_below_a_half_on_each_side() -> None:
    given, predicted, _ = numbers("skewed")
    found = judge(given, predicted)
    assert (found.score < 0.5).mean() == pytest.approx(0.5, abs=0.01)
    assert ((found.score > 0) & (found.score <= 1)).all()


@pytest.mark.parametrize("noise", NOISES)
def test_judge__interval_covers_what_it_says(noise: str) -> None:
    given, predicted, _ = numbers(noise, 2000)
    found = judge(given, predicted)
    assert ((given >= found.low) & (given <= found.high)).mean() == pytest.approx(COVERED, abs=0.01)


def test_judge__a_miss_counts_by_what_is_usual_at_its_level() -> None:
    rng = np.random.default_rng(0)
    predicted = np.repeat([10.0, 10_000.0], 500) * rng.uniform(0.5, 1.5, 1000)
    given = predicted * np.exp(rng.normal(size=1000) * 0.1)
    given[3], given[700] = predicted[3] + 100, predicted[700] + 100  # much for a bicycle, little for a house
    found = judge(given, predicted)
    assert found.scale == BY_RATIO
    assert found.flagged()[3] and found.score[700] > 0.4
    assert judge(given, predicted, scale=AS_THEY_ARE).scale == AS_THEY_ARE
