"""The order "most errors per minute": what it has learned from decisions, kept as long as it is good for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.evidence.effort import errors_a_second, sizes, times
from core.evidence.log import review_log
from core.issues import Result
from core.review.decisions import VERDICTS, Action
from core.review.gold import marked

if TYPE_CHECKING:
    from core.review.store import Store

RELEARNED = 50
"""Events after which the order is learned anew, for queues that begin then; one that was begun keeps its."""
_KEPT = 4


class Gains:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[Dataset, Result, int], np.ndarray] = OrderedDict()
        self._sizes: OrderedDict[Dataset, np.ndarray] = OrderedDict()

    def of(self, store: Store, dataset: Dataset, labels: Result, as_of: int) -> np.ndarray:
        """(N,) wrong labels a second to be expected of each row, by what was decided up to `learned_at`.

        labels: what the check of wrong labels found. Reads the whole log where that is not kept.
        """
        key = dataset, labels, learned_at(as_of)
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        name, last = dataset.name, key[2]
        actions = (*VERDICTS, Action.UNDO, Action.GOLD)
        events = [e for e in store.events(name, actions=actions) if e.seq <= last]
        log = review_log(events, store.standings(name, last), dataset, marked(events))
        score = labels.table["score"].to_numpy()
        group = dataset.labels if dataset.targets is None else np.full(len(dataset), -1)
        made = errors_a_second(score, self._size(dataset), group, log, times(events, dataset))
        with self._lock:
            self._made[key] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return made

    def _size(self, dataset: Dataset) -> np.ndarray:
        with self._lock:
            known = self._sizes.get(dataset)
        if known is None:
            known = sizes(dataset)
            with self._lock:
                self._sizes[dataset] = known
                while len(self._sizes) > _KEPT:
                    self._sizes.popitem(last=False)
        return known


def learned_at(as_of: int) -> int:
    """The event up to which a queue as of event `as_of` has learned."""
    return as_of - as_of % RELEARNED
