"""How surprising counts are: exact tail probabilities, and what is left after many tests."""

from __future__ import annotations

import numpy as np

_SMALLEST = 1e-17  # of the sum so far: a term below this changes no digit of it


def hypergeometric_tail(
    observed: np.ndarray, drawn: np.ndarray, marked: np.ndarray, total: np.ndarray
) -> np.ndarray:
    """P(at least `observed` marked among the drawn), element by element; 1 where no more than expected are.

    Of `total` rows `marked` are marked and `drawn` are drawn without putting back: exact where the marks lie
    on the rows at random. Whole numbers that broadcast; 0 <= observed <= min(drawn, marked).
    Source: Fisher's exact test, one-sided.
    """
    from scipy.special import gammaln

    arrays = np.broadcast_arrays(observed, drawn, marked, total)
    x, n, m, t = (np.asarray(a, dtype=np.float64).ravel() for a in arrays)
    p = np.ones(len(x))
    at = np.flatnonzero(x * t > n * m)
    x, n, m, t = x[at], n[at], m[at], t[at]

    def choose(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return gammaln(a + 1) - gammaln(b + 1) - gammaln(a - b + 1)

    first = choose(m, x) + choose(t - m, n - x) - choose(t, n)
    p[at] = np.minimum(1, np.exp(first) * _tail(x, n, m, t))
    return p.reshape(arrays[0].shape)


def _tail(x: np.ndarray, n: np.ndarray, m: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The sum of P(k) / P(x) over k >= x, above the mean, where the terms only fall."""
    total, term = np.ones(len(x)), np.ones(len(x))
    k, going = x.copy(), np.arange(len(x))
    while len(going):
        a = k[going]
        fewer = (m[going] - a) * (n[going] - a) / ((a + 1) * (t[going] - m[going] - n[going] + a + 1))
        term[going] *= fewer
        total[going] += term[going]
        k[going] += 1
        going = going[term[going] > _SMALLEST * total[going]]
    return total


def adjusted(p: np.ndarray, tests: int | None = None) -> np.ndarray:
    """(n,) q-values: the smallest false discovery rate at which each test is a finding.

    tests: how many tests were made, where some of them are not in p; those count as p = 1. None: n.
    Source: Benjamini, Hochberg: Controlling the False Discovery Rate, 1995.
    """
    p = np.asarray(p, dtype=np.float64)
    tests = len(p) if tests is None else tests
    if tests < len(p):
        raise ValueError(f"{len(p)} p-values of {tests} tests")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * tests / np.arange(1, len(p) + 1)
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return out
