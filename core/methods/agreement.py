"""How far annotators agree: Krippendorff's alpha, Cohen's kappa, and the classes they differ in.

Every function takes `answers`: (N, A) integer class codes, -1 = that annotator did not answer that row.
Which rows go in is the caller's choice and decides what the number means: answers given after seeing
another's agree too well, and rows picked because they are hard agree too badly. Best are blind second
reads of rows drawn at random.

Source: Krippendorff, Content Analysis (2004), nominal alpha; Cohen, A Coefficient of Agreement (1960).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MIN_DOUBLE_READ = 100  # rows below which alpha_interval gives no value
MIN_SHARED = 30  # rows below which pairwise_kappa gives no value
RESAMPLES = 500
_RESAMPLED_CELLS = 4_000_000  # counts held at once while resampling: 32 MB
_NAN = float("nan")


@dataclass(frozen=True)
class Agreement:
    """A coefficient of agreement with its 95% bootstrap interval, or the reason why there is none.

    value, low, high: 1 = always agree, 0 = no better than chance, below 0 = worse than chance. NaN where
    not given; `low` and `high` may be NaN where `value` is not.
    rows: how many rows with at least two of the answers compared it rests on.
    reason: why a number is missing, one sentence for the screen; "" where all three are given.
    """

    value: float
    low: float
    high: float
    rows: int
    reason: str = ""


def krippendorff_alpha(answers: np.ndarray) -> float:
    """Krippendorff's alpha for nominal classes, missing answers allowed: 1 - D_o / D_e, at most 1.

    D_o = sum over rows of (m^2 - sum_c n_c^2) / (m - 1), with m answers in the row, n_c of them class c;
    D_e the same over all answers pooled. Only rows with m >= 2 count.
    NaN where it is not defined: no such row, or all their answers are one class.
    """
    disagreement, counts, times = _units(answers)
    return float(_alpha(disagreement, counts, times[None])[0])


def alpha_interval(
    answers: np.ndarray, seed: int, min_rows: int = MIN_DOUBLE_READ, resamples: int = RESAMPLES
) -> Agreement:
    """Krippendorff's alpha with its 95% percentile interval from resampling rows.

    No value below `min_rows` double-read rows, where the interval is not yet to be trusted.
    No interval where some resample has no alpha, or where all are alike (nobody ever differed).
    """
    disagreement, counts, times = _units(answers)
    rows = int(times.sum())
    if rows < max(min_rows, 1):
        return _missing(rows, f"Too few double-read rows ({rows:,} of {max(min_rows, 1):,}).")
    return _with_interval(lambda drawn: _alpha(disagreement, counts, drawn), times, seed, resamples)


def cohen_kappa(a: np.ndarray, b: np.ndarray) -> float:
    """Cohen's kappa of two annotators over the rows both answered: (p_o - p_e) / (1 - p_e), at most 1.

    a, b: (N,) class codes, -1 = no answer. p_o: share of rows where they agree; p_e: the share expected
    if each kept to their own class frequencies and ignored the row.
    NaN where it is not defined: no shared row, or both gave one and the same class throughout.
    """
    agree, in_a, in_b, times = _cells(a, b)
    return float(_kappa(agree, in_a, in_b, times[None])[0])


def pairwise_kappa(
    answers: np.ndarray,
    names: Sequence[str],
    seed: int,
    min_rows: int = MIN_SHARED,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Cohen's kappa of every pair of annotators with its 95% percentile interval from resampling rows.

    names: the A annotators, in the order of the columns.
    Returns annotator_a, annotator_b, rows (answered by both), kappa, low, high, reason; one row per pair,
    in the order of names. Below `min_rows` shared rows kappa is NaN and `reason` says so.
    """
    answers = checked(answers)
    _check_names(answers, names)
    present = (answers >= 0).astype(np.float64)
    shared = (present.T @ present).astype(int)
    found = []
    for i, j in combinations(range(len(names)), 2):
        if shared[i, j] < max(min_rows, 1):
            reason = f"Too few shared rows ({shared[i, j]:,} of {max(min_rows, 1):,})."
            kappa = _missing(int(shared[i, j]), reason)
        else:
            kappa = _kappa_interval(answers[:, i], answers[:, j], seed, resamples)
        found.append((names[i], names[j], kappa.rows, kappa.value, kappa.low, kappa.high, kappa.reason))
    return pd.DataFrame(
        found, columns=["annotator_a", "annotator_b", "rows", "kappa", "low", "high", "reason"]
    )


