from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.cluster_facts import find_facts, stored_facts
from core.clustering import find_clusters, grouped, sizes_tried, stored_clusters
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


def two_and_far(rows: int = 80) -> np.ndarray:
    """Two tight groups, and every tenth row anywhere."""
    rng = np.random.default_rng(0)
    tight = np.eye(2, 6)[np.arange(rows) % 2] + rng.normal(0, 0.02, (rows, 6))
    tight[::10] = rng.normal(size=(len(tight[::10]), 6))
    return tight.astype(np.float32)


def test_find_clusters__by_density_beside_k_means(workspace: Workspace) -> None:
    project = saved(workspace, two_and_far(), rows=80)
    find_clusters(workspace, project, Progress())
    find_clusters(workspace, project, Progress(), "hdbscan")
    k_means, found = stored_clusters(workspace, project), stored_clusters(workspace, project, "hdbscan")
    assert k_means is not None and found is not None
    assert k_means.min() == 0 and sorted(np.unique(found)) == [-1, 0, 1]
    assert (found[::10] == -1).mean() > 0.5 > (found == -1).mean()
    tried = sizes_tried(workspace, project)
    assert tried["chosen"].sum() == 1 and tried["size"].tolist() == [5, 10, 20]
    groups, count = grouped(found)
    assert count == 2 and (groups[found < 0] == 2).all() and groups.min() == 0
    find_facts(workspace, project, Progress(), "hdbscan")
    facts = stored_facts(workspace, project, "hdbscan")
    assert facts is not None and len(facts.words) == 3 and stored_facts(workspace, project) is None


def test_queue__clusters_by_density_and_the_rows_in_none(workspace: Workspace) -> None:
    project = saved(workspace, two_and_far(), rows=80)
    for method in ("kmeans", "hdbscan"):
        find_clusters(workspace, project, Progress(), method)
    found = stored_clusters(workspace, project, "hdbscan")
    assert found is not None
    desk = Desk(workspace, lambda project: {})
    queues = {text: desk.queue("pets", Filters(cluster=f"hdbscan:{text}"))[0] for text in ("1", "2", "none")}
    assert queues["none"].tolist() == np.flatnonzero(found < 0).tolist()
    assert sorted(np.concatenate(list(queues.values()))) == list(range(80))
    ordered, _ = desk.queue("pets", Filters(cluster="hdbscan:none", sort="cluster"))
    assert sorted(ordered) == queues["none"].tolist()
    assert not len(desk.queue("pets", Filters(cluster="hdbscan:0"))[0])
    plain, _ = desk.queue("pets", Filters(cluster="1"))
    k_means = stored_clusters(workspace, project)
    assert k_means is not None and plain.tolist() == np.flatnonzero(k_means == 0).tolist()


@pytest.mark.parametrize("rows", [0, 2])
def test_find_clusters__by_density_of_hardly_any_rows(workspace: Workspace, rows: int) -> None:
    project = saved(workspace, np.ones((rows, 3), dtype=np.float32), rows=rows)
    find_clusters(workspace, project, Progress(), "hdbscan")
    found = stored_clusters(workspace, project, "hdbscan")
    assert found is not None and found.tolist() == [-1] * rows
