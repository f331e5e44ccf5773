"""A workspace with the cases that a page must get right, and a way to open a page of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.audit import run_audit
from core.dataset import Dataset
from core.loading import Prepared
from core.predictions import Predictions
from core.settings import Settings
from core.source import Source
from core.workspace import Workspace, shared_workspace
from pages.parts import session, waiting
from tests.conftest import make_dataset

FRAME = Path(__file__).parents[2] / "pages" / "frame.py"
sys.path.append(str(FRAME.parent))  # as app.py does, for work in threads
HOSTILE = (
    "<b>cat</b> :red[x] $x^2$ ![i](http://127.0.0.1:9/x.png)",
    "**dog** www.evil.test :material/delete:",
)

Open = Callable[..., AppTest]


def save(workspace: Workspace, dataset: Dataset, predictions: Predictions, analyse: bool = True) -> None:
    source = Source(workspace.root / f"{dataset.name}.csv", "csv", "0" * 64, 1)
    workspace.save(Prepared(dataset, predictions, source, ()))
    if analyse:
        run_audit(dataset, predictions, workspace.cache_dir)


def likely(labels: list[int], wrong: set[int], k: int = 2) -> Predictions:
    """Probabilities of 0.9 for the given label, or for the next class in the rows called wrong."""
    probs = np.full((len(labels), k), 0.1 / max(k - 1, 1), dtype=np.float32)
    for row, label in enumerate(labels):
        probs[row, (max(label, 0) + (row in wrong)) % k] = 0.9
    return Predictions("test model", probs, np.eye(len(labels), 4, dtype=np.float32) + 0.1)


@pytest.fixture(autouse=True)
def same_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that runs becomes the main module; processes that are started later would run it again."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="module")
def workspace_folder(made_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for each file: what one does to the data sets, others do not see."""
    return Path(shutil.copytree(made_workspace, tmp_path_factory.mktemp("module") / "workspace"))


@pytest.fixture(scope="session")
def made_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pets: 40 rows, 4 of them wrong. The others: one case each, by its name."""
    root = tmp_path_factory.mktemp("workspace")
    workspace = Workspace(Settings(root, (root,), "", "ann"))
    labels = [0, 1] * 20
    save(workspace, make_dataset(labels), likely(labels, {1, 4, 9, 16}))
    save(workspace, make_dataset(labels, HOSTILE, "hostile"), likely(labels, {1, 4, 9, 16}))
    save(workspace, make_dataset(labels, name="clean"), likely(labels, set()))
    save(workspace, make_dataset([0], name="one-row"), likely([0], set()))
    save(workspace, make_dataset(labels, name="no-predictions"), Predictions())
    save(workspace, make_dataset([-1] * 4, name="no-labels"), likely([-1] * 4, set()))
    fresh = [0, 1] * 21  # results are found by content, so that this must differ from the others
    save(workspace, make_dataset(fresh, name="not-analysed"), likely(fresh, {1}), analyse=False)
    long = [0, 1] * 150
    save(workspace, make_dataset(long, name="long"), likely(long, set(range(0, 250))))
    return root


@pytest.fixture
def workspace(workspace_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(workspace_folder))
    monkeypatch.setenv("LABELMEND_ANNOTATOR", "ann")
    shared_workspace.cache_clear()
    session.jobs.clear()
    yield shared_workspace()
    shared_workspace.cache_clear()


@pytest.fixture
def open_page(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a page by its file's name with query parameters; fails where the page raises."""
    # Nothing draws a page again by itself here: it waits for its files to be read, however busy the machine.
    monkeypatch.setattr(waiting, "SOON_S", 60)

    def opened(page: str, /, **params: str) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=60)
        for name, value in params.items():
            app.query_params[name] = value
        app.run()
        if page != "overview":
            app.switch_page(f"{page}.py")
            for name, value in params.items():
                app.query_params[name] = value
            app.run()
        assert not app.exception, [e.message for e in app.exception]
        return app

    return opened


def words(app: AppTest) -> str:
    """All text that a page shows outside tables and charts."""
    kinds = ("title", "header", "subheader", "markdown", "text", "warning", "error", "button")
    return "\n".join(
        str(getattr(e, "value", "") if kind != "button" else e.label) for kind in kinds for e in app.get(kind)
    )
