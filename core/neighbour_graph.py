"""The nearest rows of every row, found once and shared by the checks of an audit."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from core.methods.neighbours import nearest, reference_rows
from core.predictions import Predictions
from core.progress import Progress

NEIGHBOURS = 30


@dataclass(frozen=True, eq=False)
class Graph:
    """rows: (N, k) int32 positions of the rows nearest to each row, nearest first, itself left out.

    distances: (N, k) float32 cosine distances. sample: how many rows were searched; None for all. Where fewer
    rows are there, k is smaller.
    """

    rows: np.ndarray
    distances: np.ndarray
    sample: int | None


_GRAPHS: WeakKeyDictionary[Predictions, Graph] = WeakKeyDictionary()
_LOCK = threading.Lock()


def graph(predictions: Predictions, progress: Progress, least: int = NEIGHBOURS) -> Graph:
    """The graph of these embeddings, which there must be of at least two rows. Kept until `forget`.

    least: how many nearest rows there must be, where the data set has them; NEIGHBOURS or more are found.
    """
    embeddings = predictions.embeddings
    if embeddings is None or len(embeddings) < 2:
        raise ValueError("a graph needs the embeddings of two rows at least")
    n = len(embeddings)
    with _LOCK:
        found = _GRAPHS.get(predictions)
    if found is None or found.rows.shape[1] < min(least, n - 1):
        sample = reference_rows(n)
        k = min(max(least, NEIGHBOURS), n - 1 if sample is None else len(sample) - 1)
        rows, distances = nearest(embeddings, np.arange(n), k, sample, progress)
        found = Graph(rows.astype(np.int32), distances, None if sample is None else len(sample))
        with _LOCK:
            _GRAPHS[predictions] = found
    return found


def forget(predictions: Predictions) -> None:
    """Give the memory back: 240 bytes a row."""
    with _LOCK:
        _GRAPHS.pop(predictions, None)
