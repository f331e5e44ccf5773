"""Confident learning in one streaming pass over pred_probs, equal to cleanlab 2.9 to the row.

The pass keeps five numbers a row and one block of rows in memory, so that pred_probs may be a memory
map larger than memory. Every rounding, tie and dtype follows cleanlab, which is the oracle in the tests.

Source: Northcutt, Jiang, Chuang: Confident Learning, JAIR 70 (2021); cleanlab's count.py and rank.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from core.errors import refuse
from core.progress import Progress

SCORES = ("normalized_margin", "self_confidence", "confidence_weighted_entropy")
MARGIN = 1e-6  # cleanlab's FLOATING_POINT_COMPARISON
_NEVER = 2  # threshold of a class without rows: no probability reaches it
_BLOCK_BYTES = 4 << 20


class Probabilities(Protocol):
    """(N, K) probabilities from which rows are picked: an array, or what makes them when asked."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def ndim(self) -> int: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Scan:
    """What the pass keeps of each of the n labelled rows, and the counts over all of them.

    rows: (n,) their positions in the data set; labels: (n,) given labels.
    p_given, p_other: (n,) probability of the given label and of the best other class, in pred_probs' dtype.
    other: (n,) best other class, the first of equals.
    confident: (n,) the class that the row is counted in, -1 where no class reaches its threshold.
    thresholds: (K,) mean p_given over the rows of each class; 2 for a class without rows.
    class_counts: (K,) labelled rows of each class.
    confident_joint: (K, K) counts by [given, confident], the diagonal at least 1, not calibrated.
    """

    rows: np.ndarray
    labels: np.ndarray
    p_given: np.ndarray
    p_other: np.ndarray
    other: np.ndarray
    confident: np.ndarray
    thresholds: np.ndarray
    class_counts: np.ndarray
    confident_joint: np.ndarray

    @cached_property
    def predicted(self) -> np.ndarray:
        """(n,) the most probable class, the first of equals."""
        return first_best(self.labels, self.p_given, self.other, self.p_other)

    @cached_property
    def agrees(self) -> np.ndarray:
        """(n,) bool: the given label is the most probable class, or within 1e-6 of it."""
        return first_best(self.labels, self.p_given + MARGIN, self.other, self.p_other) == self.labels

    @cached_property
    def joint(self) -> np.ndarray:
        """(K, K) float, estimated rows by [given, true]: the confident joint scaled to the class counts."""
        counted = self.confident_joint.sum(axis=1, keepdims=True)
        return self.confident_joint * (self.class_counts[:, None] / counted)

    @cached_property
    def calibrated_joint(self) -> np.ndarray:
        """(K, K) int, the same rounded to whole rows as cleanlab does; what its filters count by."""
        return calibrate(self.confident_joint, self.class_counts)


def scan(labels: np.ndarray, pred_probs: Probabilities, progress: Progress | None = None) -> Scan:
    """Read pred_probs once, and once more only the rows whose top class is below its threshold.

    labels: (N,) integer codes, -1 = no label; such rows take no part.
    pred_probs: (N, K) float32 or float64, K >= 2, may be a memory map.
    Raises InputError for a value that is not finite; ValueError for wrong shapes or dtypes.
    """
    if pred_probs.ndim != 2 or pred_probs.shape[1] < 2 or len(labels) != len(pred_probs):
        raise ValueError(f"labels {labels.shape} and pred_probs {pred_probs.shape} do not fit together")
    if pred_probs.dtype not in (np.float32, np.float64):
        raise ValueError(f"pred_probs must be float32 or float64, not {pred_probs.dtype}")
    progress = progress or Progress()
    probs = np.asarray(pred_probs) if isinstance(pred_probs, np.ndarray) else pred_probs
    rows = np.flatnonzero(labels >= 0)
    given = np.asarray(labels)[rows].astype(np.int32)
    if len(given) and given.max() >= probs.shape[1]:
        raise ValueError(f"label {given.max()} has no column among the {probs.shape[1]} of pred_probs")
    p_given, other, p_other = best_two(probs, rows, given, progress.part(0, 0.6))
    counts = np.bincount(given, minlength=probs.shape[1])
    means = [p_given[rows].mean() for rows in rows_by_class(given, counts) if len(rows)]
    thresholds = thresholds_of(means, counts)
    best = (given, p_given, other, p_other)
    confident = confident_class(probs, rows, best, thresholds, progress.part(0.6, 1))
    joint = _joint(given, confident, len(counts))
    return Scan(rows, given, p_given, p_other, other, confident, thresholds, counts, joint)


