"""What the decisions on a data set say of it now: everything that the Evidence page shows, made in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.evidence import stopping
from core.evidence.errors_expected import (
    Curve,
    Hours,
    Yield,
    hours_left,
    learned,
    next_yield,
    reliability,
)
from core.evidence.log import ReviewLog
from core.evidence.people import Gold
from core.evidence.remaining import Remaining, burn_down, corrected, remaining
from core.issues import Result
from core.review.chance import random_order
from core.review.orders import RANDOM_SEED

NEXT = 50
RECALL = 0.9
LEAST_OF_GROUP = 10
"""Random draws in a class or split below which it has no line of its own."""


@dataclass(frozen=True, eq=False)
class Stop:
    """How far the plan for a certified recall is. frozen: whether the ranking is still the one by which the
    random rows were read; without that nothing can be certified by it. cost: rows to go, None where unknown.
    """

    progress: stopping.Progress
    frozen: bool
    cost: stopping.Cost | None

    @property
    def certified(self) -> bool:
        """Whether enough has been read for the recall, by a ranking that has not changed."""
        return self.progress.exhausted or (self.frozen and self.progress.reached)


@dataclass(frozen=True, eq=False)
class State:
    """log: what was read. left: with ambiguous rows counted as right; strict: counted as wrong. line: `left`
    after each of some decisions. stop, curve, ahead: None without a ranking. ahead: of the next NEXT unread
    rows of the ranking. reliability: foretold against found over the random draws. pace: for one decision
    and for those ahead.
    """

    log: ReviewLog
    left: Remaining
    strict: Remaining
    line: tuple[Remaining, ...]
    stop: Stop | None = None
    curve: Curve | None = None
    ahead: Yield | None = None
    reliability: pd.DataFrame = field(default_factory=pd.DataFrame)
    pace: Hours | None = None
    rest: Hours | None = None


def state(dataset: Dataset, log: ReviewLog, labels: Result | None) -> State:
    """labels: the label errors found, whose score ranks the rows; None: nothing ranks them."""
    rows = len(dataset) - len(log.outside)
    made = State(
        log,
        remaining(rows, log.wrong, log.drawn),
        remaining(rows, log.wrong | log.ambiguous, log.drawn),
        tuple(burn_down(rows, log.wrong, log.drawn)),
    )
    if labels is None or not rows:
        return made
    score = labels.table["score"].to_numpy()
    unread = np.ones(len(dataset), dtype=bool)
    unread[log.positions] = False
    unread[log.outside] = False
    curve = learned(score[log.positions], log.wrong)
    ranking = np.argsort(score, kind="stable")
    ahead = ranking[unread[ranking]][:NEXT]
    stop = _stop(dataset, log, score, ranking, curve, unread)
    rest = stop.cost.rows if stop.cost is not None else 0
    return replace(
        made,
        stop=stop,
        curve=curve,
        ahead=next_yield(curve, score[ahead]),
        reliability=reliability(curve, score[log.positions[log.drawn]], log.wrong[log.drawn]),
        pace=hours_left(len(ahead), log.seconds),
        rest=hours_left(rest, log.seconds) if rest else None,
    )


def corrected_total(dataset: Dataset, log: ReviewLog, answers: Gold) -> tuple[int, int] | None:
    """The 95% interval of the wrong labels outside of gold, were annotators never wrong, as far as their
    answers to gold rows tell; None while these are too few. It goes by what each row's first reader said,
    as those answers are first ones too.
    """
    said = log.wrong if log.said is None else log.said
    rows = len(dataset) - len(log.outside)
    return corrected(rows, said, log.drawn, answers.false_alarms, answers.misses)


def _stop(
    dataset: Dataset,
    log: ReviewLog,
    score: np.ndarray,
    ranking: np.ndarray,
    curve: Curve,
    unread: np.ndarray,
) -> Stop:
    ranks = np.empty(len(dataset), dtype=np.int64)
    ranks[ranking] = np.arange(len(dataset))
    verdicts = dict(zip(log.positions.tolist(), log.wrong.tolist(), strict=True))
    order = random_order(dataset.row_ids, RANDOM_SEED)
    order = order[~np.isin(order, log.outside)]
    verdicts |= dict.fromkeys(log.outside.tolist(), False)  # no probes, and not to be read
    found = stopping.progress(stopping.plan(RECALL), ranks, order, verdicts)
    then = log.score[log.drawn]
    moved = np.abs(then - score[log.positions[log.drawn]]) > 1e-3
    frozen = not bool(moved[~np.isnan(then)].any())
    return Stop(found, frozen, stopping.cost(found, ranks, curve.probability(score), unread))


def by_group(groups: Mapping[str, np.ndarray], log: ReviewLog) -> pd.DataFrame:
    """What is wrong in each class or split. groups: name -> (N,) bool, its rows.

    Columns: group, rows, read, draws, found, low, high (of all wrong labels in it), share_low, share_high.
    Most wrong first, by the lower end. A draw from all rows is one from the group where it hits it. Groups
    with fewer than LEAST_OF_GROUP draws are left out, as too few to say anything.
    """
    lines = []
    for name, mask in groups.items():
        part = log.of(mask)
        if int(part.drawn.sum()) < LEAST_OF_GROUP:
            continue
        found = remaining(int(mask.sum()) - len(part.outside), part.wrong, part.drawn)
        low, high = found.prevalence
        lines.append(
            (name, found.rows, found.read, found.audits, found.found, found.low, found.high, low, high)
        )
    columns = ["group", "rows", "read", "draws", "found", "low", "high", "share_low", "share_high"]
    frame = pd.DataFrame(lines, columns=columns)
    return frame.sort_values("share_low", ascending=False, kind="stable", ignore_index=True)
