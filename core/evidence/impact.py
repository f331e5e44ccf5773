"""Whether training on the corrected labels made a model better, or nothing that can be seen.

Three arms share their seeds: the labels as given, as corrected, and a control in which the same edits (from
which class to which) are made on random rows of the same given label. Each seed draws a subsample that all
arms train on. All are scored on the same frozen rows, whose labels people have verified and on which nothing
was ever flagged or trained. "Improved" wants the lower bound of the gain above 0, and that of the gain over
the control too. The interval is over the test rows: seeds say how firm the training is, not how far the test
set carries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.progress import Progress

SEEDS, SHARE, SEED = 10, 0.8, 0
Z = 1.96

FitPredict = Callable[[np.ndarray, np.ndarray, Progress], np.ndarray]
"""(positions of training rows, their class codes, progress) -> (T,) class codes of the frozen test rows."""


class Effect(StrEnum):
    """What retraining did."""

    IMPROVED = "improved"
    WORSE = "worse"
    NONE = "no effect shown"


@dataclass(frozen=True)
class Gain:
    """A difference of accuracies in [-1, 1] and its 95% interval over the test rows."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Impact:
    """given, corrected, control: mean accuracy of each arm on the verified rows, in [0, 1]. gain: corrected
    over given; control_gain: control over given; over_control: corrected over control. edits: labels that
    differ; test_rows: T; seeds: how many trainings each arm had.
    """

    given: float
    corrected: float
    control: float
    gain: Gain
    control_gain: Gain
    over_control: Gain
    edits: int
    test_rows: int
    seeds: int

    @property
    def effect(self) -> Effect:
        """The verdict."""
        return effect_of(self.gain, self.over_control)


def control_labels(given: np.ndarray, corrected: np.ndarray, seed: int = SEED) -> np.ndarray:
    """(n,) labels with as many edits from each class to each as `corrected` has, on random rows of that
    class.
    """
    rng = np.random.default_rng(seed)
    control = given.copy()
    changed = np.flatnonzero(given != corrected)
    for label in np.unique(given[changed]):
        to = corrected[changed[given[changed] == label]]
        rows = rng.permutation(np.flatnonzero(given == label))[: len(to)]
        control[rows] = to
    return control


def impact(
    fit_predict: FitPredict,
    given: np.ndarray,
    corrected: np.ndarray,
    truth: np.ndarray,
    progress: Progress,
    seeds: int = SEEDS,
) -> Impact:
    """given, corrected: (n,) class codes of the training rows, -1: not trained on in that arm (no label, or
    excluded). truth: (T,) class codes of the frozen rows, verified by people.

    Raises ValueError with fewer than two test rows, or where the arms have different lengths.
    """
    if len(truth) < 2 or len(given) != len(corrected):
        raise ValueError(f"{len(truth)} test rows, {len(given)} and {len(corrected)} training labels")
    arms = (given, corrected, control_labels(given, corrected))
    right = np.zeros((3, len(truth)))
    for seed in range(seeds):
        rows = np.random.default_rng(SEED + seed).permutation(len(given))[: int(SHARE * len(given))]
        for arm, labels in enumerate(arms):
            done, of = 3 * seed + arm, 3 * seeds
            part = progress.part(done / of, (done + 1) / of, f"training {done + 1:,} of {of:,}")
            part.report(0)
            kept = rows[labels[rows] >= 0]
            right[arm] += fit_predict(kept, labels[kept], part) == truth
    plain, better, control = right / seeds
    return Impact(
        float(plain.mean()),
        float(better.mean()),
        float(control.mean()),
        _gain(better - plain),
        _gain(control - plain),
        _gain(better - control),
        int((given != corrected).sum()),
        len(truth),
        seeds,
    )


def compared(predicted: np.ndarray, other: np.ndarray, truth: np.ndarray) -> Gain:
    """How much more often `other` is right than `predicted`, both (T,) class codes from elsewhere.

    There is no control arm: what as many random edits would have done is not known. Raises ValueError with
    fewer than two rows.
    """
    if len(truth) < 2:
        raise ValueError(f"{len(truth)} test rows")
    return _gain((other == truth).astype(np.float64) - (predicted == truth))


def effect_of(gain: Gain, over_control: Gain | None = None) -> Effect:
    """The verdict on a gain. Worse is said of any loss, also where as many random edits would do the same
    harm. over_control: the gain over the control arm, None where there is none.
    """
    if gain.low > 0 and (over_control is None or over_control.low > 0):
        return Effect.IMPROVED
    return Effect.WORSE if gain.high < 0 else Effect.NONE


def _gain(differences: np.ndarray) -> Gain:
    """differences: (T,) of a row's share of seeds on which it was right."""
    mean = float(differences.mean())
    half = Z * float(differences.std(ddof=1)) / len(differences) ** 0.5
    return Gain(mean, mean - half, mean + half)
