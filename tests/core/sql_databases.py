"""Small databases and the tables read from them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, create_engine

from core.sql_snapshot import take_snapshot
from core.sql_sources import SqlSource

PETS = "CREATE TABLE pets (id INTEGER PRIMARY KEY, text TEXT, label TEXT)"


def database(path: Path, rows: Iterable[tuple[str, str | None]] = ()) -> SqlSource:
    """An SQLite database with a table pets of these texts and labels, ids from 1."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(PETS)
        connection.executemany("INSERT INTO pets (text, label) VALUES (?, ?)", list(rows))
        connection.commit()
    return SqlSource("team", f"sqlite:///{path}")


def run(source: SqlSource, *statements: str) -> None:
    """Run statements as somebody else would, committed at the end."""
    made = engine(source)
    with made.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    made.dispose()


def rows(source: SqlSource, query: str) -> list[Sequence[object]]:
    """What a query finds."""
    made = engine(source)
    with made.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    made.dispose()
    return found


def engine(source: SqlSource) -> Engine:
    """A way to write to it."""
    return create_engine(source.url.replace("postgresql://", "postgresql+pg8000://"))


def snapshot(source: SqlSource, table: str, folder: Path) -> Path:
    """The table read into a folder."""
    return take_snapshot(source, table, folder / "tables")