def blocks(total: int, row_bytes: int) -> Iterator[slice]:
    """Slices over `total` rows, each of a few MB, so that a block stays in the processor's cache."""
    step = max(1, _BLOCK_BYTES // max(1, row_bytes))
    for start in range(0, total, step):
        yield slice(start, min(total, start + step))


def rows_by_class(labels: np.ndarray, class_counts: np.ndarray) -> list[np.ndarray]:
    """For each class the positions of its rows, in row order."""
    small = labels.astype(np.int16) if len(class_counts) < 1 << 15 else labels  # 16 bits: a radix sort
    return np.split(np.argsort(small, kind="stable"), np.cumsum(class_counts)[:-1])


def calibrate(confident_joint: np.ndarray, class_counts: np.ndarray) -> np.ndarray:
    """Scale each row of the confident joint to its class count; (K, K) int, rounded, row sums kept."""
    tiny = 1e-100
    joint = (confident_joint.T / np.clip(confident_joint.sum(axis=1), tiny, None) * class_counts).T
    joint = joint / np.clip(joint.sum(), tiny, None) * class_counts.sum()
    return _round_rows(joint)


def estimate_errors(scanned: Scan) -> float:
    """Estimated number of label errors: off-diagonal sum of the joint, sum_k N_k * off_k / m_k.

    m_k: rows of given label k that are confidently counted anywhere; off_k: those counted in another class.
    """
    return errors_of(*_counted_and_kept(scanned.confident_joint), scanned.class_counts)


def errors_of(counted: np.ndarray, kept: np.ndarray, class_counts: np.ndarray) -> float:
    """The same from (K,) numbers of each class: rows counted anywhere, in the class itself, and labelled."""
    return float(((counted - kept) / counted * class_counts).sum())


def count_off_diagonal(scanned: Scan) -> int:
    """Rows confidently counted in another class than their label: cleanlab's `off_diagonal`."""
    return int((counted_elsewhere(scanned) & ~scanned.agrees).sum())


def count_calibrated(scanned: Scan) -> int:
    """cleanlab's `off_diagonal_calibrated`: estimate_errors after rounding every cell, twice.

    The rounding moves it by a row or so from estimate_errors, by more where K is large and rows are few.
    """
    joint = calibrate(scanned.calibrated_joint, scanned.class_counts)
    share = 1.0 - (joint / max(float(joint.sum()), 1e-100)).trace()
    return int(np.rint(share * len(scanned.labels)))


def counted_elsewhere(scanned: Scan) -> np.ndarray:
    """(n,) bool: the row is confidently counted in a class other than its given label."""
    return (scanned.confident >= 0) & (scanned.confident != scanned.labels)


def label_quality(scanned: Scan, method: str, pred_probs: np.ndarray) -> np.ndarray:
    """(n,) label quality scores in [0, 1]; lower = more likely mislabelled.

    normalized_margin: (p_given - best other + 1) / 2.  self_confidence: p_given.
    confidence_weighted_entropy: log(1 + e) / e, e = normalized entropy / p_given (reads pred_probs again).
    """
    if method == "normalized_margin":
        return (scanned.p_given - scanned.p_other + 1) / 2
    if method == "self_confidence":
        return scanned.p_given
    if method == "confidence_weighted_entropy":
        weighted = _entropy(np.asarray(pred_probs), scanned.rows) / np.clip(scanned.p_given, MARGIN, None)
        return np.log(weighted + 1) / np.clip(weighted, MARGIN, None)
    raise ValueError(f"no score called {method!r}; one of {', '.join(SCORES)}")


def bootstrap_interval(
    scanned: Scan, draws: int = 1000, seed: int = 0, level: float = 0.95
) -> tuple[int, int]:
    """95% interval of estimate_errors, in whole rows; see interval_of."""
    return interval_of(*_counted_and_kept(scanned.confident_joint), scanned.class_counts, draws, seed, level)


def interval_of(
    counted: np.ndarray,
    kept: np.ndarray,
    class_counts: np.ndarray,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[int, int]:
    """Percentile interval of errors_of, in whole rows.

    Each draw replaces off_k by Binomial(m_k, off_k / m_k). It covers how few rows were counted. It does not
    cover a model that is wrong in a systematic way, nor the thresholds, which are held fixed.
    """
    rate = 1 - kept / counted
    drawn = np.random.default_rng(seed).binomial(counted, rate, size=(draws, len(counted)))
    totals = drawn @ (class_counts / counted)
    low, high = np.quantile(totals, [(1 - level) / 2, (1 + level) / 2])
    return int(np.floor(low)), int(np.ceil(high))


def _counted_and_kept(confident_joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return confident_joint.sum(axis=1), confident_joint.diagonal()


def best_two(
    probs: Probabilities, rows: np.ndarray, given: np.ndarray, progress: Progress
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n,) p_given, best other class, its probability."""
    p_given, p_other = np.empty(len(rows), probs.dtype), np.empty(len(rows), probs.dtype)
    other = np.empty(len(rows), np.int32)
    for part in blocks(len(rows), probs.shape[1] * probs.dtype.itemsize):
        block = probs[rows[part]]  # indexing by an array copies, so the given entries may be struck out
        line = np.arange(len(block))
        p_given[part] = block[line, given[part]]
        block[line, given[part]] = -1
        other[part] = block.argmax(axis=1)
        p_other[part] = block[line, other[part]]
        progress.report(part.stop / len(rows), "reading probabilities")
    broken = np.flatnonzero(~np.isfinite(p_given + p_other))
    if len(broken):
        raise refuse(
            "a probability that is not a finite number",
            row=int(rows[broken[0]]) + 1,
            count=len(broken),
            mend="give every row a finite probability for each class",
        )
    return p_given, other, p_other


def first_best(given: np.ndarray, p_given: np.ndarray, other: np.ndarray, p_other: np.ndarray) -> np.ndarray:
    """The first most probable class, from the given label and the first best other one."""
    first = (p_given > p_other) | ((p_given == p_other) & (given < other))
    return np.where(first, given, other)


def thresholds_of(means: Sequence[np.floating], counts: np.ndarray) -> np.ndarray:
    """(K,) mean p_given of each class. means: of the classes that have rows, taken in pred_probs' dtype, in
    row order, as cleanlab takes them; one class without rows turns the whole array to float64, as there."""
    known = iter(means)
    return np.clip([next(known) if count else _NEVER for count in counts], 2 * MARGIN, None)


def confident_class(
    probs: Probabilities,
    rows: np.ndarray,
    best: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    thresholds: np.ndarray,
    progress: Progress,
) -> np.ndarray:
    """(n,) the class each row counts in: the top class where it or several classes reach their threshold,
    the single class that does, or -1. best: given labels, p_given, other and p_other of these rows."""
    predicted, p_top = first_best(*best), np.maximum(best[1], best[3])
    cut = _at_least(thresholds - MARGIN, probs.dtype)
    confident = np.where(p_top >= cut[predicted], predicted, np.int32(-1))
    open_rows = np.flatnonzero((confident < 0) & (p_top >= cut.min()))
    for part in blocks(len(open_rows), probs.shape[1] * probs.dtype.itemsize):
        at = open_rows[part]
        reached = probs[rows[at]] >= cut
        line = np.arange(len(at))
        first = reached.argmax(axis=1)
        some = reached[line, first]
        reached[line, first] = False
        several = reached[line, reached.argmax(axis=1)]
        confident[at] = np.where(several, predicted[at], np.where(some, first, -1))
        progress.report(part.stop / len(open_rows), "counting confident rows")
    return confident


def _at_least(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The smallest numbers of `dtype` that are >= values, so that p >= value is decided without a cast."""
    cast = values.astype(dtype)
    return np.where(cast < values, np.nextafter(cast, dtype.type(np.inf)), cast)


def _joint(given: np.ndarray, confident: np.ndarray, classes: int) -> np.ndarray:
    counted = confident >= 0
    pairs = confident[counted].astype(np.int64) * classes + given[counted]
    # Transposed in memory, as cleanlab has it: the order of a sum decides its last bit.
    joint = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).T
    np.fill_diagonal(joint, joint.diagonal().clip(min=1))
    return joint


def _round_rows(matrix: np.ndarray) -> np.ndarray:
    """Round each row to whole numbers that keep the row's sum, moving the entries nearest to a half."""
    rounded = np.ascontiguousarray(matrix.round())
    wanted = matrix.sum(axis=1).round()
    for i in np.flatnonzero(abs(rounded.sum(axis=1) - wanted) > MARGIN):
        row = rounded[i]
        while abs(missing := wanted[i] - row.sum().round()) > MARGIN:
            step = -1 if missing < 0 else 1
            moved = min(int(abs(missing)), len(row))
            row[np.argsort(matrix[i] - row)[::-step][:moved]] += step
    return rounded.astype(np.int64)


def _entropy(probs: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n,) entropy of each row over log K, in [0, 1]."""
    from scipy.special import xlogy

    out = np.empty(len(rows))
    for part in blocks(len(rows), probs.shape[1] * probs.itemsize):
        block = probs[rows[part]]
        out[part] = -np.sum(xlogy(block, block), axis=1) / np.log(block.shape[1])
    return out
