from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from core.errors import InputError
from core.methods import inverted_file
from core.methods.inverted_file import nearest_in_cells
from core.methods.neighbours import nearest
from core.methods.recall import measured
from core.progress import Cancelled, Progress

N, D, K = 3000, 12, 30


def clouds(n: int = N, width: int = D, seed: int = 0) -> np.ndarray:
    """n rows around 60 directions, which overlap."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(60, width))
    return (middle[rng.integers(0, 60, n)] + rng.normal(0, 0.4, (n, width))).astype(np.float32)


def assert_sound(embeddings: np.ndarray, rows: np.ndarray, distances: np.ndarray) -> None:
    """Distinct rows, none its own, nearest first, each at its true distance."""
    n = len(embeddings)
    assert len(rows) == len(distances) == n
    assert rows.dtype == np.int32 and distances.dtype == np.float32
    assert rows.min() >= 0 and rows.max() < n and not (rows == np.arange(n)[:, None]).any()
    assert (np.diff(np.sort(rows, axis=1), axis=1) > 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()
    length = np.linalg.norm(embeddings.astype(float), axis=1, keepdims=True)
    unit = embeddings / np.where(length > 0, length, 1)
    true = 1 - np.einsum("ij,ikj->ik", unit, unit[rows])
    np.testing.assert_allclose(distances, true, atol=2e-6)


def test_nearest_in_cells__finds_nearly_all_and_says_how_many() -> None:
    embeddings = clouds()
    rows, distances, recall = nearest_in_cells(embeddings, K)
    assert_sound(embeddings, rows, distances)
    assert recall is not None and recall == measured(embeddings, rows, distances)
    assert recall.value >= 0.95
    exact, _ = nearest(embeddings, np.arange(N), 10)
    found = np.mean([len(np.intersect1d(a, b)) for a, b in zip(rows, exact, strict=True)]) / 10
    assert recall.low <= found <= recall.high  # the sample against all rows


@given(st.integers(40, 500), st.integers(1, 8), st.integers(1, 45), st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_search__of_all_cells_is_exact(n: int, width: int, k: int, seed: int) -> None:
    embeddings = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    k = min(k, n - 1)
    cells = inverted_file._made(embeddings, Progress())
    rows, distances = inverted_file._search(embeddings, cells, len(cells), k, Progress())
    assert_sound(embeddings, rows, distances)
    np.testing.assert_allclose(distances, nearest(embeddings, np.arange(n), k)[1], atol=2e-6)


def test_nearest_in_cells__in_stretches_and_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = clouds()
    expected = nearest_in_cells(embeddings, K)
    monkeypatch.setattr(inverted_file, "_QUERIES", 500)
    monkeypatch.setattr(inverted_file, "_PENDING", 1000)
    rows, distances, _ = nearest_in_cells(embeddings, K)
    assert_sound(embeddings, rows, distances)
    # A row that a nearer one has put out of a list is offered by it or not, as the stretches come.
    assert np.isclose(distances, expected[1], atol=1e-6).mean() > 0.999


def test_nearest_in_cells__is_the_same_again_and_with_any_number_of_threads() -> None:
    embeddings = clouds()
    with threadpool_limits(1):
        first = nearest_in_cells(embeddings, K)
    with threadpool_limits(2):
        again = nearest_in_cells(embeddings, K)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert first[2] == again[2]


def test_nearest_in_cells__half_precision_from_a_memory_map(tmp_path: Path) -> None:
    np.save(tmp_path / "e.npy", clouds().astype(np.float16))
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    rows, distances, recall = nearest_in_cells(mapped, K)
    assert_sound(np.asarray(mapped, np.float32), rows, distances)
    assert recall is not None and recall.value >= 0.95


def test_nearest_in_cells__more_copies_than_nearest_rows() -> None:
    embeddings = clouds()
    embeddings[100:1600] = embeddings[7]
    rows, distances, recall = nearest_in_cells(embeddings, K)
    assert_sound(embeddings, rows, distances)
    assert distances[100:1600].max() < 1e-6 and distances[7].max() < 1e-6
    assert recall is None or recall.value >= 0.95


def test_cells__hold_each_row_once_and_none_is_large() -> None:
    embeddings = clouds()
    embeddings[100:1600] = embeddings[7]
    cells = inverted_file._made(embeddings, Progress())
    np.testing.assert_array_equal(np.sort(cells.order), np.arange(N))
    assert cells.sizes.min() > 0 and cells.sizes.max() <= 4 * np.sqrt(N / 8) + 1
    for cell in range(len(cells)):
        assert (cells.cell[cells.rows(cell)] == cell).all() and (np.diff(cells.rows(cell)) > 0).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nearest_in_cells__all_rows_equal(value: float) -> None:
    rows, distances, _ = nearest_in_cells(np.full((2000, 5), value, np.float32), K)
    assert_sound(np.full((2000, 5), value), rows, distances)
    np.testing.assert_allclose(distances, 1 - value, atol=1e-6)


def test_nearest_in_cells__rows_of_zeros_are_one_from_all() -> None:
    embeddings = clouds()
    embeddings[::50] = 0
    rows, distances, recall = nearest_in_cells(embeddings, K)
    assert_sound(embeddings, rows, distances)
    assert (distances[::50] == 1).all()
    assert recall is None or recall.value >= 0.95


def test_nearest_in_cells__more_nearest_rows_than_a_cell_has() -> None:
    embeddings = clouds(400)
    assert inverted_file._made(embeddings, Progress()).sizes.mean() < 10
    rows, distances, _ = nearest_in_cells(embeddings, 100)
    assert_sound(embeddings, rows, distances)


def everywhere(n: int, width: int) -> np.ndarray:
    """Rows in all directions alike, the worst that cells can meet."""
    return np.random.default_rng(0).normal(size=(n, width)).astype(np.float32)


def test_nearest_in_cells__compares_all_where_cells_save_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted_file, "AIM", 0.9999)
    embeddings = everywhere(600, 40)
    rows, distances, recall = nearest_in_cells(embeddings, 10)
    expected = nearest(embeddings, np.arange(600), 10)
    assert recall is None
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(distances, expected[1])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many cells each search asked for."""
    made: list[int] = []
    search = inverted_file._search

    def counted(embeddings, cells, probes, k, progress):  # type: ignore[no-untyped-def]
        made.append(probes)
        return search(embeddings, cells, probes, k, progress)

    monkeypatch.setattr(inverted_file, "_search", counted)
    monkeypatch.setattr(inverted_file, "_FEWEST_CELLS", 1)
    return made


