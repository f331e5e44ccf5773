"""What several test folders share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from core.dataset import Columns, Dataset
from core.predictions import Predictions
from tests.postgres import Postgres, binaries

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data with known truth, where a checkout has one beside it."""
    if not SHARED.is_dir():
        pytest.skip("no shared data beside this checkout")
    return SHARED


def make_dataset(labels: list[int], classes: tuple[str, ...] = ("cat", "dog"), name: str = "pets") -> Dataset:
    """A small text data set whose row i has id "r<i>", text "text <i>" and the label given (-1: none)."""
    table = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(len(labels))],
            "text": [f"text {i}" for i in range(len(labels))],
            "label": ["" if code < 0 else classes[code] for code in labels],
        },
        dtype="str",
    )
    table.index = pd.Index(table["id"], dtype="str", name=None)
    columns = Columns(id="id", label="label", content=("text",), kind="text")
    return Dataset(name, table, columns, classes, classes, np.array(labels, dtype=np.int32))


@pytest.fixture
def pets() -> Dataset:
    return make_dataset([0, 0, 1, 1, 0, -1])


@pytest.fixture
def pets_predictions() -> Predictions:
    probs = np.array(
        [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.6, 0.4], [0.5, 0.5]], dtype=np.float32
    )
    return Predictions("test model", probs, np.eye(6, dtype=np.float32))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for this run."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server on this machine")
    server = Postgres()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty decision store: each test that asks for one runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'decisions.db'}"
    return request.getfixturevalue("postgres").database()
