"""Where decisions are kept: one append-only log; nothing in it is ever changed or deleted."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, func, insert, select

from core.review.database import Database
from core.review.decisions import VERDICTS, Action, Decision, Standing, in_force
from core.review.fold import Fold, actions
from core.review.tables import decisions as _decisions

_IN_ONE_QUERY = 500


@dataclass(frozen=True)
class Receipt:
    """The store's answer to one event. refused: why it was not stored; "" where it was.

    meanwhile: another annotator's verdict on the row that came after what the annotator had seen, or before
    they redid theirs. Both are kept: a row's standing shows whether they agree.
    left: rows of a bulk decision that were left alone, since somebody had decided or held them.
    """

    op_id: str
    seq: int = 0
    decided_at: str = ""
    refused: str = ""
    meanwhile: Decision | None = None
    left: tuple[str, ...] = ()


class Peek:
    """Single rows of a fold that other threads go on filling. Reads nothing from the database.

    seq: of the last event that it holds for sure.
    """

    def __init__(self, fold: Fold, lock: threading.Lock) -> None:
        self._fold, self._lock, self.seq = fold, lock, fold.seq

    def __len__(self) -> int:
        """How many rows have a verdict, settled or not."""
        with self._lock:
            return len(self._fold)

    def get(self, row_id: str) -> Standing | None:
        """What is said of one row; None where nothing is."""
        with self._lock:  # while a row's new event is taken in, the fold says nothing of the row
            return self._fold.get(row_id)

    def answered(self, row_ids: Iterable[str]) -> list[bool]:
        """For each row whether somebody gave an answer that stands: any verdict but "needs review"."""
        with self._lock:
            return self._fold.answered(row_ids)

    def has_event_of(self, row_id: str, annotator: str) -> bool:
        """Whether any event of a row, undone or not, is this annotator's."""
        with self._lock:
            return self._fold.has_event_of(row_id, annotator)

    def history(self, row_id: str) -> list[Decision]:
        """Every event of one row in the order of storing, undone ones and UNDOs included."""
        with self._lock:
            return self._fold.events(row_id)


