"""Confident learning where a row can have several labels: each class against the rest, as cleanlab does it.

Source: Thyagarajan et al.: Identifying Incorrect Annotations in Multi-Label Classification Data (2023);
cleanlab 2.9's multilabel_classification, which is the oracle in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.methods.confident_learning import MARGIN, SCORES, blocks, scan
from core.methods.label_filters import flag
from core.progress import Progress

ALPHA = 0.8
"""Weight of the next worse class in the moving average that makes one score of a row's K."""
_BLOCK_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class Doubts:
    """The (row, class) pairs where the probabilities contradict the labels, by row and then class.

    rows, classes: (M,) positions. extra: (M,) bool, the row has the label; else the label is missing.
    """

    rows: np.ndarray
    classes: np.ndarray
    extra: np.ndarray


def doubts(
    labels: np.ndarray,
    member: np.ndarray,
    pred_probs: np.ndarray,
    filter_by: str,
    progress: Progress | None = None,
) -> Doubts:
    """Which labels look missing or too many, each class judged by a filter of `label_filters` on its own.

    labels: (N,) codes of sets, -1 = unlabelled. member: (sets, K) bool. pred_probs: (N, K) in [0, 1].
    """
    progress = progress or Progress()
    count = pred_probs.shape[1]
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    width = max(1, _BLOCK_BYTES // max(1, len(labels) * pred_probs.itemsize))
    for start in range(0, count, width):
        columns = np.array(pred_probs[:, start : start + width].T, order="C")
        for k, column in enumerate(columns, start):
            progress.report(k / count, "reading probabilities class by class")
            has = np.where(labels >= 0, member[labels, k], -1).astype(np.int32)
            two = np.stack([1 - column, column], axis=1)
            scanned = scan(has, two)
            rows = scanned.rows[flag(scanned, two, filter_by)]
            found.append((rows, np.full(len(rows), k), has[rows] == 1))
    rows, classes, extra = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.lexsort((classes, rows))
    return Doubts(rows[order], classes[order], extra[order])


def set_quality(labels: np.ndarray, member: np.ndarray, pred_probs: np.ndarray, method: str) -> np.ndarray:
    """(N,) label quality scores in [0, 1], 0 = worst: the exponential moving average, best class first, of
    each class's own score. Rows without a label score 1.

    method: of SCORES, taken for "has this label" against "has it not". The margin and the self-confidence of
    two classes are the same number. alpha = 0.8.
    """
    if method not in SCORES:
        raise ValueError(f"no score called {method!r}; one of {', '.join(SCORES)}")
    out = np.ones(len(labels))
    for part in blocks(len(labels), pred_probs.shape[1] * 8):
        probs = np.asarray(pred_probs[part], dtype=np.float64)
        quality = np.where(member[labels[part]], probs, 1 - probs)
        if method == "confidence_weighted_entropy":
            quality = _weighted_entropy(probs, quality)
        out[part] = _moving_average(np.sort(quality, axis=1)[:, ::-1])
    out[labels < 0] = 1.0
    return np.clip(out, 0, 1)


def _moving_average(best_first: np.ndarray) -> np.ndarray:
    average = best_first[:, 0]
    for score in best_first.T[1:]:
        average = ALPHA * score + (1 - ALPHA) * average
    return average


def _weighted_entropy(probs: np.ndarray, p_given: np.ndarray) -> np.ndarray:
    """log(1 + e) / e, e = entropy over log 2, over p_given; the score of `label_quality` for two classes."""
    from scipy.special import xlogy

    entropy = -(xlogy(probs, probs) + xlogy(1 - probs, 1 - probs)) / np.log(2)
    weighted = entropy / np.clip(p_given, MARGIN, None)
    return np.log(weighted + 1) / np.clip(weighted, MARGIN, None)
