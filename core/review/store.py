"""Where decisions are kept: one append-only table; nothing in it is ever changed or deleted."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    select,
)
from sqlalchemy.engine import make_url

from core.errors import refuse
from core.review.decisions import Action, Decision, fold

SCHEMA_VERSION = 1
_IN_ONE_QUERY = 500

_metadata = MetaData()
_version = Table("schema_version", _metadata, Column("version", Integer, nullable=False))
_decisions = Table(
    "decisions",
    _metadata,
    # Given by us while we hold the write lock, so that its order is the order of the commits:
    # "everything after seq" then never misses an event that another process commits late.
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("op_id", String(64), nullable=False, unique=True),
    Column("dataset", Text, nullable=False),
    Column("row_id", Text, nullable=False),
    Column("action", String(16), nullable=False),
    Column("annotator", Text, nullable=False),
    Column("given_label", Text, nullable=False),
    Column("label", Text),
    Column("undoes", String(64)),
    Column("shown", Text, nullable=False),
    Column("decided_at", String(32), nullable=False),
    Index("decisions_dataset_seq", "dataset", "seq"),
)


@dataclass(frozen=True)
class Receipt:
    """The store's answer to one decision. refused: why it was not stored; "" where it was."""

    op_id: str
    seq: int = 0
    decided_at: str = ""
    refused: str = ""


@dataclass
class _Folded:
    """One data set's events as this process last saw them."""

    seq: int = 0
    events: dict[str, list[Decision]] = field(default_factory=dict)
    in_force: Mapping[str, Decision] = field(default_factory=dict)


class Store:
    """Decisions in a database. Safe to share between threads; processes share it through the database."""

    def __init__(self, url: str) -> None:
        """Open the store at a SQLAlchemy URL, and make its tables where they are absent.

        Raises InputError for a database that this version cannot use.
        """
        if make_url(url).get_backend_name() != "sqlite":
            raise refuse(
                f"decisions cannot be kept in {make_url(url).render_as_string()}",
                expected="a SQLite URL such as sqlite:////data/labelmend.db",
                mend="unset LABELMEND_DATABASE_URL to keep them in the workspace",
            )
        self._engine = _sqlite_engine(url)
        self._lock = threading.Lock()
        self._folded: dict[str, _Folded] = {}
        with self._writing() as connection:
            _metadata.create_all(connection)
            _check_version(connection)

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def record(self, decisions: Sequence[Decision]) -> list[Receipt]:
        """Store decisions in one transaction; a receipt for each, in their order.

        When this returns, what was not refused is on the disk. A decision that is already stored is
        acknowledged again with its first seq and time. Refused: an op_id that is stored with another
        content, and an UNDO of anything but one's own earlier decision on the same row.
        """
        if not decisions:
            return []
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._writing() as connection:
            seq = connection.scalar(select(func.max(_decisions.c.seq))) or 0
            known = _known(connection, [o for d in decisions for o in (d.op_id, d.undoes) if o])
            receipts, new = [], []
            for decision in decisions:
                receipt = _receipt(decision, known, seq + 1, now)
                if not receipt.refused and decision.op_id not in known:
                    seq += 1
                    known[decision.op_id] = replace(decision, seq=seq, decided_at=now)
                    new.append(_row(known[decision.op_id]))
                receipts.append(receipt)
            if new:
                connection.execute(insert(_decisions), new)
        return receipts

    def events(self, dataset: str, after_seq: int = 0) -> list[Decision]:
        """Every event of a data set in the order of storing, undone ones and UNDOs included."""
        query = (
            select(_decisions)
            .where(_decisions.c.dataset == dataset, _decisions.c.seq > after_seq)
            .order_by(_decisions.c.seq)
        )
        with self._engine.connect() as connection:
            return [_decision(row) for row in connection.execute(query).mappings()]

    def in_force(self, dataset: str, as_of: int | None = None) -> Mapping[str, Decision]:
        """The decision in force for each decided row id, now or as it was after event `as_of`.

        Reads only what was stored since the last call, by this process or another.
        """
        with self._lock:
            folded = self._refresh(dataset)
            if as_of is None or as_of >= folded.seq:
                return folded.in_force
            past = dict(folded.in_force)
            for row_id, events in folded.events.items():
                if events[-1].seq > as_of:
                    past.pop(row_id, None)
                    past |= fold(e for e in events if e.seq <= as_of)
            return past

    def history(self, dataset: str, row_id: str) -> list[Decision]:
        """Every event of one row in the order of storing, undone ones and UNDOs included."""
        with self._lock:
            return list(self._refresh(dataset).events.get(row_id, ()))

    def last_seq(self, dataset: str) -> int:
        """seq of the data set's latest event, 0 where there is none."""
        with self._lock:
            return self._refresh(dataset).seq

    def counts(self, dataset: str) -> Counter[Action]:
        """How many rows each action is in force for."""
        return Counter(d.action for d in self.in_force(dataset).values())

    def _refresh(self, dataset: str) -> _Folded:
        folded = self._folded.setdefault(dataset, _Folded())
        new = self.events(dataset, folded.seq)
        if new:
            touched = dict.fromkeys(e.row_id for e in new)  # keeps the order of deciding
            for e in new:
                folded.events.setdefault(e.row_id, []).append(e)
            # A new mapping: a reader may be walking over the old one.
            in_force = {r: d for r, d in folded.in_force.items() if r not in touched}
            for row_id in touched:
                in_force |= fold(folded.events[row_id])
            folded.in_force = MappingProxyType(in_force)
            folded.seq = new[-1].seq
        return folded

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that holds the database's only write lock from its start."""
        writes = self._engine.execution_options(labelmend_writes=True)
        with writes.begin() as connection:
            yield connection


