"""Fewer dimensions: a randomised SVD that can be cancelled between its steps."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.progress import Progress

if TYPE_CHECKING:
    from scipy import sparse

_EXTRA, _ROUNDS = 10, 3
_WORK = 200_000_000  # multiplications with a sparse matrix between two looks at Cancel, some 0.2 s
_DENSE = 10  # times as many take as long with a dense one


def reduced(matrix: sparse.csr_matrix | np.ndarray, dims: int, seed: int, progress: Progress) -> np.ndarray:
    """(N, at most dims) float32: the rows on the leading right singular vectors, U * S."""
    return reduced_on(matrix, dims, seed, progress)[0]


def reduced_on(
    matrix: sparse.csr_matrix | np.ndarray, dims: int, seed: int, progress: Progress
) -> tuple[np.ndarray, np.ndarray]:
    """What `reduced` gives, and the (D, at most dims) float32 singular vectors that another row is put on.

    Source: Halko, Martinsson, Tropp: Finding structure with randomness, SIAM Review 53 (2011), algorithm 4.4.
    scikit-learn's TruncatedSVD gives the same and cannot be stopped.
    """
    width = min(dims + _EXTRA, *matrix.shape)
    random = np.random.default_rng(seed)
    basis = random.standard_normal((matrix.shape[1], width)).astype(np.float32)
    progress.report(0, "reducing")
    turned = matrix.T if isinstance(matrix, np.ndarray) else matrix.T.tocsr()
    for step in range(_ROUNDS):
        part = progress.part(step / (_ROUNDS + 1), (step + 1) / (_ROUNDS + 1), "reducing")
        there = _times(matrix, basis, part.part(0, 0.4))
        basis = _orthonormal(_times(turned, there, part.part(0.4, 0.8)), part.part(0.8, 1))
    projected = _times(matrix, basis, progress.part(_ROUNDS / (_ROUNDS + 1), 1, "reducing"))
    # basis spans the leading right singular vectors; a small eigenproblem turns it onto them.
    last = progress.part(1, 1, "reducing")
    values, turn = np.linalg.eigh(_gram(projected, last))
    turn = turn[:, np.argsort(values)[::-1][:dims]].astype(np.float32)
    return _times(projected, turn, last), basis @ turn


def _orthonormal(basis: np.ndarray, progress: Progress) -> np.ndarray:
    """The same span, columns orthonormal. By the Gram matrix: a QR takes ten times as long."""
    for step in range(2):  # the second pass mends what rounding left of the first
        part = progress.part(step / 2, (step + 1) / 2)
        tall = basis.astype(np.float64)
        values, turn = np.linalg.eigh(_gram(tall, part))
        kept = values > values[-1] * 1e-12
        basis = _times(tall, turn[:, kept] / np.sqrt(values[kept]), part)
    return basis


def _gram(tall: np.ndarray, progress: Progress) -> np.ndarray:
    """(D, D) float64 products of the columns with each other."""
    out = np.zeros((tall.shape[1], tall.shape[1]))
    for start, stop in _pieces(tall, tall.shape[1]):
        progress.report(start / len(tall))
        out += tall[start:stop].T @ tall[start:stop]
    return out


def _times(matrix: sparse.csr_matrix | np.ndarray, dense: np.ndarray, progress: Progress) -> np.ndarray:
    """(N, D) float32 product."""
    out = np.empty((matrix.shape[0], dense.shape[1]), np.float32)
    for start, stop in _pieces(matrix, dense.shape[1]):
        progress.report(start / len(out))
        out[start:stop] = matrix[start:stop] @ dense
    return out


def _pieces(matrix: sparse.csr_matrix | np.ndarray, width: int) -> list[tuple[int, int]]:
    """Stretches of rows whose product with `width` columns takes about 0.2 s; at least a row each.

    Rows of a sparse matrix differ: those of the most frequent words hold most of it.
    """
    rows, columns = matrix.shape
    if isinstance(matrix, np.ndarray):
        step = max(1, _DENSE * _WORK // max(1, columns * width))
        return [(start, min(start + step, rows)) for start in range(0, rows, step)]
    piece = matrix.indptr[1:].astype(np.int64) * width // _WORK
    bounds = [0, *(np.flatnonzero(np.diff(piece)) + 1).tolist(), rows]
    return list(pairwise(bounds))
