"""Exact intervals and tests of binomial counts."""

from __future__ import annotations


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
