"""From score to probability of error, learned from decisions: what the next rows will yield, and how long it
takes.

logit P(error) = a + b x with x = logit(1 - label quality score): b = 1, a = 0 takes the score at its word.
The priors a ~ N(0, 2^2) and b ~ N(1, 0.5^2) say so before anybody has decided; every decision moves it.
Which rows were read does not bias a fit that conditions on the score, but what it says of rows unlike those
read is only as good as the random draws among them. The sum of the probabilities is no count of the errors:
that is core.evidence.remaining.

Source: logistic regression by maximum posterior, Laplace approximation (MacKay, 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.methods.intervals import wilson

_CLIP = 1e-4
_MEAN, _SD = np.array([0.0, 1.0]), np.array([2.0, 0.5])
_LOCAL = 0.25
"""Standard deviation of a shift that the next rows share beyond the curve."""
DRAWS, SEED = 1000, 0
RECENT = 200
IDLE = 10
"""A pause longer than this many medians is not work."""


@dataclass(frozen=True, eq=False)
class Curve:
    """a, b with covariance (2, 2); decisions: how many it was learned from."""

    a: float
    b: float
    covariance: np.ndarray
    decisions: int

    def probability(self, score: np.ndarray) -> np.ndarray:
        """(N,) P(error) in [0, 1] of rows with these label quality scores (0 = worst)."""
        return _sigmoid(self.a + self.b * _doubt(score))


def learned(score: np.ndarray, wrong: np.ndarray) -> Curve:
    """The curve of decided rows. score: (n,) label quality in [0, 1], 0 = worst, by a model that has not
    learned from these decisions; wrong: (n,) bool. Without decisions it is the prior.
    """
    x, y = _doubt(score), np.asarray(wrong, dtype=np.float64)
    design = np.column_stack([np.ones_like(x), x])
    precision = np.diag(1 / _SD**2)
    beta = _MEAN.copy()
    loss = _loss(beta, design, y)
    for _ in range(100):
        p = _sigmoid(design @ beta)
        gradient = design.T @ (p - y) + precision @ (beta - _MEAN)
        hessian = (design * (p * (1 - p))[:, None]).T @ design + precision
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while (new := _loss(beta - size * step, design, y)) > loss and size > 1e-8:
            size /= 2  # a full step overshoots where scores are extreme
        beta, loss = beta - size * step, min(new, loss)
        if np.abs(size * step).max() < 1e-9:
            break
    p = _sigmoid(design @ beta)
    hessian = (design * (p * (1 - p))[:, None]).T @ design + precision
    return Curve(float(beta[0]), float(beta[1]), np.linalg.inv(hessian), len(y))


@dataclass(frozen=True)
class Yield:
    """Wrong labels to expect in some rows: the mean, and the 90% range."""

    rows: int
    expected: float
    low: int
    high: int


def next_yield(curve: Curve, score: np.ndarray, seed: int = SEED) -> Yield:
    """What rows with these scores will yield together: 5 to 95% of the posterior predictive."""
    if not len(score):
        return Yield(0, 0.0, 0, 0)
    rng = np.random.default_rng(seed)
    x = _doubt(score)
    beta = rng.multivariate_normal([curve.a, curve.b], curve.covariance, DRAWS)
    shift = rng.normal(0, _LOCAL, (DRAWS, 1))
    p = _sigmoid(beta[:, :1] + shift + beta[:, 1:] * x[None, :])
    total = (rng.random(p.shape) < p).sum(axis=1)
    low, high = np.quantile(total, [0.05, 0.95], method="inverted_cdf")
    return Yield(len(x), float(curve.probability(score).sum()), int(low), int(high))


def reliability(curve: Curve, score: np.ndarray, wrong: np.ndarray, groups: int = 6) -> pd.DataFrame:
    """What was foretold against what was found, over rows that were drawn at random, in groups of equally
    many.

    Columns: rows, foretold (mean P(error)), found (share wrong), low, high (its 95% Wilson interval), most
    sure of the label first. Empty without rows.
    """
    p = curve.probability(np.asarray(score))
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, min(groups, len(order)) or 1) if len(part)]
    lines = []
    for part in parts:
        hits = float(np.asarray(wrong)[part].sum())
        low, high = wilson(np.array(hits), np.array(float(len(part))))
        lines.append((len(part), p[part].mean(), hits / len(part), float(low), float(high)))
    return pd.DataFrame(lines, columns=["rows", "foretold", "found", "low", "high"])


def by_time(probability: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The order of rows that finds most errors in any time: P(error) a second, most first; ties as they come.

    probability: (N,) in [0, 1]; seconds: (N,) > 0, what a decision on each row is expected to take.
    """
    return np.argsort(-np.asarray(probability) / np.asarray(seconds), kind="stable")


@dataclass(frozen=True)
class Hours:
    """Time for some rows, in hours, with its 90% range; seconds: mean time of a decision; of: decisions."""

    hours: float
    low: float
    high: float
    seconds: float
    of: int


def hours_left(rows: int, seconds: np.ndarray) -> Hours | None:
    """How long `rows` will take. seconds: (T,) what each decision took, in order; the last RECENT count, and
    pauses of more than IDLE medians do not. None with fewer than two decisions to go by.
    """
    recent = np.asarray(seconds, dtype=np.float64)[-RECENT:]
    recent = recent[recent > 0]
    if len(recent) < 2:
        return None
    worked = recent[recent <= IDLE * np.median(recent)]
    if len(worked) < 2:
        return None
    mean, sd = float(worked.mean()), float(worked.std(ddof=1))
    half = 1.645 * sd * np.sqrt(rows + rows**2 / len(worked))
    total = rows * mean
    return Hours(total / 3600, max(0.0, total - half) / 3600, (total + half) / 3600, mean, len(worked))


def _doubt(score: np.ndarray) -> np.ndarray:
    p = np.clip(1 - np.asarray(score, dtype=np.float64), _CLIP, 1 - _CLIP)
    return np.log(p) - np.log1p(-p)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))


def _loss(beta: np.ndarray, design: np.ndarray, y: np.ndarray) -> float:
    z = design @ beta
    return float((np.logaddexp(0, z) - y * z).sum() + 0.5 * (((beta - _MEAN) / _SD) ** 2).sum())
