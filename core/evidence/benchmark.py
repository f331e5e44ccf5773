"""Which of several models is best once wrong labels of the test set are corrected, and whether that is firm.

A model's accuracy on corrected labels is that on the given labels plus what reviewed corrections change,
each weighted by one over the probability with which its row was reviewed (Horvitz, Thompson, 1952). Rows to
review are pooled over all models' disagreements with the label, and the rest has a small chance too:
reviewing one model's flags alone would hand it points that it did not earn.

Every function takes `predicted`: (M, N) class codes of M models, `given`: (N,) class codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

RESAMPLES, SEED = 1000, 0
FLAGGED, REST = 1.0, 0.1
"""Usual probabilities of review: of rows on which any model differs from the label, and of all others."""
_CHUNK = 4_000_000


@dataclass(frozen=True, eq=False)
class Corrected:
    """Of M models, by their accuracy in [0, 1] against the corrected labels.

    before: on the given labels; after: on the corrected ones (never clipped: an estimate may leave [0, 1]).
    se: (M,) standard error of `after` for this very test set, 0 where every row was reviewed. low, high: 95%
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
    reviewed, independently of all others. Raises ValueError where a reviewed row had no chance.
    """
    if (np.asarray(pi)[reviewed] <= 0).any():
        raise ValueError("a reviewed row had no chance of being reviewed")
    base = (predicted == given[None, :]).astype(np.float64)
    change = np.where(reviewed[None, :], (predicted == truth[None, :]) - base, 0.0)
    weight = np.where(reviewed, 1 / np.where(reviewed, pi, 1), 0.0)
    each = base + change * weight
    n = len(given)
    se = np.sqrt(((1 - pi) * (change * weight) ** 2).sum(axis=1)) / max(n, 1)
    if not n:
        nothing = np.full(len(predicted), np.nan)
        return Corrected(nothing, nothing, nothing, nothing, nothing, nothing, None)
    means = _resampled(each, seed)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    top = means >= means.max(axis=0) - 1e-12
    best = (top / top.sum(axis=0)).mean(axis=1)  # a tie is shared
    return Corrected(base.mean(axis=1), each.mean(axis=1), se, low, high, best, _tau(base, each))


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


def sweep(predicted: np.ndarray, given: np.ndarray, wrong: np.ndarray, seed: int = SEED) -> pd.DataFrame:
    """Every pair of models whose order depends on how many labels are wrong.

    wrong: (N,) bool, rows known to be mislabelled. Columns: first, second (model numbers, `first` is ahead
    on the rows labelled right), at (share of wrong labels where they cross), low, high: its 95% bootstrap
    interval; crosses: share of resamples in which they cross at all.
    """
    hit = (predicted == given[None, :]).astype(np.float64)
    lines = []
    for i, j in combinations(range(len(predicted)), 2):
        gap = hit[i] - hit[j]
        benign, errors = gap[~wrong], -gap[wrong]
        if not len(benign) or not len(errors):
            continue
        at = crossing(benign.mean(), errors.mean())
        if at is None:
            continue
        first, second = (i, j) if benign.mean() > 0 else (j, i)
        b, e = _resampled(benign[None], seed)[0], _resampled(errors[None], seed + 1)[0]
        both = b * e > 0
        where = b[both] / (b[both] + e[both])
        low, high = np.quantile(where, [0.025, 0.975]) if both.any() else (np.nan, np.nan)
        lines.append((first, second, at, float(low), float(high), float(both.mean())))
    return pd.DataFrame(lines, columns=["first", "second", "at", "low", "high", "crosses"])
