"""The maps of a data set's embeddings: drawn once for each content, then read from the cache."""

from __future__ import annotations

import hashlib

import numpy as np

from core.cache import load_array, store_array
from core.errors import refuse
from core.progress import Progress
from core.workspace import Project, Workspace

MAPS = {"near": "Neighbours", "pca": "Principal components"}
"""Each way to draw a map, by its name in an address."""
_NAME = "map"
_VERSION = 1  # raise it when other places come from the same embeddings


def stored_map(workspace: Workspace, project: Project, method: str) -> np.ndarray | None:
    """(N, 2) float32 place of each row, the longer side from -1 to 1; computes nothing.

    None without embeddings, where `draw_map` has not run on them, or for a map of another name.
    """
    if project.predictions.embeddings is None or method not in MAPS:
        return None
    return load_array(workspace.cache_dir, _NAME, _key(project, method))


def draw_map(workspace: Workspace, project: Project, method: str, progress: Progress) -> None:
    """Draw a map where the cache lacks it. Raises InputError without finite embeddings."""
    from core.methods.projection import neighbourly, principal

    embeddings = project.predictions.embeddings
    if embeddings is None:
        raise refuse("no embeddings to draw a map of", mend="load the data set with its embeddings")
    if stored_map(workspace, project, method) is None:
        places = (
            principal(embeddings, progress) if method == "pca" else neighbourly(embeddings, progress=progress)
        )
        store_array(workspace.cache_dir, _NAME, _key(project, method), places)
    progress.report(1)


def _key(project: Project, method: str) -> str:
    body = f"{_NAME}:{_VERSION}:{method}:{project.predictions.part('embeddings')}"
    return hashlib.sha256(body.encode()).hexdigest()
