"""How many of the nearest rows an approximate search has found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.methods.intervals import wilson
from core.methods.neighbours import nearest
from core.progress import Progress

AT = 10
SEED, SAMPLE = 0, 1000
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Recall:
    """The share of the `at` nearest rows that were found, with its 95% interval.

    Measured against all rows on a random sample of `rows` rows, drawn with `seed`.
    """

    value: float
    low: float
    high: float
    rows: int
    at: int = AT
    seed: int = SEED

    @property
    def words(self) -> str:
        """ "approximate nearest rows, recall@10 0.982 (0.978 to 0.985) on 1,000 rows, seed 0" """
        return (
            f"approximate nearest rows, recall@{self.at} {_cut(self.value)} ({_cut(self.low)} to "
            f"{_cut(self.high)}) on {self.rows:,} rows, seed {self.seed}"
        )


def sampled(rows: int, seed: int) -> np.ndarray:
    """Positions of up to 1,000 of N rows, sorted."""
    return np.sort(np.random.default_rng(seed).choice(rows, min(SAMPLE, rows), replace=False))


def measured(
    embeddings: np.ndarray, rows: np.ndarray, distances: np.ndarray, progress: Progress | None = None
) -> Recall:
    """Recall of the nearest rows that were found for each row.

    embeddings: (N, D), N > 1. rows, distances: (N, k) as `nearest` gives them. Of rows at the same distance
    any will do. The interval is Wilson's for as many trials as the sample is worth: the ten of one row are
    found or missed together, so that their spread from row to row counts, down to one trial a row.
    """
    asked = sampled(len(embeddings), SEED)
    at = min(AT, rows.shape[1])
    _, exact = nearest(embeddings, asked, at, None, progress)
    found = (distances[asked, :at] <= exact[:, -1:] + _ROUNDING).mean(axis=1)
    share = float(found.mean())
    spread = float(found.var()) / len(asked)
    worth = share * (1 - share) / spread if spread > 0 else 0
    trials = np.array([min(max(worth, len(asked)), at * len(asked))])
    low, high = wilson(share * trials, trials)
    return Recall(share, float(low[0]), float(high[0]), len(asked), at)


def _cut(share: float) -> str:
    """Three digits, never rounded up."""
    return f"{np.floor(share * 1000 + 1e-9) / 1000:.3f}"
