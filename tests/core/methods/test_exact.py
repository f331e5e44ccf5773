from __future__ import annotations

import numpy as np
import pytest

from core.methods.exact import median_interval


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [(5, -np.inf, np.inf), (6, 1, 6), (10, 2, 9), (20, 6, 15), (0, -np.inf, np.inf)],
)
def test_median_interval__has_the_published_ranks(n: int, low: float, high: float) -> None:
    values = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    assert median_interval(values) == (low, high)


def test_median_interval__holds_as_often_as_it_says() -> None:
    """The true median is ln 2; 1,000 samples, of which 95 % are 950 with a standard error of 7."""
    rng = np.random.default_rng(0)
    ends = [median_interval(rng.exponential(1, 41)) for _ in range(1000)]
    assert sum(low <= np.log(2) <= high for low, high in ends) >= 936
