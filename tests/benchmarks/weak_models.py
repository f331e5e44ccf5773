"""Models that know little, and labels of which few or none are wrong: where a filter might flag too much."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.benchmarks.label_noise import Noisy, trained

SEED = 0


def weak() -> Iterator[Noisy]:
    """Predictions drawn at random; a model of two classes that overlap; a thousand classes."""
    rng = np.random.default_rng(SEED)
    for k in (2, 10, 77):
        given = rng.integers(0, k, 5000)
        probs = rng.dirichlet(np.ones(k), 5000).astype(np.float32)
        yield _alone(f"predictions at random, {k} classes", given, np.zeros(5000, bool), probs)
    for apart in (0.6, 1.0, 2.0):
        for rate in (0.0, 0.05):
            true = rng.integers(0, 2, 4000)
            points = (2 * true[:, None] - 1) * apart * np.eye(8)[0] + rng.normal(size=(4000, 8))
            given = np.where(rng.random(4000) < rate, 1 - true, true)
            right = float(((points[:, 0] > 0) == true).mean())
            name = f"two classes, {right:.0%} can be told, {rate:.0%} of the labels wrong"
            yield trained(name, given, true, points.astype(np.float32))
    for noise in (0.8, 1.5, 3.0):
        n, k = 20_000, 1000
        true = rng.integers(0, k, n)
        wrong = rng.random(n) < 0.05
        given = np.where(wrong, (true + rng.integers(1, k, n)) % k, true)
        logits = rng.normal(size=(n, k)).astype(np.float32) * noise
        logits[np.arange(n), true] += 4 + 2 * noise
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs = raised / raised.sum(axis=1, keepdims=True)
        right = float((probs.argmax(axis=1) == true).mean())
        yield _alone(
            f"1,000 classes, the model right on {right:.0%}, 5% of the labels wrong", given, wrong, probs
        )


def _alone(name: str, given: np.ndarray, wrong: np.ndarray, probs: np.ndarray) -> Noisy:
    """Without embeddings."""
    return Noisy(name, given, wrong, probs, np.zeros((len(given), 0), np.float32))
