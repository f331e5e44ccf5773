from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import neighbour_graph
from core.audit import run_audit
from core.dataset import Dataset
from core.methods.neighbours import nearest
from core.neighbour_graph import forget, graph
from core.predictions import Predictions
from core.progress import Cancelled, Progress


def embedded(n: int) -> Predictions:
    return Predictions(embeddings=np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32))


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The k of each search that is made."""
    made: list[int] = []

    def counted(embeddings, queries, k, among=None, progress=None):  # type: ignore[no-untyped-def]
        made.append(k)
        return nearest(embeddings, queries, k, among, progress)

    monkeypatch.setattr(neighbour_graph, "nearest", counted)
    return made


def test_graph__is_found_once_and_forgotten(searches: list[int]) -> None:
    predictions = embedded(50)
    first = graph(predictions, Progress())
    assert first.rows.shape == first.distances.shape == (50, 30) and first.rows.dtype == np.int32
    assert graph(predictions, Progress()) is first and searches == [30]
    expected, distances = nearest(predictions.embeddings, np.arange(50), 10)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.rows[:, :10], expected)
    np.testing.assert_array_equal(first.distances[:, :10], distances)
    forget(predictions)
    assert graph(predictions, Progress()) is not first and searches == [30, 30]


def test_graph__few_rows() -> None:
    assert graph(embedded(3), Progress()).rows.shape == (3, 2)
    with pytest.raises(ValueError, match="two rows"):
        graph(embedded(1), Progress())
    with pytest.raises(ValueError, match="two rows"):
        graph(Predictions(), Progress())


def test_graph__large_sets_are_searched_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = np.arange(0, 50, 2)
    monkeypatch.setattr(neighbour_graph, "reference_rows", lambda n: sample)
    found = graph(embedded(50), Progress())
    assert found.sample == 25 and found.rows.shape == (50, 24)
    assert set(found.rows.ravel().tolist()) <= set(sample.tolist())


def test_run_audit__searches_once_for_all_checks_and_keeps_nothing(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, searches: list[int]
) -> None:
    run_audit(pets, pets_predictions, tmp_path, ["label_issues", "out_of_distribution"])
    assert len(searches) == 1
    assert pets_predictions not in neighbour_graph._GRAPHS


def test_run_audit__cancelled_in_the_search_keeps_nothing(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions
) -> None:
    def stop(fraction: float, message: str) -> None:
        if "comparing rows" in message:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        run_audit(pets, pets_predictions, tmp_path, ["label_issues"], progress=progress)
    assert pets_predictions not in neighbour_graph._GRAPHS
    assert list(tmp_path.iterdir()) == []