def class_confusions(answers: np.ndarray, classes: Sequence[str], names: Sequence[str]) -> pd.DataFrame:
    """The pairs of classes that annotators differ in, most rows first.

    classes: the K class names, in the order of the codes; names: the A annotators.
    Returns class_a, class_b (in the order of classes), rows where both were given, share: of the
    double-read rows where either was given, those where both were, in (0, 1]; says_a, says_b: the
    annotator who gave that class most often in these rows, the first of equals.
    """
    answers = checked(answers, len(classes))
    _check_names(answers, names)
    row, who = np.nonzero((answers >= 0) & ((answers >= 0).sum(axis=1) >= 2)[:, None])
    given = pd.DataFrame({"row": row, "code": answers[row, who], "who": who})
    cells = given[["row", "code"]].drop_duplicates()
    met = cells.merge(cells, on="row", suffixes=("_a", "_b")).query("code_a < code_b")
    pairs = met.groupby(["code_a", "code_b"]).size().rename("rows").reset_index()
    read = np.bincount(cells["code"], minlength=len(classes))
    either = read[pairs["code_a"]] + read[pairs["code_b"]] - pairs["rows"]
    table = pd.DataFrame(
        {
            "class_a": [classes[c] for c in pairs["code_a"]],
            "class_b": [classes[c] for c in pairs["code_b"]],
            "rows": pairs["rows"],
            "share": pairs["rows"] / either,
            "says_a": [names[w] for w in _most_often(met, given, "code_a")],
            "says_b": [names[w] for w in _most_often(met, given, "code_b")],
        }
    )
    return table.sort_values("rows", ascending=False, kind="stable", ignore_index=True)


def checked(answers: np.ndarray, k: int | None = None) -> np.ndarray:
    """`answers` as an array, where it is (N, A) integers from -1 up, and below k where k is given.

    Raises ValueError otherwise.
    """
    answers = np.asarray(answers)
    if answers.ndim != 2 or not np.issubdtype(answers.dtype, np.signedinteger):
        raise ValueError(f"answers must be (N, A) signed integers, not {answers.shape} {answers.dtype}")
    if answers.size and (answers.min() < -1 or (k is not None and answers.max() >= k)):
        known = "0 and up" if k is None else f"0 to {k - 1}"
        raise ValueError(f"answers hold {answers.min()} to {answers.max()}; classes are {known}, -1 = none")
    return answers


def class_counts(answers: np.ndarray, k: int) -> csr_matrix:
    """(N, K) sparse: how many annotators gave each class in each row, classes in order."""
    from scipy.sparse import csr_matrix

    row, who = np.nonzero(answers >= 0)
    counts = csr_matrix((np.ones(len(row)), (row, answers[row, who])), shape=(len(answers), k))
    counts.sort_indices()
    return counts


def _units(answers: np.ndarray) -> tuple[np.ndarray, csr_matrix, np.ndarray]:
    """The different sets of answers in double-read rows: (S,) disagreement, (S, K) counts, (S,) rows."""
    answers = checked(answers)
    double = np.sort(answers[(answers >= 0).sum(axis=1) >= 2], axis=1)
    sets, times = np.unique(double, axis=0, return_counts=True)
    counts = class_counts(sets, int(answers.max(initial=0)) + 1)
    m = (sets >= 0).sum(axis=1)
    same = np.asarray(counts.multiply(counts).sum(axis=1)).ravel()
    return (m**2 - same) / (m - 1), counts, times


