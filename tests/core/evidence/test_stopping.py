from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from core.evidence.stopping import Cost, Plan, cost, plan, progress


@pytest.mark.parametrize(
    ("recall", "errors", "upto"), [(0.9, 46, 45), (0.8, 22, 21), (0.95, 59, 59), (0.9, 29, 29)]
)
def test_plan__has_the_published_pairs(recall: float, errors: int, upto: int) -> None:
    assert plan(recall, errors).upto == upto


def test_plan__takes_the_default_for_a_recall_and_else_the_fewest_errors() -> None:
    assert plan(0.9) == Plan(0.9, 46, 45)
    assert plan(0.85).errors == plan(0.85).upto == 19  # 0.85^18 > 0.05 >= 0.85^19
    with pytest.raises(ValueError, match="at least 29"):
        plan(0.9, 28)
    with pytest.raises(ValueError, match="between 0 and 1"):
        plan(1.0)


@given(st.floats(0.3, 0.97), st.integers(0, 60))
def test_plan__keeps_its_promise_by_the_least_margin(recall: float, more: int) -> None:
    fewest = plan(recall, None if recall not in (0.8, 0.9, 0.95) else 100).errors
    made = plan(recall, fewest + more)
    assert binom.sf(made.upto - 1, made.errors, recall) <= made.alpha
    assert made.upto == 1 or binom.sf(made.upto - 2, made.errors, recall) > made.alpha


def test_progress__reads_the_list_down_to_the_rank_of_the_last_probe_but_one() -> None:
    ranks = np.arange(10)
    order = np.array([7, 2, 9, 0, 1, 3, 4, 5, 6, 8])
    verdicts = {7: True, 2: True, 9: True, 0: False}
    state = progress(Plan(0.5, 3, 2), ranks, order, verdicts)
    assert (state.met, state.probed, state.depth, state.unread) == (3, 3, 8, 5)
    assert not state.reached
    done = progress(Plan(0.5, 3, 2), ranks, order, {**verdicts, **dict.fromkeys((1, 3, 4, 5, 6), False)})
    assert done.reached and done.unread == 0


def test_progress__stops_at_the_first_row_of_the_random_order_that_is_unread() -> None:
    state = progress(Plan(0.5, 2, 2), np.arange(4), np.array([0, 1, 2, 3]), {0: True, 2: True, 3: True})
    assert (state.met, state.probed, state.depth) == (1, 1, None)


def test_progress__a_census_is_certain() -> None:
    state = progress(Plan(0.9, 46, 45), np.arange(3), np.array([2, 0, 1]), {0: False, 1: True, 2: False})
    assert state.exhausted and state.reached and state.depth is None
    assert progress(Plan(0.9, 46, 45), np.arange(0), np.arange(0), {}).reached


def test_progress__keeps_the_promised_recall_whatever_the_ranking_is_worth() -> None:
    """300 of 10,000 rows wrong, a useless ranking: the list holds less than 90% in at most 5% of runs."""
    rng, short, runs, rows, wrong = np.random.default_rng(5), 0, 300, 10_000, 300
    made = plan(0.9)
    for _ in range(runs):
        ranks = rng.permutation(rows)
        verdicts = dict(enumerate((np.arange(rows) < wrong).tolist()))
        depth = progress(made, ranks, rng.permutation(rows), verdicts).depth
        assert depth is not None
        short += (ranks[:wrong] < depth).mean() < 0.9
    assert short / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_progress__a_rank_too_few_breaks_the_promise() -> None:
    rng, short, rows, wrong = np.random.default_rng(5), 0, 2000, 300
    for _ in range(200):
        ranks = rng.permutation(rows)
        verdicts = dict(enumerate((np.arange(rows) < wrong).tolist()))
        depth = progress(Plan(0.9, 46, 42), ranks, rng.permutation(rows), verdicts).depth
        short += depth is not None and (ranks[:wrong] < depth).mean() < 0.9
    assert short / 200 > 0.2


def test_cost__counts_draws_and_ranked_rows_and_nothing_once_it_is_reached() -> None:
    error = np.full(1000, 0.1)
    unread = np.ones(1000, dtype=bool)
    ranks, order = np.arange(1000), np.random.default_rng(0).permutation(1000)
    start = cost(progress(plan(0.9), ranks, order, {}), ranks, error, unread)
    assert start is not None and 900 <= start.rows <= 1000 and start.low < start.rows <= start.high <= 1000
    assert cost(progress(plan(0.9), ranks, order, {}), ranks, 0 * error, unread) is None
    every = dict.fromkeys(range(1000), False)
    assert cost(progress(plan(0.9), ranks, order, every), ranks, error, ~unread) == Cost(0, 0, 0)
    some = {row: row < 100 for row in order[:500].tolist()}
    state = progress(plan(0.5, 5), ranks, order, some)
    rest = cost(state, ranks, error, unread)
    assert state.unread is not None and rest == Cost(state.unread, state.unread, state.unread)
