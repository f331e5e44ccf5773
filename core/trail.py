"""The audit trail: every event of a data set, newest first, filtered and paged by the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from core.decision_files import write_decisions
from core.issue_rows import state_of
from core.review import frozen, judgements, locks, spot_checks, votes
from core.review.decisions import VERDICTS, Action, Decision
from core.review.fixes import accepted_by
from core.review.people import WORKSPACE
from core.review.store import Store, event_of
from core.review.tables import decisions as _log

PAGE_EVENTS = 50
MEMBERS_SHOWN = 100
_AT_ONCE = 500
_OF_ROWS = '{"rows": '
"""How the detail of a judgement begins that is about rows, not classes."""
ABOUT_THE_WORK = (Action.CLASS, Action.ASSIGN, Action.PLAN, Action.ROLE, Action.LOCK, Action.FREEZE)
"""Events that tell nobody what somebody else thinks of a row."""


@dataclass(frozen=True)
class Wanted:
    """Which events to list; an empty value leaves none out.

    row: a row id; events about many rows are found by their members. since, until: UTC in ISO 8601, the
    first moment wanted and the first not wanted. only: a person who may see no answers but their own.
    """

    person: str = ""
    actions: tuple[Action, ...] = ()
    row: str = ""
    since: str = ""
    until: str = ""
    only: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of the trail. undone: taken back, and not brought back since.

    of: what an UNDO takes back, or brings back where it is the undo of an undo (redo).
    """

    event: Decision
    undone: bool = False
    of: Decision | None = None
    redo: bool = False

    @property
    def members(self) -> list[list[Any]]:
        """The rows of an event about many rows: [row id, given label, label], or [row id, people]."""
        return [] if self.event.row_id else list(self.event.details.get("members", ()))

    @property
    def words(self) -> str:
        """What happened, in words."""
        if self.of is None:
            return in_words(self.event)
        return f"{'brought back' if self.redo else 'undid'}: {in_words(self.of)}"


def count_events(store: Store, dataset: str, wanted: Wanted) -> int:
    """How many events match."""
    query = select(func.count()).select_from(_log).where(*_conditions(store, dataset, wanted))
    with store.database.reading() as connection:
        return connection.scalar(query) or 0


def page_of_events(
    store: Store, dataset: str, wanted: Wanted, page: int = 1, size: int = PAGE_EVENTS
) -> list[Entry]:
    """The events of a page, newest first; pages count from 1."""
    query = select(_log).where(*_conditions(store, dataset, wanted)).order_by(_log.c.seq.desc())
    with store.database.reading() as connection:
        rows = connection.execute(query.limit(size).offset((page - 1) * size)).mappings()
        events = [event_of(row) for row in rows]
        undone = _undone(connection, events)
        named = _named(connection, [e.undoes for e in events if e.undoes])
        named |= _named(connection, [e.undoes for e in named.values() if e.undoes])
    return [_entry(e, e.op_id in undone, named) for e in events]


def in_words(event: Decision) -> str:
    """What an event says, without who, when and on which row."""
    detail = event.details
    many = len(detail.get("members", ())) if not event.row_id else 0
    if event.action in VERDICTS:
        own = event.action is Action.RELABEL and event.label is None
        said = "changed, each to its own class" if own else state_of(event)
        said = f"{many:,} {'row' if many == 1 else 'rows'} {said}" if many else said
        if by := accepted_by(event.shown):
            said = f"{said}, {by}"
        return f"final word: {said}" if event.final else said
    if event.action is Action.NOTE:
        return f"noted: {detail.get('text', '')}"
    if event.action is Action.TAG:
        return f"tagged: {', '.join(map(str, detail.get('tags', ())))}" if detail.get("tags") else "untagged"
    if event.action is Action.ASSIGN:
        people = sorted({name for _, names in detail.get("members", ()) for name in names})
        return f"{many:,} {'row' if many == 1 else 'rows'} given to {', '.join(people) or 'everybody'}"
    if event.action is Action.ROLE:
        return f"{event.row_id} is {detail.get('role', '')} now"
    if event.action is Action.GOLD:
        return f"{many:,} {'row' if many == 1 else 'rows'} marked as gold"
    if event.action is Action.PAIR:
        return judgements.in_words(event)
    if event.action is Action.LOCK:
        return locks.in_words(event)
    if event.action in (Action.GATE, Action.RULE):
        return spot_checks.in_words(event)
    if event.action is Action.VOTE:
        return votes.in_words(event)
    if event.action is Action.FREEZE:
        return frozen.in_words(event)
    known = {Action.PLAN: "plan", Action.CLASS: "class list"}
    said = ", ".join(f"{name} {_plain(value)}" for name, value in detail.items() if value not in ("", []))
    return f"{known.get(event.action, event.action)}: {said}" if said else str(event.action)


