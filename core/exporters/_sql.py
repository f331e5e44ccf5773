"""Statements that change the labels of a database's table, as text in its dialect.

SQLAlchemy renders every name and value. Control characters are written as calls (char(10)), so that a
statement is one line and survives programs that read a script line by line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Float, Integer, Text, delete, func, insert, literal, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement, ColumnElement, and_, column, quoted_name, table

from core.errors import refuse
from core.importers._sql import SqlTable

Key = Mapping[str, Any]
"""The primary key of a row: the value of each of its columns."""
CHECK = "labelmend_check"
_CONTROL = re.compile("([\x00-\x1f\x7f])")
_TYPES = {bool: Boolean, int: Integer, float: Float}


def _postgres() -> Dialect:
    dialect = postgresql.dialect(paramstyle="named")  # another style would double %
    dialect._backslash_escapes = False  # type: ignore[attr-defined]  # as every script sets it
    return dialect


DIALECTS: dict[str, Callable[[], Dialect]] = {
    "sqlite": lambda: sqlite.dialect(paramstyle="named"),
    "postgresql": _postgres,
}
BEGIN = {
    "sqlite": ("BEGIN IMMEDIATE;",),
    "postgresql": (
        "BEGIN;",
        "SET LOCAL client_encoding = 'UTF8';",
        "SET LOCAL standard_conforming_strings = on;",
    ),
}


class Statements:
    """The statements for one table. Each is one line that ends in a semicolon."""

    def __init__(self, about: SqlTable, label: str) -> None:
        self._sqlite = about.dialect == "sqlite"
        self._dialect = DIALECTS[about.dialect]()
        for name in filter(None, (about.schema, about.table, *about.primary_key, label)):
            if _CONTROL.search(name):
                found = f"the name {name!r} has characters that no script should hold"
                raise refuse(found, mend="export as CSV or Parquet")
        names = [quoted_name(name, quote=True) for name in (*about.primary_key, label)]
        schema = None if about.schema is None else quoted_name(about.schema, quote=True)
        self.table = table(quoted_name(about.table, quote=True), *map(column, names), schema=schema)
        self._label = self.table.c[label]

    def relabel(self, key: Key, before: Any, after: Any) -> str:
        """Changes the label of a row that still has the one it had."""
        made = update(self.table).where(self._has(key, before))
        return self.text(made.values({self._label: self.literal(after)}))

    def remove(self, key: Key, before: Any) -> str:
        """Deletes a row that still has the label that it had."""
        return self.text(delete(self.table).where(self._has(key, before)))

    def check_table(self) -> str:
        """Makes the table that takes no row but one that says 0."""
        said = "rows_were_changed_since_they_were_read"
        return f"CREATE TEMPORARY TABLE {CHECK} (missing INTEGER CONSTRAINT {said} CHECK (missing = 0));"

    def check(self, now: Sequence[tuple[Key, Any]], gone: Sequence[Key] = ()) -> str:
        """Fails, and ends the transaction, unless these rows have these labels now, and those are gone."""
        there = [self._has(key, label) for key, label in now]
        found = select(func.count()).select_from(self.table)
        wanted = found.where(or_(*there, *(self._is(key) for key in gone)))
        missing = select(literal(len(there), Integer) - wanted.scalar_subquery())
        into = table(CHECK, column("missing"))
        made = insert(into).from_select(["missing"], missing)
        return self.text(made.prefix_with("OR ROLLBACK") if self._sqlite else made)

    def literal(self, value: Any) -> ColumnElement[Any]:
        """The value as SQL. Raises InputError for text that the dialect cannot hold."""
        if value is None:
            return null()
        if not isinstance(value, str):
            return literal(value, _TYPES[type(value)])
        self._check_text(value)
        call = func.char if self._sqlite else func.chr
        pieces: list[ColumnElement[Any]] = [
            call(literal(ord(piece), Integer)) if _CONTROL.fullmatch(piece) else literal(piece, Text)
            for piece in _CONTROL.split(value)
            if piece
        ]
        return _joined(pieces) if pieces else literal("", Text)

    def text(self, statement: ClauseElement) -> str:
        """The statement on one line."""
        # Only what SQLAlchemy lays out has line ends: names with one are refused, values have none.
        made = statement.compile(dialect=self._dialect, compile_kwargs={"literal_binds": True})
        return " ".join(str(made).split("\n")) + ";"

    def name(self, name: str) -> str:
        """A name between quotes, as SQL has it."""
        return self._dialect.identifier_preparer.quote_identifier(name)

    def _check_text(self, value: str) -> None:
        if "\0" in value and not self._sqlite:
            raise refuse(f"PostgreSQL cannot hold the character NUL: {value!r}", mend="rename the class")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise refuse(f"not a text that can be written as UTF-8: {value!r}", mend="rename the class")

    def _is(self, key: Key) -> ColumnElement[bool]:
        return and_(*(self.table.c[name] == self.literal(value) for name, value in key.items()))

    def _has(self, key: Key, label: Any) -> ColumnElement[bool]:
        same = self._label.is_(None) if label is None else self._label == self.literal(label)
        return and_(self._is(key), same)


def _joined(pieces: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    """By halves: databases bound how deep an expression is."""
    if len(pieces) == 1:
        return pieces[0]
    half = len(pieces) // 2
    return _joined(pieces[:half]).op("||")(_joined(pieces[half:]))
