"""What takes long to say of clusters, and depends on no label: computed once, then read from the cache."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.cache import load_table, store_table
from core.cluster_report import cluster_words, medoids
from core.clustering import grouped, stored_clusters
from core.errors import refuse
from core.progress import Progress
from core.review.clusters import USUAL
from core.workspace import Project, Workspace

_ROWS, _CLUSTERS = "cluster_distances", "cluster_words"
_VERSION = 1  # raise it when other facts come from the same content


@dataclass(frozen=True, eq=False)
class ClusterFacts:
    """distance: (N,) float32 of each row to the centre of its cluster. between: (k,) mean distance of each
    centre to the nearest others. medoid: (k,) positions of the most typical rows. words: (k,) what tells
    each cluster apart, "" where nothing does. As core.methods.clusters and core.cluster_report make them. The
    rows in no cluster are one more, the last (core.clustering.grouped).
    """

    distance: np.ndarray
    between: np.ndarray
    medoid: np.ndarray
    words: list[str]


def stored_facts(workspace: Workspace, project: Project, method: str = USUAL) -> ClusterFacts | None:
    """The facts, or None where `find_facts` has not run on this content; computes nothing."""
    rows = load_table(workspace.cache_dir, _ROWS, _key(project, _ROWS, method))
    each = load_table(workspace.cache_dir, _CLUSTERS, _key(project, _CLUSTERS, method))
    if rows is None or each is None:
        return None
    return ClusterFacts(
        rows["distance"].to_numpy(),
        each["between"].to_numpy(),
        each["medoid"].to_numpy(),
        each["words"].tolist(),
    )


def find_facts(workspace: Workspace, project: Project, progress: Progress, method: str = USUAL) -> None:
    """Compute the facts where the cache lacks them. Raises InputError where there are no clusters yet."""
    from core.methods.clusters import centre_distances

    found, embeddings = stored_clusters(workspace, project, method), project.predictions.embeddings
    if found is None or embeddings is None:
        raise refuse("the clusters of this data set have not been found", mend="find them first")
    if stored_facts(workspace, project, method) is None:
        clusters, _ = grouped(found)
        distance, between = centre_distances(embeddings, clusters, progress.part(0, 0.6))
        words = cluster_words(project.dataset, clusters, progress.part(0.6, 1))
        each = pd.DataFrame({"between": between, "medoid": medoids(clusters, distance)})
        each["words"] = pd.array(words, dtype="str")
        rows = pd.DataFrame({"distance": distance})
        store_table(workspace.cache_dir, _ROWS, _key(project, _ROWS, method), rows)
        store_table(workspace.cache_dir, _CLUSTERS, _key(project, _CLUSTERS, method), each)
    progress.report(1)


def _key(project: Project, name: str, method: str) -> str:
    parts = [name, str(_VERSION), project.predictions.part("embeddings")]
    if name == _CLUSTERS:
        parts += [project.dataset.part("content"), project.dataset.columns.kind]
    if method != USUAL:
        parts.append(method)
    return hashlib.sha256(":".join(parts).encode()).hexdigest()
