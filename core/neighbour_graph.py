"""The nearest rows of every row, found once, shared by the checks of an audit and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd

from core.cache import load_array, load_table, store_array, store_table
from core.methods.inverted_file import nearest_in_cells
from core.methods.neighbours import EXACT_ROWS, nearest, with_new_rows
from core.methods.recall import Recall, measured
from core.predictions import Predictions
from core.progress import Progress

NEIGHBOURS = 30
GROWS_BY = 20
"""New rows are added to a graph where they are at most one row in this many; else all rows are searched."""
_NAME, _DISTANCES, _SAID = "neighbours", "neighbours-distances", "neighbours-said"
_VERSION = 1  # raise it when other rows come from the same embeddings
_TRIED = 3  # graphs of fewer rows whose embeddings are digested to see whether this one goes on from them


@dataclass(frozen=True, eq=False)
class Graph:
    """rows: (N, k) int32 positions of the rows nearest to each row, nearest first, itself left out.

    distances: (N, k) float32 cosine distances. recall: how many of the nearest rows these are; None where all
    rows were compared. Where fewer rows are there, k is smaller. Both arrays may be memory maps.
    """

    rows: np.ndarray
    distances: np.ndarray
    recall: Recall | None


_GRAPHS: WeakKeyDictionary[Predictions, Graph] = WeakKeyDictionary()
_KEPT_IN: WeakKeyDictionary[Predictions, Path] = WeakKeyDictionary()
_LOCK = threading.Lock()


def keep_in(predictions: Predictions, cache_dir: Path) -> None:
    """Look for the graph of these embeddings in a cache, and keep it there, until `forget`."""
    with _LOCK:
        _KEPT_IN[predictions] = cache_dir


def graph(predictions: Predictions, progress: Progress, least: int = NEIGHBOURS) -> Graph:
    """The graph of these embeddings, which there must be of at least two rows. In memory until `forget`.

    least: how many nearest rows there must be, where the data set has them; NEIGHBOURS or more are found.
    Up to 30,000 rows all are compared, above as core.methods.inverted_file says. Where the cache holds the
    graph of the first rows, and few are new, only these are searched.
    """
    embeddings = predictions.embeddings
    if embeddings is None or len(embeddings) < 2:
        raise ValueError("a graph needs the embeddings of two rows at least")
    k = min(max(least, NEIGHBOURS), len(embeddings) - 1)
    with _LOCK:
        found, cache_dir = _GRAPHS.get(predictions), _KEPT_IN.get(predictions)
    if found is None or found.rows.shape[1] < k:
        if cache_dir is None:
            found = _searched(embeddings, k, progress)
        else:
            found = _kept(predictions, k, cache_dir, progress)
        with _LOCK:
            _GRAPHS[predictions] = found
    return found


def forget(predictions: Predictions) -> None:
    """Give the memory back: 240 bytes a row. What is in a cache stays there."""
    with _LOCK:
        _GRAPHS.pop(predictions, None)
        _KEPT_IN.pop(predictions, None)


def _searched(embeddings: np.ndarray, k: int, progress: Progress) -> Graph:
    if len(embeddings) > EXACT_ROWS:
        return Graph(*nearest_in_cells(embeddings, k, progress))
    rows, distances = nearest(embeddings, np.arange(len(embeddings)), k, None, progress)
    return Graph(rows.astype(np.int32), distances, None)


def _kept(predictions: Predictions, k: int, cache_dir: Path, progress: Progress) -> Graph:
    """The graph from the cache; else grown from one that is there, or searched, and then kept."""
    embeddings, digest = predictions.embeddings, predictions.part("embeddings")
    assert embeddings is not None
    found = _load(cache_dir, digest)
    if found is not None and found.rows.shape[1] >= k:
        return found
    begun = _begun(embeddings, k, cache_dir)
    made = _searched(embeddings, k, progress) if begun is None else _grown(embeddings, begun, k, progress)
    _store(cache_dir, digest, embeddings, made)
    return _load(cache_dir, digest) or made  # from the file, so that memory can be had back


def _grown(embeddings: np.ndarray, begun: Graph, k: int, progress: Progress) -> Graph:
    """The graph of all rows from that of the first ones."""
    part = progress.part(0, 0.95)
    rows, distances = with_new_rows(embeddings, begun.rows, begun.distances, k, part)
    recall = begun.recall and measured(embeddings, rows, distances, progress.part(0.95, 1))
    return Graph(rows.astype(np.int32), distances, recall)


def _begun(embeddings: np.ndarray, k: int, cache_dir: Path) -> Graph | None:
    """The largest graph in the cache whose embeddings are the first of these, where few are new."""
    n = len(embeddings)
    folder = cache_dir / _SAID
    entries = [_said(cache_dir, entry.name) for entry in folder.glob("[!.]*")] if folder.is_dir() else []
    able = [
        said
        for said in entries
        if said is not None
        and said["of"] == _kind(embeddings)
        and n - n / GROWS_BY <= said["rows"] < n
        and said["k"] >= min(k, said["rows"] - 1)
    ]
    for said in sorted(able, key=lambda said: -said["rows"])[:_TRIED]:
        first = Predictions(embeddings=embeddings[: said["rows"]])
        if first.part("embeddings") == said["embeddings"]:
            return _load(cache_dir, said["embeddings"])
    return None


def _load(cache_dir: Path, digest: str) -> Graph | None:
    said = _said(cache_dir, _key(digest))
    rows, distances = (load_array(cache_dir, name, _key(digest)) for name in (_NAME, _DISTANCES))
    if said is None or rows is None or distances is None:
        return None
    recall = said["recall"] and Recall(**said["recall"])
    return Graph(np.asarray(rows), np.asarray(distances), recall)


def _store(cache_dir: Path, digest: str, embeddings: np.ndarray, made: Graph) -> None:
    store_array(cache_dir, _NAME, _key(digest), made.rows)
    store_array(cache_dir, _DISTANCES, _key(digest), made.distances)
    said = {
        "embeddings": digest,
        "of": _kind(embeddings),
        "rows": len(made.rows),
        "k": made.rows.shape[1],
        "recall": made.recall and asdict(made.recall),
    }
    store_table(cache_dir, _SAID, _key(digest), pd.DataFrame({"json": [json.dumps(said)]}))


def _said(cache_dir: Path, key: str) -> dict[str, Any] | None:
    """Which embeddings a graph in the cache is of, its rows, k and recall; None of an older version."""
    table = load_table(cache_dir, _SAID, key)
    said = None if table is None else json.loads(table["json"].iloc[0])
    return said if said is not None and key == _key(said["embeddings"]) else None


def _kind(embeddings: np.ndarray) -> list[Any]:
    return [embeddings.dtype.str, embeddings.shape[1]]


def _key(digest: str) -> str:
    return hashlib.sha256(f"{_NAME}:{_VERSION}:{digest}".encode()).hexdigest()
