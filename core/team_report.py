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

from core.checks.label_issues import percent
from core.dataset import Dataset
from core.issue_rows import state_of
from core.review import items
from core.review.decisions import VERDICTS, Action, Decision, Standing, live
from core.review.plan import Plan, draw
from core.review.store import Store
from core.trail import last_active, touched

LETTERS = "ABCDEFGHIJ"
"""What annotators are called until a disagreement is ended."""
PAUSE_S = 60
PACE_OF = 20


class State(StrEnum):
    """Where a row with a verdict stands; a row is in one state only."""

    DONE = "done"
    WAITING = "second look waiting"
    DISAGREED = "disagreement"
    NEEDS_REVIEW = "needs review"


def state_of_row(standing: Standing, plan: Plan, looks: int) -> State:
    """looks: how many annotators the plan wants to look at the row at least."""
    if standing.disagreed:
        return State.DISAGREED
    if standing.settled is not None and standing.settled.action is Action.NEEDS_REVIEW:
        return State.NEEDS_REVIEW
    return State.WAITING if plan.due(standing, "", looks) else State.DONE


@dataclass(frozen=True)
class Progress:
    """Rows of the queue by state; with `undecided` they sum to total. outside: other rows with a verdict."""

    total: int
    done: int
    waiting: int
    disagreed: int
    needs_review: int
    outside: int

    @property
    def undecided(self) -> int:
        """Rows of the queue that nobody has given a verdict on."""
        return self.total - self.done - self.waiting - self.disagreed - self.needs_review


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
        self.active: dict[str, str] = {}
        """When each person last did anything on the data set, UTC in ISO 8601."""
        self._rows: dict[str, _Said] = {}
        self._kinds: dict[_Said, _Said] = {}  # a million rows say a few hundred different things
        self._sums: Counter[_Said] = Counter()
        self._seq: int | None = None
        self._lock = threading.Lock()

    def refresh(self, store: Store, dataset: str) -> int:
        """Take in what was stored since the last call. Returns the seq that the sums stand at."""
        with self._lock:
            if self._seq is None:
                self._seq = store.last_seq(dataset)
                self.put(store.standings(dataset))
                self.active = last_active(store, dataset)
                return self._seq
            events = store.events(dataset, self._seq)
            if events:
                rows = touched(store, events)
                known = store.standings_of(dataset, rows)
                self.put({row_id: known.get(row_id) for row_id in rows})
                self.active |= {event.annotator: event.decided_at for event in events}
                self._seq = events[-1].seq
            return self._seq

    def put(self, standings: Mapping[str, Standing | None]) -> None:
        """Replace what these rows add; None: the row has no verdict any more."""
        for row_id, standing in standings.items():
            before = self._rows.pop(row_id, None)
            if before is not None:
                self._sums[before] -= 1
            if standing is not None:
                said = self._said(row_id, standing)
                said = self._rows[row_id] = self._kinds.setdefault(said, said)
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
            by[State.DONE],
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
        """Columns day, done, left: done rows of the queue by the day of the decision in force; what is left.

        One row a day, from the first with a decision to today. A row that is decided anew counts on the
        later day, one that is undone on none, so that `left` ends at what is left now.
        """
        by: Counter[date] = Counter()
        for said, rows in list(self._sums.items()):
            if said.queued and said.state is State.DONE and said.day is not None and rows:
                by[said.day] += rows
        first, last = min(by, default=today), max([today, *by])
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        done = np.array([by[day] for day in days], dtype=np.int64)
        left = len(self._queue) - np.cumsum(done)
        return pd.DataFrame({"day": days, "done": done, "left": left})


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


