from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from core.models import _reduce
from core.models._reduce import _pieces, reduced
from core.progress import Cancelled, Progress


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 4), st.integers(1, 40))
def test_pieces__of_a_sparse_matrix_are_short_or_one_row(counts: list[int], width: int, work: int) -> None:
    ends = np.cumsum([0, *counts])
    matrix = sparse.csr_matrix((np.ones(ends[-1]), np.zeros(ends[-1], int), ends), shape=(len(counts), 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_reduce, "_WORK", work)
        pieces = _pieces(matrix, width)
    assert [row for start, stop in pieces for row in range(start, stop)] == list(range(len(counts)))
    for start, stop in pieces:
        assert sum(counts[start:stop][1:]) * width <= work


def test_pieces__of_a_dense_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reduce, "_WORK", 6)
    assert _pieces(np.ones((7, 10)), 2) == [(0, 3), (3, 6), (6, 7)]
    assert _pieces(np.ones((2, 1000)), 2) == [(0, 1), (1, 2)]


@pytest.mark.parametrize("dense", [False, True])
def test_reduced__keeps_the_products_of_rows_and_looks_at_cancel(
    dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = sparse.random_array((60, 12), density=0.4, rng=np.random.default_rng(0)).tocsr()
    matrix = rows.toarray() if dense else sparse.csr_matrix(rows)
    found = reduced(matrix.astype(np.float32), 12, 0, Progress())
    assert np.allclose(found @ found.T, (rows @ rows.T).toarray(), atol=1e-5)
    monkeypatch.setattr(_reduce, "_WORK", 10)
    looks: list[float] = []
    again = reduced(matrix.astype(np.float32), 12, 0, Progress(lambda f, _: looks.append(f)))
    assert np.allclose(np.abs(again), np.abs(found), atol=1e-4)
    assert len(looks) > 100

    def stop(*_: object) -> None:
        looks.pop()
        if len(looks) < 20:
            progress.cancel()

    progress = Progress(stop)
    with pytest.raises(Cancelled):
        reduced(matrix.astype(np.float32), 12, 0, progress)
