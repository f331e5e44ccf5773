from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.methods import neighbours
from core.methods.neighbours import nearest, top, unit_rows, with_new_rows
from core.progress import Cancelled, Progress


def brute(embeddings: np.ndarray, queries: np.ndarray, k: int, among: np.ndarray) -> np.ndarray:
    """(Q, k) distances by sorting all of them in double precision."""
    unit = embeddings.astype(float) / np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
    out = np.full((len(queries), k), np.inf)
    for i, query in enumerate(queries):
        others = among[among != query]
        distance = np.sort(1 - unit[others] @ unit[query])[:k]
        out[i, : len(distance)] = distance
    return out


@given(
    st.integers(1, 900), st.integers(2, 20), st.integers(1, 12), st.integers(0, 2**31),
    st.sampled_from([np.float16, np.float32, np.float64]),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_nearest__equals_brute_force(n: int, d: int, k: int, seed: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(n, d)).astype(dtype)
    queries = rng.integers(0, n, 5)
    among = np.unique(rng.integers(0, n, n))
    found, distance = nearest(embeddings, queries, k, among)
    np.testing.assert_allclose(distance, brute(embeddings, queries, k, among), atol=1e-5)
    assert (np.diff(np.where(np.isinf(distance), 9, distance), axis=1) >= 0).all()
    assert not (found == queries[:, None]).any()
    assert np.isin(found[found >= 0], among).all()
    assert ((found < 0) == np.isinf(distance)).all()


def test_nearest__many_blocks_from_a_memory_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    np.save(tmp_path / "e.npy", rng.normal(size=(3000, 12)).astype(np.float32))
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    everyone = np.arange(3000)
    expected = nearest(mapped, everyone, 7)
    monkeypatch.setattr(neighbours, "QUERIES", 300)
    monkeypatch.setattr(neighbours, "_REFERENCES", 700)
    monkeypatch.setattr(neighbours, "_LONG_BYTES", 1000)
    found = nearest(mapped, everyone, 7)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-6)
    np.testing.assert_allclose(found[1][:40], brute(mapped, everyone[:40], 7, everyone), atol=1e-5)


def test_nearest__by_hand() -> None:
    embeddings = np.array([[1, 0], [0, 5], [2, 0], [-3, 0], [0, 0]])
    found, distance = nearest(embeddings, np.array([0]), 5)
    assert found.tolist() == [[2, 1, 4, 3, -1]]  # equals in row order; a row of zeros is 1 from all
    assert distance.tolist() == [[0, 1, 1, 2, np.inf]]


def test_nearest__only_row() -> None:
    found, distance = nearest(np.ones((1, 3)), np.array([0]), 2)
    assert found.tolist() == [[-1, -1]] and distance.tolist() == [[np.inf, np.inf]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_nearest__names_the_row_that_is_not_finite(bad: float) -> None:
    embeddings = np.ones((5, 3), dtype=np.float32)
    embeddings[3, 1] = bad
    with pytest.raises(InputError, match="row 4: an embedding that is not finite, or too large"):
        nearest(embeddings, np.array([0]), 1)


def test_nearest__can_be_cancelled() -> None:
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        nearest(np.ones((5, 3)), np.array([0]), 1, progress=progress)


@given(st.integers(1, 5), st.integers(1, 1400), st.integers(1, 60), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_top__are_the_largest(rows: int, columns: int, k: int, seed: int) -> None:
    similarity = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    found = np.take_along_axis(similarity, top(similarity, k), 1)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.sort(similarity, axis=1)[:, -k:])


@pytest.mark.parametrize(("known", "n"), [(60, 63), (3, 40), (40, 41), (1, 2)])
def test_with_new_rows__equals_a_search_of_all(known: int, n: int) -> None:
    embeddings = np.random.default_rng(n).normal(size=(n, 5)).astype(np.float32)
    k = min(10, n - 1)
    before = nearest(embeddings[:known], np.arange(known), max(1, min(k, known - 1)))
    found, distance = with_new_rows(embeddings, *before, k)
    expected, how = nearest(embeddings, np.arange(n), k)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(distance, how, atol=1e-6)


def test_unit_rows__leaves_the_input_alone() -> None:
    embeddings = np.array([[3, 4], [0, 0]], dtype=np.float32)
    np.testing.assert_allclose(unit_rows(embeddings, np.array([0, 1])), [[0.6, 0.8], [0, 0]])
    assert embeddings.tolist() == [[3, 4], [0, 0]]