def plan_in_words(plan: Plan, dataset: Dataset, positions: np.ndarray) -> str:
    """What a plan means for the rows of a queue, with counts. positions: (M,) of its rows."""
    drawn = draw(plan, dataset)
    total = f"{len(positions):,} {'row' if len(positions) == 1 else 'rows'} in the queue"
    more = int((drawn.looks[positions] > 1).sum())
    said = []
    if plan.looks > 1 and more:
        verb = "gets" if more == 1 else "get"
        said.append(f"{more:,} of {total} {verb} {plan.looks} looks by different people.")
    if plan.looks > 1 and plan.changes:
        also = "So does a row" if more else f"Of {total}, one gets {plan.looks} looks"
        said.append(f"{also} where the first annotator changes or excludes it.")
    if not said:
        said.append(f"Each of {total} gets one look.")
    if plan.blinds:
        said.append("Annotators do not see each other's answers.")
    hidden = int(drawn.hidden[positions].sum())
    if hidden:
        verb = "is" if hidden == 1 else "are"
        said.append(f"{hidden:,} {verb} shown without the model's suggestion.")
    if plan.audit:
        said.append(
            f"In between come random rows, {plan.audit:.0%} of what is shown, without a suggestion: they "
            "tell how many wrong labels are left."
        )
    return " ".join(said)


def disagreement_rows(
    board: items.Board, standings: Mapping[str, Standing], row_ids: Sequence[str]
) -> pd.DataFrame:
    """Rows (at least one) on which people differ, each annotator's answer in a column A, B, ...

    Indexed by row id. Columns: row (the record's number from 1), preview (text, or a thumbnail's address),
    given, model (its likeliest class; "" where the board hides it), A, B, ... in the order of deciding, as in
    Review.
    """
    lines = []
    most = max(2, *(len(standings[row_id].opinions) for row_id in row_ids))
    letters = LETTERS[:most]
    for row_id, position in zip(row_ids, board.dataset.positions(row_ids), strict=True):
        opinions = standings[row_id].opinions
        said = dict.fromkeys(letters, "") | dict(zip(letters, map(_answer, opinions), strict=False))
        lines.append({**_shown(board, int(position)), **said})
    return _table(lines, row_ids)


def ended_rows(board: items.Board, standings: Mapping[str, Standing], row_ids: Sequence[str]) -> pd.DataFrame:
    """As `disagreement_rows`, of rows with a final word: who said what, and the word that ended it."""
    lines = []
    for row_id, position in zip(row_ids, board.dataset.positions(row_ids), strict=True):
        standing = standings[row_id]
        said = [f"{d.annotator}: {_answer(d)}" for d in standing.opinions]
        word = standing.final
        final = "" if word is None else f"{word.annotator}: {_answer(word)}"
        lines.append({**_shown(board, int(position)), "answers": " · ".join(said), "final": final})
    return _table(lines, row_ids)


def _table(lines: Sequence[Mapping[str, object]], row_ids: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(lines, index=pd.Index(list(row_ids), dtype="str"))
    return frame.astype({"row": "Int64"})  # rows that are not in the data set have none


def _answer(decision: Decision) -> str:
    """What a row would be by this verdict: a class, or "excluded" and the like."""
    if decision.action is Action.RELABEL:
        return decision.label or ""
    return f"{decision.given_label} (kept)" if decision.action is Action.KEEP else state_of(decision)


def _shown(board: items.Board, position: int) -> dict[str, object]:
    """What a list shows of a row; a row that is not in the data set any more has its answers only."""
    if position < 0:
        return {"row": None, "preview": "not in this data set", "given": "", "model": ""}
    tile = items.preview(board, position)
    preview = tile["thumb"] if "thumb" in tile else " ".join(tile["text"].split())
    model = "" if board.hides(position) else _model_says(board, position)
    return {"row": tile["number"], "preview": preview, "given": tile["label"] or "", "model": model}


def _model_says(board: items.Board, position: int) -> str:
    probs = board.predictions.pred_probs
    if probs is None:
        return items.suggestion_of(board, position) or ""
    row = np.asarray(probs[position], dtype=np.float64)
    best = int(row.argmax())
    return f"{board.dataset.names[best]} {percent(float(row[best]))}"
