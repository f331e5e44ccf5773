"""A miniature of `python -m tests.benchmarks.bench_evidence`: what Evidence promises is kept, at fixed
seeds, and each check fails once the formula behind it is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.evidence import gate, impact, remaining, stopping
from core.progress import Progress
from tests.benchmarks import evidence_effects, reviews
from tests.benchmarks.evidence_promises import certified

HARSH = (400, 0.3, 0.5, 400)
"""Rows, share wrong, area under the curve, decisions: where bets win most often and little is to spare."""


def outside(rows: int, prevalence: float, auc: float, decisions: int, runs: int = 1500) -> tuple[int, int]:
    """(reviews in which the truth was ever outside, reviews)."""
    parts = reviews.simulated(rows, prevalence, auc, decisions, runs, seed=11)
    return sum(int((~reviews.never_outside(part)).sum()) for part in parts), runs


def outside_at_looks(runs: int = 150) -> tuple[int, int]:
    """The same by the interval itself, at ten looks."""
    (part,) = reviews.simulated(2000, 0.01, 0.9, 500, runs, seed=12)
    missed = 0
    for run in range(runs):
        looks = (
            remaining.remaining(2000, part.wrong[run, :n], part.audit[run, :n]) for n in range(50, 501, 50)
        )
        missed += any(not look.low <= part.total[run] <= look.high for look in looks)
    return missed, runs


@pytest.mark.parametrize(
    "setting", [HARSH, (50, 0.4, 0.5, 50), (50, 0.1, 0.9, 50), (2000, 0.03, 0.9, 500), (2000, 0.0, 0.5, 200)]
)
def test_interval__holds_the_truth_at_every_decision(setting: tuple[int, float, float, int]) -> None:
    assert not reviews.missed(*outside(*setting))


def test_interval__itself_holds_the_truth_and_says_what_the_bets_say() -> None:
    assert not reviews.missed(*outside_at_looks())
    for rows, prevalence in ((50, 0.4), (50, 0.1), (300, 0.2)):
        (part,) = reviews.simulated(rows, prevalence, 0.9, rows, 20, seed=3)
        looks = np.arange(1, rows + 1, rows // 25)
        taken, differ = reviews.differences(part, 20, looks)
        assert (taken, differ) == (20 * len(looks), 0)


def test_bets__are_a_fair_game_where_the_number_is_true() -> None:
    """The mean of what they win is 1 after any number of decisions, neither less nor more."""
    (part,) = reviews.simulated(40, 0.3, 0.5, 20, 4000, seed=5)
    won = np.exp(np.array(list(reviews.paths(part))))
    for look in (5, 20):
        error = won[:, look - 1].std() / np.sqrt(len(won))
        assert abs(won[:, look - 1].mean() - 1) < 3 * error < 0.2


def knows_the_verdict(draws: remaining.Draws) -> remaining.Draws:
    hits = np.cumsum(draws.wrong)
    return replace(draws, forecast=(0.5 + hits) / (10 + np.arange(1, len(hits) + 1)))


def counts_a_row_too_few(draws: remaining.Draws) -> remaining.Draws:
    return replace(draws, unread=np.maximum(draws.unread - 1, 1))


def counts_the_draw_as_found(draws: remaining.Draws) -> remaining.Draws:
    return replace(draws, found=draws.found + draws.wrong)


def forgets_what_was_read(draws: remaining.Draws) -> remaining.Draws:
    return replace(draws, unread=np.full_like(draws.unread, draws.unread[:1].sum()))


@pytest.mark.parametrize(
    "broken", [knows_the_verdict, counts_a_row_too_few, counts_the_draw_as_found, forgets_what_was_read]
)
def test_interval__check_sees_a_broken_bet(
    broken: Callable[[remaining.Draws], remaining.Draws], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = remaining.draws_of
    monkeypatch.setattr(remaining, "draws_of", lambda *log: broken(whole(*log)))
    assert reviews.missed(*outside(*HARSH, runs=300))


def test_interval__check_sees_that_alpha_is_doubled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "LIMIT", np.log(1 / 0.1))
    assert reviews.missed(*outside(*HARSH))


def test_interval__check_sees_a_normal_interval_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each draw estimates the number of wrong labels; mean and 1.96 standard errors, as one would for one
    look at many draws.
    """

    def normal(rows: int, wrong: np.ndarray, audit: np.ndarray) -> remaining.Remaining:
        draws, found = remaining.draws_of(rows, wrong, audit), int(wrong.sum())
        each = draws.found + draws.unread * draws.wrong
        half = 1.96 * each.std() / np.sqrt(len(each))
        low, high = (int(np.clip(each.mean() + h, found, found + rows - len(wrong))) for h in (-half, half))
        return remaining.Remaining(
            rows, len(wrong), len(each), int(draws.wrong.sum()), found, low, high, None
        )

    monkeypatch.setattr(remaining, "remaining", normal)
    assert reviews.missed(*outside_at_looks())


def below(made: stopping.Plan, runs: int = 400) -> tuple[int, int]:
    """(reviews that end below the recall, reviews)."""
    rng, lines = np.random.default_rng(6), []
    for _ in range(runs):
        wrong = rng.random((1, 1000)) < 0.25
        ranking = reviews.suspected(wrong, 0.9, 1000, rng)[0]
        lines.append(certified(made, ranking, wrong[0], iter([rng.permutation(1000)]))[0, 0])
    return int((np.array(lines) < made.recall - 1e-12).sum()), runs


@pytest.mark.parametrize("recall", [0.8, 0.9, 0.95])
def test_stop_rule__reaches_its_recall_as_often_as_promised(recall: float) -> None:
    made = stopping.plan(recall)
    assert not reviews.missed(*below(made))
    assert reviews.missed(*below(replace(made, upto=made.upto - 1)))  # the check sees a rank too few


def accepted(batch: int, promise: float, alpha: float = gate.ALPHA, runs: int = 800) -> tuple[int, int]:
    """(batches accepted with one wrong fix too many, batches)."""
    rng, wrong = np.random.default_rng(7), np.arange(batch) < int(promise * batch + 1e-9) + 1
    words = [
        gate.spot_check(batch, rng.permutation(wrong).tolist(), promise, alpha).word for _ in range(runs)
    ]
    return sum(word is gate.Word.ACCEPT for word in words), runs


@pytest.mark.parametrize(("batch", "promise"), [(60, 0.05), (200, 0.02), (1000, 0.05)])
def test_spot_check__accepts_a_bad_batch_as_rarely_as_promised(batch: int, promise: float) -> None:
    assert not reviews.missed(*accepted(batch, promise))
    assert reviews.missed(*accepted(batch, promise, 3 * gate.ALPHA))  # the check sees a bound too easy


def improved(runs: int = 100) -> tuple[int, int]:
    """(reviews called an improvement that only gave ambiguous rows another label as right, reviews)."""
    rng, called = np.random.default_rng(8), 0
    for _ in range(runs):
        (x, p), (xt, pt) = (evidence_effects.blobs(rng, n) for n in (200, 400))
        given, truth = evidence_effects.drawn(p, rng), evidence_effects.drawn(pt, rng)
        other = evidence_effects.settled(given, p, rng)
        found = impact.impact(evidence_effects.ridge(x, xt), given, other, truth, Progress(), seeds=4)
        called += found.effect is impact.Effect.IMPROVED
    return called, runs


def test_impact__of_edits_that_change_nothing_is_called_an_improvement_as_rarely_as_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not reviews.missed(*improved())
    monkeypatch.setattr(impact, "Z", 0.5)
    assert reviews.missed(*improved())  # the check sees an interval too narrow
