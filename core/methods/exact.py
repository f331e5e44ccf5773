"""Exact intervals and tests of counts, and of what counts bound."""

from __future__ import annotations

import numpy as np


def clopper_pearson(hits: int, trials: int, alpha: float = 0.05) -> tuple[float, float]:
    """The exact 1 - alpha interval of hits / trials, in [0, 1]; (0, 1) without trials.

    Source: Clopper, Pearson: The use of confidence or fiducial limits, 1934.
    """
    from scipy.stats import beta

    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials}")
    low = 0.0 if hits == 0 else float(beta.ppf(alpha / 2, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1 - alpha / 2, hits + 1, trials - hits))
    return low, high


def mcnemar(only_first: int, only_second: int) -> tuple[float, float]:
    """(exact p, mid-p), two-sided, of two models right alone on so many rows each; (1, 1) without such rows.

    Source: McNemar, 1947; the mid-p variant: Fagerland, Lydersen, Laake, 2013.
    """
    from scipy.stats import binom

    n, k = only_first + only_second, min(only_first, only_second)
    if n == 0:
        return 1.0, 1.0
    exact = min(1.0, 2 * float(binom.cdf(k, n, 0.5)))
    return exact, min(1.0, 2 * float(binom.cdf(k, n, 0.5)) - float(binom.pmf(k, n, 0.5)))


def median_interval(values: np.ndarray, alpha: float = 0.05) -> tuple[float, float]:
    """An interval of the median that holds with at least 1 - alpha, whatever the distribution: two of the
    (n,) values in their order; infinite where there are too few for that (five and fewer, at 95%).

    Source: Thompson: On confidence ranges for the median, 1936.
    """
    from scipy.stats import binom

    n = len(values)
    rank = int(binom.ppf(alpha / 2, n, 0.5)) if n else 0
    if rank < 1:
        return float("-inf"), float("inf")
    ends = np.partition(values, (rank - 1, n - rank))
    return float(ends[rank - 1]), float(ends[n - rank])
