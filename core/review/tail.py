"""What the events of one kind amount to, read on from where they were."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from core.review.decisions import Action, Decision

if TYPE_CHECKING:
    from core.review.store import Store

T = TypeVar("T")
Events = tuple[Decision, ...]


class Tail(Generic[T]):
    """What the events of one kind in a store amount to. Safe to share between threads.

    What was read is not read again, however many other events there are.
    """

    def __init__(self, store: Store, action: Action, make: Callable[[Events], T]) -> None:
        """make: from a data set's events of that kind and the UNDOs that concern them, in store order."""
        self._store = store
        self._action = action
        self._make = make
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[int, Events, T]] = {}

    def of(self, dataset: str, last: int | None = None) -> T:
        """As of the latest event; the same object until there is another of that kind.

        last: seq of the data set's latest event, where that was asked a moment ago.
        """
        last = self._store.last_seq(dataset) if last is None else last
        with self._lock:
            if dataset not in self._seen:
                self._seen[dataset] = 0, (), self._make(())
            seq, events, made = self._seen[dataset]
            if last > seq:
                new = self._store.events(dataset, seq, actions=(self._action, Action.UNDO))
                known = {event.op_id for event in events}
                ours = []
                for event in new:
                    if event.action is self._action or event.undoes in known:
                        known.add(event.op_id)
                        ours.append(event)
                if ours:
                    events = (*events, *ours)
                    made = self._make(events)
                self._seen[dataset] = max([last, *(e.seq for e in new)]), events, made
            return made
