"""Out-of-sample numbers by K-fold cross-validation: each row by a model that has not learned from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.progress import Progress

_TREES = 200
_DRAWS, _RESAMPLED = 500, 5_000
_WEAK = 0.4
_FAR = 9  # median deviations: six standard deviations of a normal distribution
_FOLLOWS = {
    "none": "It is no better than that: do not judge numbers by it.",
    "weak": "It is weak: trust the order of the worst rows only, or bring predictions of a better model.",
    "usable": "Good enough to rank numbers by; a model of your own may do better.",
}
_STRENGTHS = tuple(10.0**p for p in range(-2, 5))

Model = Callable[[np.ndarray], np.ndarray]
"""(n, D) features to (n,) numbers."""


def numbers_out_of_sample(
    features: np.ndarray,
    numbers: np.ndarray,
    folds: np.ndarray,
    trees: bool,
    progress: Progress | None = None,
) -> np.ndarray:
    """(N,) float64: what a model says of each row that was trained on the numbers of the other folds.

    features: (N, D) float32. numbers: (N,), NaN = not trained on. folds: (N,), as deal_folds gives them.
    trees: gradient-boosted trees of the absolute error, which wrong numbers pull less than that of the
    square; else ridge regression, its strength by leave-one-out. Raises ValueError for a fold without
    numbers to train on; Cancelled.
    """
    progress = progress or Progress()
    out = np.zeros(len(features))
    count = int(folds.max()) + 1
    for fold in range(count):
        progress.report(fold / count, f"training model {fold + 1} of {count}")
        held = np.flatnonzero(folds == fold)
        train = np.flatnonzero((folds != fold) & ~np.isnan(numbers))
        if not len(train):
            raise ValueError("a fold has no numbers to train on")
        model = (_trees if trees else _ridge)(features[train], numbers[train])
        out[held] = model(features[held])
    progress.report(1)
    return out


def _trees(x: np.ndarray, y: np.ndarray) -> Model:
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=_TREES, max_leaf_nodes=15, early_stopping=False, random_state=0
    )
    return model.fit(x, y).predict


def _ridge(x: np.ndarray, y: np.ndarray) -> Model:
    """Numbers far out are brought to the edge of the usual ones first: a few would bend the whole plane."""
    from sklearn.linear_model import RidgeCV

    middle = np.median(y)
    usual = _FAR * np.median(np.abs(y - middle))
    kept = np.clip(y, middle - usual, middle + usual) if usual > 0 else y
    return RidgeCV(alphas=_STRENGTHS).fit(x, kept).predict


@dataclass(frozen=True)
class NumberTrust:
    """How far the numbers of a baseline go, measured on rows that it did not train on.

    rows: judged. typical: median of |given - predicted|. alone: the same where the median of the given
    numbers is always said. skill: 1 - typical / alone, 0 = no better than that, 1 = exact, with its 95%
    bootstrap interval low..high. Medians, which a few wrong numbers do not move.
    """

    rows: int
    typical: float
    alone: float
    skill: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """ "none" (the interval reaches 0), "weak" (it reaches below 0.4) or "usable"."""
        return "none" if self.low <= 0 else "weak" if self.low < _WEAK else "usable"

    @property
    def sentence(self) -> str:
        """The errors, and what follows, for a person."""
        return (
            f"Out of sample it is typically {self.typical:.3g} off, where always saying the median of the "
            f"given numbers is {self.alone:.3g} off ({self.skill:.0%} better, 95 % interval "
            f"{self.low:.0%} to {self.high:.0%}; {self.rows:,} rows). {_FOLLOWS[self.verdict]}"
        )


def number_trust(given: np.ndarray, predicted: np.ndarray) -> NumberTrust:
    """given, predicted: (n,) of the labelled rows, n > 0. At most _RESAMPLED of them are resampled."""
    error, alone = np.abs(given - predicted), np.abs(given - np.median(given))
    rng = np.random.default_rng(0)
    some = rng.permutation(len(error))[:_RESAMPLED]
    draws = rng.integers(0, len(some), (_DRAWS, len(some)))
    skills = [_skill(error[some[draw]], alone[some[draw]]) for draw in draws]
    low, high = np.quantile(skills, [0.025, 0.975])
    skill = _skill(error, alone)
    typical, usual = float(np.median(error)), float(np.median(alone))
    return NumberTrust(len(error), typical, usual, skill, float(low), float(high))


def _skill(error: np.ndarray, alone: np.ndarray) -> float:
    usual = float(np.median(alone))
    return 1 - float(np.median(error)) / usual if usual > 0 else 0.0
