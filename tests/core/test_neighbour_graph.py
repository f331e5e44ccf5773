from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import neighbour_graph
from core.audit import run_audit
from core.dataset import Dataset
from core.methods import neighbours
from core.methods.neighbours import nearest
from core.neighbour_graph import forget, graph, keep_in
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


def clouds(n: int) -> np.ndarray:
    """n rows around 40 directions."""
    rng = np.random.default_rng(0)
    return (rng.normal(size=(40, 8))[rng.integers(0, 40, n)] + rng.normal(0, 0.2, (n, 8))).astype(np.float32)


def test_graph__large_sets_are_searched_in_cells(
    monkeypatch: pytest.MonkeyPatch, searches: list[int]
) -> None:
    monkeypatch.setattr(neighbour_graph, "EXACT_ROWS", 1000)
    found = graph(Predictions(embeddings=clouds(2000)), Progress())
    assert found.rows.shape == (2000, 30) and found.rows.dtype == np.int32 and searches == []
    assert found.recall is not None and found.recall.value >= 0.95


def test_graph__is_kept_in_the_cache(tmp_path: Path, searches: list[int]) -> None:
    first = kept(embedded(50).embeddings, tmp_path)
    again = kept(embedded(50).embeddings, tmp_path)
    assert searches == [30]
    assert isinstance(again.rows.base, np.memmap)
    np.testing.assert_array_equal(again.rows, first.rows)
    np.testing.assert_array_equal(again.distances, first.distances)
    wider = kept(embedded(50).embeddings, tmp_path, 40)
    assert wider.rows.shape == (50, 40) and searches == [30, 40]
    assert kept(embedded(50).embeddings, tmp_path).rows.shape == (50, 40) and searches == [30, 40]
    assert kept(np.ones((50, 4), np.float32), tmp_path).distances.max() < 1e-6 and searches == [30, 40, 30]


def kept(embeddings: np.ndarray | None, folder: Path, least: int = 30) -> neighbour_graph.Graph:
    """A graph as an audit with this cache finds it."""
    predictions = Predictions(embeddings=embeddings)
    keep_in(predictions, folder)
    found = graph(predictions, Progress(), least)
    forget(predictions)
    assert predictions not in neighbour_graph._KEPT_IN
    return found


@pytest.mark.parametrize("name", ["neighbours", "neighbours-distances", "neighbours-said"])
def test_graph__damaged_in_the_cache_is_found_again(tmp_path: Path, name: str, searches: list[int]) -> None:
    first = kept(embedded(50).embeddings, tmp_path)
    file = next(f for f in (tmp_path / name).glob("*/*") if f.name != "manifest.json")
    file.write_bytes(file.read_bytes()[:-3])
    again = kept(embedded(50).embeddings, tmp_path)
    assert searches == [30, 30]
    np.testing.assert_array_equal(again.rows, first.rows)


def test_graph__of_new_rows_goes_on_from_the_one_in_the_cache(tmp_path: Path, searches: list[int]) -> None:
    embeddings = np.random.default_rng(0).normal(size=(210, 4)).astype(np.float32)
    kept(embeddings[:200], tmp_path)
    grown = kept(embeddings, tmp_path)
    assert searches == [30]
    expected, distances = nearest(embeddings, np.arange(210), 30)
    np.testing.assert_array_equal(grown.rows, expected)
    np.testing.assert_allclose(grown.distances, distances, atol=1e-6)
    assert grown.recall is None
    kept(embeddings, tmp_path)
    assert searches == [30]  # the grown one was kept too


@pytest.mark.parametrize("change", ["value", "many", "width", "dtype"])
def test_graph__does_not_go_on_from_other_rows(tmp_path: Path, change: str, searches: list[int]) -> None:
    embeddings = np.random.default_rng(0).normal(size=(220, 4)).astype(np.float32)
    kept(embeddings[:200], tmp_path)
    others = {
        "value": np.vstack([embeddings[:1] + 1, embeddings[1:205]]),
        "many": embeddings,  # more than one new row in twenty
        "width": embeddings[:205, :3],
        "dtype": embeddings[:205].astype(np.float16),
    }
    found = kept(np.ascontiguousarray(others[change]), tmp_path)
    assert searches == [30, 30] and len(found.rows) == len(others[change])


def test_graph__that_goes_on_from_an_approximate_one_is_measured_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_graph, "EXACT_ROWS", 1000)
    embeddings = clouds(2040)
    first = kept(embeddings[:2000], tmp_path)
    monkeypatch.setattr(neighbour_graph, "nearest_in_cells", None)
    grown = kept(embeddings, tmp_path)
    assert first.recall is not None and grown.recall is not None and grown.recall.value >= 0.95
    exact, _ = nearest(embeddings, np.arange(2000, 2040), 30)
    np.testing.assert_array_equal(grown.rows[2000:], exact)


def test_run_audit__searches_once_for_all_checks_and_keeps_nothing(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, searches: list[int]
) -> None:
    run_audit(pets, pets_predictions, tmp_path, ["label_issues", "out_of_distribution"])
    assert len(searches) == 1
    run_audit(pets, pets_predictions, tmp_path, ["out_of_distribution"], {"out_of_distribution": {"k": 2}})
    assert len(searches) == 1  # another setting finds the graph in the cache
    assert pets_predictions not in neighbour_graph._GRAPHS


def test_run_audit__cancelled_in_the_search_keeps_nothing(
    tmp_path: Path, pets: Dataset, pets_predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "QUERIES", 2)

    def stop(fraction: float, message: str) -> None:
        if "comparing rows" in message:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        run_audit(pets, pets_predictions, tmp_path, ["label_issues"], progress=progress)
    assert pets_predictions not in neighbour_graph._GRAPHS
    assert list(tmp_path.iterdir()) == []
