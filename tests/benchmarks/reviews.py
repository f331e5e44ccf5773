"""Simulated reviews of known truth, many at a time, and whether what the app says holds at every look.

A reader follows the ranking and reads random rows in between, and what was found decides which comes
next: the promise of core.evidence.remaining is to hold whatever rule they follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from core.evidence import remaining as evidence
from core.methods.intervals import wilson

SHARE, FLOOR = 0.3, 0.1
"""Of the decisions that are random draws; the floor where the ranking has just found an error."""
QUIET = 10
"""Ranked rows without an error after which the reader turns to random rows until one is wrong."""
LIMIT = np.log(1 / evidence.ALPHA)
AT_ONCE = 25_000_000
"""Rows of all reviews that are simulated side by side, which bounds the memory."""


@dataclass(frozen=True, eq=False)
class Reviews:
    """R reviews of `rows` rows. wrong, audit: (R, T) bool, the verdict on each row read, in order, and
    whether it was a random draw; row: (R, T) which row it was; total: (R,) how many are wrong.
    """

    rows: int
    wrong: np.ndarray
    audit: np.ndarray
    row: np.ndarray
    total: np.ndarray

    def __len__(self) -> int:
        return len(self.total)


def reviewed(truth: np.ndarray, ranked: np.ndarray, decisions: int, rng: np.random.Generator) -> Reviews:
    """truth: (R, N) bool, in the random order in which rows are drawn. ranked: (R, n) rows, those to look at
    first in front, `decisions` of them or all.
    """
    runs = np.arange(len(truth))
    read = np.zeros(truth.shape, dtype=bool)
    lot, rest, quiet = (np.zeros(len(truth), dtype=np.int64) for _ in range(3))
    just_found = np.zeros(len(truth), dtype=bool)
    made = Reviews(
        truth.shape[1],
        np.zeros((len(truth), decisions), dtype=bool),
        np.zeros((len(truth), decisions), dtype=bool),
        np.zeros((len(truth), decisions), dtype=np.int64),
        truth.sum(axis=1),
    )
    for t in range(decisions):
        while (behind := read[runs, lot]).any():
            lot += behind
        while (behind := read[runs, ranked[runs, rest]]).any():
            rest += behind
        audit = (rng.random(len(truth)) < np.where(just_found, FLOOR, SHARE)) | (quiet >= QUIET)
        row = np.where(audit, lot, ranked[runs, rest])
        wrong = truth[runs, row]
        read[runs, row] = True
        just_found = wrong & ~audit
        quiet = np.where(wrong, 0, quiet + ~audit)
        made.wrong[:, t], made.audit[:, t], made.row[:, t] = wrong, audit, row
    return made


def simulated(
    rows: int, prevalence: float, auc: float, decisions: int, runs: int, seed: int
) -> Iterator[Reviews]:
    """`runs` reviews, in parts that fit into the memory. Each label is wrong with probability `prevalence`;
    the ranking tells wrong from right with this area under the curve: 0.5 is useless.
    """
    rng = np.random.default_rng(seed)
    at_once = max(1, AT_ONCE // rows)
    for start in range(0, runs, at_once):
        part = min(at_once, runs - start)
        truth = rng.random((part, rows), dtype=np.float32) < prevalence
        yield reviewed(truth, suspected(truth, auc, min(decisions, rows), rng), decisions, rng)


def suspected(truth: np.ndarray, auc: float, first: int, rng: np.random.Generator) -> np.ndarray:
    """(R, first) the rows that a detector of this area under the curve ranks first, likeliest error first.

    truth: (R, N) bool. Its doubt is normal, and higher on average for a wrong label.
    """
    apart = np.float32(np.sqrt(2) * norm.ppf(auc))
    ranked = np.empty((len(truth), first), dtype=np.int64)
    for i, wrong in enumerate(truth):
        score = -rng.standard_normal(len(wrong), dtype=np.float32) - apart * wrong
        top = np.argpartition(score, first - 1)[:first]
        ranked[i] = top[np.argsort(score[top])]
    return ranked


def never_outside(reviews: Reviews) -> np.ndarray:
    """(R,) bool: whether the interval held the truth after every decision. It does where the bets against the
    truth never win 1 / alpha (and where every number is bet away, which counts as outside here).
    """
    return np.array([(path < LIMIT).all() for path in paths(reviews)])


def paths(reviews: Reviews) -> Iterator[np.ndarray]:
    """Of each review, (T,) log W(truth) after each decision, by the app's own bets."""
    for wrong, audit, total in zip(reviews.wrong, reviews.audit, reviews.total, strict=True):
        yield path(reviews.rows, wrong, audit, int(total))


def path(rows: int, wrong: np.ndarray, audit: np.ndarray, total: int) -> np.ndarray:
    """(T,) log W(total) after each decision of one review."""
    bets = evidence.log_bets(evidence.draws_of(rows, wrong, audit), total)
    return np.concatenate([[0.0], np.cumsum(bets)])[np.cumsum(audit)]


def differences(reviews: Reviews, runs: int, looks: np.ndarray) -> tuple[int, int]:
    """(looks taken, looks at which the interval itself and the bets do not say the same of the truth), in the
    first `runs` reviews. looks: numbers of decisions.
    """
    taken = differ = 0
    for run, won in zip(range(runs), paths(reviews), strict=False):
        for look in looks.tolist():
            found = evidence.remaining(reviews.rows, reviews.wrong[run, :look], reviews.audit[run, :look])
            all_bet_away = (found.low, found.high) == (found.found, found.found + found.unread)
            holds = found.low <= reviews.total[run] <= found.high
            taken += 1
            differ += holds != (won[look - 1] < LIMIT) and not (holds and all_bet_away)
    return taken, differ


def share(hits: int, runs: int) -> str:
    """A share and its 95% Wilson interval, in words."""
    low, high = wilson(np.array(float(hits)), np.array(float(runs)))
    return f"{hits / runs:.3f} ({low:.3f} to {high:.3f})"


def missed(misses: int, runs: int, promise: float = 0.05) -> bool:
    """Whether there are more misses than promised by over two standard errors."""
    return misses / runs > promise + 2 * np.sqrt(promise * (1 - promise) / runs)
