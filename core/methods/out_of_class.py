"""Rows that belong to none of the classes: how unlike the rows that surely belong to one they are.

Source: Vaze, Han, Vedaldi, Zisserman: Open-Set Recognition: A Good Closed-Set Classifier is All You Need,
2022 (maximum logit); Bates, Candès, Lei, Romano, Sesia: Testing for Outliers with Conformal p-values, 2023.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.methods.neighbours import nearest, unit_rows
from core.progress import Progress

NEAREST = 10
SAMPLE_ROWS, SAMPLE_SEED = 20_000, 0
LEAST_TRUSTED = 20
"""Trusted rows of a class from which it has a scale of its own; below, all trusted rows are the scale."""
LEAST_GROUP = 5
MOST_GROUPED = 2000
_LEAST = 1e-9


def largest_logit(top: np.ndarray, log_sums: np.ndarray | None = None) -> np.ndarray:
    """(N,) the largest logit of each row, from what softmax left of it; low = belongs to no class.

    top: (N,) each row's largest probability. log_sums: (N,) the log of the sum of exponentials of its logits,
    which is their energy; None where they are not known: the log of the largest probability then. Of that,
    logits of (10, 9) and (1, 0) are alike.
    """
    logs = np.log(np.maximum(top, _LEAST))
    return logs if log_sums is None else logs + log_sums


def rarity(score: np.ndarray, group: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """(N,) in (0, 1]: the share of trusted rows of the same group that score as low or lower, itself counted.

    A conformal p-value: a row that is like the trusted ones has at most q with probability q at most.
    score: (N,), low = unlike. group: (N,) codes. trusted: (N,) bool. Groups of fewer than LEAST_TRUSTED
    trusted rows are compared with all trusted rows. Without a trusted row everything is 1.
    """
    scale_of_all = np.sort(score[trusted])
    p = np.ones(len(score))
    if not len(scale_of_all):
        return p
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    for rows in np.split(order, edges):
        own = score[rows[trusted[rows]]]
        scale = np.sort(own) if len(own) >= LEAST_TRUSTED else scale_of_all
        as_low = np.searchsorted(scale, score[rows], side="right")
        p[rows] = np.where(trusted[rows], as_low / len(scale), (1 + as_low) / (1 + len(scale)))
    return p


def trusted_distance(
    embeddings: np.ndarray, queries: np.ndarray, trusted: np.ndarray, progress: Progress | None = None
) -> np.ndarray:
    """(Q,) mean cosine distance of each row to its 10 nearest trusted rows, fewer where there are no more.

    embeddings: (N, D), may be a memory map. queries: (Q,) row positions. trusted: (N,) bool, at least two;
    of more than 20,000 a seeded sample is searched.
    """
    among = np.flatnonzero(trusted)
    if len(among) > SAMPLE_ROWS:
        among = np.sort(np.random.default_rng(SAMPLE_SEED).choice(among, SAMPLE_ROWS, replace=False))
    k = min(NEAREST, len(among) - 1)
    _, distances = nearest(embeddings, queries, k, among, progress)
    return distances.mean(axis=1, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Alike:
    """number: (n,) group of each row, largest first, -1 = like none. medoids: position of each group's
    most central row among the n. sizes: rows of each group."""

    number: np.ndarray
    medoids: np.ndarray
    sizes: np.ndarray


def groups(embeddings: np.ndarray, rows: np.ndarray) -> Alike:
    """Put rows that belong to no class into groups that could be new classes: HDBSCAN of their directions.

    embeddings: (N, D), may be a memory map. rows: (n,) positions, at most MOST_GROUPED are looked at, the
    first ones. Groups have LEAST_GROUP rows at least, and are the smallest that hold together (leaves): what
    gets one name should be of one kind, though a kind may then be two groups. Source: Campello, Moulavi,
    Sander: Density-Based Clustering Based on Hierarchical Density Estimates, 2013.
    """
    number = np.full(len(rows), -1, dtype=np.int32)
    none = np.empty(0, dtype=np.int64)
    seen = rows[:MOST_GROUPED]
    if len(seen) < LEAST_GROUP:
        return Alike(number, none, none)
    from sklearn.cluster import HDBSCAN

    unit = unit_rows(embeddings, seen)
    found = HDBSCAN(
        min_cluster_size=LEAST_GROUP, min_samples=3, cluster_selection_method="leaf", copy=True
    ).fit_predict(unit)
    sizes = np.bincount(found[found >= 0])
    if not len(sizes):
        return Alike(number, none, none)
    order = np.argsort(-sizes, kind="stable")
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order))
    number[: len(seen)] = np.where(found >= 0, place[found], -1)
    members = [np.flatnonzero(number == g) for g in range(len(order))]
    medoids = [m[np.argmax(unit[m] @ unit[m].mean(axis=0))] for m in members]
    return Alike(number, np.array(medoids), sizes[order])
