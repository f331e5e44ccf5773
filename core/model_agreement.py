"""How far a model and the given labels agree, or where they are numbers, how far they lie apart."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from core.dataset import Dataset
from core.methods.exact import median_interval
from core.methods.intervals import wilson
from core.predictions import Predictions

_KEPT = 64
_CHUNK = 16 << 20
_lock = threading.Lock()
_agreements: OrderedDict[tuple[str, str, str], Agreement | Miss] = OrderedDict()


@dataclass(frozen=True)
class Agreement:
    """How far a model and the given labels agree. Neither is the truth: both can be wrong.

    rows: labelled rows. share: of them, where the likeliest class is the given label (where a row can have
    several: where the labels with a probability of at least a half are exactly the given ones). low, high:
    95 % Wilson interval of the share.
    """

    rows: int
    share: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """For a person; no full stop."""
        if not self.rows:
            return "no labels to compare with"
        interval = f"95% interval {self.low:.1%}-{self.high:.1%}"
        return f"agrees with {self.share:.1%} of {self.rows:,} labels ({interval})"


@dataclass(frozen=True)
class Miss:
    """How far a model's numbers lie from the given ones. Neither are the truth: both can be wrong.

    rows: with both. typical: median of |given - predicted|. low, high: its 95 % interval; infinite where
    there are too few rows for one.
    """

    rows: int
    typical: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        """The interval, for a person."""
        return f"{self.low:.3g}-{self.high:.3g}" if np.isfinite(self.high) else "too few rows"

    @property
    def sentence(self) -> str:
        """For a person; no full stop."""
        if not self.rows:
            return "no numbers to compare with"
        return f"is typically {self.typical:.3g} off ({self.rows:,} numbers, 95% interval {self.interval})"


def agreement_of(dataset: Dataset, predictions: Predictions) -> Agreement | Miss:
    """How far a model and the given labels agree; computed once for each content."""
    key = (dataset.part("labels"), predictions.part("pred_probs"), predictions.part("predicted"))
    with _lock:
        if key in _agreements:
            _agreements.move_to_end(key)
            return _agreements[key]
    if dataset.targets is None:
        found: Agreement | Miss = _agreement(dataset, predictions.pred_probs)
    else:
        found = _miss(dataset.numbers, predictions.predicted)
    with _lock:
        _agreements[key] = found
        while len(_agreements) > _KEPT:
            _agreements.popitem(last=False)
    return found


def _agreement(dataset: Dataset, probs: np.ndarray | None) -> Agreement:
    labels = np.asarray(dataset.labels)
    rows = int((labels >= 0).sum())
    if probs is None or not rows:
        return Agreement(0, 0.0, 0.0, 1.0)
    member = None if dataset.sets is None else dataset.sets.indicator(dataset.classes)
    step = max(1, _CHUNK // max(1, probs[:1].nbytes))
    right = 0
    for start in range(0, len(probs), step):
        chunk, given = np.asarray(probs[start : start + step]), labels[start : start + step]
        there = given >= 0
        if member is None:
            right += int((chunk.argmax(axis=1) == given)[there].sum())
        else:
            right += int(((chunk >= 0.5) == member[given]).all(axis=1)[there].sum())
    low, high = wilson(np.array(right), np.array(rows))
    return Agreement(rows, right / rows, float(low), float(high))


def _miss(given: np.ndarray, predicted: np.ndarray | None) -> Miss:
    error = np.empty(0) if predicted is None else np.abs(given - np.asarray(predicted, dtype=np.float64))
    error = error[np.isfinite(error)]
    low, high = median_interval(error)
    return Miss(len(error), float(np.median(error)) if len(error) else 0.0, max(0.0, low), high)
