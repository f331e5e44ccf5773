from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.clustering import find_clusters, stored_clusters
from core.desk import Desk
from core.errors import InputError
from core.loading import Prepared
from core.methods import clusters as methods
from core.predictions import Predictions
from core.progress import Cancelled, Progress
from core.review.queue import Filters
from core.settings import Settings
from core.source import Source
from core.workspace import Project, Workspace
from tests.conftest import make_dataset


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))


def saved(workspace: Workspace, embeddings: np.ndarray | None, rows: int = 40) -> Project:
    dataset = make_dataset([0, 1] * (rows // 2))
    source = Source(workspace.root / "pets.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(dataset, Predictions("test", None, embeddings), source, ()))
    return workspace.open("pets")


def corners(rows: int = 40) -> np.ndarray:
    return np.eye(2, 3, dtype=np.float32)[np.arange(rows) % 2] + 0.1


def test_find_clusters__computes_once_for_each_content(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    real = methods.clusters
    monkeypatch.setattr(methods, "clusters", lambda *args: calls.append(1) or real(*args))
    project = saved(workspace, corners())
    assert stored_clusters(workspace, project) is None
    find_clusters(workspace, project, Progress())
    found = stored_clusters(workspace, project)
    assert found is not None
    assert found.tolist() == [0, 1] * 20
    find_clusters(workspace, project, Progress())
    find_clusters(workspace, saved(workspace, corners()), Progress())
    assert len(calls) == 1
    changed = saved(workspace, corners()[::-1].copy())
    assert stored_clusters(workspace, changed) is None
    find_clusters(workspace, changed, Progress())
    assert len(calls) == 2


def test_find_clusters__without_embeddings_is_refused(workspace: Workspace) -> None:
    project = saved(workspace, None)
    assert stored_clusters(workspace, project) is None
    with pytest.raises(InputError, match="no embeddings"):
        find_clusters(workspace, project, Progress())


def test_find_clusters__cancelled_leaves_nothing(workspace: Workspace) -> None:
    project = saved(workspace, corners())
    progress = Progress(lambda *_: progress.cancel())
    with pytest.raises(Cancelled):
        find_clusters(workspace, project, progress)
    assert stored_clusters(workspace, project) is None
    assert not (workspace.cache_dir / "clusters").exists()


def test_desk__queue_by_clusters_as_soon_as_they_are_found(workspace: Workspace) -> None:
    project = saved(workspace, corners())
    desk = Desk(workspace, lambda _: {})
    by_cluster = Filters(sort="cluster")
    with pytest.raises(InputError, match="have not been found"):
        desk.queue("pets", by_cluster)
    find_clusters(workspace, project, Progress())
    positions, _ = desk.queue("pets", by_cluster)
    assert positions.tolist() == [*range(0, 40, 2), *range(1, 40, 2)]
