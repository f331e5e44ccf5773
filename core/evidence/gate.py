"""Whether a batch of suggested labels may be applied unread, by a blind spot check inside it.

Rows of the batch are drawn at random and labelled by somebody who does not see the suggestion; each answer
that is not the suggestion is a wrong fix. Three bets are kept against "more than the promised share of the
batch is wrong"; where their mean reaches 1 / alpha the batch is accepted. Under any batch that breaks the
promise each bet is a supermartingale, so that such a batch is accepted with probability at most alpha at
whatever moment somebody stops (Ville, 1939). Mirror bets refuse early, which cannot hurt that promise.

Source: betting for sampling without replacement (Waudby-Smith, Ramdas, 2020, arXiv 2006.04347).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.evidence.method import Method

METHOD = Method(
    "Spot check of a batch",
    "Rows of the batch are read in an order drawn by lot (SipHash of the row's id, keyed by the check's id), "
    "without the suggestion. Each answer is a bet against every batch in which more than the promised share "
    "is wrong: three bettors risk none, a quarter and half of what they have. The batch is accepted when the "
    "mean of what they hold reaches 1 / alpha, refused when bettors on the other side (2, 4 and 8 times the "
    "promised share) hold as much or too many wrong fixes are known, and given up after 6 ln(1 / alpha) / "
    "promise rows.",
    "Rows are read in the order of the draw and none is passed over; ambiguous, excluded and sent on count "
    "as wrong fixes. Rows that are decided elsewhere leave the batch, by people who do not know the order. "
    "After a check that failed, the next one draws anew, with half the alpha.",
    "Confidence sequences for sampling without replacement (Waudby-Smith and Ramdas, 2020, arXiv "
    "2006.04347); Ville's inequality.",
    "Who checks has seen the suggestions before, or makes the model's mistakes. It counts what they would "
    "say.",
)
ALPHA, PROMISE = 0.05, 0.05
_FOR, _AGAINST = np.array([0, 0.25, 0.5]), np.array([2.0, 4.0, 8.0])


class Word(StrEnum):
    """What a spot check says so far."""

    OPEN = "open"
    ACCEPT = "accept"
    REFUSE = "refuse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Verdict:
    """word; rows: how many checks it took or has had; wrong: how many of them were wrong fixes; most: after
    so many checks it is given up; batch: the rows that it is about.
    """

    word: Word
    rows: int
    wrong: int
    most: int
    batch: int = 0


def spot_check(
    batch: int, answers: Iterable[bool | None], promise: float = PROMISE, alpha: float = ALPHA
) -> Verdict:
    """The state of a spot check. answers: in the order of the draw, True where the blind label is not the
    suggestion (an "ambiguous" counts as that), None for a row that has left the batch by then: somebody
    decided it elsewhere, not knowing the order of the draw. Answers after the end are not looked at.

    promise: at most this share of the batch may be wrong, in [0, 1). Raises ValueError for an empty batch, or
    more answers than rows.
    """
    if batch < 1 or not 0 <= promise < 1 or not 0 < alpha < 1:
        raise ValueError(f"{batch} rows, promise {promise}, alpha {alpha}")
    least = _least(batch, promise)
    most = min(batch, int(np.ceil(6 * np.log(1 / alpha) / promise)) if promise else batch)
    wrong, log_for, log_against = 0, np.zeros(3), np.zeros(3)
    limit, rows = np.log(1 / alpha), 0
    with np.errstate(divide="ignore"):
        for answer in answers:
            if rows == most:
                break
            if answer is None:
                batch -= 1
                least, most = _least(batch, promise), min(most, batch)
                continue
            left = batch - rows
            r, s = (least - wrong) / left, max(least - 1 - wrong, 0) / left
            q = np.minimum(_AGAINST * s, 0.99)
            if answer:
                log_for = log_for + np.log(_FOR)
                log_against = log_against + (np.log(q / s) if s > 0 else np.inf)
            else:
                log_for = log_for + (np.log((1 - _FOR * r) / (1 - r)) if r < 1 else np.inf)
                log_against = log_against + np.log((1 - q) / (1 - min(s, 0.999)))
            wrong += bool(answer)
            rows += 1
            if wrong >= least or _log_mean(log_against) >= limit:
                return Verdict(Word.REFUSE, rows, wrong, most, batch)
            if _log_mean(log_for) >= limit:
                return Verdict(Word.ACCEPT, rows, wrong, most, batch)
    if rows == batch and rows:  # the last ones have left: all that remain are read
        return Verdict(Word.REFUSE if wrong >= least else Word.ACCEPT, rows, wrong, most, batch)
    return Verdict(Word.UNDECIDED if rows == most else Word.OPEN, rows, wrong, most, batch)


def _least(batch: int, promise: float) -> int:
    """The fewest wrong fixes that break the promise."""
    return int(np.floor(promise * batch + 1e-9)) + 1


def checks_if_all_right(batch: int, promise: float = PROMISE, alpha: float = ALPHA) -> int:
    """How many checks it takes where no fix is wrong: the least that a batch costs."""
    return spot_check(batch, (False for _ in range(batch)), promise, alpha).rows


def retry_alpha(tries: int, alpha: float = ALPHA) -> float:
    """The alpha of the next try on a batch after so many that failed: halved each time, with fresh draws, so
    that all tries together break the promise with probability at most 2 alpha."""
    return float(alpha / 2**tries)


def _log_mean(logs: np.ndarray) -> float:
    top = float(logs.max())
    return top if not np.isfinite(top) else top + float(np.log(np.exp(logs - top).mean()))
