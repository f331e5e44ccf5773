"""When enough has been read: recall that is certified by random probes, and what it costs to get there.

The ranking is frozen. Rows are drawn at random (a row that was read already is free) until `errors` wrong
labels have been met; the ranked list is then read down to the rank of the `upto`-th of them. With `upto` the
smallest j for which P(Bin(errors, recall) >= j) <= alpha, the list down to there holds at least the share
`recall` of all wrong labels, with confidence 1 - alpha. Only `errors` has to be fixed beforehand; looking in
between breaks nothing.

Source: Lewis, Yang, Frieder: Certifying One-Phase Technology-Assisted Reviews, 2021 (arXiv 2108.12746).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
DEFAULT_ERRORS = {0.8: 22, 0.9: 46, 0.95: 59}
"""Probes that keep the total reading low, by recall: more of them cost more draws and spare ranked rows."""


@dataclass(frozen=True)
class Plan:
    """recall: the share of the wrong labels to be found, in (0, 1). errors: wrong labels the probes have to
    meet. upto: the list is read down to the rank of this one of them, in ascending order, counted from 1.
    """

    recall: float
    errors: int
    upto: int
    alpha: float = ALPHA


def plan(recall: float, errors: int | None = None, alpha: float = ALPHA) -> Plan:
    """The plan for a recall; errors: None takes the default for it, or the fewest that can certify it.

    Raises ValueError for a recall outside (0, 1), and where so few errors cannot certify it.
    """
    from scipy.stats import binom

    if not 0 < recall < 1:
        raise ValueError(f"recall is {recall}: expected a share between 0 and 1")
    fewest = int(np.ceil(np.log(alpha) / np.log(recall) - 1e-12))
    errors = errors or DEFAULT_ERRORS.get(recall, fewest)
    tails = binom.sf(np.arange(errors), errors, recall)  # P(at least 1), P(at least 2), ...
    good = np.flatnonzero(tails <= alpha)
    if not len(good):
        raise ValueError(f"{errors} errors cannot certify {recall:.0%}: expected at least {fewest}")
    return Plan(recall, errors, int(good[0]) + 1, alpha)


@dataclass(frozen=True, eq=False)
class Progress:
    """How far a plan has got.

    met: wrong labels that the probes have met, up to plan.errors; probed: rows the random order has passed.
    depth: the ranked list has to be read down to here (a count of rows); None before all probes are met.
    unread: ranked rows down to `depth` that nobody has read; None likewise.
    exhausted: the random order has passed every row, so that every wrong label is known.
    """

    plan: Plan
    met: int
    probed: int
    depth: int | None
    unread: int | None
    exhausted: bool

    @property
    def reached(self) -> bool:
        """Whether the recall is certified."""
        return self.exhausted or self.unread == 0


def progress(plan: Plan, ranks: np.ndarray, order: np.ndarray, verdicts: Mapping[int, bool]) -> Progress:
    """ranks: (N,) the place of each row in the frozen ranking, 0 = looked at first. order: (N,) permutation
    of the rows, drawn at random before anything was read. verdicts: row -> whether its label is wrong.

    The random order is walked as far as its rows have a verdict: what lies behind an unread row is not a
    probe.
    """
    probes: list[int] = []
    probed = 0
    for row in order.tolist():
        if len(probes) == plan.errors or row not in verdicts:
            break
        probed += 1
        if verdicts[row]:
            probes.append(int(ranks[row]))
    exhausted = probed == len(order)
    if len(probes) < plan.errors:
        return Progress(plan, len(probes), probed, None, None, exhausted)
    depth = sorted(probes)[plan.upto - 1] + 1
    read = np.fromiter(verdicts, dtype=np.int64, count=len(verdicts))
    return Progress(plan, len(probes), probed, depth, depth - int((ranks[read] < depth).sum()), exhausted)


@dataclass(frozen=True)
class Cost:
    """Rows still to be read until the recall is certified: the most likely number, and an 80% range."""

    rows: int
    low: int
    high: int


def cost(state: Progress, ranks: np.ndarray, error: np.ndarray, unread: np.ndarray) -> Cost | None:
    """What is left of a plan; None where no wrong label can be expected, so that nothing can be said.

    error: (N,) probability in [0, 1] that a row's label is wrong (core.evidence.errors_expected); unread:
    (N,) bool. The rows down to the depth at which the expected errors reach the share upto / (errors + 1),
    and before that the draws that meet the errors which are missing. The range is that which was measured on
    real sets: 0.6 to 1.8 times the number (10 to 90%).
    """
    if state.reached:
        return Cost(0, 0, 0)
    if state.unread is not None:
        return Cost(state.unread, state.unread, state.unread)
    total = float(error.sum())
    if total <= 0 or not len(error):
        return None
    share_unread = float(unread.mean())
    draws = (state.plan.errors - state.met) / (total / len(error)) * share_unread
    by_rank = np.argsort(ranks, kind="stable")
    reached = np.cumsum(error[by_rank]) >= state.plan.upto / (state.plan.errors + 1) * total
    depth = int(np.argmax(reached)) + 1
    ranked = int(unread[by_rank[:depth]].sum())
    # Drawn rows that lie above the depth are not read twice.
    rows = min(ranked + draws * (1 - depth / len(error)), float(unread.sum()))
    most = int(unread.sum())
    return Cost(round(rows), min(round(0.6 * rows), most), min(round(1.8 * rows), most))
