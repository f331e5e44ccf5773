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
from typing import Any

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

    promise: at most this share of the batch may be wrong, in [0, 1). A batch is also accepted once too few of
    its rows are unread to break the promise. Raises ValueError for an empty batch or such a promise.
    """
    if batch < 1 or not 0 <= promise < 1 or not 0 < alpha < 1:
        raise ValueError(f"{batch} rows, promise {promise}, alpha {alpha}")
    most = min(batch, int(np.ceil(6 * np.log(1 / alpha) / promise)) if promise else batch)
    read: list[bool] = []
    away: list[int] = []
    gone = 0
    for answer in answers:
        if len(read) == most:
            break
        if answer is None:
            gone += 1
        else:
            read.append(answer)
            away.append(gone)
    given, of = np.array(read, dtype=bool), batch - np.array(away, dtype=np.int64)
    rows, wrong, least = np.arange(1, len(given) + 1), np.cumsum(given), _least(of, promise)
    left, before = of - rows + 1, wrong - given
    r = ((least - before) / left)[:, None]
    s = (np.maximum(least - 1 - before, 0) / left)[:, None]
    q = np.minimum(_AGAINST * s, 0.99)
    broken, sure = wrong >= least, wrong + of - rows < least  # whatever the rest holds
    with np.errstate(divide="ignore", invalid="ignore"):
        right = np.where(r < 1, np.log((1 - _FOR * r) / (1 - r)), 0)  # else `sure` ends it
        good = np.where(given[:, None], np.log(_FOR), right)
        found = np.where(s > 0, np.log(q / s), 0)  # else `broken` ends it
        bad = np.where(given[:, None], found, np.log((1 - q) / (1 - np.minimum(s, 0.999))))
    limit = np.log(1 / alpha)
    refused = broken | (_log_mean(np.cumsum(bad, axis=0)) >= limit)
    ended = np.flatnonzero(refused | sure | (_log_mean(np.cumsum(good, axis=0)) >= limit))
    if len(ended):
        end = ended[0]
        word, size = Word.REFUSE if refused[end] else Word.ACCEPT, int(of[end])
        return Verdict(word, int(rows[end]), int(wrong[end]), min(most, size), size)
    n, misses, size = len(given), int(given.sum()), batch - gone
    most = min(most, size)
    if n and n == size:  # the last ones have left: all that remain are read
        word = Word.REFUSE if misses >= _least(size, promise) else Word.ACCEPT
    else:
        word = Word.UNDECIDED if n == most else Word.OPEN
    return Verdict(word, n, misses, most, size)


def _least(batch: Any, promise: float) -> Any:
    """The fewest wrong fixes that break the promise, of a batch or of each of several."""
    return np.floor(promise * np.asarray(batch) + 1e-9).astype(np.int64) + 1


def checks_if_all_right(batch: int, promise: float = PROMISE, alpha: float = ALPHA) -> int:
    """How many checks it takes where no fix is wrong: the least that a batch costs."""
    return spot_check(batch, (False for _ in range(batch)), promise, alpha).rows


def retry_alpha(tries: int, alpha: float = ALPHA) -> float:
    """The alpha of the next try on a batch after so many that failed: halved each time, with fresh draws, so
    that all tries together break the promise with probability at most 2 alpha."""
    return float(alpha / 2**tries)


def _log_mean(logs: np.ndarray) -> np.ndarray:
    """(T,) the logarithm of the mean of each row's three; logs: (T, 3), at most -inf in some."""
    return np.logaddexp.reduce(logs, axis=1) - np.log(logs.shape[1])
