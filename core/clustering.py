"""The clusters of a data set's embeddings: computed once for each content, then read from the cache."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.cache import load_table, store_table
from core.errors import refuse
from core.neighbour_graph import forget, graph, keep_in
from core.progress import Progress
from core.review.clusters import NO_CLUSTER, USUAL
from core.workspace import Project, Workspace

if TYPE_CHECKING:
    from core.methods.hdbscan import Found

_NAME, _TRIED = "clusters", "clusters-tried"
_VERSION = 1  # raise it when other clusters come from the same embeddings


def stored_clusters(workspace: Workspace, project: Project, method: str = USUAL) -> np.ndarray | None:
    """(N,) int32 cluster of each row, 0 the largest, NO_CLUSTER for none; computes nothing.

    method: of core.review.clusters.METHODS; k-means puts every row into a cluster.
    None where the data set has no embeddings, or where `find_clusters` has not run on them.
    """
    if project.predictions.embeddings is None:
        return None
    table = load_table(workspace.cache_dir, _NAME, _key(project, method))
    return None if table is None else table["cluster"].to_numpy()


def sizes_tried(workspace: Workspace, project: Project) -> pd.DataFrame:
    """What HDBSCAN found for each least size of clusters: size, clusters, in_none, validity, chosen.

    Empty where it has not run. validity: as in core.methods.hdbscan.clusters_of.
    """
    table = load_table(workspace.cache_dir, _TRIED, _key(project, "hdbscan"))
    return pd.DataFrame() if table is None else table


def find_clusters(workspace: Workspace, project: Project, progress: Progress, method: str = USUAL) -> None:
    """Compute the clusters where the cache lacks them. Raises InputError without finite embeddings."""
    from core.methods.clusters import clusters

    embeddings = project.predictions.embeddings
    if embeddings is None:
        raise refuse("no embeddings to find clusters in", mend="load the data set with its embeddings")
    if stored_clusters(workspace, project, method) is None:
        if method == USUAL:
            labels = clusters(embeddings, progress)
        else:
            found = _by_density(workspace, project, embeddings, progress)
            labels = found.labels
            tried = pd.DataFrame([asdict(one) for one in found.tried])
            tried["chosen"] = tried["size"] == found.size if len(tried) else []
            store_table(workspace.cache_dir, _TRIED, _key(project, method), tried)
        store_table(workspace.cache_dir, _NAME, _key(project, method), pd.DataFrame({"cluster": labels}))
    progress.report(1)


def grouped(clusters: np.ndarray) -> tuple[np.ndarray, int]:
    """((N,) the clusters with the rows in none as one group more, the last; how many clusters there are)."""
    count = int(clusters.max(initial=NO_CLUSTER)) + 1
    return np.where(clusters < 0, count, clusters), count


def _by_density(workspace: Workspace, project: Project, embeddings: np.ndarray, progress: Progress) -> Found:
    from core.methods.hdbscan import hdbscan

    if len(embeddings) < 2:
        return hdbscan(embeddings, np.empty((len(embeddings), 0), int), np.empty((len(embeddings), 0)))
    keep_in(project.predictions, workspace.cache_dir)
    try:
        near = graph(project.predictions, progress.part(0, 0.6, "nearest rows"))
        return hdbscan(embeddings, near.rows, near.distances, progress.part(0.6, 1))
    finally:
        forget(project.predictions)


def _key(project: Project, method: str) -> str:
    name = _NAME if method == USUAL else f"{_NAME}:{method}"
    body = f"{name}:{_VERSION}:{project.predictions.part('embeddings')}"
    return hashlib.sha256(body.encode()).hexdigest()
