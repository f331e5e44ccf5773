"""How far a team is, who did what, and what is left: sums over the standings of the rows."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from statistics import median
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.review.decisions import VERDICTS, Action, Decision, Standing, live
from core.review.plan import Plan
from core.review.store import Store
from core.trail import touched

PAUSE_S = 60
PACE_OF = 20


class State(StrEnum):
    """Where a row with a verdict stands; a row is in one state only."""

    DECIDED = "decided"
    WAITING = "second look waiting"
    DISAGREED = "disagreement"
    NEEDS_REVIEW = "needs review"


def state_of_row(standing: Standing, plan: Plan, looks: int) -> State:
    """looks: how many annotators the plan wants to look at the row at least."""
    if standing.disagreed:
        return State.DISAGREED
    if standing.settled is not None and standing.settled.action is Action.NEEDS_REVIEW:
        return State.NEEDS_REVIEW
    return State.WAITING if plan.due(standing, "", looks) else State.DECIDED


@dataclass(frozen=True)
class Progress:
    """Rows of the queue by state; with `undecided` they sum to total. outside: other rows with a verdict."""

    total: int
    decided: int
    waiting: int
    disagreed: int
    needs_review: int
    outside: int

    @property
    def undecided(self) -> int:
        """Rows of the queue that nobody has given a verdict on."""
        return self.total - self.decided - self.waiting - self.disagreed - self.needs_review


class _Said(NamedTuple):
    """What a row adds to the sums. day: of the decision in force."""

    state: State
    day: date | None
    people: tuple[str, ...]
    queued: bool


class Tally:
    """Sums over the rows of a data set, kept up to date from what is stored anew. Safe between threads.

    queue: the row ids whose rest is counted. looks: those rows that the plan wants looked at more than
    once, and how often. zone: whose days are counted.
    """

    def __init__(
        self, plan: Plan, queue: Collection[str], looks: Mapping[str, int], zone: tzinfo = UTC
    ) -> None:
        self._plan = plan
        self._queue = frozenset(queue)
        self._looks = looks
        self._zone = zone
        self._rows: dict[str, _Said] = {}
        self._sums: Counter[_Said] = Counter()
        self._seq: int | None = None
        self._lock = threading.Lock()

    def refresh(self, store: Store, dataset: str) -> int:
        """Take in what was stored since the last call. Returns the seq that the sums stand at."""
        with self._lock:
            if self._seq is None:
                self._seq = store.last_seq(dataset)
                self.put(store.standings(dataset))
                return self._seq
            events = store.events(dataset, self._seq)
            if events:
                rows = touched(store, events)
                known = store.standings_of(dataset, rows)
                self.put({row_id: known.get(row_id) for row_id in rows})
                self._seq = events[-1].seq
            return self._seq

    def put(self, standings: Mapping[str, Standing | None]) -> None:
        """Replace what these rows add; None: the row has no verdict any more."""
        for row_id, standing in standings.items():
            before = self._rows.pop(row_id, None)
            if before is not None:
                self._sums[before] -= 1
            if standing is not None:
                said = self._rows[row_id] = self._said(row_id, standing)
                self._sums[said] += 1

    def _said(self, row_id: str, standing: Standing) -> _Said:
        state = state_of_row(standing, self._plan, self._looks.get(row_id, 1))
        settled = standing.settled
        day = None if settled is None else day_of(settled.decided_at, self._zone)
        words = (*standing.opinions, *([standing.final] if standing.final else []))
        return _Said(state, day, tuple(sorted({d.annotator for d in words})), row_id in self._queue)

    def progress(self) -> Progress:
        """The rows of the queue by state."""
        by = Counter[State]()
        outside = 0
        for said, rows in list(self._sums.items()):
            by[said.state] += rows * said.queued
            outside += rows * (not said.queued)
        return Progress(
            len(self._queue),
            by[State.DECIDED],
            by[State.WAITING],
            by[State.DISAGREED],
            by[State.NEEDS_REVIEW],
            outside,
        )

    def people(self) -> Counter[str]:
        """On how many rows each person's verdict stands, inside and outside of the queue."""
        found: Counter[str] = Counter()
        for said, rows in list(self._sums.items()):
            found.update(dict.fromkeys(said.people, rows))
        return +found

    def per_day(self, today: date) -> pd.DataFrame:
        """Columns day, decided, left: rows of the queue by the day of the decision in force; what is left.

        One row a day, from the first with a decision to today. A row that is decided anew counts on the
        later day, one that is undone on none, so that `left` ends at what is left now.
        """
        by: Counter[date] = Counter()
        for said, rows in list(self._sums.items()):
            if said.queued and said.state is State.DECIDED and said.day is not None and rows:
                by[said.day] += rows
        first, last = min(by, default=today), max([today, *by])
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        decided = np.array([by[day] for day in days], dtype=np.int64)
        left = len(self._queue) - np.cumsum(decided)
        return pd.DataFrame({"day": days, "decided": decided, "left": left})


def day_of(stored: str, zone: tzinfo) -> date:
    """The day of a stored moment (UTC in ISO 8601) where the viewer is."""
    return datetime.fromisoformat(stored).astimezone(zone).date()


def pace(times: Sequence[str]) -> float | None:
    """Seconds from one decision to the next: the median of the last 20 gaps; None without a gap.

    times: moments in order, ISO 8601. Gaps of more than a minute are pauses and do not count.
    """
    moments = pd.to_datetime(pd.Series(list(times), dtype="str"), format="ISO8601", utc=True)
    gaps = moments.diff().dt.total_seconds().dropna()
    gaps = gaps[gaps <= PAUSE_S].tail(PACE_OF)
    return None if gaps.empty else median(gaps)


@dataclass(frozen=True)
class News:
    """What other people did since a visit. decisions: verdicts that stand, one for each row.

    disagreements: rows on which one of these verdicts and another opinion differ now.
    """

    decisions: int
    people: int
    disagreements: int


def news(events: Iterable[Decision], me: str, standings: Mapping[str, Standing]) -> News:
    """What other people than `me` did, from all events since a visit in store order.

    standings: of the rows that these events touch, as they are now.
    """
    events = list(events)
    standing_ids = live(events)
    given = [e for e in events if e.action in VERDICTS and e.op_id in standing_ids and e.annotator != me]
    rows = [decision.row_id for event in given for decision in event.expanded()]
    disagreed = {row_id for row_id in rows if row_id in standings and standings[row_id].disagreed}
    return News(len(rows), len({e.annotator for e in given}), len(disagreed))