class Store:
    """The log in a database. Safe to share between threads; processes share it through the database."""

    def __init__(self, url: str) -> None:
        """Open the store at a SQLAlchemy URL, and make or migrate its tables.

        Raises InputError for a database that this version cannot use, StoreUnavailable where it is down.
        """
        self.database = Database(url)
        self._lock = threading.Lock()
        self._folds: dict[str, Fold] = {}

    def close(self) -> None:
        """Close the connections to the database."""
        self.database.close()

    def record(self, events: Sequence[Decision]) -> list[Receipt]:
        """Store events in one transaction; a receipt for each, in their order.

        When this returns, what was not refused is on the disk. An event that is already stored is
        acknowledged again with its first seq and time. Refused: an op_id that is stored with another
        content, and an UNDO of anything but one's own earlier event that is in force.
        Raises StoreUnavailable, and then nothing is stored.
        """
        if not events:
            return []
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.database.writing() as connection:
            log = _Writing(connection, events)
            receipts = [log.take(event, now) for event in events]
            with self._lock:
                # Before our own are written: were the transaction to fail, the fold would know of them.
                folds = {name: self._refresh(connection, name) for name in {e.dataset for e in events}}
                pairs = zip(events, receipts, strict=True)
                receipts = [_with_meanwhile(folds[e.dataset], e, r, log.knew(e)) for e, r in pairs]
            log.write()
        return receipts

    def record_bulk(
        self, event: Decision, members: Sequence[tuple[str, str, str | None]], held: Collection[str] = ()
    ) -> Receipt:
        """Store one verdict on many rows as one event, without the rows that anybody has decided.

        members: (row id, given label, label or None). held: rows in other annotators' hands, left alone.
        The receipt's `left` names the rows left alone. Refused where no row remains.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.database.writing() as connection:
            known = _known(connection, [event.op_id]).get(event.op_id)
            if known is not None:  # the answer to the first sending was lost
                stored = {row_id for row_id, *_ in known.details["members"]}
                left = tuple(row_id for row_id, *_ in members if row_id not in stored)
                return Receipt(known.op_id, known.seq, known.decided_at, left=left)
            with self._lock:
                fold = self._refresh(connection, event.dataset)
                free = [m for m in members if fold.get(m[0]) is None and m[0] not in held]
            if not free:
                return Receipt(event.op_id, refused="Every one of these rows is decided or held already.")
            whole = event.bulk(free)
            log = _Writing(connection, [whole])
            receipt = log.take(whole, now)
            log.write()
        kept = {row_id for row_id, *_ in free}
        return replace(receipt, left=tuple(row_id for row_id, *_ in members if row_id not in kept))

    def events(
        self,
        dataset: str,
        after_seq: int = 0,
        *,
        actions: Collection[Action] = (),
        annotator: str = "",
        last: int | None = None,
    ) -> list[Decision]:
        """Events of a data set in the order of storing, undone ones and UNDOs included.

        actions, annotator: only these; last: at most so many, the newest.
        """
        query = _of(dataset, after_seq)
        if actions:
            query = query.where(_decisions.c.action.in_([str(a) for a in actions]))
        if annotator:
            query = query.where(_decisions.c.annotator == annotator)
        if last is not None:
            query = query.order_by(None).order_by(_decisions.c.seq.desc()).limit(last)
        with self.database.reading() as connection:
            found = [event_of(row) for row in connection.execute(query).mappings()]
        return found if last is None else found[::-1]

    def is_stored(self, op_id: str) -> bool:
        """Whether an event of that id is in the log."""
        with self.database.reading() as connection:
            return bool(_known(connection, [op_id]))

    def standings(self, dataset: str, as_of: int | None = None) -> Mapping[str, Standing]:
        """What is said of each row with a verdict, now or as it was after event `as_of`.

        Reads only what was stored since the last call, by this process or another.
        """
        with self.database.reading() as connection, self._lock:
            found = self._refresh(connection, dataset)
            now = as_of is None or as_of >= found.seq
            return found.standings() if now else found.past(as_of or 0)

    def peek(self, dataset: str) -> Peek:
        """The rows as they are now, asked one by one; later events show through."""
        with self.database.reading() as connection, self._lock:
            return Peek(self._refresh(connection, dataset), self._lock)

    def in_force(self, dataset: str, as_of: int | None = None) -> Mapping[str, Decision]:
        """The decision in force for each settled row id, now or as it was after event `as_of`."""
        return in_force(self.standings(dataset, as_of))

    def standings_of(self, dataset: str, row_ids: Iterable[str]) -> dict[str, Standing]:
        """What is said of these rows only; quicker than `standings` while others decide."""
        with self.database.reading() as connection, self._lock:
            fold = self._refresh(connection, dataset)
            found = ((row_id, fold.get(row_id)) for row_id in row_ids)
            return {row_id: s for row_id, s in found if s is not None}

    def history(self, dataset: str, row_id: str) -> list[Decision]:
        """Every event of one row in the order of storing, undone ones and UNDOs included."""
        with self.database.reading() as connection, self._lock:
            return self._refresh(connection, dataset).events(row_id)

    def histories(self, dataset: str, row_ids: Iterable[str]) -> dict[str, list[Decision]]:
        """As `history`, of each of these rows that has events."""
        with self.database.reading() as connection, self._lock:
            found = self._refresh(connection, dataset)
            histories = ((row_id, found.events(row_id)) for row_id in row_ids)
            return {row_id: events for row_id, events in histories if events}

    def last_seq(self, dataset: str) -> int:
        """seq of the data set's latest event, 0 where there is none."""
        with self.database.reading() as connection, self._lock:
            return self._refresh(connection, dataset).seq

    def decided(self, dataset: str) -> int:
        """How many rows have a verdict, settled or not."""
        with self.database.reading() as connection, self._lock:
            return len(self._refresh(connection, dataset))

    def settled_rows(self, dataset: str) -> list[str]:
        """The rows that have a decision in force."""
        return [row_id for row_id, action in actions(self.standings(dataset)).items() if action is not None]

    def settled(self, dataset: str) -> int:
        """How many rows have a decision in force."""
        with self.database.reading() as connection, self._lock:
            return self._refresh(connection, dataset).settled

    def _refresh(self, connection: Connection, dataset: str) -> Fold:
        """The fold with what this connection sees. The lock is held."""
        fold = self._folds.setdefault(dataset, Fold())
        fold.add(event_of(row) for row in connection.execute(_of(dataset, fold.seq)).mappings())
        return fold


@cache
def shared_store(url: str) -> Store:
    """The store at that URL; the pages and the routes of a process use one object."""
    return Store(url)


def _same(stored: Decision, event: Decision) -> bool:
    """Whether an event says again what is stored. What was on the screen is told anew and may differ."""
    again = replace(stored, seq=event.seq, decided_at=event.decided_at)
    return replace(again, shown=event.shown, based_on=event.based_on) == event


