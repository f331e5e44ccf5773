"""The whole log of a decision store as one file, and a store rebuilt from such a file.

JSON Lines in UTF-8: a header, every event as its columns in store order, and a footer with the number of
events and the sha256 of all bytes before it, so that a cut or changed file is refused. The same file
rebuilds a store on SQLite and on PostgreSQL. Data sets, predictions and exports are files: copy the
workspace's folders for them. Claims are loans that expire; they are not kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from core import __version__
from core.errors import InputError, refuse
from core.files import staged
from core.review.database import Database
from core.review.decisions import Action
from core.review.tables import decisions

FORMAT = 1
_HEADER = b'{"labelmend_backup": '
_AT_ONCE = 5000
_COLUMNS = {column.name: column for column in decisions.columns}
_LONGEST = {name: column.type.length for name, column in _COLUMNS.items() if hasattr(column.type, "length")}
"""Most characters of a column, None where there is no limit; PostgreSQL holds us to it."""

Row = dict[str, Any]


def write_backup(database: Database, out: Path) -> int:
    """Write every event of a store to a file, while the store is in use. Returns how many.

    What is stored while this runs may or may not be in the file; of everything stored before it, all is.
    The file appears whole or not at all. Raises InputError where `out` is a file but no backup.
    """
    if out.exists() and not is_backup(out):
        raise refuse(
            "there is a file of that name, and it is no backup", file=str(out), mend="choose another"
        )
    count = 0
    sha = hashlib.sha256()
    with staged(out) as (temporary,), temporary.open("wb") as handle:

        def put(line: Mapping[str, Any]) -> None:
            raw = _line(line)
            sha.update(raw)
            handle.write(raw)

        now = datetime.now(UTC).isoformat(timespec="seconds")
        put({"labelmend_backup": FORMAT, "labelmend": __version__, "written_at": now})
        for row in _rows(database):
            put(row)
            count += 1
        put({"events": count, "sha256": sha.hexdigest()})
    return count


def _rows(database: Database) -> Iterator[Row]:
    """Every event up to the last one now, in store order: events never change, so that this is a snapshot."""
    with database.reading() as connection:
        last, top = 0, connection.scalar(select(func.max(decisions.c.seq))) or 0
        while last < top:
            query = select(decisions).where(decisions.c.seq > last, decisions.c.seq <= top)
            found = connection.execute(query.order_by(decisions.c.seq).limit(_AT_ONCE)).mappings().all()
            yield from (dict(row) for row in found)
            last = found[-1]["seq"]


def is_backup(path: Path) -> bool:
    """Whether a file begins as a backup does."""
    with path.open("rb") as handle:
        return handle.read(len(_HEADER)) == _HEADER


def restore(path: Path, database: Database) -> int:
    """Rebuild a store from a backup, or from a decisions file. Returns how many events it then has.

    All in one transaction: what fails or is killed leaves the store empty. Numbers and times of events are
    kept; those of a decisions file are given anew where it has none.
    Raises InputError where the store has an event already, and for a file that is no backup, is damaged, or
    holds what the database cannot.
    """
    if not path.is_file():
        raise refuse("there is no such file", file=str(path))
    rows = _backed_up(path) if is_backup(path) else _decided(path)
    count = 0
    with database.writing() as connection:
        if there := connection.scalar(select(func.count()).select_from(decisions)):
            raise refuse(
                f"the store has {there:,} events, and a restore never adds to them or replaces them",
                mend="restore into an empty store: another workspace, or another LABELMEND_DATABASE_URL",
            )
        checked = _checked(rows, path, database.dialect)
        for some in _parts(checked):
            database.add_rows(connection, decisions, some)
            count += len(some)
    return count


def _backed_up(path: Path) -> Iterator[tuple[int, Row]]:
    """(line of the file, event) of a backup that is whole."""
    events = _verify(path)
    with path.open("rb") as handle:
        handle.readline()
        for line in range(2, events + 2):
            # What a backup of an earlier version lacks has the value that a migration gives it.
            row = {"detail": "", "based_on": None, "final": False, **json.loads(handle.readline())}
            if set(row) != set(_COLUMNS) or row["action"] not in set(Action):
                raise _unknown(path)
            yield line, row


def _verify(path: Path) -> int:
    """How many events a backup has. Raises InputError unless it is whole and of a format we know."""
    sha, lines, last = hashlib.sha256(), 0, b""
    with path.open("rb") as handle:
        header = handle.readline()
        handle.seek(0)
        for line in handle:
            sha.update(last)
            last = line
            lines += 1
    footer = {"events": lines - 2, "sha256": sha.hexdigest()}
    if last != _line(footer):
        mend = "use another copy of it, or another backup"
        raise refuse("the backup is damaged or cut off", file=path.name, mend=mend)
    if json.loads(header)["labelmend_backup"] != FORMAT:
        raise _unknown(path)
    return lines - 2


def _unknown(path: Path) -> InputError:
    mend = "restore it with the version that made it, or a newer one"
    return refuse("the backup was made by another version of Labelmend", file=path.name, mend=mend)


def _decided(path: Path) -> Iterator[tuple[int, Row]]:
    """(number in the file, event) of a decisions file. Numbered anew unless its numbers ascend."""
    from core.decision_files import read_decisions  # with pandas, which a backup does without

    events = read_decisions(path)
    kept = all(a < b for a, b in pairwise([0, *(event.seq for event in events)]))
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    for number, event in enumerate(events, 1):
        if not event.dataset and event.action is not Action.ROLE:
            raise refuse(
                "the decision names no data set", file=path.name, row=number, mend="give each line a dataset"
            )
        row = {**asdict(event), "action": str(event.action), "decided_at": event.decided_at or now}
        yield number, row if kept else {**row, "seq": number}


def _checked(rows: Iterable[tuple[int, Row]], path: Path, dialect: str) -> Iterator[Row]:
    """The events, each one that the database can hold."""
    for number, row in rows:
        for name, value in row.items():
            if isinstance(value, str) and (fault := _fault(name, value, dialect)):
                raise refuse(f"{name} {fault}", file=path.name, row=number)
        yield row


def _fault(name: str, text: str, dialect: str) -> str:
    """Why a text cannot be kept; "" where it can."""
    longest = _LONGEST.get(name)
    if longest is not None and len(text) > longest:
        return f"has {len(text)} characters, more than {longest}"
    if "\x00" in text and dialect == "postgresql":
        return "has a NUL character, which PostgreSQL cannot keep"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "has half of a character"
    return ""


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some
