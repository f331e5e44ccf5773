from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data_map import MAPS, draw_map, stored_map
from core.errors import InputError
from core.predictions import Predictions
from core.progress import Progress
from core.settings import Settings
from core.source import Source
from core.workspace import Project, Workspace
from tests.core.review.test_queue import animals

SOURCE = Source(Path("animals.csv"), "csv", "0" * 64, 0)


@pytest.fixture
def project() -> Project:
    rng = np.random.default_rng(0)
    return Project(animals(), Predictions("test", None, rng.normal(size=(6, 4))), SOURCE, ())


@pytest.mark.parametrize("method", MAPS)
def test_draw_map__is_kept_for_the_embeddings(tmp_path: Path, project: Project, method: str) -> None:
    space = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    assert stored_map(space, project, method) is None
    draw_map(space, project, method, Progress())
    places = stored_map(space, project, method)
    assert places is not None and places.shape == (6, 2)
    others = replace(project, predictions=Predictions("test", None, np.ones((6, 4))))
    assert stored_map(space, others, method) is None
    assert stored_map(space, project, "another") is None


def test_draw_map__needs_embeddings(tmp_path: Path, project: Project) -> None:
    bare = replace(project, predictions=Predictions("test"))
    assert stored_map(Workspace(Settings(tmp_path, (tmp_path,), "", "ann")), bare, "pca") is None
    with pytest.raises(InputError, match="embeddings"):
        draw_map(Workspace(Settings(tmp_path, (tmp_path,), "", "ann")), bare, "pca", Progress())
