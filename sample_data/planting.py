"""Plants wrong labels where the truth is known, and trains the model that has to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

FOLDS = 5
TEST_SHARE = 0.25


def plant_errors(
    true: np.ndarray,
    allowed: np.ndarray,
    test: np.ndarray,
    count: int,
    neighbours: Mapping[int, Sequence[int]],
    plausible: float,
    rng: np.random.RandomState,
) -> np.ndarray:
    """The given labels: `true` with `count` of the allowed rows changed, a quarter of them in the test split.

    true: (N,) int codes. allowed, test: (N,) bool.
    plausible: the share of the errors that go to one of the true class's neighbours; the rest go to
    any other class, each with the same chance.
    """
    given = true.copy()
    in_test = round(TEST_SHARE * count)
    picked = [
        rng.choice(np.flatnonzero(allowed & test), in_test, replace=False),
        rng.choice(np.flatnonzero(allowed & ~test), count - in_test, replace=False),
    ]
    rows = rng.permutation(np.concatenate(picked))
    classes = np.unique(true)
    for rank, row in enumerate(rows):
        others = classes[classes != true[row]]
        wrong = neighbours[int(true[row])] if rank < round(plausible * count) else others
        given[row] = rng.choice(wrong)
    return given


def test_rows(true: np.ndarray, seed: int) -> np.ndarray:
    """(N,) bool: a quarter of the rows, stratified by class."""
    from sklearn.model_selection import train_test_split

    _, test = train_test_split(np.arange(len(true)), test_size=TEST_SHARE, stratify=true, random_state=seed)
    return np.isin(np.arange(len(true)), test)


def fold_of(given: np.ndarray, seed: int) -> np.ndarray:
    """(N,) int: the fold, 0 to 4, in which each row is held out; stratified by given label."""
    from sklearn.model_selection import StratifiedKFold

    folds = np.full(len(given), -1)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fold, (_, held_out) in enumerate(splitter.split(given, given)):
        folds[held_out] = fold
    return folds


def fold_probabilities(
    estimator: Any, features: np.ndarray, given: np.ndarray, folds: np.ndarray, fold: int
) -> np.ndarray:
    """(rows in the fold, K) float32 probabilities by a model that saw the other folds only."""
    from sklearn.base import clone

    held_out = folds == fold
    model = clone(estimator).fit(features[~held_out], given[~held_out])
    return model.predict_proba(features[held_out]).astype(np.float32)


def out_of_sample(estimator: Any, features: np.ndarray, given: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N, K) float32 probabilities, each row's by a model that never saw that row.

    The models learn from the given labels, errors included, as they would in a real project.
    """
    probs = np.empty((len(given), len(np.unique(given))), dtype=np.float32)
    for fold in range(FOLDS):
        probs[folds == fold] = fold_probabilities(estimator, features, given, folds, fold)
    return probs


def truth_table(ids: Sequence[str], true: Sequence[str], given: Sequence[str]) -> pd.DataFrame:
    """One line for each planted label error, in row order."""
    table = pd.DataFrame({"id": ids, "true_label": true, "given": given})
    wrong = table[table["true_label"] != table["given"]].drop(columns="given")
    return wrong.assign(planted="label_error", duplicate_of="").reset_index(drop=True)
