"""Clusters of rows that lie close together: k-means of the embeddings' directions, memory maps welcome."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from core.methods.neighbours import unit_rows
from core.progress import Progress

if TYPE_CHECKING:
    from sklearn.cluster import MiniBatchKMeans

SEED = 0
MOST_CLUSTERS = 1000
_ROWS_A_CLUSTER = 250  # that the centres are fitted to: all rows, up to 31,250 of them
_SAMPLE_BYTES = 128 << 20
_BATCH = 4096
_PASSES = 4
_NEAR_CENTRES = 20


def cluster_count(rows: int) -> int:
    """How many clusters N rows are put in: the square root of N / 2, from 1 to 1,000.

    40 rows: 4 clusters; 30,000: 122 clusters of 245 rows. Source: the rule of thumb in Mardia, Kent, Bibby:
    Multivariate Analysis, 1979.
    """
    return min(MOST_CLUSTERS, max(1, round(math.sqrt(rows / 2))))


def clusters(embeddings: np.ndarray, progress: Progress | None = None) -> np.ndarray:
    """(N,) int32 cluster of each row, from 0; 0 is the largest cluster, equals in data set order.

    embeddings: (N, D) float16 to float64, may be a memory map. Rows are compared by direction, as the
    nearest rows are: k-means on rows of length 1. At most `cluster_count(N)` clusters, none of them empty.
    The same for the same embeddings: the seed is fixed. The centres are fitted to a random sample of 250
    rows a cluster (all rows up to 31,250; at most 128 MB); then every row joins its nearest centre.
    Source: Sculley: Web-Scale K-Means Clustering, 2010, as scikit-learn's MiniBatchKMeans.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    rows = len(embeddings)
    if not rows:
        return np.empty(0, dtype=np.int32)
    model = fitted(embeddings, cluster_count(rows), progress.part(0, 0.6))
    labels = np.empty(rows, dtype=np.int32)
    for start in range(0, rows, _BATCH):
        progress.report(0.6 + 0.4 * start / rows, "putting rows into clusters")
        block = np.arange(start, min(start + _BATCH, rows))
        labels[block] = model.predict(unit_rows(embeddings, block))
    return largest_first(labels)


def centre_distances(
    embeddings: np.ndarray, labels: np.ndarray, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """How far every row lies from the centre of its cluster, and how far the centres lie apart.

    embeddings: (N, D), as `clusters` takes them. labels: (N,) clusters from 0, none of them empty.
    Returns (N,) float32 distances of the rows to the mean direction of their cluster, and (k,) float64 mean
    distances of each centre to its 20 nearest ones (to all others where there are fewer; 0 for one cluster).
    Distance: 1 - cosine, in [0, 2]. The embeddings are read twice. Source: Abbas et al.: Effective pruning
    of web-scale datasets based on complexity of concept clusters, 2024.
    Raises InputError for an embedding that is not finite.
    """
    progress = progress or Progress()
    rows = len(embeddings)
    if not rows:
        return np.empty(0, dtype=np.float32), np.empty(0)
    centres = _centres(embeddings, labels, progress.part(0, 0.5, "measuring clusters"))
    distance = np.empty(rows, dtype=np.float32)
    for start in range(0, rows, _BATCH):
        progress.report(0.5 + 0.5 * start / rows, "measuring clusters")
        block = np.arange(start, min(start + _BATCH, rows))
        near = np.einsum("ij,ij->i", unit_rows(embeddings, block), centres[labels[block]])
        distance[block] = np.clip(1 - near, 0, 2)
    return distance, _apart(centres)


def _centres(embeddings: np.ndarray, labels: np.ndarray, progress: Progress) -> np.ndarray:
    """(k, D) float32 mean directions of length 1; zero where the rows of a cluster cancel out."""
    from scipy.sparse import csr_matrix

    k, rows = int(labels.max()) + 1, len(embeddings)
    total = np.zeros((k, embeddings.shape[1]))
    for start in range(0, rows, _BATCH):
        progress.report(start / rows)
        block = np.arange(start, min(start + _BATCH, rows))
        ones = np.ones(len(block), dtype=np.float32)
        member = csr_matrix((ones, (labels[block], np.arange(len(block)))), shape=(k, len(block)))
        total += member @ unit_rows(embeddings, block)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.where(length > 0, length, 1)).astype(np.float32)


