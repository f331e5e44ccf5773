"""Ways to estimate how many labels are wrong without any truth; bench_counts.py measures them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.methods.confident_learning import Scan, count_off_diagonal, estimate_errors, scan
from core.methods.corrected_confidence import Ranking, Votes, flow_weights, rank, votes_of
from core.methods.label_filters import likelier
from core.methods.out_of_sample import out_of_sample
from tests.benchmarks.label_noise import Noisy

_LEAST = 1e-6
_STEPS = 300


@dataclass(frozen=True, eq=False)
class Views:
    """What the counts read of a set, computed once."""

    data: Noisy

    @cached_property
    def votes(self) -> Votes | None:
        if self.data.near is None or self.data.distances is None:
            return None
        return votes_of(self.data.given, self.data.near, self.data.distances)

    @cached_property
    def ranking(self) -> Ranking:
        return rank(self.data.given, self.data.probs, self.votes)

    @cached_property
    def scanned(self) -> Scan:
        return scan(self.data.given, self.data.probs)

    @cached_property
    def mixture(self) -> np.ndarray:
        """(N, K) probabilities of the model and the nearest rows."""
        return self.ranking.mixture[np.arange(len(self.data.given))]

    @cached_property
    def mixture_scanned(self) -> Scan:
        return scan(self.data.given, self.mixture)

    @cached_property
    def corrected(self) -> np.ndarray:
        """(N, K) the mixture with the flows between classes put in, by which rows are ranked."""
        weights = flow_weights(self.mixture_scanned.joint, 2.0)[0]
        return _rows_to_one(self.mixture * weights[self.data.given])

    @cached_property
    def likelier(self) -> int:
        return int(likelier(self.ranking.scanned, self.ranking.mixture).sum())


def retrained(views: Views) -> float:
    """The calibrated count by a model that was trained again without the rows that the count flags."""
    data = views.data
    left = data.given.copy()
    left[np.argsort(views.ranking.quality, kind="stable")[: round(estimate_errors(views.scanned))]] = -1
    again = out_of_sample(data.embeddings, left, data.probs.shape[1], data.folds).pred_probs
    return estimate_errors(scan(data.given, again))


def expectation_maximisation(probs: np.ndarray, given: np.ndarray) -> float:
    """Expected errors where P(given | true) is of the greatest likelihood, P(true) being what the model says
    (Dawid and Skene, 1979, with one annotator and a prior for each row)."""
    k = probs.shape[1]
    noise = np.full((k, k), 0.1 / k) + 0.9 * np.eye(k)
    for _ in range(_STEPS):
        posterior = _rows_to_one(probs * noise[:, given].T)
        now = np.stack([np.bincount(given, posterior[:, true], k) for true in range(k)])
        now = _rows_to_one(now + 1e-9)
        if abs(now - noise).max() < 1e-5:
            break
        noise = now
    return float(len(given) - posterior[np.arange(len(given)), given].sum())


def two_components(p_given: np.ndarray) -> float:
    """Rows in the upper of two Gaussians of the loss -log p_given (Li et al., 2020, DivideMix)."""
    from sklearn.mixture import GaussianMixture

    loss = -np.log(np.maximum(p_given, _LEAST)).astype(np.float64)[:, None]
    loss = (loss - loss.min()) / max(float(np.ptp(loss)), 1e-9)
    fitted = GaussianMixture(2, reg_covar=5e-4, random_state=0).fit(loss)
    return float(fitted.predict_proba(loss)[:, fitted.means_.argmax()].sum())


def consensus_of_neighbours(given: np.ndarray, near: np.ndarray, classes: int) -> float:
    """Errors by P(given | true) and P(true) that explain how often a row and its two nearest ones agree, one,
    two and three at a time, if all three had the same true label (HOC: Zhu, Song, Liu, 2021). Least squares
    by L-BFGS; with more than 20 classes of pairs only, as cubes of classes grow too large."""
    from scipy.optimize import minimize

    k, n = classes, len(given)
    y = np.stack([given, given[near[:, 0]], given[near[:, 1]]])
    one = np.bincount(y[0], minlength=k) / n
    two = np.bincount(y[0] * k + y[1], minlength=k * k).reshape(k, k) / n
    two = (two + two.T) / 2
    three = None
    if k <= 20:
        cube = np.bincount((y[0] * k + y[1]) * k + y[2], minlength=k**3).reshape(k, k, k) / n
        orders = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        three = sum(cube.transpose(order) for order in orders) / 6

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        noise, prior = _soft(flat[: k * k].reshape(k, k)), _soft(flat[k * k :])
        rest1 = prior @ noise - one
        rest2 = (noise * prior[:, None]).T @ noise - two
        total = (rest1**2).sum() + (rest2**2).sum()
        by_noise = 2 * prior[:, None] * rest1 + 4 * prior[:, None] * (noise @ rest2)
        by_prior = 2 * noise @ rest1 + 2 * ((noise @ rest2) * noise).sum(axis=1)
        if three is not None:
            pairs = noise[:, :, None] * noise[:, None, :]
            rest3 = np.tensordot((prior[:, None] * noise).T, pairs, 1) - three
            pulled = pairs.reshape(k, -1) @ rest3.reshape(k, -1).T
            total += (rest3**2).sum()
            by_noise += 6 * prior[:, None] * pulled
            by_prior += 2 * (pulled * noise).sum(axis=1)
        by_noise = noise * (by_noise - (by_noise * noise).sum(axis=1, keepdims=True))
        by_prior = prior * (by_prior - (by_prior * prior).sum())
        return 1e3 * total, 1e3 * np.concatenate([by_noise.ravel(), by_prior])

    start = np.concatenate([(np.eye(k) * np.log(4 * max(k - 1, 1))).ravel(), np.log(one + _LEAST)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    return float(n * (1 - _soft(found[k * k :]) @ _soft(found[: k * k].reshape(k, k)).diagonal()))


def counts(views: Views) -> dict[str, float]:
    """Every estimate of the number of wrong labels, by name; NaN where it needs embeddings and has none."""
    data, scanned = views.data, views.scanned
    given, probs = data.given, data.probs
    calibrated, there = estimate_errors(scanned), data.near is not None
    return {
        "off-diagonal": float(count_off_diagonal(scanned)),
        "calibrated (default)": calibrated,
        "calibrated, mixture": estimate_errors(views.mixture_scanned),
        "calibrated, corrected": estimate_errors(scan(given, views.corrected.astype(np.float32))),
        "trained again": retrained(views) if there else np.nan,
        "neighbours' consensus": (
            np.nan if data.near is None else consensus_of_neighbours(given, data.near, probs.shape[1])
        ),
        "likeliest noise matrix": expectation_maximisation(probs, given),
        "two components": two_components(scanned.p_given),
        "expected": float((1 - views.ranking.quality).sum()),
        "model disagrees": float((scanned.predicted != given).sum()),
        "likelier than not": float(views.likelier),
        "larger count": float(max(round(calibrated), views.likelier)),
    }


def _soft(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _rows_to_one(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(x.sum(axis=1, keepdims=True), 1e-300)
