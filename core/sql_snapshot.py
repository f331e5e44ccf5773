"""A table of a database read into the workspace, as it was at one moment, in chunks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from sqlalchemy import Connection, Text, cast, func, inspect, select, types
from sqlalchemy.sql import ColumnElement, column, quoted_name, table
from sqlalchemy.sql.selectable import TableClause

from core.errors import refuse
from core.importers._sql import SqlTable
from core.progress import Progress
from core.source import file_sha256
from core.sql_sources import SqlSource, TableName, reading, table_named, told

if TYPE_CHECKING:
    from core.workspace import Workspace

ROWS = 2_000
"""Rows that are in memory at once."""
_WHOLE = 2**53
"""Whole numbers up to here are exact as floats."""


@dataclass(frozen=True)
class _Column:
    """How a column is read. convert: a value that is not None -> what is kept, in the type `kind`."""

    name: str
    wanted: ColumnElement[Any]
    kind: pa.DataType
    convert: Callable[[Any], Any] | None = None
    digested: bool = False


def take_snapshot(source: SqlSource, given: str, folder: Path, progress: Progress | None = None) -> Path:
    """The table read into folder/<digest>/<table>.table: an Arrow file that says where it is from.

    Rows in the order of the primary key, in one transaction that sees one state of the database. Whole
    numbers, booleans and floats keep their types, bytes are told by number and sha256, all else is text.
    The same content is stored once. Raises InputError for what cannot be read, and for no rows.
    """
    progress = progress or Progress()
    progress.report(0.0, "Connecting")
    folder.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=folder))
    try:
        with reading(source) as connection:
            target = new / f"{_file_name(given)}.table"
            _write(connection, source, given, target, progress)
        return _kept(new, folder / file_sha256(target)[:16]) / target.name
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _kept(new: Path, place: Path) -> Path:
    """Put the folder in its place, unless the same content is there, perhaps since a moment ago."""
    try:
        os.rename(new, place)
    except OSError:
        if not place.is_dir():
            raise
    return place


def _file_name(table: str) -> str:
    return re.sub(r"[^\w-]+", "_", table)[:50].strip("_") or "table"


def _write(connection: Connection, source: SqlSource, given: str, target: Path, progress: Progress) -> None:
    with told(source, connection.engine):
        name = table_named(connection, given, source)
        found = inspect(connection)
        columns = found.get_columns(name.name, name.schema)
        keys = tuple(found.get_pk_constraint(name.name, name.schema)["constrained_columns"])
        clause = _clause(name, [c["name"] for c in columns])
        total = connection.scalar(select(func.count()).select_from(clause)) or 0
        if not total:
            raise refuse(f"the table {name} of {source.name!r} has no rows", mend="choose another table")
        progress.report(0.0, "Looking at the columns")
        plan = _plans(connection, clause, columns)
    digested = tuple(c.name for c in plan if c.digested)
    about = SqlTable(source.name, connection.dialect.name, name.schema, name.name, keys, digested)
    schema = pa.schema([(c.name, c.kind) for c in plan], metadata=about.metadata())
    wanted = select(*(c.wanted for c in plan)).order_by(*(clause.c[k] for k in keys))
    with target.open("wb") as out, pa.ipc.new_file(out, schema) as writer:
        done = 0
        for rows in _chunks(connection, wanted, source):
            writer.write_batch(_batch(rows, plan, schema, str(name)))
            done += len(rows)
            progress.report(done / total, f"Reading rows: {done:,} of {total:,}")
    with target.open("rb") as handle:
        os.fsync(handle.fileno())


def _clause(name: TableName, columns: list[str]) -> TableClause:
    """Names that the database gave, quoted whatever they are."""
    schema = None if name.schema is None else quoted_name(name.schema, quote=True)
    known: list[Any] = [column(quoted_name(c, quote=True)) for c in columns]
    return table(quoted_name(name.name, quote=True), *known, schema=schema)


def _chunks(connection: Connection, wanted: Any, source: SqlSource) -> Iterator[list[Any]]:
    with told(source, connection.engine):
        result = connection.execution_options(yield_per=ROWS).execute(wanted)
        pieces = result.partitions(ROWS)
    while True:
        with told(source, connection.engine):
            rows = next(pieces, None)
        if rows is None:
            return
        yield list(rows)


def _batch(rows: list[Any], plan: list[_Column], schema: pa.Schema, name: str) -> pa.RecordBatch:
    arrays = []
    for how, values in zip(plan, zip(*rows, strict=True), strict=True):
        try:
            if how.convert is not None:
                values = tuple(None if v is None else how.convert(v) for v in values)
            arrays.append(pa.array(values, how.kind))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError, ValueError) as error:
            found = f"a value that is none of type {how.kind}"
            raise refuse(found, file=name, column=how.name, mend="cast it to text in a view") from error
    return pa.record_batch(arrays, schema=schema)


def _plans(connection: Connection, clause: TableClause, columns: list[Any]) -> list[_Column]:
    if connection.dialect.name == "sqlite":
        return _by_value(connection, clause, columns)
    postgres = connection.dialect.name == "postgresql"
    return [_by_type(clause.c[c["name"]], c["type"], postgres) for c in columns]


def _by_type(wanted: ColumnElement[Any], kind: types.TypeEngine[Any], postgres: bool) -> _Column:
    """By the declared type. PostgreSQL itself makes text of what is no number, text or boolean: it knows it
    exactly, infinite dates and numbers of any length included."""
    name = str(wanted.name)
    if isinstance(kind, types.Boolean):
        return _Column(name, wanted, pa.bool_(), bool)
    if isinstance(kind, types.Integer):
        return _Column(name, wanted, pa.int64())
    if isinstance(kind, types.Float):
        return _Column(name, wanted, pa.float64(), float)
    if isinstance(kind, types._Binary):
        return _Column(name, wanted, pa.large_string(), _text, digested=True)
    return _Column(name, cast(wanted, Text) if postgres else wanted, pa.large_string(), _text)


def _by_value(connection: Connection, clause: TableClause, columns: list[Any]) -> list[_Column]:
    """SQLite: by the values, since a column holds values of any type whatever it declares."""
    held = connection.execute(select(*(func.group_concat(func.typeof(c).distinct()) for c in clause.c))).one()
    plan = []
    for declared, wanted, kinds in zip(columns, clause.c, held, strict=True):
        name, there = str(wanted.name), {*(kinds or "").split(",")} - {"null", ""}
        flags = isinstance(declared["type"], types.Boolean)
        if there == {"integer"} and flags and _within(connection, wanted, 0, 1):
            plan.append(_Column(name, wanted, pa.bool_(), bool))
        elif there == {"integer"}:
            plan.append(_Column(name, wanted, pa.int64()))
        elif there == {"real"} or (
            there == {"integer", "real"} and _within(connection, wanted, -_WHOLE, _WHOLE)
        ):
            plan.append(_Column(name, wanted, pa.float64(), float))
        else:
            plan.append(_Column(name, wanted, pa.large_string(), _text, digested="blob" in there))
    return plan


def _within(connection: Connection, wanted: ColumnElement[Any], least: int, most: int) -> bool:
    low, high = connection.execute(select(func.min(wanted), func.max(wanted))).one()
    return bool(least <= low and high <= most)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        return json.dumps({"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()})
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def read_into(workspace: Workspace, source: SqlSource, table: str, progress: Progress | None = None) -> Path:
    """`take_snapshot` into the workspace, where the same table is the same data set again."""
    with reading(source) as connection, told(source, connection.engine):
        name = str(table_named(connection, table, source))  # one name, with its schema or without
    return take_snapshot(source, name, workspace.tables / source.key(workspace.secret(), name), progress)
