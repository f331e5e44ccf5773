from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from core.errors import InputError
from core.methods import clusters as module
from core.methods.clusters import cluster_count, clusters
from core.progress import Cancelled, Progress


def planted(sizes: list[int], width: int = 8, spread: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Rows around as many orthogonal directions as there are sizes, shuffled, and the group of each row."""
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = np.eye(len(sizes), width)[group] + spread * rng.normal(size=(len(group), width))
    return rows.astype(np.float32), group


def purity(found: np.ndarray, group: np.ndarray) -> float:
    """Share of rows whose cluster holds mostly rows of their own group."""
    return sum(np.bincount(group[found == c]).max() for c in np.unique(found)) / len(group)


@pytest.mark.parametrize(
    ("rows", "count"), [(1, 1), (2, 1), (8, 2), (40, 4), (200, 10), (30_000, 122), (2_000_000, 1000)]
)
def test_cluster_count__root_of_half_the_rows(rows: int, count: int) -> None:
    assert cluster_count(rows) == count


def test_clusters__finds_planted_groups() -> None:
    rows, group = planted([120, 50, 20, 10])
    found = clusters(rows)
    assert found.dtype == np.int32
    assert purity(found, group) == 1
    assert len(np.unique(found)) <= cluster_count(200)


def test_clusters__compares_directions_not_lengths() -> None:
    rows, _ = planted([100, 60, 40])
    longer = rows * 2.0 ** np.random.default_rng(1).integers(0, 6, size=(200, 1)).astype(np.float32)
    assert (clusters(rows) == clusters(longer)).all()


def test_clusters__numbers_the_largest_first() -> None:
    rows, _ = planted([300, 60, 20, 5, 5])
    sizes = np.bincount(clusters(rows))
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert sizes.min() > 0


def test_clusters__the_same_again_from_a_memory_map(tmp_path: Path) -> None:
    rows, _ = planted([900, 600], width=16, spread=0.3)
    np.save(tmp_path / "e.npy", rows.astype(np.float16))
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    assert (clusters(mapped) == clusters(rows.astype(np.float16).astype(np.float32))).all()


def test_clusters__a_sample_is_enough_to_place_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, group = planted([2000, 1000, 1000])
    monkeypatch.setattr(module, "_ROWS_A_CLUSTER", 20)
    found = clusters(rows)
    assert len(found) == 4000
    assert purity(found, group) == 1


def test_clusters__holds_a_bounded_part_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(0).normal(size=(40_000, 64)).astype(np.float16)
    clusters(rows[:10])  # so that the library's own memory is not counted
    monkeypatch.setattr(module, "_SAMPLE_BYTES", 1 << 20)
    tracemalloc.start()
    clusters(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes  # 5 MB; as float32 the rows would be 10 MB


def test_clusters__says_how_far_it_is_and_can_be_stopped() -> None:
    rows, _ = planted([6000, 4000])
    heard: list[tuple[float, str]] = []
    clusters(rows, Progress(lambda fraction, message: heard.append((fraction, message))))
    fractions = [fraction for fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert {message for _, message in heard} == {
        "reading embeddings",
        "finding clusters",
        "putting rows into clusters",
    }
    progress = Progress(lambda fraction, _: progress.cancel() if fraction > 0.2 else None)
    with pytest.raises(Cancelled):
        clusters(rows, progress)


@pytest.mark.parametrize("rows", [1, 2, 3, 5000])
def test_clusters__equal_rows_are_one_cluster(rows: int) -> None:
    assert clusters(np.ones((rows, 4), dtype=np.float32)).tolist() == [0] * rows
    assert clusters(np.zeros((rows, 4), dtype=np.float32)).tolist() == [0] * rows


def test_clusters__no_rows() -> None:
    assert clusters(np.empty((0, 4), dtype=np.float32)).tolist() == []


def test_clusters__refuses_what_is_not_finite() -> None:
    rows, _ = planted([20, 10])
    rows[6, 2] = np.nan
    with pytest.raises(InputError, match="row 7"):
        clusters(rows)


@settings(max_examples=25, deadline=None)
@given(strategies.integers(1, 300), strategies.integers(1, 5), strategies.integers(0, 9))
def test_clusters__every_row_has_one_and_none_is_empty(n: int, width: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(-1, 2, size=(n, width)).astype(np.float16)
    found = clusters(rows)
    assert len(found) == n
    assert np.unique(found).tolist() == list(range(found.max() + 1))
    assert found.max() < cluster_count(n)
