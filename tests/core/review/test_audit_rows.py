from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.evidence.remaining import draws_of
from core.review.audit_rows import DRAWN, PICKED, RANKED, draws, mark, mixed, source_of
from core.review.gold import GOLD
from core.review.queue import Filters


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0, 0.9), st.integers(0, 5))
def test_mixed__holds_each_ranked_row_once_and_the_rest_in_the_order_of_the_draw(
    rows: int, flagged: int, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    ranked, order = rng.permutation(rows)[: min(flagged, rows)], rng.permutation(rows)
    positions, drawn = mixed(ranked, order, share)
    assert len(set(positions.tolist())) == len(positions) == len(drawn)
    assert set(ranked.tolist()) <= set(positions.tolist())
    rank = {p: i for i, p in enumerate(ranked.tolist())}
    place = {p: i for i, p in enumerate(order.tolist())}
    of_ranked = [rank[p] for p in positions[~drawn].tolist()]
    of_order = [place[p] for p in positions[drawn].tolist()]
    assert of_ranked == sorted(of_ranked) and of_order == sorted(of_order)
    # A drawn row is the first of the draw that has no place before it.
    for at in np.flatnonzero(drawn).tolist():
        before = set(positions[:at].tolist())
        assert positions[at] == next(p for p in order.tolist() if p not in before)


def test_mixed__without_a_share_is_the_queue() -> None:
    ranked = np.array([4, 2])
    positions, drawn = mixed(ranked, np.arange(5), 0.0)
    assert positions.tolist() == [4, 2] and not drawn.any()
    assert len(mixed(np.empty(0, dtype=np.int64), np.arange(5), 0.3)[0]) == 0


def test_mixed__draws_about_the_share_of_places_and_is_the_same_every_time() -> None:
    order = np.random.default_rng(0).permutation(20_000)
    positions, drawn = mixed(np.arange(3000), order, 0.3)
    assert abs(drawn.mean() - 0.3) < 0.03
    assert np.array_equal(mixed(np.arange(3000), order, 0.3)[0], positions)


@pytest.mark.parametrize(("rate", "skill"), [(0.0, 0.0), (0.05, 3.0), (0.3, 0.0)])
def test_mixed__gives_draws_from_which_the_truth_is_bet_away_at_most_once_in_twenty(
    rate: float, skill: float
) -> None:
    rng, missed, runs, rows = np.random.default_rng(3), 0, 200, 150
    for _ in range(runs):
        truth = rng.random(rows) < rate
        ranked = np.argsort(-(skill * truth + rng.random(rows)))[:60]
        positions, drawn = mixed(ranked, rng.permutation(rows), 0.4)
        bets = draws_of(rows, truth[positions], drawn)
        odds = (truth.sum() - bets.found) / bets.unread
        with np.errstate(divide="ignore"):
            won = np.where(bets.wrong, bets.forecast / odds, (1 - bets.forecast) / (1 - odds))
        missed += bool((np.cumprod(won) >= 20).any())
    assert missed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_draws__into_queues_over_the_whole_data_set_only() -> None:
    assert draws(Filters()) and draws(Filters(find="label_issues", cut=0.2, sort="informative"))
    assert not draws(Filters(given="cat")) and not draws(Filters(q="x")) and not draws(Filters(like="r1"))


def test_source_of__knows_its_own_marks_only() -> None:
    secret = b"k" * 32
    assert source_of(secret, "pets", "r1", mark(secret, "pets", "r1", DRAWN)) == DRAWN
    assert source_of(secret, "pets", "r1", mark(secret, "pets", "r1", RANKED)) == RANKED
    for told in (mark(secret, "pets", "r2", DRAWN), mark(b"x" * 32, "pets", "r1", DRAWN), "", None, 7, ["a"]):
        assert source_of(secret, "pets", "r1", told) == PICKED
    assert mark(secret, "pets", "\ud800", DRAWN)


def test_source_of__tells_gold_from_random_rows_by_marks_that_look_alike() -> None:
    secret = b"k" * 32
    marks = {source: mark(secret, "pets", "r1", source) for source in (GOLD, DRAWN, RANKED)}
    assert len({len(one) for one in marks.values()}) == 1
    assert [source_of(secret, "pets", "r1", one) for one in marks.values()] == [GOLD, DRAWN, RANKED]
