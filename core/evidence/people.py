"""What annotators do to the numbers: anchoring on suggestions, gold rows, and error against ambiguity.

Agreement is in core.methods.agreement, consensus in core.methods.consensus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.methods.exact import clopper_pearson
from core.methods.intervals import wilson

ALPHA = 0.05
LEAST_DECISIONS, LEAST_SHOWN = 100, 10
"""Decisions, and those of either kind, with and without the suggestion, below which nothing is said of
anchoring."""
_SIGNED = np.outer([1, -1], 0.9 / 2.0 ** np.arange(6)).ravel()
"""What the bets on the gap stake, as shares of the most they could: large stakes are narrowest after a
hundred decisions, small ones after ten thousand. They decide how wide the interval is, never whether it
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
    suggestion. None below LEAST_DECISIONS, or LEAST_SHOWN of either kind. The interval holds every gap
    against which the bets of `gap_wins` have not won 1 / alpha, and so the true one at every moment with
    probability 1 - alpha, of few decisions too. The gap itself weighs each decision by one over the
    probability of its arm.

    Raises ValueError where share_hidden is not between 0 and 1.
    """
    shown, took = np.asarray(shown, dtype=bool), np.asarray(took, dtype=bool)
    n, first = len(shown), int(shown.sum())
    if n < LEAST_DECISIONS or min(first, n - first) < LEAST_SHOWN:
        return None
    hidden = np.broadcast_to(np.asarray(share_hidden, dtype=np.float64), n)
    most, limit = _most(hidden), np.log(1 / alpha)
    kinds, times = np.unique(np.stack([_gains(shown, took, hidden), most]), axis=1, return_counts=True)

    def won(gap: float) -> float:
        stakes = np.outer(_SIGNED, kinds[1])
        return float(np.logaddexp.reduce(np.log1p(stakes * (kinds[0] - gap)) @ times) - np.log(len(_SIGNED)))

    weights = 1 / np.where(shown, 1 - hidden, hidden)
    gap = float(
        np.average(took[shown], weights=weights[shown]) - np.average(took[~shown], weights=weights[~shown])
    )
    best = _least(won)
    if won(best) >= limit:  # every gap was bet away, which happens to the true one too, at most alpha often
        return Gap(gap, -1.0, 1.0, first, n - first)
    low, high = (_last_inside(won, best, end, limit) for end in (-1.0, 1.0))
    return Gap(gap, low, high, first, n - first)


def gap_wins(
    shown: np.ndarray, took: np.ndarray, share_hidden: float | np.ndarray, gap: float = 0.0
) -> np.ndarray:
    """(T,) the logarithm of what bets against a gap have won after each decision; as in `anchoring`.

    Each decision counts (took - centre), over the probability of its arm, negative where the suggestion was
    hidden: the mean of that is the gap, whatever the centre, which is how often the suggestion was taken
    before. Twelve bets of fixed stakes, six on a larger gap and six on a smaller one, are kept against it; if
    `gap` is true their mean is a martingale, and reaches 1 / alpha at any moment with probability alpha at
    most (Ville, 1939). Source: Waudby-Smith, Ramdas: Estimating means of bounded random variables by
    betting, 2024 (arXiv 2010.09686).
    """
    shown, took = np.asarray(shown, dtype=bool), np.asarray(took, dtype=bool)
    hidden = np.broadcast_to(np.asarray(share_hidden, dtype=np.float64), len(took))
    gains, stakes = _gains(shown, took, hidden), np.outer(_SIGNED, _most(hidden))
    won = np.cumsum(np.log1p(stakes * (gains - gap)), axis=1)
    return np.logaddexp.reduce(won, axis=0) - np.log(len(_SIGNED))


def _most(hidden: np.ndarray) -> np.ndarray:
    """(T,) the largest stake by which a bet on a decision never loses more than it has."""
    if not ((hidden > 0) & (hidden < 1)).all():
        raise ValueError(f"share_hidden is {hidden}: expected a share between 0 and 1")
    return 1 / (1 + 1 / np.minimum(hidden, 1 - hidden))


def _gains(shown: np.ndarray, took: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """(T,) of few different values: the centre is taken anew after 1, 2, 4, 8, ... decisions."""
    n = len(took)
    doubled = 2 ** np.floor(np.log2(np.maximum(np.arange(n), 1))).astype(np.int64)
    centre = (np.concatenate([[0], np.cumsum(took)])[np.minimum(doubled, np.arange(n))] + 0.5) / (doubled + 1)
    return np.where(shown, (took - centre) / (1 - hidden), -(took - centre) / hidden)


def _least(won: Callable[[float], float]) -> float:
    """Where a convex function on [-1, 1] is least, to 1e-4."""
    low, high = -1.0, 1.0
    while high - low > 1e-4:
        third = (high - low) / 3
        low, high = (low, high - third) if won(low + third) <= won(high - third) else (low + third, high)
    return (low + high) / 2


def _last_inside(won: Callable[[float], float], inside: float, end: float, limit: float) -> float:
    """The end of the interval between a gap inside it and -1 or 1, rounded outwards by at most 1e-4."""
    if won(end) < limit:
        return end
    outside = end
    while abs(outside - inside) > 1e-4:
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if won(middle) < limit else (inside, middle)
    return outside


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