def names_in_log(store: Store, dataset: str) -> list[str]:
    """Everybody who has an event of the data set, in alphabetical order."""
    query = select(_log.c.annotator).where(_log.c.dataset == dataset).distinct()
    with store.database.reading() as connection:
        return sorted(connection.scalars(query))


def last_active(store: Store, dataset: str) -> dict[str, str]:
    """When each person last did anything on the data set, UTC in ISO 8601."""
    query = select(_log.c.annotator, func.max(_log.c.decided_at)).where(_log.c.dataset == dataset)
    with store.database.reading() as connection:
        return {name: at for name, at in connection.execute(query.group_by(_log.c.annotator))}


def last_before(store: Store, dataset: str, moment: str) -> int:
    """seq of the data set's last event before a moment (UTC in ISO 8601), 0 where there is none."""
    query = select(func.max(_log.c.seq)).where(_log.c.dataset == dataset, _log.c.decided_at < moment)
    with store.database.reading() as connection:
        return connection.scalar(query) or 0


def first_and_last(store: Store, dataset: str) -> tuple[str, str] | None:
    """When the first and the last event of the data set were stored, UTC in ISO 8601; None without any."""
    query = select(func.min(_log.c.decided_at), func.max(_log.c.decided_at)).where(_log.c.dataset == dataset)
    with store.database.reading() as connection:
        first, last = connection.execute(query).one()
    return None if first is None else (first, last)


def decision_times(store: Store, dataset: str, annotator: str, last: int = 200) -> list[str]:
    """When a person gave their last verdicts on single rows, in order."""
    query = select(_log.c.decided_at).where(
        _log.c.dataset == dataset,
        _log.c.annotator == annotator,
        _log.c.action.in_([str(a) for a in VERDICTS]),
        _log.c.row_id != "",
    )
    with store.database.reading() as connection:
        return list(connection.scalars(query.order_by(_log.c.seq.desc()).limit(last)))[::-1]


def touched(store: Store, events: Iterable[Decision]) -> list[str]:
    """The row ids that these events say something about, those of a bulk decision's undo included."""
    rows: dict[str, None] = {}
    for event in events:
        if event.action is Action.UNDO and not event.row_id:
            event = _origin(store, event)
        if event.row_id:
            rows[event.row_id] = None
        elif event.action in VERDICTS:
            rows |= {row_id: None for row_id, *_ in event.details["members"]}
    return list(rows)


def write_trail(store: Store, dataset: str, wanted: Wanted, out: Path) -> int:
    """Write the events that match in the order of storing, straight from the database. Returns the lines.

    JSON Lines: one event a line, all of its fields. A name that ends in .csv: cells that a spreadsheet
    would run are made harmless, and an event about many rows has one line a row, all with its op_id.
    """
    query = select(_log).where(*_conditions(store, dataset, wanted)).order_by(_log.c.seq)
    with store.database.reading(streams=True) as connection:
        streamed = connection.execution_options(stream_results=True, max_row_buffer=_AT_ONCE)
        events = (event_of(row) for row in streamed.execute(query).mappings())
        if out.suffix.lower() == ".csv":
            return write_decisions((line for event in events for line in _lines(event)), out)
        return write_decisions(events, out)


