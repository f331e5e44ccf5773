"""Multinomial logistic regression that reports after every step, so that it can be cancelled."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from core.progress import Progress

_STEPS = 100
_BLOCK_BYTES = 32 << 20


def fit(
    x: np.ndarray,
    y: np.ndarray,
    classes: int,
    strength: float,
    progress: Progress,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """(D + 1, K) float64 weights, the last row the intercept, that minimise the mean log loss plus
    |weights|^2 / (2 * strength * n); the intercept is free. `strength` is scikit-learn's C.

    x: (n, D) float32; y: (n,) codes in [0, K). start: weights to begin from, the best of a like fit.
    """
    shape = (x.shape[1] + 1, classes)
    penalty = 1 / (strength * len(x))
    seen = 0

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal seen
        seen += 1
        weights = flat.reshape(shape)
        value, gradient = _log_loss(x, y, weights, progress, min(seen / _STEPS, 1))
        gradient[:-1] += penalty * weights[:-1]
        return value + penalty / 2 * float((weights[:-1] ** 2).sum()), gradient.ravel()

    first = np.zeros(shape) if start is None else start
    options = {"maxiter": _STEPS, "gtol": 1e-4, "ftol": 1e-7}
    return minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)


def logits(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, K) float32 scores before the softmax."""
    return x @ weights[:-1].astype(np.float32) + weights[-1].astype(np.float32)


def mean_square(x: np.ndarray, progress: Progress) -> float:
    """Mean over the rows of x, (n, D), of their squared lengths."""
    total, step = 0.0, max(1, _BLOCK_BYTES // (8 * max(x.shape[1], 1)))
    for begin in range(0, len(x), step):
        progress.report(0)
        total += float((x[begin : begin + step].astype(np.float64) ** 2).sum())
    return total / max(len(x), 1)


def probabilities(scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(n, K) float64 softmax of scores / temperature; rows sum to 1."""
    return np.exp(log_softmax(scores.astype(np.float64) / temperature, axis=1))


def log_loss(scores: np.ndarray, y: np.ndarray, temperature: float = 1.0) -> float:
    """Mean of -log p(y)."""
    scaled = scores.astype(np.float64) / temperature
    return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(y)), y]).mean())


def _log_loss(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, progress: Progress, fraction: float
) -> tuple[float, np.ndarray]:
    """Mean log loss and its gradient, (D + 1, K), in blocks of rows."""
    total, gradient = 0.0, np.zeros_like(weights)
    step = max(1, _BLOCK_BYTES // (4 * max(x.shape[1], weights.shape[1])))
    for begin in range(0, len(x), step):
        progress.report(fraction)
        block, given = x[begin : begin + step], y[begin : begin + step]
        logs = logits(block, weights)
        logs -= logsumexp(logs, axis=1, keepdims=True)
        line = np.arange(len(block))
        total -= float(logs[line, given].sum(dtype=np.float64))
        error = np.exp(logs)
        error[line, given] -= 1
        gradient[:-1] += block.T @ error
        gradient[-1] += error.sum(axis=0, dtype=np.float64)
    return total / len(x), gradient / len(x)