def _alpha(disagreement: np.ndarray, counts: csr_matrix, times: np.ndarray) -> np.ndarray:
    """(B,) alpha, where set s of answers occurs times[b, s] times; NaN where not defined."""
    pooled = times @ counts
    n = pooled.sum(axis=1)
    expected = n**2 - (pooled**2).sum(axis=1)
    # (n - 1) on the other side of the fraction, for n may be 0.
    observed = (times @ disagreement) * (n - 1)
    return 1 - np.divide(observed, expected, out=np.full(len(n), _NAN), where=expected > 0)


def _cells(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, csr_matrix, csr_matrix, np.ndarray]:
    """The different pairs of answers: (S,) do they agree, (S, K) class of each annotator, (S,) rows."""
    answers = checked(np.stack([a, b], axis=1))
    k = int(answers.max(initial=0)) + 1
    pairs, times = np.unique(answers[(answers >= 0).all(axis=1)], axis=0, return_counts=True)
    in_a, in_b = class_counts(pairs[:, :1], k), class_counts(pairs[:, 1:], k)
    return (pairs[:, 0] == pairs[:, 1]).astype(float), in_a, in_b, times


def _kappa(agree: np.ndarray, in_a: csr_matrix, in_b: csr_matrix, times: np.ndarray) -> np.ndarray:
    """(B,) kappa, where pair s of answers occurs times[b, s] times; NaN where not defined."""
    n = times.sum(axis=1).astype(float)
    by_chance = ((times @ in_a) * (times @ in_b)).sum(axis=1)
    over, room = n * (times @ agree) - by_chance, n**2 - by_chance
    return np.divide(over, room, out=np.full(len(n), _NAN), where=room > 0)


def _kappa_interval(a: np.ndarray, b: np.ndarray, seed: int, resamples: int) -> Agreement:
    agree, in_a, in_b, times = _cells(a, b)
    return _with_interval(lambda drawn: _kappa(agree, in_a, in_b, drawn), times, seed, resamples)


def _resampled(times: np.ndarray, seed: int, resamples: int) -> Iterator[np.ndarray]:
    """(B, S) blocks of how often each of S different rows occurs in a resample of all rows.

    Drawing these counts is drawing rows with replacement, without a look at each row.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _RESAMPLED_CELLS // max(1, len(times)))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        yield rng.multinomial(times.sum(), times / times.sum(), size=size)


def _with_interval(
    coefficient: Callable[[np.ndarray], np.ndarray], times: np.ndarray, seed: int, resamples: int
) -> Agreement:
    """coefficient: from (B, S) counts of the S different rows to (B,) values; times: (S,) those seen."""
    rows = int(times.sum())
    value = float(coefficient(times[None])[0])
    if np.isnan(value):
        return _missing(rows, "Not defined: all answers are one class.")
    sampled = np.concatenate([coefficient(drawn) for drawn in _resampled(times, seed, resamples)])
    if np.isnan(sampled).any():
        return Agreement(value, _NAN, _NAN, rows, "No interval: almost all answers are one class.")
    if np.ptp(sampled) == 0:
        why = "no disagreement seen yet" if value == 1 else "every row was answered alike"
        return Agreement(value, _NAN, _NAN, rows, f"No interval: {why}.")
    low, high = np.percentile(sampled, [2.5, 97.5])
    return Agreement(value, float(low), float(high), rows)


def _missing(rows: int, reason: str) -> Agreement:
    return Agreement(_NAN, _NAN, _NAN, rows, reason)


def _most_often(met: pd.DataFrame, given: pd.DataFrame, side: str) -> np.ndarray:
    """For each pair of classes, in order, the annotator who gave the class of that side most often."""
    said = met.merge(given, left_on=["row", side], right_on=["row", "code"])
    counted = said.groupby(["code_a", "code_b", "who"]).size().rename("times").reset_index()
    ranked = counted.sort_values("times", ascending=False, kind="stable")
    return ranked.drop_duplicates(["code_a", "code_b"]).sort_values(["code_a", "code_b"])["who"].to_numpy()


def _check_names(answers: np.ndarray, names: Sequence[str]) -> None:
    if len(names) != answers.shape[1]:
        raise ValueError(f"{len(names)} names for {answers.shape[1]} annotators")