@cache
def shared_store(url: str) -> Store:
    """The store at that URL; the pages and the routes of a process use one object."""
    return Store(url)


def _receipt(decision: Decision, known: Mapping[str, Decision], seq: int, now: str) -> Receipt:
    stored = known.get(decision.op_id)
    if stored is not None:
        if replace(stored, seq=decision.seq, decided_at=decision.decided_at) != decision:
            return Receipt(decision.op_id, refused="this operation id is already stored with other content")
        return Receipt(decision.op_id, stored.seq, stored.decided_at)
    if decision.action is Action.UNDO:
        undone = known.get(decision.undoes or "")
        if undone is None or undone.action is Action.UNDO:
            return Receipt(decision.op_id, refused="there is no such decision to undo")
        if (undone.dataset, undone.row_id) != (decision.dataset, decision.row_id):
            return Receipt(decision.op_id, refused="the decision to undo is on another row")
        if undone.annotator != decision.annotator:
            return Receipt(decision.op_id, refused="only the annotator who decided can undo it")
    return Receipt(decision.op_id, seq, now)


def _known(connection: Connection, op_ids: Iterable[str]) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    wanted = list(dict.fromkeys(op_ids))
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        some = wanted[start : start + _IN_ONE_QUERY]
        rows = connection.execute(select(_decisions).where(_decisions.c.op_id.in_(some))).mappings()
        found |= {row["op_id"]: _decision(row) for row in rows}
    return found


def _decision(row: Mapping[Any, Any]) -> Decision:
    return Decision(**{**row, "action": Action(row["action"])})


def _row(decision: Decision) -> dict[str, Any]:
    return {column.name: getattr(decision, column.name) for column in _decisions.columns}


def _check_version(connection: Connection) -> None:
    version = connection.scalar(select(_version.c.version))
    if version is None:
        connection.execute(insert(_version), {"version": SCHEMA_VERSION})
    elif version != SCHEMA_VERSION:
        raise refuse(
            f"the decision store has schema {version}",
            expected=f"schema {SCHEMA_VERSION}",
            mend="open it with the version of Labelmend that made it",
        )


def _sqlite_engine(url: str) -> Engine:
    """All that is special to SQLite.

    synchronous=FULL makes an acknowledged decision survive a power cut, not only a killed process.
    Measured on 2 cores and a virtual disk: 0.7 ms for one decision against 0.4 ms with NORMAL.
    """
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin a transaction itself, too late
        for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("labelmend_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
