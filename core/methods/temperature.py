"""One number that makes a model's probabilities as sure as they are right. Without scipy, which takes long to
import."""

from __future__ import annotations

import numpy as np

from core.progress import Progress

_STEPS, _BLOCK_BYTES = 100, 2 << 20
_BOUNDS = (0.1, 10.0)  # of 1 / temperature
_CLOSE = 1e-7


def best_temperature(scores: np.ndarray, y: np.ndarray, progress: Progress | None = None) -> float:
    """The temperature in [0.1, 10] of the lowest log loss on rows that the model did not train on.

    scores: (n, K); y: (n,) codes. The loss is convex in 1 / temperature, so that Newton's steps, kept between
    what is known to be too low and too high, end in a few passes over the scores.
    Source: Guo et al.: On calibration of modern neural networks, ICML 2017, section 4.2.
    """
    progress = progress or Progress()
    (low, high), inverse, seen = _BOUNDS, 1.0, set[float]()
    for _ in range(_STEPS):
        progress.report(1)
        slope, curve = _slopes(scores, y, inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        to = inverse - slope / curve if curve > 0 else inverse
        to = min(max(to, low), high)
        if abs(to - inverse) <= _CLOSE * inverse:
            break
        seen.add(inverse)
        inverse = (low * high) ** 0.5 if to in seen else to  # a step too far, on a loss that is nearly flat
    return 1 / inverse


def _slopes(scores: np.ndarray, y: np.ndarray, inverse: float) -> tuple[float, float]:
    """First and second derivative of the summed log loss by 1 / temperature."""
    slope = curve = 0.0
    step = max(1, _BLOCK_BYTES // (8 * scores.shape[1]))
    for begin in range(0, len(y), step):
        block = scores[begin : begin + step].astype(np.float64)
        block -= block.max(axis=1, keepdims=True)
        raised = np.exp(block * inverse)
        total = raised.sum(axis=1)
        raised *= block
        mean = raised.sum(axis=1) / total
        raised *= block
        slope += float((mean - block[np.arange(len(block)), y[begin : begin + step]]).sum())
        curve += float((raised.sum(axis=1) / total - mean**2).sum())
    return slope, curve
