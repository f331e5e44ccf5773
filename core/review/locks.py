"""Splits that nothing is done to by the hundred: their rows are reported, and decided one by one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

import numpy as np

from core.dataset import Dataset
from core.errors import refuse
from core.review.decisions import Action, Decision
from core.splits import Splits, splits_of


def lock_event(dataset: str, by: str, names: Iterable[str], splits: Splits) -> Decision:
    """The event that locks these splits and no others. Raises InputError for a name that is no split."""
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in splits.names:
            raise refuse(f"there is no split {name!r}", expected="one of " + ", ".join(splits.names))
    return Decision(
        dataset, "", Action.LOCK, by, "", uuid.uuid4().hex, detail=json.dumps({"splits": sorted(names)})
    )


def locked_splits(events: Iterable[Decision], splits: Splits) -> frozenset[str]:
    """The locked splits after these events (store order; other events are ignored): those of the last LOCK,
    without one every held-out split."""
    last = None
    for event in events:
        if event.action is Action.LOCK:
            last = event
    return frozenset(splits.held_out if last is None else last.details.get("splits", ()))


def locked_rows(dataset: Dataset, events: Iterable[Decision]) -> np.ndarray:
    """(N,) bool: the row is in a locked split."""
    splits = splits_of(dataset)
    if splits is None:
        return np.zeros(len(dataset), dtype=bool)
    names = locked_splits(events, splits)
    return np.append(np.isin(splits.names, sorted(names)), False)[splits.codes]


def in_words(event: Decision) -> str:
    """What a LOCK event says."""
    names = event.details.get("splits", ())
    return f"locked splits: {', '.join(map(str, names))}" if names else "no split is locked"
