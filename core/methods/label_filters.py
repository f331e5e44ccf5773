"""Which rows to flag: our default, one that reads further, and all filters of cleanlab 2.9, equal to the row.

Each of the first two flags as many rows as it counts errors. What other counts say is measured by
tests/benchmarks/bench_counts.py: none tells errors that a model has learned from rows that it finds hard.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.methods.confident_learning import (
    Probabilities,
    Scan,
    blocks,
    count_off_diagonal,
    counted_elsewhere,
    estimate_errors,
    label_quality,
    rows_by_class,
)
from core.progress import Progress

DEFAULT_FILTER = "calibrated"
LARGER_COUNT = "larger_count"
SEED, _ROWS, _CELLS = 0, 20_000, 2_000_000  # a temperature is chosen on a sample of so many, at most
_LEAST = 1e-6  # of a probability, before its logarithm is taken


def flag(
    scanned: Scan,
    pred_probs: np.ndarray,
    filter_by: str,
    progress: Progress | None = None,
    quality: np.ndarray | None = None,
    mixture: Probabilities | None = None,
) -> np.ndarray:
    """(n,) bool over the labelled rows: which labels look wrong by one filter of FILTERS.

    pred_probs: (N, K), the array that was scanned. quality: (n,) label quality scores, by which the default
    and the larger count choose; None: the normalized margin. mixture: (N, K) probabilities that the larger
    count asks; None: pred_probs. Raises ValueError for an unknown filter.
    """
    if filter_by not in FILTERS:
        raise ValueError(f"no filter called {filter_by!r}; one of {', '.join(FILTERS)}")
    probs = np.asarray(pred_probs)
    if filter_by == DEFAULT_FILTER:
        return _calibrated(scanned, probs, quality=quality)
    if filter_by == LARGER_COUNT:
        return _larger(scanned, probs, progress, quality, mixture)
    return FILTERS[filter_by][1](scanned, probs, progress or Progress())


def _calibrated(
    scanned: Scan, pred_probs: np.ndarray, _: Progress | None = None, quality: np.ndarray | None = None
) -> np.ndarray:
    """The lowest scores, as many as the estimated errors; earlier rows first in a tie."""
    if quality is None:
        quality = label_quality(scanned, "normalized_margin", pred_probs)
    return _mask(scanned, lowest(quality, round(estimate_errors(scanned)), stable=True))


def _larger(
    scanned: Scan,
    pred_probs: np.ndarray,
    progress: Progress | None = None,
    quality: np.ndarray | None = None,
    mixture: Probabilities | None = None,
) -> np.ndarray:
    """The lowest scores, as many as the larger of the estimated errors and the rows of `likelier`."""
    if quality is None:
        quality = label_quality(scanned, "normalized_margin", pred_probs)
    fits = int(likelier(scanned, pred_probs if mixture is None else mixture, progress).sum())
    return _mask(scanned, lowest(quality, max(round(estimate_errors(scanned)), fits), stable=True))


def likelier(scanned: Scan, probs: Probabilities, progress: Progress | None = None) -> np.ndarray:
    """(n,) bool over the labelled rows: one class other than the given label has more than half of the
    probability.

    probs: (N, K). They are calibrated on the given labels first (one temperature, of the least log loss; on a
    seeded sample above 20,000 rows), so that they foretell what another annotator would say. That sees errors
    which the confident joint misses, and cannot tell them from rows that the model has not understood.
    """
    progress = progress or Progress()
    found = np.zeros(len(scanned.rows), dtype=bool)
    if not len(found):
        return found
    temperature = _temperature(scanned, probs, progress.part(0, 0.3))
    progress = progress.part(0.3, 1)
    for part in blocks(len(found), probs.shape[1] * probs.dtype.itemsize):
        block = np.asarray(probs[scanned.rows[part]])
        best = block.argmax(axis=1)
        # One temperature keeps the order of the classes, and only the first can have over a half.
        rows = np.flatnonzero(best != scanned.labels[part])
        logs = np.log(np.maximum(block[rows], _LEAST))
        below = logs - logs[np.arange(len(rows)), best[rows]][:, None]
        found[part.start + rows] = np.exp(below / temperature).sum(axis=1) < 2
        progress.report(part.stop / len(found), "looking where another class fits better")
    return found


def _temperature(scanned: Scan, probs: Probabilities, progress: Progress) -> float:
    from core.methods import softmax

    some, most = np.arange(len(scanned.rows)), max(1, min(_ROWS, _CELLS // probs.shape[1]))
    if len(some) > most:
        some = np.sort(np.random.default_rng(SEED).choice(some, most, replace=False))
    logs = np.log(np.maximum(np.asarray(probs[scanned.rows[some]]), _LEAST))
    return softmax.best_temperature(logs, scanned.labels[some], progress)


def _low_normalized_margin(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    margin = label_quality(scanned, "normalized_margin", pred_probs)
    return _mask(scanned, lowest(margin, count_off_diagonal(scanned)))


def _low_self_confidence(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    return _mask(scanned, lowest(scanned.p_given, count_off_diagonal(scanned)))


def _confident_learning(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    return counted_elsewhere(scanned) & ~scanned.agrees


def _predicted_neq_given(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    return (scanned.predicted != scanned.labels) & ~scanned.agrees


def _prune_by_class(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    """In each class the rows with the lowest p_given, as many as its off-diagonal counts say."""
    mask = np.zeros(len(scanned.labels), dtype=bool)
    kept = _prune_counts(scanned.calibrated_joint).diagonal()
    for k, rows in _classes(scanned):
        mask[rows[lowest(scanned.p_given[rows], len(rows) - kept[k])]] = True
    return mask & ~scanned.agrees


def _prune_by_noise_rate(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    """For each pair (given, true) the rows with the largest p_true - p_given, as many as the joint counts."""
    mask = np.zeros(len(scanned.labels), dtype=bool)
    wanted = _prune_counts(scanned.calibrated_joint)
    for k, rows in _classes(scanned):
        columns = np.flatnonzero((wanted[k] > 0) & (np.arange(len(wanted)) != k))
        given = scanned.p_given[rows]
        # A few columns at a time: a class may hold most of the rows.
        for part in blocks(len(columns), given.nbytes):
            probs = pred_probs[np.ix_(scanned.rows[rows], columns[part])]
            for column, j in enumerate(columns[part]):
                mask[rows[lowest(-(probs[:, column] - given), wanted[k, j])]] = True
        progress.report((k + 1) / len(wanted), "filtering by noise rate")
    return mask & ~scanned.agrees


def _both(scanned: Scan, pred_probs: np.ndarray, progress: Progress) -> np.ndarray:
    return _prune_by_class(scanned, pred_probs, progress) & _prune_by_noise_rate(
        scanned, pred_probs, progress
    )


FILTERS: dict[str, tuple[str, Callable[[Scan, np.ndarray, Progress], np.ndarray]]] = {
    "calibrated": ("calibrated count of the confident joint, lowest label quality scores", _calibrated),
    LARGER_COUNT: (
        "the larger of two counts: calibrated count of the confident joint, and rows that another class fits "
        "likelier than not; lowest label quality scores",
        _larger,
    ),
    "prune_by_noise_rate": (
        "calibrated count of each pair of classes (prune by noise rate)",
        _prune_by_noise_rate,
    ),
    "prune_by_class": ("calibrated count of each class (prune by class)", _prune_by_class),
    "both": ("prune by noise rate and by class", _both),
    "confident_learning": ("off-diagonal rows of the confident joint", _confident_learning),
    "predicted_neq_given": ("rows where the model's class is not the given label", _predicted_neq_given),
    "low_normalized_margin": (
        "off-diagonal count of the confident joint, lowest normalized margin",
        _low_normalized_margin,
    ),
    "low_self_confidence": (
        "off-diagonal count of the confident joint, lowest self-confidence",
        _low_self_confidence,
    ),
}
"""Each filter's name in the settings: how its count is made, in words, and the function."""


