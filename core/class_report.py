"""The numbers behind the classes on the Explore page: how far a model and the given labels agree.

Neither is the truth. A model that learned the errors of the labels agrees with them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.methods.exact import mcnemar
from core.methods.intervals import wilson
from core.overview import MATRIX_CLASSES, Confusion, confusion_of
from core.progress import Progress

BINS = 15
DRAWS, SEED = 1000, 0
_ROWS_A_BIN = 20
_CHUNK = 8 << 20  # bytes of probabilities read at a time


def top_classes(pred_probs: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """(N,) int32 most probable class of each row, the first of equals, and (N,) float32 its probability.

    pred_probs: (N, K), K >= 1, may be a memory map.
    """
    n = len(pred_probs)
    predicted, confidence = np.empty(n, dtype=np.int32), np.empty(n, dtype=np.float32)
    step = max(1, _CHUNK // max(1, pred_probs[:1].nbytes))
    for start in range(0, n, step):
        progress.report(start / n, "reading probabilities")
        block = np.asarray(pred_probs[start : start + step])
        top = block.argmax(axis=1)
        predicted[start : start + step] = top
        confidence[start : start + step] = block[np.arange(len(block)), top]
    return predicted, confidence


def label_counts(dataset: Dataset, pred_probs: np.ndarray, progress: Progress) -> pd.DataFrame:
    """Where a row can have several labels, one line a label: rows that are given it, rows that the model
    predicts it for (a probability of at least a half), rows of both. Rows without labels are left out."""
    if dataset.sets is None:
        raise ValueError("this data set has one label a row")
    member, n = dataset.sets.indicator(dataset.classes), len(dataset)
    counts = np.zeros((3, len(dataset.names)), dtype=np.int64)
    step = max(1, _CHUNK // max(1, pred_probs[:1].nbytes))
    for start in range(0, n, step):
        progress.report(start / n, "reading probabilities")
        labels = np.asarray(dataset.labels[start : start + step])
        there = labels >= 0
        given = member[labels[there]]
        predicted = np.asarray(pred_probs[start : start + step])[there] >= 0.5
        counts += np.stack([a.sum(axis=0) for a in (given, predicted, given & predicted)])
    return pd.DataFrame({"rows": counts[0], "predicted": counts[1], "both": counts[2]})


def class_counts(dataset: Dataset, predicted: np.ndarray) -> pd.DataFrame:
    """The same where a row has one label: rows given each class, predicted as it, and both."""
    there = dataset.labels >= 0
    given, told, k = dataset.labels[there], predicted[there], len(dataset.classes)
    count = [np.bincount(rows, minlength=k) for rows in (given, told, given[given == told])]
    return pd.DataFrame({"rows": count[0], "predicted": count[1], "both": count[2]})


def class_frame(names: Sequence[str], counts: pd.DataFrame) -> pd.DataFrame:
    """One line a class, the lowest upper bound of its F1 first; classes that no row has come last.

    counts: as from `class_counts` or `label_counts`. Columns: class, rows, predicted, and precision (share
    of the rows predicted as it that are given it), recall (share of the rows given it that are predicted as
    it) and f1, their harmonic mean, each with *_low and *_high: 95% intervals, Wilson's; for F1 that of the
    Jaccard index J = both / either, carried over by F1 = 2 J / (1 + J). NaN where there is nothing to
    divide by.
    """
    rows, predicted, both = (counts[c].to_numpy() for c in ("rows", "predicted", "both"))
    frame = pd.DataFrame({"class": pd.array(list(names), dtype="str"), "rows": rows, "predicted": predicted})
    for name, trials in (("precision", predicted), ("recall", rows), ("f1", rows + predicted - both)):
        there = trials > 0
        some = np.where(there, trials, 1)
        for end, value in zip(("", "_low", "_high"), (both / some, *wilson(both, some)), strict=True):
            value = 2 * value / (1 + value) if name == "f1" else value
            frame[name + end] = np.where(there, value, np.nan)
    return frame.sort_values("f1_high", kind="stable", ignore_index=True)


def confusion(dataset: Dataset, predicted: np.ndarray, top: int = MATRIX_CLASSES) -> Confusion:
    """Labelled rows of which another class is predicted, by given label and predicted class, among the
    classes with most of them. The diagonal, where both agree, is 0."""
    apart = np.flatnonzero((dataset.labels >= 0) & (predicted != dataset.labels))
    return confusion_of(np.asarray(dataset.labels)[apart], predicted[apart], dataset.classes, top)


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far the probability of the predicted class is the share of labels that agree.

    bins: a line a bin, columns low, high (probabilities), rows, confidence (mean probability), agrees (share
    of rows), agrees_low, agrees_high (95% Wilson interval).
    error: expected calibration error in [0, 1], 0 = none: the mean over the rows of |agrees - confidence| of
    their bin. low, high: its 95% interval. by_chance: what a perfectly calibrated model would stay below in
    95 of 100 such data sets; the interval of an error below it begins at 0.
    """

    bins: pd.DataFrame
    error: float
    low: float
    high: float
    by_chance: float