def _lines(event: Decision) -> Iterator[Decision]:
    if event.action is not Action.ASSIGN:
        yield from event.expanded()
        return
    queue = event.details.get("queue", "")
    for row_id, people in event.details["members"]:
        yield replace(event, row_id=row_id, detail=json.dumps({"queue": queue, "people": people}))


def _conditions(store: Store, dataset: str, wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_log.c.dataset.in_([dataset, WORKSPACE])]
    if wanted.person:
        found.append(_log.c.annotator == wanted.person)
    if wanted.actions:
        found.append(_log.c.action.in_([str(a) for a in wanted.actions]))
    if wanted.since:
        found.append(_log.c.decided_at >= wanted.since)
    if wanted.until:
        found.append(_log.c.decided_at < wanted.until)
    if wanted.only:
        free = _log.c.action.in_([str(a) for a in ABOUT_THE_WORK])
        found.append(or_(_log.c.annotator == wanted.only, free))
    if wanted.row:
        found.append(and_(_log.c.dataset == dataset, _about_row(store, dataset, wanted.row)))
    return found


def _about_row(store: Store, dataset: str, row: str) -> ColumnElement[bool]:
    """Events that name the row, and those about many rows that have it among their members."""
    bulk = {e.op_id for e in store.history(dataset, row)}
    # As json.dumps writes a member of an assignment: no other place of `detail` can look like that,
    # since a quotation mark inside a text is written \". Not LIKE: SQLite's takes r1 for R1.
    name = json.dumps(row)
    without = func.replace(_log.c.detail, f"[{name}, [", "")
    given = and_(_log.c.action == str(Action.ASSIGN), without != _log.c.detail)
    apart = func.replace(_log.c.detail, f"[{name}, ", "")
    for verdict in (judgements.SAME, judgements.DIFFERENT):
        apart = func.replace(apart, f', {name}, "{verdict}"]', "")
    of_rows = func.substr(_log.c.detail, 1, len(_OF_ROWS)) == _OF_ROWS
    judged = and_(_log.c.action == str(Action.PAIR), of_rows, apart != _log.c.detail)
    return or_(_log.c.row_id == row, _log.c.op_id.in_(bulk), given, judged)


def _entry(event: Decision, undone: bool, named: Mapping[str, Decision]) -> Entry:
    of = named.get(event.undoes or "")
    if of is None or of.action is not Action.UNDO:
        return Entry(event, undone, of)
    return Entry(event, undone, named.get(of.undoes or ""), redo=True)


def _named(connection: Connection, op_ids: Sequence[str]) -> dict[str, Decision]:
    rows = connection.execute(select(_log).where(_log.c.op_id.in_(op_ids))).mappings() if op_ids else ()
    return {row["op_id"]: event_of(row) for row in rows}


def _undone(connection: Connection, events: Sequence[Decision]) -> set[str]:
    """The op_ids of these events that are taken back now."""
    if not events:
        return set()
    first = min(e.seq for e in events)  # an UNDO comes after what it undoes

    def undos(of: Sequence[str]) -> dict[str, str]:
        query = select(_log.c.op_id, _log.c.undoes).where(_log.c.seq > first, _log.c.undoes.in_(of))
        return {op_id: undoes for op_id, undoes in connection.execute(query)} if of else {}

    taken = undos([e.op_id for e in events])
    brought_back = set(undos(list(taken)).values())
    return {undoes for op_id, undoes in taken.items() if op_id not in brought_back}


def _origin(store: Store, undo: Decision) -> Decision:
    """The event that an UNDO, or the UNDO of an UNDO, is about."""
    event = undo
    with store.database.reading() as connection:
        while event.action is Action.UNDO and event.undoes:
            event = _named(connection, [event.undoes])[event.undoes]
    return event


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
