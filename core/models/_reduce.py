"""Fewer dimensions: a randomised SVD that can be cancelled between its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.progress import Progress

if TYPE_CHECKING:
    from scipy import sparse

_EXTRA, _ROUNDS = 10, 3
_BLOCK = 5_000


def reduced(matrix: sparse.csr_matrix | np.ndarray, dims: int, seed: int, progress: Progress) -> np.ndarray:
    """(N, at most dims) float32: the rows on the leading right singular vectors, U * S.

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
    values, turn = np.linalg.eigh(projected.T @ projected)
    turn = turn[:, np.argsort(values)[::-1][:dims]]
    return (projected @ turn).astype(np.float32)


def _orthonormal(basis: np.ndarray, progress: Progress) -> np.ndarray:
    """The same span, columns orthonormal. By the Gram matrix: a QR takes ten times as long."""
    for step in range(2):  # the second pass mends what rounding left of the first
        progress.report(step / 2)
        tall = basis.astype(np.float64)
        values, turn = np.linalg.eigh(tall.T @ tall)
        progress.report(step / 2 + 0.25)
        kept = values > values[-1] * 1e-12
        basis = (tall @ (turn[:, kept] / np.sqrt(values[kept]))).astype(np.float32)
    return basis


def _times(matrix: sparse.csr_matrix | np.ndarray, dense: np.ndarray, progress: Progress) -> np.ndarray:
    out = np.empty((matrix.shape[0], dense.shape[1]), np.float32)
    for start in range(0, len(out), _BLOCK):
        progress.report(start / len(out))
        out[start : start + _BLOCK] = matrix[start : start + _BLOCK] @ dense
    return out
