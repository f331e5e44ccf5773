"""Which rows to flag: our default, the calibrated count, and all filters of cleanlab 2.9, equal to the row.

The first two flag as many rows as they count errors. What other counts say is measured by
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
    first_best,
    label_quality,
    rows_by_class,
)
from core.methods.corrected_confidence import Ranking
from core.methods.temperature import best_temperature
from core.progress import Progress

CALIBRATED = "calibrated"
DEFAULT_FILTER = "larger_count"
SEED, _ROWS, _CELLS, _FEW = 0, 20_000, 1_000_000, 500  # sampled rows: so many at most, and at least
_LEAST = 1e-6  # of a probability, before its logarithm is taken


def flag(
    scanned: Scan,
    pred_probs: np.ndarray,
    filter_by: str,
    progress: Progress | None = None,
    ranking: Ranking | None = None,
) -> np.ndarray:
    """(n,) bool over the labelled rows: which labels look wrong by one filter of FILTERS.

    pred_probs: (N, K), the array that was scanned. ranking: of the same labelled rows; by its quality the
    default and the calibrated count choose, and its mixture is what the default asks. None: the normalized
    margin and pred_probs. Raises ValueError for an unknown filter.
    """
    if filter_by not in FILTERS:
        raise ValueError(f"no filter called {filter_by!r}; one of {', '.join(FILTERS)}")
    probs, progress = np.asarray(pred_probs), progress or Progress()
    if filter_by not in (DEFAULT_FILTER, CALIBRATED):
        return _CLEANLABS[filter_by](scanned, probs, progress)
    count = round(estimate_errors(scanned))
    if filter_by == DEFAULT_FILTER:
        asked: tuple[Scan, Probabilities] = (scanned, probs)
        if ranking is not None:
            asked = ranking.scanned, ranking.mixture
        count = max(count, int(likelier(asked[0], asked[1], progress).sum()))
    quality = label_quality(scanned, "normalized_margin", probs) if ranking is None else ranking.quality
    return _mask(scanned, lowest(quality, count, stable=True))  # earlier rows first in a tie


def likelier(scanned: Scan, probs: Probabilities, progress: Progress | None = None) -> np.ndarray:
    """(n,) bool over the labelled rows: one class other than the given label has more than half of the
    probability.

    probs: (N, K), what was scanned. They are calibrated on the given labels first (one temperature, of the
    least log loss; on a seeded sample where there are many rows), so that they foretell what another
    annotator would say. That sees errors which the confident joint misses, and cannot tell them from rows
    that the model has not understood; it never finds a row that the model does not contradict. Labels of one
    class foretell nothing of another: none is found.
    """
    progress, n = progress or Progress(), len(scanned.rows)
    if (scanned.class_counts > 0).sum() < 2:
        return np.zeros(n, dtype=bool)
    some = sampled(n, probs.shape[1])
    progress.report(0, "looking where another class fits better")
    fitted = temperature(probs[scanned.rows[some]], scanned.labels[some], progress.part(0, 0.3))
    best = (scanned.labels, scanned.p_given, scanned.other, scanned.p_other)
    return another_fits(probs, scanned.rows, best, fitted, progress.part(0.3, 1))


def sampled(n: int, classes: int) -> np.ndarray:
    """Positions, in their order, of those of n labelled rows by which `likelier` calibrates."""
    most = max(_FEW, min(_ROWS, _CELLS // classes))
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, most, replace=False))


def temperature(probs: np.ndarray, labels: np.ndarray, progress: Progress | None = None) -> float:
    """The temperature at which these rows' probabilities, (m, K), foretell their given labels best."""
    return best_temperature(np.log(np.maximum(probs, _LEAST)), labels, progress)


def another_fits(
    probs: Probabilities,
    rows: np.ndarray,
    best: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    temperature: float,
    progress: Progress | None = None,
) -> np.ndarray:
    """(n,) bool of these rows: at that temperature another class has more than half of the probability.
    best: given labels, p_given, other and p_other of these rows."""
    progress = progress or Progress()
    over = (first_best(*best) != best[0]) & (best[3] > 0.5)
    found = over if temperature <= 1 else np.zeros(len(rows), dtype=bool)
    # A temperature keeps the order of the classes. One below 1 adds to the first, one above takes from it.
    doubt = over if temperature > 1 else (first_best(*best) != best[0]) & ~over
    at = np.flatnonzero(doubt)
    for part in blocks(len(at), probs.shape[1] * probs.dtype.itemsize):
        logs = np.log(np.maximum(probs[rows[at[part]]], _LEAST))
        logs -= np.log(np.maximum(best[3][at[part]], _LEAST))[:, None]
        found[at[part]] = np.exp(logs / temperature).sum(axis=1) < 2
        progress.report(part.stop / len(at), "looking where another class fits better")
    return found


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


_CLEANLABS: dict[str, Callable[[Scan, np.ndarray, Progress], np.ndarray]] = {
    "prune_by_noise_rate": _prune_by_noise_rate,
    "prune_by_class": _prune_by_class,
    "both": _both,
    "confident_learning": _confident_learning,
    "predicted_neq_given": _predicted_neq_given,
    "low_normalized_margin": _low_normalized_margin,
    "low_self_confidence": _low_self_confidence,
}
FILTERS = {
    DEFAULT_FILTER: (
        "the larger of two counts: calibrated confident joint, rows where another class is likelier than "
        "not; lowest label quality scores"
    ),
    CALIBRATED: "calibrated count of the confident joint, lowest label quality scores",
    "prune_by_noise_rate": "calibrated count of each pair of classes (prune by noise rate)",
    "prune_by_class": "calibrated count of each class (prune by class)",
    "both": "prune by noise rate and by class",
    "confident_learning": "off-diagonal rows of the confident joint",
    "predicted_neq_given": "rows where the model's class is not the given label",
    "low_normalized_margin": "off-diagonal count of the confident joint, lowest normalized margin",
    "low_self_confidence": "off-diagonal count of the confident joint, lowest self-confidence",
}
"""Each filter's name in the settings, and how its count is made, in words."""


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
