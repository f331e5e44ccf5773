"""Intervals of shares."""

from __future__ import annotations

import numpy as np


def wilson(hits: np.ndarray, trials: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """95% Wilson score interval of hits / trials, element by element; trials > 0. Source: Wilson, 1927."""
    rate = hits / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def paired_difference(only_first: int, only_second: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95% interval of (only_second - only_first) / n, the difference of two shares of the same n > 0 trials,
    of which so many hit in one only. Half a trial is added to each of the four cells.

    Source: Agresti, Min: Simple improved confidence intervals for comparing matched proportions, 2005.
    """
    first, second, trials = only_first + 0.5, only_second + 0.5, n + 2
    change = (second - first) / trials
    half = z * np.sqrt(first + second - (second - first) ** 2 / trials) / trials
    return float(max(-1.0, change - half)), float(min(1.0, change + half))
