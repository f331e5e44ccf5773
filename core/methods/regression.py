"""How far given numbers lie from a model's, measured by how far rows like them usually do.

A miss of 100 is much for a bicycle and little for a house. So a residual is divided by the spread of the
residuals at its level of prediction, on the scale on which that spread varies least: as the numbers are, or
by their ratios. Spread and centre are medians, which a few wrong numbers do not move.
How many are flagged is no test: a tail fitted to the middle of the data and tested at a false discovery rate
flagged next to nothing where one number in twenty was wrong, since wrong numbers make the tail that they are
measured by. Measured beside cleanlab's scores by tests/benchmarks/bench_regression.py.
Source: Huber, Ronchetti: Robust Statistics, 2009 (median and MAD).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.progress import Progress

AS_THEY_ARE, BY_RATIO = "as they are", "by ratio"
COVERED = 0.9
"""Share of rows whose number lies in its interval."""
FAR = 9.0
"""A number so many times farther off than half of the rows like it needs no further proof: six standard
deviations of a normal distribution."""
LEAST_ROWS = 20
"""Fewer labelled rows say nothing of what is usual: none is flagged."""
_ROWS_A_LEVEL, _MOST_LEVELS = 50, 200
_STEADIER = 0.8
"""How much steadier the spread of ratios has to be before they are used."""
_MOSTLY = 0.95
_FLOOR = 0.1  # of the usual spread: where the model happens to hit, a small miss is no surprise


@dataclass(frozen=True, eq=False)
class Judged:
    """What is said of n rows that have a given and a predicted number.

    times: how many times farther off the number is than half of the rows like it, on its side; 1 is usual.
    low, high: between these COVERED of the rows like it lie. scale: AS_THEY_ARE or BY_RATIO. levels: (L, 4)
    predicted number, its usual miss, low and high, by level of prediction.
    """

    times: np.ndarray
    low: np.ndarray
    high: np.ndarray
    scale: str
    levels: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """(n,) in (0, 1]: 0.5 is as far off as half of the rows like it are, 0.1 nine times as far."""
        return 1 / (1 + self.times)

    def flagged(self, far: float = FAR) -> np.ndarray:
        """(n,) bool: the rows that are `far` times farther off than half of the rows like them, or more."""
        if len(self.times) < LEAST_ROWS:
            return np.zeros(len(self.times), dtype=bool)
        return self.times >= far


def judge(
    given: np.ndarray,
    predicted: np.ndarray,
    unit: float = 0.0,
    scale: str = "",
    progress: Progress | None = None,
) -> Judged:
    """Judge given numbers by out-of-sample predictions.

    given, predicted: (n,) finite float64. unit: the step in which numbers are written, below which nothing is
    a miss. scale: AS_THEY_ARE or BY_RATIO; "": whichever has the steadier spread.
    """
    progress = progress or Progress()
    n = len(given)
    if not n:
        nothing = np.empty(0)
        return Judged(nothing, nothing, nothing, scale or AS_THEY_ARE, np.empty((0, 4)))
    progress.report(0, "comparing with the model")
    level = _levels(predicted)
    plain = _Scale(lambda y: y, lambda z: z)
    fits = {AS_THEY_ARE: _fit(given, predicted, level, plain, unit)}
    ratio = _ratio_scale(given, predicted)
    progress.report(0.3, "comparing with the model")
    if ratio is not None and scale != AS_THEY_ARE:
        fits[BY_RATIO] = _fit(given, predicted, level, ratio, unit)
    chosen = scale if scale in fits else _steadier(fits)
    fit = fits[chosen]
    progress.report(0.6, "comparing with the model")
    t = (fit.given - fit.centre) / fit.spread
    above = t > 0
    times = np.abs(t)
    whole = _positive(np.median(times))
    for side in (above, ~above):
        times[side] /= _positive(np.median(times[side])) if side.sum() >= LEAST_ROWS else whole
    progress.report(0.9, "comparing with the model")
    outside = (1 - COVERED) / 2
    low, high = (np.quantile(t, q) for q in (outside, 1 - outside))
    bounds = [fit.scale.back(fit.centre + q * fit.spread) for q in (low, high)]
    order = np.argsort(predicted, kind="stable")
    _, first = np.unique(level[order], return_index=True)
    some = order[first]
    shown = [
        predicted[some],
        fit.scale.back(fit.centre[some] + fit.spread[some]) - fit.scale.back(fit.centre[some]),
    ]
    progress.report(1)
    levels = np.stack([*shown, bounds[0][some], bounds[1][some]], axis=1)
    return Judged(times, bounds[0], bounds[1], chosen, levels)


@dataclass(frozen=True, eq=False)
class _Scale:
    """A rising function of numbers, and the way back."""

    to: Callable[[np.ndarray], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class _Fit:
    """Given numbers, their centre and spread on a scale, each (n,), and how the spread varies by level."""

    scale: _Scale
    given: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    varies: float


def _levels(predicted: np.ndarray) -> np.ndarray:
    """(n,) the level of each prediction: some 50 rows a level or more, equal predictions in one."""
    count = min(_MOST_LEVELS, len(predicted) // _ROWS_A_LEVEL)
    if count < 2:
        return np.zeros(len(predicted), dtype=np.int64)
    edges = np.unique(np.quantile(predicted, np.arange(1, count) / count))
    return np.unique(np.searchsorted(edges, predicted, side="right"), return_inverse=True)[1]


def _fit(given: np.ndarray, predicted: np.ndarray, level: np.ndarray, scale: _Scale, unit: float) -> _Fit:
    there, said = scale.to(given), scale.to(predicted)
    residual = there - said
    order = np.argsort(level, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(level[order])) + 1)
    at = np.array([np.median(said[g]) for g in groups])
    centres = np.array([np.median(residual[g]) if len(g) >= LEAST_ROWS else 0.0 for g in groups])
    off = np.abs(residual - np.interp(said, at, centres))
    spreads = np.array([np.median(off[g]) for g in groups])
    step = np.abs(scale.to(predicted + unit / 2) - scale.to(predicted - unit / 2))
    usual = float(np.median(off))
    spread = np.maximum(np.maximum(np.interp(said, at, spreads), _FLOOR * usual), step)
    logs = np.log(np.maximum(spreads, 1e-12 * _positive(usual)))
    varies = float(np.std(logs)) if len(groups) > 2 else 0.0
    return _Fit(scale, there, said + np.interp(said, at, centres), np.maximum(spread, _TINY), varies)


_TINY = 1e-300


def _ratio_scale(given: np.ndarray, predicted: np.ndarray) -> _Scale | None:
    """The inverse hyperbolic sine, which is a logarithm but near zero; None where numbers are not mostly
    positive. A number that lost its sign or is 0 lies far below all others on it."""
    if (given > 0).mean() < _MOSTLY or (predicted > 0).mean() < _MOSTLY:
        return None
    small = float(np.quantile(predicted[predicted > 0], 1 - _MOSTLY)) / 20
    if not small > 0:
        return None
    return _Scale(lambda y: np.arcsinh(y / small), lambda z: np.sinh(np.minimum(z, 700)) * small)


def _steadier(fits: dict[str, _Fit]) -> str:
    plain, ratio = fits[AS_THEY_ARE], fits.get(BY_RATIO)
    return BY_RATIO if ratio is not None and ratio.varies < _STEADIER * plain.varies else AS_THEY_ARE


def _positive(value: float) -> float:
    return float(value) if value > 0 else 1.0
