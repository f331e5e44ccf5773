"""Fewer dimensions: a randomised SVD that can be cancelled between its steps."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from core.progress import Progress

_EXTRA, _ROUNDS = 10, 3
_BLOCK = 20_000


def reduced(matrix: sparse.csr_matrix | np.ndarray, dims: int, seed: int, progress: Progress) -> np.ndarray:
    """(N, at most dims) float32: the rows on the leading right singular vectors, U * S.

    Source: Halko, Martinsson, Tropp: Finding structure with randomness, SIAM Review 53 (2011), algorithm 4.4.
    scikit-learn's TruncatedSVD gives the same and cannot be stopped.
    """
    width = min(dims + _EXTRA, *matrix.shape)
    random = np.random.default_rng(seed)
    basis = random.standard_normal((matrix.shape[1], width)).astype(np.float32)
    for step in range(_ROUNDS):
        part = progress.part(step / (_ROUNDS + 1), (step + 1) / (_ROUNDS + 1), "reducing")
        basis = _orthonormal(_transposed_times(matrix, _times(matrix, basis, part), part))
    projected = _times(matrix, basis, progress.part(_ROUNDS / (_ROUNDS + 1), 1, "reducing"))
    # basis spans the leading right singular vectors; a small eigenproblem turns it onto them.
    values, turn = np.linalg.eigh(projected.T @ projected)
    turn = turn[:, np.argsort(values)[::-1][:dims]]
    return (projected @ turn).astype(np.float32)


def _orthonormal(basis: np.ndarray) -> np.ndarray:
    """The same span, columns orthonormal. By the Gram matrix: a QR takes ten times as long."""
    for _ in range(2):  # the second pass mends what rounding left of the first
        tall = basis.astype(np.float64)
        values, turn = np.linalg.eigh(tall.T @ tall)
        kept = values > values[-1] * 1e-12
        basis = (tall @ (turn[:, kept] / np.sqrt(values[kept]))).astype(np.float32)
    return basis


def _times(matrix: sparse.csr_matrix | np.ndarray, dense: np.ndarray, progress: Progress) -> np.ndarray:
    out = np.empty((matrix.shape[0], dense.shape[1]), np.float32)
    for start in range(0, len(out), _BLOCK):
        progress.report(start / len(out) / 2)
        out[start : start + _BLOCK] = matrix[start : start + _BLOCK] @ dense
    return out


def _transposed_times(matrix: sparse.csr_matrix | np.ndarray, dense: np.ndarray, p: Progress) -> np.ndarray:
    out = np.zeros((matrix.shape[1], dense.shape[1]), np.float32)
    for start in range(0, len(dense), _BLOCK):
        p.report(0.5 + start / len(dense) / 2)
        out += matrix[start : start + _BLOCK].T @ dense[start : start + _BLOCK]
    return out
