from __future__ import annotations

import numpy as np
import pytest

from core.evidence.people import Finding, anchoring, finding, gap_wins, gold, newcombe


def test_newcombe__has_the_published_interval() -> None:
    low, high = newcombe(56, 70, 48, 80)
    assert (low, high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def watched(rng: np.random.Generator, gap: float, n: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    shown = rng.random(n) >= 0.2
    return shown, rng.random(n) < 0.4 + gap * shown


@pytest.mark.parametrize("base", [0.05, 0.4, 0.9])
def test_anchoring__cries_wolf_at_most_once_in_twenty_however_often_it_is_watched(base: float) -> None:
    """After every decision, from the first on; rare and frequent suggestions had more alarms than promised
    with a variance that was estimated from few of them.
    """
    rng, alarms, runs = np.random.default_rng(0), 0, 300
    for _ in range(runs):
        shown = rng.random(1000) >= 0.2
        alarms += bool((gap_wins(shown, rng.random(1000) < base, 0.2) >= np.log(20)).any())
    assert alarms / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("hidden", "right"), [(0.2, 0.1), (0.1, 0.1), (0.05, 0.15)])
def test_anchoring__cries_no_wolf_where_few_are_hidden_or_few_suggestions_are_right(
    hidden: float, right: float
) -> None:
    # A normal interval with the variance as it is seen, of few alike answers, cried wolf in 8 to 22 of 100.
    rng, alarms, runs = np.random.default_rng(4), 0, 100
    for _ in range(runs):
        shown, took = rng.random(1000) >= hidden, rng.random(1000) < right
        alarms += bool((gap_wins(shown, took, hidden)[99:] >= np.log(20)).any())
    assert alarms / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_anchoring__weighs_decisions_by_the_share_that_was_hidden_then() -> None:
    rng = np.random.default_rng(5)
    share = np.repeat([0.5, 0.1], 4000)
    shown = rng.random(8000) >= share
    # The suggestion is right oftener in the later half, where it is hidden less: no anchoring.
    took = rng.random(8000) < np.repeat([0.1, 0.6], 4000)
    found = anchoring(shown, took, share)
    assert found is not None and found.low < 0 < found.high and abs(found.gap) < 0.05
    assert took[shown].mean() - took[~shown].mean() > 0.1
    assert found.low <= found.gap <= found.high
    won = gap_wins(shown, took, share, found.high)
    assert won[-1] >= np.log(20) > gap_wins(shown, took, share, found.high - 0.001)[-1]


def test_anchoring__holds_the_gaps_that_have_not_been_bet_away() -> None:
    rng = np.random.default_rng(4)
    for n, gap in ((200, 0.0), (400, 0.3), (1000, 0.1)):
        shown, took = watched(rng, gap, n)
        found = anchoring(shown, took, 0.2)
        assert found is not None
        for near, inside in ((found.low - 0.001, False), (found.low + 0.001, True), (found.high, False)):
            assert (gap_wins(shown, took, 0.2, near)[-1] < np.log(20)) is np.bool_(inside)


def test_gap_wins__is_a_fair_game_where_the_gap_is_true() -> None:
    """The mean of what is won is 1, and well above it against a gap that is not true."""
    rng, won, other = np.random.default_rng(5), [], []
    for _ in range(2000):
        shown, took = watched(rng, 0.2, 60)
        won.append(np.exp(gap_wins(shown, took, 0.2, 0.2)[-1]))
        other.append(np.exp(gap_wins(shown, took, 0.2, -0.3)[-1]))
    assert abs(np.mean(won) - 1) < 4 * np.std(won) / np.sqrt(2000) < 0.2
    assert np.mean(other) > 2


def test_anchoring__finds_a_gap_and_is_not_too_wide() -> None:
    rng, seen = np.random.default_rng(1), 0
    for _ in range(30):
        found = anchoring(*watched(rng, 0.25), 0.2)
        assert (
            found is not None and found.low <= found.gap + 0.05 and 0.05 < (found.high - found.low) / 2 < 0.2
        )
        seen += found.low > 0
    assert seen >= 25


def test_anchoring__says_nothing_of_few_decisions() -> None:
    shown, took = watched(np.random.default_rng(2), 0.1, 60)
    assert anchoring(shown, took, 0.2) is None
    shown, took = watched(np.random.default_rng(2), 0.1, 100)
    assert anchoring(shown, took, 0.2) is not None and anchoring(shown[:99], took[:99], 0.2) is None
    assert anchoring(np.ones(500, bool), np.ones(500, bool), 0.0) is None
    with pytest.raises(ValueError, match="share_hidden"):
        anchoring(*watched(np.random.default_rng(2), 0.1), 1.0)


def test_gold__counts_both_kinds_of_error() -> None:
    found = gold(np.array([True, True, False, False, False]), np.array([True, False, True, False, False]))
    assert found.false_alarms == (1, 3) and found.misses == (1, 2)
    low, high = found.false_alarm_rate
    assert low == pytest.approx(0.0084, abs=1e-4) and high == pytest.approx(0.9057, abs=1e-4)
    assert gold(np.zeros(0), np.zeros(0)).miss_rate == (0.0, 1.0)


@pytest.mark.parametrize(
    ("same", "posterior", "answers", "distinct", "ambiguous", "expected"),
    [
        (False, 0.95, 3, 1, 0, Finding.ERROR),
        (True, 0.95, 3, 1, 0, Finding.RIGHT),
        (False, 0.8, 3, 2, 0, Finding.ONE_MORE),
        (False, 0.6, 3, 2, 0, Finding.AMBIGUOUS),
        (False, 0.95, 3, 3, 0, Finding.AMBIGUOUS),
        (False, 0.95, 3, 1, 1, Finding.AMBIGUOUS),
        (False, 0.95, 1, 1, 0, Finding.ERROR),
    ],
)
def test_finding__keeps_ambiguous_rows_apart_from_errors(
    same: bool, posterior: float, answers: int, distinct: int, ambiguous: int, expected: Finding
) -> None:
    assert finding(same, posterior, answers, distinct, ambiguous) is expected
