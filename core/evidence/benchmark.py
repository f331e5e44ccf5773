"""Which of several models is best once wrong labels of the test set are corrected, and whether that is firm.

A model's accuracy on corrected labels is that on the given labels plus what reviewed corrections change,
each weighted by one over the probability with which its row was reviewed (Horvitz, Thompson, 1952). Rows to
review are pooled over all models' disagreements with the label, and the rest has a small chance too:
reviewing one model's flags alone would hand it points that it did not earn.

Every function takes `predicted`: (M, N) class codes of M models, `given`: (N,) class codes.

Rows are read in the order of u / pi, u a draw in [0, 1) that is made once for each row and pi how much rather
a row is to be read than others. Wherever reading stops, the rows below a line t were read with probability
min(1, t pi), each independently of the others: that of priority sampling, where t is the place of the first
row that waits (Duffield, Lund, Thorup: Priority sampling for estimation of arbitrary subset sums, 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from core.methods.exact import mcnemar

RESAMPLES, SEED = 1000, 0
Z = 1.96
FLAGGED, REST = 1.0, 0.1
"""Usual probabilities of review: of rows on which any model differs from the label, and of all others."""
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class Corrected:
    """Of M models, by their accuracy in [0, 1] against the corrected labels.

    before: on the given labels; after: on the corrected ones (never clipped: an estimate may leave [0, 1]).
    se: (M,) standard error of `after` for this very test set, 0 where every row was reviewed; half a change
    more than was found is counted in (see _unseen). low, high: 95%
    bootstrap interval for new rows of the same kind, rows resampled together for all models. best: (M,)
    share of resamples in which the model is first. tau: Kendall's tau of the two orders; None for one model,
    or where all are equal.
    """

    before: np.ndarray
    after: np.ndarray
    se: np.ndarray
    low: np.ndarray
    high: np.ndarray
    best: np.ndarray
    tau: float | None


@dataclass(frozen=True, eq=False)
class Prefix:
    """How far the order of u / pi was read without a gap.

    reviewed: (N,) bool, decided rows before the first that waits. pi: (N,) in [0, 1], the probability with
    which each row is among them; 1 for all where no row waits. first: the position of the row that waits
    first, None where none does. beyond: decided rows behind it, which count for nothing.
    """

    reviewed: np.ndarray
    pi: np.ndarray
    first: int | None
    beyond: int


def prefix(u: np.ndarray, pi: np.ndarray, decided: np.ndarray) -> Prefix:
    """u: (N,) draws in [0, 1) that nothing depends on. pi: (N,) > 0, from `inclusion`. decided: (N,) bool,
    whatever queue the row was decided in. Ties wait for each other.
    """
    turn = u / pi
    waiting = np.flatnonzero(~decided)
    if not len(waiting):
        return Prefix(decided.copy(), np.ones(len(u)), None, 0)
    first = int(waiting[turn[waiting].argmin()])
    reviewed = turn < turn[first]
    beyond = int(decided.sum() - reviewed.sum())
    return Prefix(reviewed, np.minimum(1.0, turn[first] * pi), first, beyond)


def inclusion(
    predicted: np.ndarray, given: np.ndarray, flagged: float = FLAGGED, rest: float = REST
) -> np.ndarray:
    """(N,) the probability with which each row should be reviewed, in (0, 1]."""
    differs = (predicted != given[None, :]).any(axis=0)
    return np.where(differs, flagged, rest)


def corrected(
    predicted: np.ndarray,
    given: np.ndarray,
    truth: np.ndarray,
    reviewed: np.ndarray,
    pi: np.ndarray,
    seed: int = SEED,
) -> Corrected:
    """truth: (N,) class codes, read where `reviewed` (N,) bool only; a code of no class (-1: none fits)
    counts as wrong for every model. pi: (N,) in (0, 1], the probability with which each row was to be
    reviewed, independently of all others; 0 only where it was not. Raises ValueError where a reviewed row had
    no chance.
    """
    each, se = counted(predicted, given, truth, reviewed, pi)
    base = (predicted == given[None, :]).astype(np.float64)
    if not len(given):
        nothing = np.full(len(predicted), np.nan)
        return Corrected(nothing, nothing, nothing, nothing, nothing, nothing, None)
    means = _resampled(each, seed)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    top = means >= means.max(axis=0) - 1e-12
    best = (top / top.sum(axis=0)).mean(axis=1)  # a tie is shared
    return Corrected(base.mean(axis=1), each.mean(axis=1), se, low, high, best, _tau(base, each))


def counted(
    predicted: np.ndarray, given: np.ndarray, truth: np.ndarray, reviewed: np.ndarray, pi: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """((M, N) what each row counts for, whose means are the corrected accuracies; (M,) their standard
    errors), as `corrected` has them. Arguments and what is raised as there.
    """
    if (np.asarray(pi)[reviewed] <= 0).any():
        raise ValueError("a reviewed row had no chance of being reviewed")
    base = (predicted == given[None, :]).astype(np.float64)
    change = np.where(reviewed[None, :], (predicted == truth[None, :]) - base, 0.0)
    weight = np.where(reviewed, 1 / np.where(reviewed, pi, 1), 0.0)
    variance = ((1 - pi) * (change * weight) ** 2).sum(axis=1) + _unseen(pi)
    return base + change * weight, np.sqrt(variance) / max(len(given), 1)


def _unseen(pi: np.ndarray) -> float:
    """What half a change more would add to the variance of a count, at the lowest probability of review: that
    none was found among rows read in part does not say that there is none.
    """
    least = float(pi.min(initial=1.0))
    return float("inf") if least <= 0 else 0.5 * (1 - least) / least**2


def _resampled(each: np.ndarray, seed: int) -> np.ndarray:
    """(M, RESAMPLES) means over resampled rows. Rows alike for all models are counted, not indexed."""
    kinds, codes = np.unique(each, axis=1, return_inverse=True)
    counts = np.bincount(codes.ravel(), minlength=kinds.shape[1])
    rng = np.random.default_rng(seed)
    n = each.shape[1]
    step = max(1, _CHUNK // max(1, len(counts)))
    parts = [
        kinds @ rng.multinomial(n, counts / n, min(step, RESAMPLES - start)).T / n
        for start in range(0, RESAMPLES, step)
    ]
    return np.concatenate(parts, axis=1)


def _tau(before: np.ndarray, after: np.ndarray) -> float | None:
    from scipy.stats import kendalltau

    if len(before) < 2:
        return None
    tau = float(kendalltau(before.mean(axis=1), after.mean(axis=1)).statistic)
    return None if np.isnan(tau) else tau


def crossing(benign: float, errors: float) -> float | None:
    """The share of wrong labels at which two models change places, in [0, 1]; None where they never do.

    benign: how far the first is ahead on rows whose given label is right; errors: how far the second is
    ahead on rows whose given label is wrong, both scored against the given labels. At share v the first
    leads by (1 - v) benign - v errors.
    """
    if benign * errors <= 0:
        return None
    return benign / (benign + errors)


@dataclass(frozen=True, eq=False)
class Lines:
    """Accuracy of M models against given labels, by how many of these are wrong: at a share v of them it is
    (1 - v) benign + v errors. Both (M,), estimates that may leave [0, 1]. share: of wrong labels now.
    """

    benign: np.ndarray
    errors: np.ndarray
    share: float


def lines(
    predicted: np.ndarray, given: np.ndarray, wrong: np.ndarray, weight: np.ndarray | None = None
) -> Lines | None:
    """wrong: (N,) bool, rows known to be mislabelled. weight: (N,) one over the probability with which each
    was reviewed; None: every row was. None where no row, or every row, is wrong.
    """
    hit = (predicted == given[None, :]).astype(np.float64)
    error = wrong * (np.ones(len(given)) if weight is None else weight)
    share = float(error.mean()) if len(error) else 0.0
    if not 0 < share < 1:
        return None
    among = (hit * error).mean(axis=1)
    return Lines((hit.mean(axis=1) - among) / (1 - share), among / share, share)


def sweep(
    predicted: np.ndarray,
    given: np.ndarray,
    wrong: np.ndarray,
    seed: int = SEED,
    weight: np.ndarray | None = None,
) -> pd.DataFrame:
    """Every pair of models whose order depends on how many labels are wrong.

    wrong, weight: as of `lines`. Columns: first, second (model numbers, `first` is ahead on the rows labelled
    right), at (share of wrong labels where they cross), low, high: its 95% bootstrap interval; crosses: share
    of resamples in which they cross at all.
    """
    found = lines(predicted, given, wrong, weight)
    rows = []
    for i, j in combinations(range(len(predicted)), 2):
        if found is None:
            break
        benign, errors = found.benign[i] - found.benign[j], found.errors[j] - found.errors[i]
        at = crossing(benign, errors)
        if at is None:
            continue
        first, second = (i, j) if benign > 0 else (j, i)
        gap = (predicted[i] == given).astype(np.float64) - (predicted[j] == given)
        error = wrong * (np.ones(len(given)) if weight is None else weight)
        all_, among, share = _resampled(np.stack([gap, gap * error, error]), seed)
        some = (share > 0) & (share < 1)
        b, e = (all_ - among)[some] / (1 - share[some]), -among[some] / share[some]
        both = b * e > 0
        where = b[both] / (b[both] + e[both])
        low, high = np.quantile(where, [0.025, 0.975]) if both.any() else (np.nan, np.nan)
        rows.append((first, second, at, float(low), float(high), float(both.sum() / len(all_))))
    return pd.DataFrame(rows, columns=["first", "second", "at", "low", "high", "crosses"])


def alone(predicted: np.ndarray, given: np.ndarray, truth: np.ndarray, reviewed: np.ndarray) -> pd.DataFrame:
    """Every pair of models on the rows that were read, and on those of them whose label was corrected.

    Columns: first, second (model numbers); only_first, only_second: rows read on which one of them alone is
    right; p, mid_p: exact McNemar, two-sided; and the same four of the corrected rows, as mended_...
    Rows on which models differ lie in one pool of flags and are read with one probability, so that they count
    alike. truth, reviewed: as of `corrected`.
    """
    hit = predicted == truth[None, :]
    kinds = (reviewed, reviewed & (truth != given))
    rows = []
    for i, j in combinations(range(len(predicted)), 2):
        cells: list[float] = [i, j]
        for some in kinds:
            counts = int((hit[i] & ~hit[j])[some].sum()), int((hit[j] & ~hit[i])[some].sum())
            cells += [*counts, *mcnemar(*counts)]
        rows.append(cells)
    names = ["only_first", "only_second", "p", "mid_p"]
    frame = pd.DataFrame(rows, columns=["first", "second", *names, *(f"mended_{name}" for name in names)])
    whole = [name for name in frame.columns if not str(name).endswith("p")]
    return frame.astype(dict.fromkeys(whole, np.int64))


_GUESS = {True: (0.5, 2.0), False: (0.02, 20.0)}
"""Before anything is read: which share of the rows of a kind changes a model's count, and how many rows that
guess is worth; of flagged rows, and of the rest."""


def rows_to(
    half: float, predicted: np.ndarray, given: np.ndarray, truth: np.ndarray, found: Prefix, pi: np.ndarray
) -> int:
    """About how many rows more bring every model's accuracy to ± half (95%, for this test set); 0: none.

    pi: (N,) as `inclusion` gave it. From the changes found so far and, as long as these are few, a guess:
    half of the flagged rows and one in fifty of the others change a count.
    """
    n = len(given)
    differs = (predicted != given[None, :]).any(axis=0)
    change = np.where(
        found.reviewed, (predicted == truth[None, :]) != (predicted == given[None, :]), False
    )  # (M, N): its square is itself
    strata = [
        (each, flag, some)
        for each in np.unique(pi)
        for flag in (True, False)
        if (some := (pi == each) & (differs == flag)).any()
    ]
    squares = []
    for _, flag, some in strata:
        share, worth = _GUESS[flag]
        read = int(found.reviewed[some].sum())
        squares.append(some.sum() * (change[:, some].sum(axis=1) + share * worth) / (read + worth))

    def half_width(t: float) -> float:
        p = [min(1.0, t * each) for each, *_ in strata]
        var = sum(square * (1 - q) / q for square, q in zip(squares, p, strict=True))
        return float(Z * np.sqrt(np.max(var) + _unseen(np.array(p))) / n)

    if not strata:
        return 0
    low, high = 1e-9, 1 / min(each for each, *_ in strata)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if half_width(middle) <= half else (middle, high)
    wanted = sum(min(1.0, high * each) * some.sum() for each, _, some in strata)
    return max(0, int(np.ceil(wanted - found.reviewed.sum() - 1e-6)))
