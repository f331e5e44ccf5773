from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from core.evidence.remaining import (
    Remaining,
    audits_needed,
    burn_down,
    corrected,
    draws_of,
    log_wealth,
    remaining,
)

NO = np.zeros(0, dtype=bool)


def audited(wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts that are all audit draws."""
    return wrong, np.ones(len(wrong), dtype=bool)


@pytest.mark.parametrize(("draws", "bound"), [(100, 412), (300, 154), (1000, 50)])
def test_remaining__without_an_error_has_the_published_bounds(draws: int, bound: int) -> None:
    found = remaining(10_000, *audited(np.zeros(draws, dtype=bool)))
    assert (found.low, found.high) == (0, bound)


@pytest.mark.parametrize("draws", [30, 100, 300, 2000])
def test_remaining__of_clean_rows_has_the_bound_of_the_closed_form(draws: int) -> None:
    rows, a, b = 2000, 0.5, 9.5
    bets = gammaln(b + draws) + gammaln(a + b) - gammaln(b) - gammaln(a + b + draws)
    m = np.arange(rows - draws + 1)
    chosen = (
        gammaln(rows - m + 1) - gammaln(rows - m - draws + 1) - gammaln(rows + 1) + gammaln(rows - draws + 1)
    )
    inside = m[bets - chosen < np.log(20)]
    assert remaining(rows, *audited(np.zeros(draws, dtype=bool))).high == inside[-1]


def test_remaining__where_every_label_is_wrong_rises_to_all_of_them() -> None:
    lows = [remaining(500, *audited(np.ones(n, dtype=bool))).low for n in (30, 100, 400, 500)]
    assert lows == sorted(lows) and lows[0] > 200 and lows[-1] == 500


def test_remaining__of_ranked_rows_and_audits_as_worked_out_by_hand() -> None:
    wrong, audit = np.zeros(300, dtype=bool), np.zeros(300, dtype=bool)
    wrong[:60] = True
    audit[100:] = True
    wrong[[150, 250]] = True
    found = remaining(2000, wrong, audit)
    assert (found.low, found.high) == (62, 144)
    assert found.found == 62 and found.left == (0, 82) and found.unread == 1700
    assert found.estimate is not None and found.low <= found.estimate <= found.high


def test_log_wealth__has_its_closed_form_where_nothing_is_wrong() -> None:
    rows, n, a, b = 1000, 40, 0.5, 9.5
    draws = draws_of(rows, *audited(np.zeros(n, dtype=bool)))
    for m in (0, 1, 25, 400):
        bets = gammaln(b + n) + gammaln(a + b) - gammaln(b) - gammaln(a + b + n)
        chosen = sum(np.log((rows - m - i) / (rows - i)) for i in range(n))
        assert log_wealth(draws, m) == pytest.approx(bets - chosen, abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.integers(0, 30))
def test_remaining__equals_the_search_of_every_number(log: list[tuple[bool, bool]], more: int) -> None:
    rows = len(log) + more
    wrong = np.array([w for w, _ in log], dtype=bool)
    audit = np.array([a for _, a in log], dtype=bool)
    found = remaining(rows, wrong, audit)
    draws, F = draws_of(rows, wrong, audit), int(wrong.sum())
    possible = range(F, F + more + 1)
    inside = [m for m in possible if log_wealth(draws, m) < np.log(20)] or list(possible)
    assert (found.low, found.high) == (inside[0], inside[-1])


def test_remaining__collapses_to_the_truth_when_all_is_read() -> None:
    wrong = np.array([True, False, True])
    found = remaining(3, *audited(wrong))
    assert (found.low, found.high, found.left, found.recall) == (2, 2, (0, 0), 1.0)


def test_remaining__knows_nothing_without_an_audit() -> None:
    found = remaining(10, np.array([True]), np.array([False]))
    assert (found.low, found.high, found.estimate) == (1, 10, None)
    assert remaining(0, NO, NO).prevalence == (0.0, 0.0)


def test_remaining__refuses_more_verdicts_than_rows() -> None:
    with pytest.raises(ValueError, match="rows"):
        remaining(1, np.array([True, True]), np.array([True, True]))


@pytest.mark.parametrize(("rate", "skill"), [(0.0, 1.0), (0.03, 0.9), (0.2, 0.0), (0.4, 0.8)])
def test_remaining__holds_the_truth_at_every_look(rate: float, skill: float) -> None:
    """A miniature of the benchmark: 150 reviews that look after each decision, and choose what to read by
    it.
    """
    rng, missed, runs, rows = np.random.default_rng(7), 0, 150, 200
    for _ in range(runs):
        truth = rng.random(rows) < rate
        ranked = np.argsort(-(skill * truth + rng.random(rows)), kind="stable").tolist()
        order, read = rng.permutation(rows).tolist(), np.zeros(rows, dtype=bool)
        wrong, audit, outside = [], [], False
        for _ in range(120):
            is_audit = rng.random() < 0.3 or bool(wrong and not wrong[-1])  # lured by what was just found
            row = next(r for r in (order if is_audit else ranked) if not read[r])
            read[row] = True
            wrong.append(bool(truth[row]))
            audit.append(is_audit)
        draws = draws_of(rows, np.array(wrong), np.array(audit))
        odds = (truth.sum() - draws.found) / draws.unread
        with np.errstate(divide="ignore"):
            steps = np.where(
                draws.wrong, np.log(draws.forecast / odds), np.log((1 - draws.forecast) / (1 - odds))
            )
        outside = bool((np.cumsum(steps) >= np.log(20)).any())
        missed += outside
    assert missed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_burn_down__begins_with_nothing_read_and_ends_with_now() -> None:
    rng = np.random.default_rng(0)
    wrong, audit = rng.random(500) < 0.1, rng.random(500) < 0.3
    line = burn_down(2000, wrong, audit, points=20)
    assert len(line) == 20 and line[0].read == 0
    assert line[-1] == remaining(2000, wrong, audit)
    assert burn_down(5, NO, NO) == [remaining(5, NO, NO)]


def test_audits_needed__brings_the_interval_to_the_width_that_was_asked_for() -> None:
    wrong = np.zeros(200, dtype=bool)
    wrong[::20] = True
    state = remaining(10_000, *audited(wrong))
    low, high = state.prevalence
    needed = audits_needed(state, 0.02)
    assert (high - low) / 2 > 0.02 and needed is not None and 100 < needed < 2000
    later = audits_needed(state, 0.01)
    assert later is not None and later > needed
    assert audits_needed(state, (high - low) / 2) == 0
    assert audits_needed(state, 0.0001, most=50) is None
    assert audits_needed(remaining(10, NO, NO), 0.1) is None


def test_corrected__reads_the_interval_through_the_annotators_errors() -> None:
    rng = np.random.default_rng(1)
    wrong = rng.random(600) < 0.05
    said = remaining(5000, *audited(wrong))
    through = corrected(5000, *audited(wrong), (4, 200), (10, 200))
    assert through is not None and through[0] < said.low and through[1] > said.high - 200
    assert corrected(5000, *audited(wrong), (0, 99), (0, 200)) is None
    assert corrected(5000, *audited(wrong), (100, 200), (100, 200)) == (0, 5000)


def test_corrected__holds_a_clean_set_read_by_annotators_who_cry_wolf() -> None:
    rng, inside = np.random.default_rng(3), 0
    for _ in range(40):
        wrong = rng.random(600) < 0.02  # nothing is wrong: every one of these is a false alarm
        alarms = int((rng.random(200) < 0.02).sum())
        low, high = corrected(5000, *audited(wrong), (alarms, 200), (2, 200)) or (1, 0)
        inside += low == 0 <= high
    assert inside >= 38


def test_recall__is_a_lower_bound() -> None:
    found = Remaining(100, 50, 20, 1, 9, 9, 12, 10)
    assert found.recall == 0.75