def _apart(centres: np.ndarray) -> np.ndarray:
    k = len(centres)
    if k < 2:
        return np.zeros(k)
    between = np.clip(1 - centres.astype(np.float64) @ centres.T, 0, 2)
    np.fill_diagonal(between, np.inf)
    near = min(_NEAR_CENTRES, k - 1)
    return np.partition(between, near - 1, axis=1)[:, :near].mean(axis=1)


def fitted(
    embeddings: np.ndarray,
    k: int,
    progress: Progress,
    rows_a_cluster: int = _ROWS_A_CLUSTER,
    spread: bool = True,
) -> MiniBatchKMeans:
    """k centres, fitted to a random sample of rows of length 1; the same for the same embeddings.

    spread: whether they start far apart (k-means++), which takes seconds from some thousand centres on, when
    it cannot be stopped; else at random rows.
    """
    progress.report(0, "reading embeddings")
    rng = np.random.default_rng(SEED)
    sample = _sample(embeddings, k * rows_a_cluster, 3 * k, rng, progress.part(0, 0.2, "reading embeddings"))
    few = sample[rng.permutation(len(sample))[: 3 * k]]
    return _fitted(sample, few if spread else few[:k], k, rng, progress.part(0.2, 1, "finding clusters"))


def _sample(
    embeddings: np.ndarray, wanted: int, least: int, rng: np.random.Generator, progress: Progress
) -> np.ndarray:
    """(S, D) float32 rows of length 1, in data set order: as many as wanted, or as there is room for."""
    rows, width = embeddings.shape
    fitting = min(wanted, max(least, _SAMPLE_BYTES // (4 * max(1, width))))
    chosen = np.arange(rows)
    if fitting < rows:
        chosen = np.sort(rng.choice(rows, fitting, replace=False))
    sample = np.empty((len(chosen), width), dtype=np.float32)
    for start in range(0, len(chosen), _BATCH):
        progress.report(start / len(chosen))
        sample[start : start + _BATCH] = unit_rows(embeddings, chosen[start : start + _BATCH])
    return sample


def _fitted(
    sample: np.ndarray, few: np.ndarray, k: int, rng: np.random.Generator, progress: Progress
) -> MiniBatchKMeans:
    """Centres from some passes over the sample, each in another order. Not `fit`, which cannot be stopped.

    few: rows to start from: k, or more to choose from.
    """
    progress.report(0)  # the import takes seconds in a fresh process
    from sklearn.cluster import MiniBatchKMeans, kmeans_plusplus

    start_at = few
    if len(few) > k:  # one trial a centre: more take most of the time, for no better clusters in the end
        start_at, _ = kmeans_plusplus(few, k, n_local_trials=1, random_state=SEED)
    model = MiniBatchKMeans(
        k, init=start_at, n_init=1, batch_size=_BATCH, compute_labels=False, random_state=SEED
    )
    for turn in range(_PASSES):
        order = rng.permutation(len(sample))
        for start in range(0, len(sample), _BATCH):
            progress.report((turn + start / len(sample)) / _PASSES)
            batch = order[start : start + _BATCH]
            model.partial_fit(sample[batch])
    return model


def largest_first(labels: np.ndarray) -> np.ndarray:
    _, first, inside, size = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    place = np.empty(len(size), dtype=np.int32)
    place[np.lexsort((first, -size))] = np.arange(len(size), dtype=np.int32)
    return place[inside]
