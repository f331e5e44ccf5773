"""The clusters of a data set's embeddings: computed once for each content, then read from the cache."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from core.cache import load_table, store_table
from core.errors import refuse
from core.progress import Progress
from core.workspace import Project, Workspace

_NAME = "clusters"
_VERSION = 1  # raise it when other clusters come from the same embeddings


def stored_clusters(workspace: Workspace, project: Project) -> np.ndarray | None:
    """(N,) int32 cluster of each row, as core.methods.clusters numbers them; computes nothing.

    None where the data set has no embeddings, or where `find_clusters` has not run on them.
    """
    if project.predictions.embeddings is None:
        return None
    table = load_table(workspace.cache_dir, _NAME, _key(project))
    return None if table is None else table["cluster"].to_numpy()


def find_clusters(workspace: Workspace, project: Project, progress: Progress) -> None:
    """Compute the clusters where the cache lacks them. Raises InputError without finite embeddings."""
    from core.methods.clusters import clusters

    embeddings = project.predictions.embeddings
    if embeddings is None:
        raise refuse("no embeddings to find clusters in", mend="load the data set with its embeddings")
    if stored_clusters(workspace, project) is None:
        table = pd.DataFrame({"cluster": clusters(embeddings, progress)})
        store_table(workspace.cache_dir, _NAME, _key(project), table)
    progress.report(1)


def _key(project: Project) -> str:
    body = f"{_NAME}:{_VERSION}:{project.predictions.part('embeddings')}"
    return hashlib.sha256(body.encode()).hexdigest()
