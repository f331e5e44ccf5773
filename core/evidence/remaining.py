"""How many labels are wrong, and how many of those are left, by random draws from the rows nobody has read.

An audit draw is a row drawn uniformly from those that are still unread; ranked rows are read in between, in
any order, and may be chosen by what was found before. If the data set has m wrong labels, F of them found
and n rows unread, the next audit draw is wrong with probability (m - F) / n exactly, whatever the ranking is
worth. For each m a bet is kept against that probability; its winnings W(m) are a non-negative martingale
where m is the truth, so that P(W(m) ever reaches 1 / alpha) <= alpha (Ville, 1939). The interval holds every
m that has not been bet away, and so it is valid at every look, however often somebody looks.

Source: Waudby-Smith, Ramdas: Confidence sequences for sampling without replacement, 2020 (arXiv 2006.04347),
with the population made to shrink as ranked rows are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.methods.exact import clopper_pearson

ALPHA = 0.05
_WRONG, _DRAWS = 0.5, 10.0
"""What the forecast starts from: half a wrong label in ten draws. It decides how narrow the interval is,
never
whether it holds."""
LEAST_GOLD = 100
"""Gold rows of each kind below which the annotators' own errors are not corrected for."""
_ALPHA_GOLD, _ALPHA_AUDIT = 0.01, 0.03


@dataclass(frozen=True)
class Remaining:
    """rows: of the data set; read: those with a verdict; audits: how many of these were random draws, in
    which `wrong_audits` were wrong. found: wrong labels among all that were read. low, high: the interval of
    all wrong labels, found ones included; estimate: the most likely number, None before the first audit
    draw. level: of the interval, 0.95 by default.
    """

    rows: int
    read: int
    audits: int
    wrong_audits: int
    found: int
    low: int
    high: int
    estimate: int | None
    level: float = 1 - ALPHA

    @property
    def unread(self) -> int:
        """Rows nobody has read."""
        return self.rows - self.read

    @property
    def left(self) -> tuple[int, int]:
        """The interval of wrong labels among the unread rows."""
        return self.low - self.found, self.high - self.found

    @property
    def prevalence(self) -> tuple[float, float]:
        """The interval of the share of wrong labels, in [0, 1]."""
        return (self.low / self.rows, self.high / self.rows) if self.rows else (0.0, 0.0)

    @property
    def recall(self) -> float:
        """At least this share of the wrong labels is found, at the level of the interval; 1 where none is."""
        return self.found / self.high if self.high else 1.0


@dataclass(frozen=True, eq=False)
class Draws:
    """The audit draws as bets: (A,) found and unread before each draw, verdict (True = wrong), forecast."""

    found: np.ndarray
    unread: np.ndarray
    wrong: np.ndarray
    forecast: np.ndarray


def draws_of(rows: int, wrong: np.ndarray, audit: np.ndarray) -> Draws:
    """The bets of a review. wrong, audit: (T,) bool in the order of deciding: the verdict on each row that
    was read, and whether it was a uniform draw from the rows unread at that moment.

    Raises ValueError where more rows were read than there are.
    """
    wrong, audit = np.asarray(wrong, dtype=bool), np.asarray(audit, dtype=bool)
    if len(wrong) != len(audit) or len(wrong) > rows:
        raise ValueError(f"{len(wrong)} verdicts, {len(audit)} draws, {rows} rows")
    at = np.flatnonzero(audit)
    found = np.cumsum(wrong) - wrong
    hits = wrong[at]
    before = np.cumsum(hits) - hits
    forecast = (_WRONG + before) / (_DRAWS + np.arange(len(at)))
    return Draws(found[at], rows - at, hits, forecast)


def log_bets(draws: Draws, total: float) -> np.ndarray:
    """(A,) what each bet against `total` wrong labels has won, as a logarithm; inf where the draw rules it
    out. Their running sum is log W(total) after each draw. `total` as in `log_wealth`.
    """
    odds = (total - draws.found) / draws.unread
    chance = np.where(draws.wrong, odds, 1 - odds)
    bet = np.where(draws.wrong, draws.forecast, 1 - draws.forecast)
    possible = chance > 0
    return np.where(possible, np.log(bet) - np.log(np.where(possible, chance, 1)), np.inf)


def log_wealth(draws: Draws, total: float) -> float:
    """log W(total): what the bets against `total` wrong labels have won. `total` from the labels found so far
    to those plus the unread rows. Convex in `total`.
    """
    return float(log_bets(draws, total).sum())


