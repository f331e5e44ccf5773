"""A SQL script for the database that a table came from: it changes the decided labels and nothing else.

One transaction, one statement a changed row, found by its primary key and by the label that it had. Where a
row shows another label by then, nothing is changed at all; or that row is left, where conflicts are skipped.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from core.cells import is_missing
from core.errors import refuse
from core.exporters._base import ExportFormat
from core.exporters._sql import BEGIN, CHECK, DIALECTS, Key, Statements
from core.exporters._table import check_cell, check_count, refuse_added, typed, unwritable
from core.importers._arrow_messages import read_messages
from core.importers._sql import NAME, SqlTable
from core.progress import Progress

if TYPE_CHECKING:
    from core.corrections import Change, Corrections

TITLE = "SQL script"
CHECKED_AT_ONCE = 100
"""Rows in one check: SQLite bounds how long an expression is."""
AT_ONCE = 1_000
_RUN = {
    "sqlite": "sqlite3 -bail DATABASE < THIS_FILE",
    "postgresql": "psql -v ON_ERROR_STOP=1 -f THIS_FILE DATABASE",
}
_OTHERS = "export as CSV or Parquet"


def write(corrections: Corrections, out: Path, progress: Progress) -> int:
    """Write the script. Raises InputError where the table has no way to name a row, or the options ask for
    columns."""
    refuse_added(corrections, TITLE)
    about = SqlTable.of(corrections.source.layout["sql"])
    label = corrections.dataset.columns.label or ""
    _check(corrections, about, label)
    with out.open("w", encoding="utf-8", newline="\n") as handle:
        handle.writelines(f"-- {line}\n" for line in _header(corrections, about))
        if corrections.changes:
            handle.writelines(f"{line}\n" for line in _script(corrections, about, label, progress))
    return 0


def _check(corrections: Corrections, about: SqlTable, label: str) -> None:
    file = corrections.source.path.name
    if about.dialect not in DIALECTS:
        found = f"no SQL script is written for {about.dialect}"
        raise refuse(found, file=file, expected=" or ".join(DIALECTS), mend=_OTHERS)
    if not about.primary_key:
        found = "the table has no primary key, so that no statement could name a row"
        raise refuse(found, file=file, mend=f"add one and read the table again, or {_OTHERS}")
    if label in about.primary_key:
        raise refuse("the labels are part of the primary key", file=file, column=label, mend=_OTHERS)
    names = [name.lower() for name in (*about.primary_key, label)]
    if len(set(names)) < len(names):
        raise refuse("names of columns that differ by case only", file=file, column=label, mend=_OTHERS)


def _header(corrections: Corrections, about: SqlTable) -> list[str]:
    """What the script does. Names as JSON has them: a line end in one would begin a line of the script."""
    changes = corrections.changes
    labels = sum(change.writes_label for change in changes)
    said = [
        f"Labels corrected with Labelmend, for {about.dialect}.",
        f"Table {_quoted(about.title)} of {_quoted(about.source)}: {labels:,} labels change, "
        f"{len(changes) - labels:,} rows are deleted, of {len(corrections.dataset):,} rows that were read.",
    ]
    if not changes:
        return [*said, "No statement follows."]
    if corrections.options.conflicts == "skip":
        said.append("A row that has another label by then than when it was read is left as it is.")
    else:
        said.append("If a row has another label by then than when it was read, nothing is changed at all.")
    return [*said, f"Run it as a whole: {_RUN[about.dialect]}"]


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _script(corrections: Corrections, about: SqlTable, label: str, progress: Progress) -> Iterator[str]:
    statements = Statements(about, label)
    checked = corrections.options.conflicts == "refuse"
    yield from BEGIN[about.dialect]
    if checked:
        yield statements.check_table()
    rows = _Rows(corrections, about, label)
    for change, key, before, after in rows.of(corrections.changes, progress.part(0.0, 0.6)):
        relabels = change.writes_label
        yield statements.relabel(key, before, after) if relabels else statements.remove(key, before)
    if checked:
        # All at the end: a program that goes on after a failed check must find no change to make.
        for start in range(0, len(corrections.changes), CHECKED_AT_ONCE):
            at = 0.6 + 0.4 * start / len(corrections.changes)
            some = list(rows.of(corrections.changes[start : start + CHECKED_AT_ONCE], progress.part(at, at)))
            now = [(key, after) for change, key, _, after in some if change.writes_label]
            gone = [key for change, key, _, _ in some if not change.writes_label]
            yield statements.check(now, gone)
        yield f"DROP TABLE {CHECK};"
    yield "COMMIT;"


class _Rows:
    """Keys and labels of rows as the database gave them, from the file that was read from it."""

    def __init__(self, corrections: Corrections, about: SqlTable, label: str) -> None:
        self.corrections, self.keys, self.label = corrections, about.primary_key, label
        path = corrections.source.path
        with pa.memory_map(str(path)) as mapped:
            whole = read_messages(mapped.read_buffer(), path.name).table
        check_count(corrections, whole.num_rows)
        self.table = whole.select([*about.primary_key, label])
        for field in self.table.schema:
            if not _is_plain(field.type) or field.name in about.digested:
                found = f"a column of type {field.type}, which no script is written for"
                raise refuse(found, file=path.name, column=field.name, mend=_OTHERS)

    def of(self, changes: Sequence[Change], progress: Progress) -> Iterator[tuple[Change, Key, Any, Any]]:
        """(change, primary key, label before, label after). Checks each row against the data set."""
        kind = self.table.schema.field(self.label).type
        for start in range(0, len(changes), AT_ONCE):
            progress.report(start / len(changes), "writing statements")
            some = changes[start : start + AT_ONCE]
            rows = self.table.take([change.position for change in some]).to_pylist()
            for change, row in zip(some, rows, strict=True):
                before = row.pop(self.label)
                check_cell(self.corrections, change.position, before)
                self._check_key(change, row)
                yield change, row, before, self._after(change, kind)

    def _check_key(self, change: Change, key: Key) -> None:
        if None in key.values():
            file, row = self.corrections.source.path.name, change.position + 1
            raise refuse("no primary key: the value is missing", file=file, row=row, mend=_OTHERS)

    def _after(self, change: Change, kind: pa.DataType) -> Any:
        if not change.writes_label:
            return None
        try:
            return typed([change.after], kind)[0].as_py()
        except pa.ArrowInvalid as error:
            raise unwritable(kind, error, self.label) from error


def _is_plain(kind: pa.DataType) -> bool:
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    number = pa.types.is_signed_integer(kind) or pa.types.is_float64(kind)
    return text or number or pa.types.is_boolean(kind)


def read_back(corrections: Corrections, path: Path, progress: Progress) -> pd.DataFrame:
    """The table as the statements of a script leave it, run on a copy of its keys and labels in memory."""
    progress.report(0.0, "running the script on a copy")
    dataset, label = corrections.dataset, corrections.dataset.columns.label or ""
    about = SqlTable.of(corrections.source.layout["sql"])
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        copy.create_function("chr", 1, chr)  # what PostgreSQL calls char()
        left = _make_copy(copy, Statements(about, label), about, dataset.table[[*about.primary_key, label]])
        with path.open(encoding="utf-8", newline="\n") as script:
            for line in script:
                if line.startswith(("UPDATE ", "DELETE ")):
                    copy.execute(line)
        found = copy.execute(left).fetchall()
    elsewhere = corrections.dropped.copy()
    elsewhere[[c.position for c in corrections.changes if not c.writes_label]] = False
    kept = [(number - 1, value) for number, value in found if not elsewhere[number - 1]]
    frame = dataset.table.iloc[[position for position, _ in kept]].reset_index(drop=True)
    values = pd.Series([value for _, value in kept], dtype=object)
    return frame.assign(**{label: values.astype(dataset.table[label].dtype)})


def _make_copy(copy: sqlite3.Connection, said: Statements, about: SqlTable, table: pd.DataFrame) -> str:
    """Fills the copy; the query for (row number, label) of what is left. No column has a type, so that values
    stay what they are."""
    schema = about.schema or "main"
    if schema.lower() not in ("main", "temp"):
        copy.execute(f"ATTACH ':memory:' AS {said.name(schema)}")
    names = [said.name(str(name)) for name in table.columns]
    within, place = said.name(schema), f"{said.name(schema)}.{said.name(about.table)}"
    copy.execute(f"CREATE TABLE {place} ({', '.join(names)})")
    cells = [[None if is_missing(cell) else cell for cell in table[name].tolist()] for name in table.columns]
    copy.execute("BEGIN")
    copy.executemany(f"INSERT INTO {place} VALUES ({', '.join('?' * len(names))})", zip(*cells, strict=True))
    copy.execute("COMMIT")
    keys = ", ".join(names[:-1])
    copy.execute(f"CREATE INDEX {within}.labelmend_keys ON {said.name(about.table)} ({keys})")
    taken = {str(name).lower() for name in table.columns}
    number = next(name for name in ("rowid", "oid", "_rowid_") if name not in taken)
    return f"SELECT {number}, {names[-1]} FROM {place} ORDER BY 1"


SQL_TABLE = ExportFormat(NAME, TITLE, ".sql", write, frozenset({NAME}), True, read_back, is_script=True)