def _with_meanwhile(fold: Fold, event: Decision, receipt: Receipt, knew: int | None) -> Receipt:
    """The receipt with the verdict that somebody else gave after event `knew`, where one did."""
    now = fold.get(event.row_id)
    if receipt.refused or knew is None or now is None:
        return receipt
    others = [*now.opinions, *([now.final] if now.final else [])]
    later = [d for d in others if d.annotator != event.annotator and d.seq > knew]
    return replace(receipt, meanwhile=later[-1]) if later else receipt


class _Writing:
    """The events of one transaction: what each is told, and what is new."""

    def __init__(self, connection: Connection, events: Sequence[Decision]) -> None:
        self._connection = connection
        self._seq = connection.scalar(select(func.max(_decisions.c.seq))) or 0
        self._known = _known(connection, [o for e in events for o in (e.op_id, e.undoes) if o])
        self._undone = _undone(connection, [*self._known])
        self._new: list[dict[str, Any]] = []

    def take(self, event: Decision, now: str) -> Receipt:
        stored = self._known.get(event.op_id)
        if stored is not None:
            if not _same(stored, event):
                return Receipt(event.op_id, refused="this operation id is already stored with other content")
            return Receipt(event.op_id, stored.seq, stored.decided_at)
        refused = self._refusal(event) if event.action is Action.UNDO else ""
        if refused:
            return Receipt(event.op_id, refused=refused)
        self._seq += 1
        stored = self._known[event.op_id] = replace(event, seq=self._seq, decided_at=now)
        if event.undoes:
            self._undone[event.undoes] = event.op_id
            # A redo takes an UNDO back, so that what it undid stands again and can be undone again.
            self._undone = {of: by for of, by in self._undone.items() if by != event.undoes}
        self._new.append(_row(stored))
        return Receipt(event.op_id, self._seq, now)

    def knew(self, event: Decision) -> int | None:
        """The last event that the annotator of a verdict had seen; None: nothing is told of later ones.

        A redo brings a verdict back to a row that others may have decided since it was taken back.
        """
        if event.action in VERDICTS:
            return event.based_on
        undone = self._known.get(event.undoes or "")
        return undone.seq if undone is not None and undone.action is Action.UNDO else None

    def _refusal(self, undo: Decision) -> str:
        undone = self._known.get(undo.undoes or "")
        if undone is None or (undone.action is Action.UNDO and not self._is_first_undo(undone)):
            return "there is no such decision to undo"
        if (undone.dataset, undone.row_id) != (undo.dataset, undo.row_id):
            return "the decision to undo is on another row"
        if undone.annotator != undo.annotator:
            return "only the annotator who decided can undo it"
        return "it is undone already" if undone.op_id in self._undone else ""

    def _is_first_undo(self, undo: Decision) -> bool:
        """An UNDO can be undone (a redo); a redo is taken back by undoing the verdict again."""
        of = undo.undoes or ""
        target = self._known.get(of) or _known(self._connection, [of]).get(of)
        return target is not None and target.action is not Action.UNDO

    def write(self) -> None:
        if self._new:
            self._connection.execute(insert(_decisions), self._new)


def _of(dataset: str, after_seq: int) -> Any:
    return (
        select(_decisions)
        .where(_decisions.c.dataset == dataset, _decisions.c.seq > after_seq)
        .order_by(_decisions.c.seq)
    )


def _known(connection: Connection, op_ids: Iterable[str]) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    wanted = list(dict.fromkeys(op_ids))
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        some = wanted[start : start + _IN_ONE_QUERY]
        rows = connection.execute(select(_decisions).where(_decisions.c.op_id.in_(some))).mappings()
        found |= {row["op_id"]: event_of(row) for row in rows}
    return found


def _undone(connection: Connection, op_ids: Sequence[str]) -> dict[str, str]:
    """op_id -> the UNDO in force that takes it back, of those that are taken back."""
    undos = _undos(connection, op_ids)
    redone = {undo.undoes for undo in _undos(connection, [u.op_id for u in undos])}
    return {u.undoes or "": u.op_id for u in undos if u.op_id not in redone}


def _undos(connection: Connection, op_ids: Sequence[str]) -> list[Decision]:
    found: list[Decision] = []
    for start in range(0, len(op_ids), _IN_ONE_QUERY):
        some = op_ids[start : start + _IN_ONE_QUERY]
        rows = connection.execute(select(_decisions).where(_decisions.c.undoes.in_(some))).mappings()
        found += [event_of(row) for row in rows]
    return found


def event_of(row: Mapping[Any, Any]) -> Decision:
    """The event in a row of the log's table."""
    return Decision(**{**row, "action": Action(row["action"])})


def _row(decision: Decision) -> dict[str, Any]:
    return {column.name: getattr(decision, column.name) for column in _decisions.columns}
