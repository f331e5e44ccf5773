from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.methods import neighbours
from core.methods.neighbours import nearest, reference_rows, unit_rows
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
    monkeypatch.setattr(neighbours, "_QUERIES", 300)
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


def test_reference_rows__all_up_to_30_000_then_a_seeded_sample() -> None:
    assert reference_rows(30_000) is None
    sample = reference_rows(30_001)
    assert sample is not None
    assert len(np.unique(sample)) == 20_000 and sample.max() < 30_001
    np.testing.assert_array_equal(sample, reference_rows(30_001))


def test_unit_rows__leaves_the_input_alone() -> None:
    embeddings = np.array([[3, 4], [0, 0]], dtype=np.float32)
    np.testing.assert_allclose(unit_rows(embeddings, np.array([0, 1])), [[0.6, 0.8], [0, 0]])
    assert embeddings.tolist() == [[3, 4], [0, 0]]
