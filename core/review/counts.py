"""How many rows each choice of a filter would leave, before it is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from core.dataset import Dataset
from core.review.decisions import Action
from core.review.queue import SETTLED


def given_counts(dataset: Dataset, positions: np.ndarray) -> dict[str, int]:
    """Rows by given label; where a row has several, by each of them. positions: what other filters leave."""
    return _by_name(dataset, dataset.classes, np.asarray(dataset.labels)[positions])


def suggested_counts(dataset: Dataset, suggestion: pd.Series, positions: np.ndarray) -> dict[str, int]:
    """Rows by suggested label. suggestion: an issue table's."""
    names = [str(name) for name in suggestion.cat.categories]
    return _by_name(dataset, names, suggestion.cat.codes.to_numpy()[positions])


def split_counts(dataset: Dataset, positions: np.ndarray) -> dict[str, int]:
    """Rows by split."""
    if dataset.splits is None:
        return {}
    found = dataset.splits.iloc[positions].value_counts()
    return {str(name): int(count) for name, count in found.items()}


def state_counts(
    dataset: Dataset, actions: Mapping[str, Action | None], positions: np.ndarray
) -> dict[str, int]:
    """Rows in each of STATES. actions: as core.review.queue.select takes them."""
    there = np.zeros(len(dataset) + 1, dtype=bool)  # its last entry is that of ids which are not there
    there[positions] = True
    inside = there[dataset.positions(actions) if actions else []]
    by_action = Counter(action for action, here in zip(actions.values(), inside, strict=True) if here)
    decided = by_action.total()
    settled = {state: by_action[action] for state, action in SETTLED.items()}
    return {
        "undecided": len(positions) - decided,
        "decided": decided,
        "disagreed": by_action[None],
        **settled,
    }


def _by_name(dataset: Dataset, names: Sequence[str], codes: np.ndarray) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    if dataset.sets is None:
        return {name: int(count) for name, count in zip(names, counts, strict=True)}
    each = counts @ dataset.sets.indicator(names).astype(np.int64)
    return {name: int(count) for name, count in zip(dataset.sets.names, each, strict=True)}
