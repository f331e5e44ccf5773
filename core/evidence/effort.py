"""How long a decision on each row will take, learned from how long decisions took; and the rows that give
most wrong labels a minute.

log seconds = base + slope * standardised log size + the class's part + the annotator's part. Slope and parts
are drawn to 0 as by normal priors, so that a class with two decisions says little and one nobody read says
nothing; without decisions every row takes the same. Pauses are left out, as in hours_left.

Source: ridge regression of log times (Hoerl, Kennard, 1970), solved by backfitting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.evidence.errors_expected import IDLE, learned
from core.evidence.log import ReviewLog, spent
from core.review.decisions import Decision

SECONDS = 5.0
"""What a decision is taken to need before any was timed; it says nothing of the order."""
_PULL_SLOPE, _PULL_CLASS, _PULL_PERSON = 2.0, 5.0, 2.0
"""How many decisions the priors weigh: the variance of log times about their mean over that of each part."""
_SWEEPS = 50


@dataclass(frozen=True, eq=False)
class Times:
    """T timed decisions. positions: (T,) of the rows. people: (T,) codes from 0. seconds: (T,) > 0."""

    positions: np.ndarray
    people: np.ndarray
    seconds: np.ndarray


def times(events: Iterable[Decision], dataset: Dataset) -> Times:
    """The decisions on single rows that are in the data set, pauses left out.

    events: the data set's verdicts and UNDOs in store order, as for review_log.
    """
    rows, people, seconds = spent(events)
    positions = dataset.positions(rows)
    good = (positions >= 0) & (seconds > 0)
    if good.any():
        good &= seconds <= IDLE * np.median(seconds[good])
    codes = pd.factorize(np.array(people, dtype=object)[good])[0]
    return Times(positions[good], codes.astype(np.int64), seconds[good])


def expected_seconds(size: np.ndarray, group: np.ndarray, timed: Times) -> np.ndarray:
    """(N,) seconds > 0 that a decision on each row is expected to take.

    size: (N,) >= 0, how much there is to look at, in any unit. group: (N,) class codes, -1 for none. An
    annotator's part is taken out of what is learned and not put in: it is the same for all rows.
    """
    if not len(timed.seconds):
        return np.full(len(size), SECONDS)
    x = np.log1p(np.asarray(size, dtype=np.float64))
    spread = x.std()
    x = (x - x.mean()) / spread if spread > 1e-9 else np.zeros_like(x)
    of_row = group + 1  # rows without a class are a group too
    here, z, y = of_row[timed.positions], x[timed.positions], np.log(timed.seconds)
    groups, people = int(of_row.max()) + 1, int(timed.people.max()) + 1
    base, slope = float(y.mean()), 0.0
    by_group, by_person = np.zeros(groups), np.zeros(people)
    for _ in range(_SWEEPS):  # each step solves for one part with the others held, until nothing moves
        before = base, slope
        rest = y - base - by_group[here] - by_person[timed.people]
        slope = float((z * rest).sum() / ((z * z).sum() + _PULL_SLOPE))
        rest = y - base - slope * z - by_person[timed.people]
        by_group = _pulled(rest, here, groups, _PULL_CLASS)
        rest = y - base - slope * z - by_group[here]
        by_person = _pulled(rest, timed.people, people, _PULL_PERSON)
        base = float((y - slope * z - by_group[here] - by_person[timed.people]).mean())
        if max(abs(base - before[0]), abs(slope - before[1])) < 1e-9:
            break
    return np.exp(base + slope * x + by_group[of_row])


def _pulled(rest: np.ndarray, codes: np.ndarray, many: int, pull: float) -> np.ndarray:
    return np.bincount(codes, rest, many) / (np.bincount(codes, minlength=many) + pull)


def sizes(dataset: Dataset) -> np.ndarray:
    """(N,) float64 how much there is to look at in each row: characters of a text, bytes of a picture's
    file; 0 where it is not known, and for rows of fields, which are equally many.
    """
    rows = len(dataset)
    if dataset.columns.kind == "text":
        columns = [dataset.table[c] for c in dataset.columns.content]
        lengths = [c.astype("str").str.len().fillna(0).to_numpy(dtype=np.float64) for c in columns]
        return np.sum(lengths, axis=0) if lengths else np.zeros(rows)
    if dataset.columns.kind == "image" and dataset.media_root is not None:
        paths = dataset.table[dataset.columns.content[0]].to_numpy(dtype=object).tolist()
        return np.array([_bytes(dataset.media_root, path) for path in paths], dtype=np.float64)
    return np.zeros(rows)


def _bytes(root: Path, path: object) -> int:
    if not isinstance(path, str) or Path(path).is_absolute() or ".." in Path(path).parts:
        return 0
    try:
        return (root / path).stat().st_size
    except (OSError, ValueError):
        return 0  # the checks name what cannot be opened


def errors_a_second(
    score: np.ndarray, size: np.ndarray, group: np.ndarray, log: ReviewLog, timed: Times
) -> np.ndarray:
    """(N,) wrong labels a second to be expected of each row: P(error) by the learned curve over its time.

    score: (N,) label quality, 0 = worst. Ordered by it, most first, the rows find most errors in any time
    (core.evidence.errors_expected.by_time).
    """
    probability = learned(score[log.positions], log.wrong).probability(score)
    return probability / expected_seconds(size, group, timed)
