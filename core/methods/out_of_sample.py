"""Out-of-sample class probabilities by K-fold cross-validation, calibrated inside the training folds."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from core.methods.temperature import best_temperature
from core.progress import Cancelled, Progress

# softmax is loaded where it is used: the pages import this module, and SciPy takes most of a second.
FOLDS = 5
_STRENGTHS = (1.0, 10.0, 100.0)
_WORTH = 0.99  # the share of the log loss that a stronger fit must come down to
_AT_ONCE = 1_000_000  # probabilities
_TREES = 100
_LOOK_S = 0.2
_INNER_ROWS = 20_000  # rows that strength and temperature are chosen on, at most

Model = Callable[[np.ndarray], np.ndarray]
"""(n, D) features to (n, k) scores before the softmax, k classes seen in training."""


@dataclass(frozen=True, eq=False)
class OutOfSample:
    """What no model saw of the row that it scores.

    pred_probs: (N, K) float32, rows sum to 1. judged: (N,) bool, False where the row's class was in no
    training fold; its probabilities are then equal and say nothing. temperatures: one a fold; above 1, the
    model was too sure before it was calibrated.
    """

    pred_probs: np.ndarray
    judged: np.ndarray
    temperatures: tuple[float, ...]


def deal_folds(labels: np.ndarray, groups: np.ndarray, folds: int = FOLDS, seed: int = 0) -> np.ndarray:
    """(N,) fold of each row in [0, folds): rows of a group are always together, classes spread evenly.

    labels: (N,) codes, -1 = none. groups: (N,) integers. Groups are dealt out class by class (a group counts
    for the class of its first labelled row), the larger first, in an order that the seed decides.
    """
    _, group = np.unique(groups, return_inverse=True)
    count = group.max() + 1
    size = np.bincount(group)
    label = np.full(count, -1, np.int64)
    labelled = np.flatnonzero(labels >= 0)[::-1]
    label[group[labelled]] = labels[labelled]  # of several rows the last assignment wins: the first row
    order = np.lexsort((np.random.default_rng(seed).random(count), -size, label))
    fold = np.empty(count, np.int32)
    fold[order] = np.arange(count) % folds
    return fold[group]


def out_of_sample(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    folds: np.ndarray,
    fit: str = "logistic",
    progress: Progress | None = None,
) -> OutOfSample:
    """Score each row by a model that was trained on the labelled rows of the other folds.

    features: (N, D) float32. labels: (N,) codes, -1 = not trained on. folds: (N,), as deal_folds gives them.
    fit: "logistic" or "trees". Strength and temperature of a fold's model are chosen on another fold of its
    own training rows. Raises ValueError for fewer than two folds with labels; Cancelled.
    """
    from core.methods import softmax

    progress = progress or Progress()
    probs = np.full((len(features), classes), 1 / classes, np.float32)
    judged = np.ones(len(features), bool)
    temperatures = []
    count = int(folds.max()) + 1
    for fold in range(count):
        part = progress.part(fold / count, (fold + 1) / count, f"training model {fold + 1} of {count}")
        part.report(0)
        held = np.flatnonzero(folds == fold)
        train = np.flatnonzero((folds != fold) & (labels >= 0))
        seen, codes = np.unique(labels[train], return_inverse=True)
        if not len(seen):
            raise ValueError("a fold has no labelled rows to train on")
        inner = folds[train] == (fold + 1) % count
        score, temperature = _FITS[fit](features[train], codes, inner, part)
        probs[held] = 0
        for some in np.array_split(held, len(held) * classes // _AT_ONCE + 1):
            part.report(1)
            probs[np.ix_(some, seen)] = softmax.probabilities(score(features[some]), temperature)
        unseen = held[(labels[held] >= 0) & ~np.isin(labels[held], seen)]
        probs[unseen] = 1 / classes
        judged[unseen] = False
        temperatures.append(temperature)
    progress.report(1)
    return OutOfSample(probs, judged, tuple(temperatures))


def predict_classes(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, fit: str, progress: Progress
) -> np.ndarray:
    """(T,) codes that a model trained on some rows gives others.

    train: (n, D) float32 features in an order drawn by lot: strength is chosen on every fifth row. labels:
    (n,) codes, none negative. test: (T, D). fit: as of `out_of_sample`. Raises ValueError without rows.
    """
    seen, codes = np.unique(labels, return_inverse=True)
    if not len(seen):
        raise ValueError("there are no labelled rows to train on")
    if len(seen) == 1:
        return np.full(len(test), seen[0])
    score, _ = _FITS[fit](train, codes, np.arange(len(train)) % FOLDS == 0, progress)
    return seen[score(test).argmax(axis=1)]


def _logistic(x: np.ndarray, y: np.ndarray, inner: np.ndarray, progress: Progress) -> tuple[Model, float]:
    """Logistic regression; strength and temperature are those of the lowest log loss on the inner fold."""
    from core.methods import softmax

    scale = 1 / max(float(np.sqrt(softmax.mean_square(x, progress.part(0, 0)))), 1e-12)
    x = x * np.float32(scale)
    classes = int(y.max()) + 1
    fit_on, check_on = np.flatnonzero(~inner)[:_INNER_ROWS], np.flatnonzero(inner)[:_INNER_ROWS]
    best: tuple[float, float, float, np.ndarray | None] = (np.inf, _STRENGTHS[0], 1.0, None)
    weights = None
    if len(fit_on) and len(check_on):
        for step, strength in enumerate(_STRENGTHS):
            part = progress.part(step / 6, (step + 1) / 6)
            weights = softmax.fit(x[fit_on], y[fit_on], classes, strength, part, weights)
            scores = softmax.logits(x[check_on], weights)
            temperature = best_temperature(scores, y[check_on], part.part(1, 1))
            loss = softmax.log_loss(scores, y[check_on], temperature)
            if loss > best[0] * _WORTH:
                break  # stronger fits follow label errors, for little gain
            best = (loss, strength, temperature, weights)
    _, strength, temperature, start = best
    final = softmax.fit(x, y, classes, strength, progress.part(0.5, 1), start)
    return lambda rows: softmax.logits(rows * np.float32(scale), final), temperature


def _trees(x: np.ndarray, y: np.ndarray, inner: np.ndarray, progress: Progress) -> tuple[Model, float]:
    """Gradient-boosted trees."""

    fit_on = np.flatnonzero(~inner)
    check_on = np.flatnonzero(inner)
    temperature = 1.0
    if len(np.unique(y)) < 2:
        return _logistic(x, y, inner, progress)
    if len(check_on) and len(np.unique(y[fit_on])) == len(np.unique(y)):
        trial = _grown(x[fit_on], y[fit_on], progress.part(0, 0.5))
        scores = _logs(trial, x[check_on])
        temperature = best_temperature(scores, y[check_on], progress.part(0.5, 0.5))
    model = _grown(x, y, progress.part(0.5, 1))
    return lambda rows: _logs(model, rows), temperature


def _grown(x: np.ndarray, y: np.ndarray, progress: Progress):  # type: ignore[no-untyped-def]
    """100 trees a class. They grow in a thread of their own, so that Cancel need not wait for the next tree.

    scikit-learn asks for a score after every tree: there the thread says how far it is, and ends once nobody
    waits for it. With n_iter_no_change above the number of trees the score decides nothing.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    grown, left = 0, threading.Event()

    def look(*_: object) -> float:
        nonlocal grown
        if left.is_set():
            raise Cancelled
        grown += 1
        return 0.0

    model = HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=_TREES,
        max_leaf_nodes=15,
        early_stopping=True,
        validation_fraction=None,
        n_iter_no_change=_TREES + 1,
        scoring=look,
        random_state=0,
    )
    pool = ThreadPoolExecutor(1)
    try:
        fitting = pool.submit(_fit, model, x, y)
        while not wait([fitting], _LOOK_S).done:
            progress.report(grown / (_TREES + 1))
        return fitting.result()
    finally:
        left.set()
        pool.shutdown(wait=False)


def _fit(model, x: np.ndarray, y: np.ndarray):  # type: ignore[no-untyped-def]
    """A tree's threads spin while they wait for each other: beside other work two take ten times as long."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(_threads(), user_api="openmp"):
        return model.fit(x, y)


def _threads() -> int | None:
    """1 where more is going on than the machine has cores, else None for no limit."""
    return 1 if os.getloadavg()[0] > (os.cpu_count() or 1) else None


def _logs(model, x: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.log(np.clip(model.predict_proba(x), 1e-9, None))


_FITS = {"logistic": _logistic, "trees": _trees}