def lowest(scores: np.ndarray, count: int, stable: bool = False) -> np.ndarray:
    """Positions of the `count` lowest scores, as np.argsort(scores)[:count] gives them, in any order.

    stable: where a tie straddles the cut, take earlier rows first; otherwise as numpy's own sort falls.
    """
    if count <= 0:
        return np.empty(0, dtype=np.intp)
    if count >= len(scores):
        return np.arange(len(scores))
    cut = np.partition(scores, count - 1)[count - 1]
    found = np.flatnonzero(scores <= cut)
    if len(found) == count:  # no tie at the cut, so every sort agrees
        return found
    return np.argsort(scores, kind="stable" if stable else None)[:count]


def _prune_counts(calibrated_joint: np.ndarray) -> np.ndarray:
    """(K, K) rows to prune by [given, true]; the diagonal: rows to keep, at least 1 in each class.

    What raises the diagonal is taken evenly from the row's other entries, as in cleanlab with
    min_examples_per_class = 1 and frac_noise = 1.
    """
    counts = calibrated_joint
    kept = np.maximum(counts.diagonal(), 1)
    raised = kept - counts.diagonal()
    shared = np.maximum(np.count_nonzero(counts, axis=1) - 1.0, 1.0)
    pruned = np.clip(counts - (raised / shared)[:, None], 0, None)
    np.fill_diagonal(pruned, kept)
    return pruned.astype(np.int64)


def _classes(scanned: Scan) -> list[tuple[int, np.ndarray]]:
    """(class, positions of its rows) for every class of more than one row: the last one is never pruned."""
    parts = rows_by_class(scanned.labels, scanned.class_counts)
    return [(k, rows) for k, rows in enumerate(parts) if len(rows) > 1]


def _mask(scanned: Scan, positions: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(scanned.labels), dtype=bool)
    mask[positions] = True
    return mask