def remaining(rows: int, wrong: np.ndarray, audit: np.ndarray, alpha: float = ALPHA) -> Remaining:
    """The wrong labels of a data set of `rows`, after a review; wrong and audit as in `draws_of`."""
    draws = draws_of(rows, wrong, audit)
    read, found = len(wrong), int(np.sum(wrong))
    low, high = found, found + rows - read
    known = read, len(draws.wrong), int(draws.wrong.sum()), found
    if not len(draws.wrong):
        return Remaining(rows, *known, low, high, None, 1 - alpha)
    wealth = _remembered(lambda m: log_wealth(draws, m))
    best = _first(low, high, lambda m: m == high or wealth(m + 1) >= wealth(m))
    limit = np.log(1 / alpha)
    if (
        wealth(best) < limit
    ):  # else every number was bet away, which happens to the truth too, at most alpha often
        low = _first(low, best, lambda m: wealth(m) < limit)
        high = _first(best, high, lambda m: m == high or wealth(m + 1) >= limit)
    return Remaining(rows, *known, low, high, best, 1 - alpha)


def burn_down(
    rows: int, wrong: np.ndarray, audit: np.ndarray, points: int = 60, alpha: float = ALPHA
) -> list[Remaining]:
    """`remaining` after the first, ..., the last decision, at no more than `points` moments spread evenly."""
    ends = np.unique(np.linspace(0, len(wrong), min(points, len(wrong) + 1)).round().astype(int))
    return [remaining(rows, wrong[:end], audit[:end], alpha) for end in ends.tolist()]


def audits_needed(state: Remaining, half_width: float, most: int = 100_000) -> int | None:
    """How many audit draws more bring the interval of the prevalence to +- half_width (a share of all rows).

    By going on with draws of which the most likely share is wrong, evenly spaced; a plan, not a promise. None
    where `most` draws or all unread rows do not get there, or nothing is known of the share yet.
    """
    if state.estimate is None or not state.unread:
        return None
    share = (state.estimate - state.found) / state.unread

    def wide(more: int) -> bool:
        steps = np.arange(1, more + 1)
        new = np.diff(np.floor(np.concatenate([[0], steps]) * share + 0.5)) > 0
        # What was read in between does not move the width much: ranked rows are put first, audits last.
        ranked = np.zeros(state.read - state.audits, dtype=bool)
        ranked[: state.found - state.wrong_audits] = True
        old = np.zeros(state.audits, dtype=bool)
        if state.wrong_audits:
            old[np.linspace(0, state.audits - 1, state.wrong_audits).round().astype(int)] = True
        wrong = np.concatenate([ranked, old, new])
        audit = np.arange(len(wrong)) >= len(ranked)
        found = remaining(state.rows, wrong, audit, 1 - state.level)
        low, high = found.prevalence
        return (high - low) / 2 > half_width

    most = min(most, state.unread)
    if wide(most):
        return None
    return _first(0, most, lambda more: not wide(more))


def corrected(
    rows: int,
    wrong: np.ndarray,
    audit: np.ndarray,
    false_alarms: tuple[int, int],
    misses: tuple[int, int],
) -> tuple[int, int] | None:
    """The 95% interval of all truly wrong labels where annotators err too; None below LEAST_GOLD gold rows.

    false_alarms: (gold rows known right that were called wrong, gold rows known right); misses: (gold rows
    known wrong that were called right, gold rows known wrong). The interval of `remaining` is about what
    these annotators would say; here it is read through their error rates (Clopper-Pearson, 99% each; 97% for
    the sequence; together 95% by the union bound).
    """
    if min(false_alarms[1], misses[1]) < LEAST_GOLD:
        return None
    said = remaining(rows, wrong, audit, _ALPHA_AUDIT)
    e0_low, e0_high = clopper_pearson(*false_alarms, _ALPHA_GOLD)
    e1_low, e1_high = clopper_pearson(*misses, _ALPHA_GOLD)

    def through(number: float, e0: float, e1: float) -> float:
        return (number - rows * e0) / (1 - e0 - e1) if e0 + e1 < 1 else np.nan

    low, high = through(said.low, e0_high, e1_low), through(said.high, e0_low, e1_high)
    if np.isnan(low) or np.isnan(high):
        return 0, rows  # annotators who may be wrong as often as right say nothing
    return int(np.clip(np.floor(low), 0, rows)), int(np.clip(np.ceil(high), 0, rows))


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first whole number from low to high for which `holds`, which then stays true; high at last."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _remembered(function: Callable[[int], float]) -> Callable[[int], float]:
    known: dict[int, float] = {}

    def value(m: int) -> float:
        if m not in known:
            known[m] = function(m)
        return known[m]

    return value
