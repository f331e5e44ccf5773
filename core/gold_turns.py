"""Gold rows among the rows of a team: which are whose turn, and what is kept from those who answer them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.dataset import Dataset
from core.review.assignments import Assigned
from core.review.audit_rows import Dealt, draws
from core.review.decisions import Action, Standing
from core.review.fold import Standings
from core.review.gold import marked, turn, with_gold
from core.review.plan import Plan
from core.review.queue import Filters, tag_of
from core.review.tail import Tail

if TYPE_CHECKING:
    from core.review.store import Store

_KEPT = 32


@dataclass(frozen=True)
class Turn:
    """Whose turn it is, by which plan, with which rows given to whom."""

    person: str
    plan: Plan
    assigned: Assigned

    def waits(self, standings: Mapping[str, Standing], row_id: str, looks: int) -> bool:
        """Whether a row waits for the person."""
        mine = self.person in self.assigned.get(row_id, (self.person,))
        return mine and self.plan.due(standings.get(row_id), self.person, looks)


class GoldTurns:
    """Safe to share between threads: what is kept is replaced, never changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._log = Tail(store, Action.GOLD, marked)
        self._known: dict[tuple[object, ...], Dealt] = {}

    def of(self, name: str) -> frozenset[str]:
        """Ids of a data set's gold rows."""
        return self._log.of(name)

    def due(self, dataset: Dataset, gold: Collection[str], person: str, as_of: int | None) -> np.ndarray:
        """Positions of the gold rows that a person had not answered after event as_of, in their turn."""
        standings = self._store.standings(dataset.name, as_of)
        waiting = []
        for row_id in turn(gold, person):
            standing = standings.get(row_id)
            if standing is None or standing.own(person) is None:
                waiting.append(row_id)
        positions = dataset.positions(waiting)
        return positions[positions >= 0]

    def dealt(
        self,
        base: Dealt,
        dataset: Dataset,
        gold: Collection[str],
        mine: Turn,
        looks: np.ndarray,
        filters: Filters,
        as_of: int | None,
    ) -> Dealt:
        """A queue as one person works through it: gold rows in their turn, and nowhere else.

        A queue that leaves rows out by more than their score has none, nor has one that is blind anyway. As
        long as as_of is the same, so is the queue. looks: (N,) of each row, by the plan.
        """
        person = mine.person
        as_of = self._store.last_seq(dataset.name) if as_of is None else as_of
        share = mine.plan.gold if draws(filters) and not filters.blind else 0.0
        key = (dataset.fingerprint, base.tag, frozenset(gold), person, mine.plan, as_of)
        if (known := self._known.get(key)) is not None:
            return known
        standings = self._store.standings(dataset.name, as_of)
        due = self.due(dataset, gold, person, as_of)
        positions, source = with_gold(
            base.positions,
            dataset.row_ids,
            due.tolist(),
            share,
            person,
            lambda p: mine.waits(standings, str(dataset.row_ids[p]), int(looks[p])),
        )
        drawn = np.append(base.drawn, False)[source]
        # The random order is told by its tag, whoever works through it.
        tag = base.tag if filters.sort == "random" else tag_of(positions)
        made = Dealt(positions, tag, drawn)
        self._known = dict([*list(self._known.items())[1 - _KEPT :], (key, made)])
        return made


def unseen(standings: Mapping[str, Standing], gold: Collection[str], person: str) -> Mapping[str, Standing]:
    """The standings without what others said of the gold rows."""
    if not gold:
        return standings
    if isinstance(standings, Standings):
        return standings.with_own(gold, person)
    own = ((row_id, s.own(person) if row_id in gold else s) for row_id, s in standings.items())
    return {row_id: standing for row_id, standing in own if standing is not None}


def own_only(standings: Mapping[str, Standing], person: str) -> dict[str, Standing]:
    """The standings as if nobody but this person had said anything."""
    if isinstance(standings, Standings):
        standings = standings.of(person)
    own = ((row_id, standing.own(person)) for row_id, standing in standings.items())
    return {row_id: standing for row_id, standing in own if standing is not None}
