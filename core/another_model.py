"""One more model's file for a data set that is there, and how far a model and the labels agree."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.dataset import Dataset
from core.errors import Problem, refuse
from core.loading import checked_probs
from core.methods.intervals import wilson
from core.predictions import Predictions
from core.preflight.labels import ClassList
from core.preflight.predicted_labels import PredictedLabels, as_probabilities
from core.preflight.prediction_files import read_predictions
from core.preflight.probabilities import as_float_matrix
from core.preflight.reconcile import Classes, column_order
from core.progress import Progress

_KEPT = 64
_CHUNK = 16 << 20
_lock = threading.Lock()
_agreements: OrderedDict[tuple[str, str], Agreement] = OrderedDict()


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


def read_model(
    dataset: Dataset, path: Path, softmax: bool = False, progress: Progress | None = None
) -> tuple[Predictions, list[Problem]]:
    """(a model's probabilities aligned with the data set, named after the file; what was found).

    By id where the file has ids, else by order; columns by name where they have names, else in the order of
    the classes. Raises InputError for what does not fit.
    """
    found = read_predictions(path, dataset.columns.id)
    names = dataset.names
    tokens = dataset.tokens if dataset.sets is None else dataset.sets.tokens
    if isinstance(found, PredictedLabels):
        if dataset.sets is not None:
            mend = "save one column for each class: its probability, or 0 and 1"
            raise refuse("one predicted class a row, but rows can have several", file=found.file, mend=mend)
        found = as_probabilities(found, tokens, ClassList(tokens, names, dataset.name))
    values, problems = as_float_matrix(found.values, found.file, "pred_probs")
    order = column_order(found.names, values.shape[1], names, tokens, found.file)
    classes = Classes(dataset.classes, dataset.tokens, dataset.labels, order, (), dataset.sets)
    array = replace(found, values=values)
    probs, said = checked_probs(array, classes, dataset.row_ids, softmax, progress or Progress())
    return Predictions(path.stem, probs), [*problems, *said]


def agreement_of(dataset: Dataset, predictions: Predictions) -> Agreement:
    """How far a model and the given labels agree; computed once for each content."""
    key = (dataset.part("labels"), predictions.part("pred_probs"))
    with _lock:
        if key in _agreements:
            _agreements.move_to_end(key)
            return _agreements[key]
    found = _agreement(dataset, predictions.pred_probs)
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
