"""What is wrong in each class and in each split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.evidence.log import ReviewLog
from core.evidence.state import LEAST_OF_GROUP, by_group

MOST_SPLITS = 20


def by_part(dataset: Dataset, log: ReviewLog) -> dict[str, pd.DataFrame]:
    """`by_group` of the classes and of the splits, by "class" and "split"; only kinds with two lines or more.

    Rows that have several labels, or a number, are of no one class. Columns with more than MOST_SPLITS
    different values are no splits.
    """
    found = {}
    for kind, groups in _kinds(dataset, log):
        frame = by_group(dict(groups), log)
        if len(frame) > 1:
            found[kind] = frame
    return found


def _kinds(dataset: Dataset, log: ReviewLog) -> Iterator[tuple[str, Iterable[tuple[str, np.ndarray]]]]:
    drawn = log.positions[log.drawn]
    if dataset.sets is None and dataset.targets is None:
        codes = dataset.labels
        often = np.flatnonzero(np.bincount(codes[drawn][codes[drawn] >= 0]) >= LEAST_OF_GROUP)
        yield "class", ((dataset.classes[code], codes == code) for code in often.tolist())
    if dataset.splits is not None and dataset.splits.nunique() <= MOST_SPLITS:
        names = dataset.splits.dropna().unique()
        yield "split", ((str(name), (dataset.splits == name).to_numpy()) for name in names)