def calibration(confidence: np.ndarray, agrees: np.ndarray) -> Calibration | None:
    """Over bins of about equally many rows, at most BINS, of 20 rows or more; None without rows.

    confidence: (n,) in [0, 1]. agrees: (n,) bool. Rows of equal confidence share a bin. The interval is a
    basic bootstrap of the rows' counts, DRAWS draws, bins and their mean probabilities held fixed: the
    percentiles themselves would lie too high, since the error of a sample is above the true one. Seen to hold
    the true error in 88 or more of 100 samples of 100 to 20,000 rows.
    Source: Guo et al.: On Calibration of Modern Neural Networks, 2017; Bröcker, Smith: Increasing the
    Reliability of Reliability Diagrams, 2007.
    """
    if not len(confidence):
        return None
    bins = _bins(np.asarray(confidence, dtype=np.float64), agrees)
    rows, hits, mean = (bins[c].to_numpy() for c in ("rows", "hits", "confidence"))
    n, rng = int(rows.sum()), np.random.default_rng(SEED)
    error = _error(hits, rows, mean)
    drawn = rng.multinomial(n, np.append(hits, rows - hits) / n, DRAWS)
    again = _error(drawn[:, : len(bins)], drawn[:, : len(bins)] + drawn[:, len(bins) :], mean)
    low, high = 2 * error - np.quantile(again, [0.975, 0.025])
    chance = _error(rng.binomial(rows, mean.clip(0, 1), (DRAWS, len(bins))), rows, mean)
    by_chance = float(np.quantile(chance, 0.95))
    low = 0.0 if error <= by_chance else min(float(error), max(0.0, float(low)))
    high = min(1.0, max(float(error), float(high)))  # draws of a mere chance error can all lie above twice it
    return Calibration(bins.drop(columns="hits"), float(error), low, high, by_chance)


def _bins(confidence: np.ndarray, agrees: np.ndarray) -> pd.DataFrame:
    n = len(confidence)
    count = min(BINS, max(1, n // _ROWS_A_BIN))
    edges = np.unique(np.sort(confidence)[np.arange(count) * n // count])
    at = np.searchsorted(edges, confidence, side="right") - 1
    rows, hits = np.bincount(at), np.bincount(at[agrees], minlength=len(edges))
    low, high = wilson(hits, rows)
    order = np.argsort(at, kind="stable")
    starts = np.cumsum(rows) - rows
    return pd.DataFrame(
        {
            "low": edges,
            "high": np.maximum.reduceat(confidence[order], starts),
            "rows": rows,
            "hits": hits,
            "confidence": np.bincount(at, weights=confidence) / rows,
            "agrees": hits / rows,
            "agrees_low": low,
            "agrees_high": high,
        }
    )


def _error(hits: np.ndarray, rows: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Expected calibration error over the last axis. |hits / rows - mean| * rows needs no division."""
    return np.abs(hits - rows * mean).sum(axis=-1) / rows.sum(axis=-1)


def by_split(agrees: np.ndarray, splits: pd.Series) -> pd.DataFrame:
    """One line a split, in their order as text: rows, share that agrees, low and high (95% Wilson).

    agrees: (N,) float, 1 where label and prediction agree, 0 where not, NaN for a row without a label.
    """
    there = ~np.isnan(agrees)
    codes, names = pd.factorize(splits[there], sort=True)
    found = agrees[there][codes >= 0]
    rows = np.bincount(codes[codes >= 0], minlength=len(names))
    hits = np.bincount(codes[codes >= 0], weights=found, minlength=len(names))
    low, high = wilson(hits, rows)
    split = pd.array(list(names), dtype="str")
    return pd.DataFrame({"split": split, "rows": rows, "agrees": hits / rows, "low": low, "high": high})


@dataclass(frozen=True)
class Difference:
    """Two models on the same labelled rows. only_first, only_second: rows whose label only that one predicts.

    p: McNemar's exact test, two-sided: how likely rows would differ at least so unevenly if both models
    agreed with the labels equally often. Source: McNemar, 1947; Edwards, 1948.
    """

    only_first: int
    only_second: int
    p: float


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """first, second: (n,) bool, whether the model predicts the row's given label."""
    a, b = int((first & ~second).sum()), int((second & ~first).sum())
    return Difference(a, b, mcnemar(a, b)[0])
