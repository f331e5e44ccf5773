"""What annotators do to the numbers: anchoring on suggestions, gold rows, and error against ambiguity.

Agreement is in core.methods.agreement, consensus in core.methods.consensus.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.methods.exact import clopper_pearson
from core.methods.intervals import wilson

ALPHA = 0.05
LEAST_DECISIONS, LEAST_SHOWN = 100, 10
"""Decisions, and those of either kind, with and without the suggestion, below which nothing is said of
anchoring."""
_WIDTH = 0.03
"""The variance at which the sequence's mixture is narrowest; it decides how wide it is, never whether it
holds.
"""
SURE, UNSURE, MANY_AMBIGUOUS = 0.9, 0.7, 1 / 3


@dataclass(frozen=True)
class Gap:
    """How much oftener annotators choose the suggestion when they see it: a difference of shares in [-1, 1].

    low, high: its 95% interval, valid however often somebody looks. shown, hidden: decisions of each kind.
    """

    gap: float
    low: float
    high: float
    shown: int
    hidden: int


def newcombe(k1: int, n1: int, k2: int, n2: int) -> tuple[float, float]:
    """The 95% interval of k1/n1 - k2/n2, for one look. Source: Newcombe, 1998, method 10."""
    (l1, u1), (l2, u2) = (wilson(np.array(float(k)), np.array(float(n))) for k, n in ((k1, n1), (k2, n2)))
    p, q = k1 / n1, k2 / n2
    return float(p - q - np.hypot(p - l1, u2 - q)), float(p - q + np.hypot(u1 - p, q - l2))


def anchoring(
    shown: np.ndarray, took: np.ndarray, share_hidden: float | np.ndarray, alpha: float = ALPHA
) -> Gap | None:
    """The gap between decisions with and without the suggestion on the screen, in the order of deciding.

    shown, took: (T,) bool, whether the suggestion was shown, which was drawn at random for each row, hidden
    with probability share_hidden, (T,) where it was not always the same; and whether the answer was the
    suggestion. None below LEAST_DECISIONS, or LEAST_SHOWN of either kind. Each decision is weighed by one
    over the probability of its arm; the running mean of that is within the normal-mixture boundary at every
    moment with probability 1 - alpha. Source: Robbins, 1970; Waudby-Smith et al., 2021 (arXiv 2103.06476),
    asymptotic.
    """
    shown, took = np.asarray(shown, dtype=bool), np.asarray(took, dtype=bool)
    n, first = len(shown), int(shown.sum())
    if n < LEAST_DECISIONS or min(first, n - first) < LEAST_SHOWN:
        return None
    share_hidden = np.asarray(share_hidden, dtype=np.float64)
    if not ((share_hidden > 0) & (share_hidden < 1)).all():
        raise ValueError(f"share_hidden is {share_hidden}: expected a share between 0 and 1")
    # Centred, so that how often the suggestion is right does not add to the spread.
    centre = took.mean()
    each = np.where(shown, (took - centre) / (1 - share_hidden), -(took - centre) / share_hidden)
    mean = float(each.mean())
    variance = _moment(took[shown], centre) * np.mean(1 / (1 - share_hidden))
    variance += _moment(took[~shown], centre) * np.mean(1 / share_hidden)
    scaled = n * _WIDTH
    half = np.sqrt(variance * 2 * (scaled + 1) / (n * scaled) * np.log(np.sqrt(scaled + 1) / alpha))
    weights = 1 / np.broadcast_to(np.where(shown, 1 - share_hidden, share_hidden), n)
    gap = float(
        np.average(took[shown], weights=weights[shown]) - np.average(took[~shown], weights=weights[~shown])
    )
    return Gap(gap, max(-1.0, mean - half), min(1.0, mean + half), first, n - first)


def _moment(took: np.ndarray, centre: float) -> float:
    """The mean square of took - centre, with two more answers of either kind: a few that happen to be all
    alike must not look certain.
    """
    share = (took.sum() + 2) / (len(took) + 4)
    return float(share * (1 - centre) ** 2 + (1 - share) * centre**2)


@dataclass(frozen=True)
class Gold:
    """An annotator's errors on gold rows, or those of all: rates in [0, 1] with exact 95% intervals.

    false_alarms: right rows called wrong, of how many; misses: wrong rows called right, of how many.
    """

    false_alarms: tuple[int, int]
    misses: tuple[int, int]

    @property
    def false_alarm_rate(self) -> tuple[float, float]:
        """The interval."""
        return clopper_pearson(*self.false_alarms)

    @property
    def miss_rate(self) -> tuple[float, float]:
        """The interval."""
        return clopper_pearson(*self.misses)


def gold(known_wrong: np.ndarray, called_wrong: np.ndarray) -> Gold:
    """known_wrong, called_wrong: (n,) bool, of gold rows with an answer."""
    known_wrong, called_wrong = np.asarray(known_wrong, dtype=bool), np.asarray(called_wrong, dtype=bool)
    right, wrong = ~known_wrong, known_wrong
    return Gold(
        (int((called_wrong & right).sum()), int(right.sum())),
        (int((~called_wrong & wrong).sum()), int(wrong.sum())),
    )


class Finding(StrEnum):
    """What several readers of a row amount to."""

    ERROR = "error"
    RIGHT = "right"
    AMBIGUOUS = "ambiguous"
    ONE_MORE = "one more reader"


def finding(
    given_is_consensus: bool, posterior: float, answers: int, distinct: int, ambiguous: int
) -> Finding:
    """Whether a row's label is wrong, or the row fits several.

    posterior: of the consensus label, in [0, 1]; answers: readers; distinct: different classes they gave;
    ambiguous: readers who called it so. All readers differing, a posterior below UNSURE, or a third who call
    it ambiguous make it ambiguous; from SURE on it is an error, or right; in between one more reader
    decides.
    """
    if answers and (ambiguous / answers >= MANY_AMBIGUOUS or (answers > 1 and distinct == answers)):
        return Finding.AMBIGUOUS
    if posterior < UNSURE:
        return Finding.AMBIGUOUS
    if posterior < SURE:
        return Finding.ONE_MORE
    return Finding.RIGHT if given_is_consensus else Finding.ERROR
