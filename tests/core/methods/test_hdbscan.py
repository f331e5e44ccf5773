from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.cluster import HDBSCAN
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from core.methods import hdbscan as module
from core.methods.hdbscan import NO_CLUSTER, clusters_of, hdbscan, spanning_tree
from core.methods.neighbours import nearest, unit_rows
from core.progress import Cancelled, Progress


def blobs(rows: int, groups: int, width: int, spread: float, noise: int = 0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, width))
    inside = centres[np.arange(rows) % groups] + rng.normal(0, spread, (rows, width))
    return np.vstack([inside, rng.normal(size=(noise, width))]).astype(np.float32)


def graph(embeddings: np.ndarray, k: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rows = len(embeddings)
    return nearest(embeddings, np.arange(rows), min(k, rows - 1))


def sets() -> dict[str, np.ndarray]:
    return {
        "blobs": blobs(900, 8, 16, 0.2),
        "noisy": blobs(900, 6, 10, 0.15, noise=300),
        "digits": load_digits().data[:1200].astype(np.float32),
        "copies": np.repeat(blobs(40, 4, 4, 0.1), 20, axis=0),
        "few": blobs(12, 2, 4, 0.1),
    }


@pytest.mark.parametrize("name", sets())
@pytest.mark.parametrize("size", [3, 5, 10, 20, 40])
def test_clusters_of__as_scikit_learn(name: str, size: int) -> None:
    embeddings = sets()[name]
    if size > len(embeddings) / 2:
        pytest.skip("no room for two clusters")
    tree = spanning_tree(embeddings, *graph(embeddings), 5, Progress())
    ours, valid = clusters_of(tree, size)
    unit = unit_rows(embeddings, np.arange(len(embeddings))).astype(np.float64)
    theirs = HDBSCAN(min_cluster_size=size, min_samples=5, copy=True).fit(unit).labels_
    assert adjusted_rand_score(ours, theirs) >= 0.95
    assert 0 <= valid <= 1


def test_clusters_of__all_neighbours_give_exactly_what_scikit_learn_gives() -> None:
    """One sample: distances themselves, which differ. Core distances tie, and ties can be cut either way."""
    embeddings = blobs(300, 5, 6, 0.3, noise=100)
    tree = spanning_tree(embeddings, *graph(embeddings, k=399), 1, Progress())
    unit = unit_rows(embeddings, np.arange(400)).astype(np.float64)
    for size in (5, 12, 30):
        theirs = HDBSCAN(min_cluster_size=size, min_samples=1, copy=True).fit(unit).labels_
        ours, _ = clusters_of(tree, size)
        assert adjusted_rand_score(ours, theirs) == 1 and ((ours < 0) == (theirs < 0)).all()


def test_clusters_of__banking_questions(shared_data: Path) -> None:
    embeddings = np.load(shared_data / "text_banking77_injected" / "embeddings.npy")[:1500].astype(np.float32)
    tree = spanning_tree(embeddings, *graph(embeddings), 5, Progress())
    theirs = HDBSCAN(min_cluster_size=10, min_samples=5, copy=True).fit(
        unit_rows(embeddings, np.arange(1500)).astype(np.float64)
    )
    assert adjusted_rand_score(clusters_of(tree, 10)[0], theirs.labels_) >= 0.95


def test_hdbscan__finds_the_groups_and_leaves_out_the_rest() -> None:
    embeddings = blobs(900, 6, 10, 0.15, noise=300)
    found = hdbscan(embeddings, *graph(embeddings))
    assert sorted(np.unique(found.labels)) == [NO_CLUSTER, 0, 1, 2, 3, 4, 5]
    assert adjusted_rand_score(found.labels[:900], np.arange(900) % 6) > 0.99
    assert (found.labels[900:] == NO_CLUSTER).mean() > 0.8
    sizes = np.bincount(found.labels[found.labels >= 0])
    assert (np.diff(sizes) <= 0).all()
    best = max(one.validity for one in found.tried)
    as_good = [one.size for one in found.tried if one.validity >= 0.95 * best]
    assert found.size == max(as_good) and found.labels.dtype == np.int32


def test_spanning_tree__parts_that_do_not_touch_are_joined_where_they_are_nearest() -> None:
    far, near = np.array([1, 0, 0, 0]), np.array([0, 1, 0, 0])
    middle = np.array([0.2, 0.9, 0.3, 0])
    rng = np.random.default_rng(0)
    embeddings = np.vstack([c + rng.normal(0, 0.01, (50, 4)) for c in (far, near, middle)]).astype(np.float32)
    tree = spanning_tree(embeddings, *graph(embeddings, k=10), 5, Progress())
    assert len(tree) == 150 and (np.diff(tree.length) >= 0).all()
    bridges = [sorted((int(a) // 50, int(b) // 50)) for a, b in zip(tree.start, tree.stop, strict=True)]
    assert [pair for pair in bridges if pair[0] != pair[1]] == [[1, 2], [0, 2]]
    unit = unit_rows(embeddings, np.arange(150)).astype(np.float64)
    apart = np.linalg.norm(unit[:50, None] - unit[None, 100:], axis=2).min()
    assert tree.length[-1] == pytest.approx(apart, rel=1e-3)


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 30), st.integers(1, 3)),
        elements=st.floats(-2, 2, width=16),
    )
)
@settings(max_examples=60)
def test_hdbscan__any_rows(embeddings: np.ndarray) -> None:
    found = (
        hdbscan(embeddings, *graph(embeddings))
        if len(embeddings) > 1
        else hdbscan(embeddings, *graph_of_one())
    )
    assert found.labels.shape == (len(embeddings),)
    used = np.unique(found.labels[found.labels >= 0])
    assert used.tolist() == list(range(len(used)))
    assert all(size >= found.size for size in np.bincount(found.labels[found.labels >= 0]))
    again = hdbscan(embeddings, *graph(embeddings)) if len(embeddings) > 1 else found
    assert (again.labels == found.labels).all()


def graph_of_one() -> tuple[np.ndarray, np.ndarray]:
    return np.empty((1, 0), dtype=np.int64), np.empty((1, 0), dtype=np.float32)


def test_hdbscan__reports_and_stops() -> None:
    embeddings = blobs(200, 4, 5, 0.2)
    seen: list[float] = []
    near = graph(embeddings)
    hdbscan(embeddings, *near, Progress(lambda fraction, _: seen.append(fraction)))
    assert seen == sorted(seen) and len(seen) > 10
    cancelled = Progress()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        hdbscan(embeddings, *near, cancelled)


def test_order__is_argsort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SORTED_AT_ONCE", 100)
    length = np.random.default_rng(0).integers(0, 50, 5_000).astype(np.float32)
    np.testing.assert_array_equal(module._order(length, Progress()), np.argsort(length, kind="stable"))