def test_nearest_in_cells__searches_more_cells_while_too_few_are_found(
    monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    monkeypatch.setattr(inverted_file, "AIM", 0.01)
    _, _, recall = nearest_in_cells(everywhere(N, D), 10)
    assert len(asked) > 1 and asked[1] == 2 * asked[0]
    assert recall is not None and recall.value >= inverted_file.LEAST


def test_nearest_in_cells__bound_on_the_work_leaves_rows_unfound_and_says_so(
    monkeypatch: pytest.MonkeyPatch, asked: list[int]
) -> None:
    monkeypatch.setattr(inverted_file, "_WORK", 1.0)
    embeddings = everywhere(N, D)
    rows, distances, recall = nearest_in_cells(embeddings, 10)
    assert asked == [1]
    assert_sound(embeddings, rows, distances)
    assert recall is not None and recall.value < inverted_file.LEAST


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nearest_in_cells__names_the_row_that_is_not_finite(bad: float) -> None:
    embeddings = clouds()
    embeddings[2500, 3] = bad
    with pytest.raises(InputError, match="row 2,501: an embedding that is not finite"):
        nearest_in_cells(embeddings, K)


@pytest.mark.parametrize("at", ["reading embeddings", "finding clusters", "putting", "choosing", "comparing"])
def test_nearest_in_cells__can_be_cancelled_in_every_stage(at: str) -> None:
    def stop(fraction: float, message: str) -> None:
        if at in message:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        nearest_in_cells(clouds(), K, progress)


def test_nearest_in_cells__fraction_never_falls() -> None:
    seen: list[float] = []
    nearest_in_cells(clouds(), K, Progress(lambda fraction, message: seen.append(fraction)))
    assert seen[0] == 0 and seen[-1] == 1
    assert (np.diff(seen) >= 0).all()


def test_offer__a_row_comes_to_those_that_it_has_found() -> None:
    # Row 0 has found 1 and 2; 1 knows of nobody nearer than 3, 2 knows 0 already, and 3 is offered to nobody.
    rows = np.array([[1, 2], [3, -1], [0, 1], [1, 2]], dtype=np.int32)
    likeness = np.array([[0.9, 0.8], [0.4, -np.inf], [0.8, 0.7], [0.4, 0.3]], dtype=np.float32)
    inverted_file._offer(rows, likeness, Progress())
    found = [
        set(zip(r, v, strict=True)) for r, v in zip(rows.tolist(), likeness.round(1).tolist(), strict=True)
    ]
    near = [[(1, 0.9), (2, 0.8)], [(0, 0.9), (2, 0.7)], [(0, 0.8), (1, 0.7)], [(1, 0.4), (2, 0.3)]]
    assert [{(r, round(v, 1)) for r, v in line} for line in found] == [set(line) for line in near]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 40), st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_best__keeps_the_nearest_of_all_that_came(lines: int, k: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    likeness = rng.permutation(lines * count).reshape(lines, count).astype(np.float32) / (lines * count)
    best = inverted_file._Best(np.full((lines, k), -1, np.int32), np.full((lines, k), -np.inf, np.float32))
    line, row = np.divmod(rng.permutation(lines * count), count)
    for part in np.array_split(np.arange(len(line)), 4):
        best.add(line[part], row[part].astype(np.int32), likeness[line[part], row[part]])
        best.settle()
    kept = min(k, count)
    expected = np.argsort(-likeness, axis=1)[:, :kept]
    np.testing.assert_array_equal(np.sort(best.rows, axis=1)[:, k - kept :], np.sort(expected, axis=1))
    np.testing.assert_array_equal(best.last, best.likeness.min(axis=1))
