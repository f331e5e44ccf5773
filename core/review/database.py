"""The database under the decision store: SQLite in the workspace, or PostgreSQL for a team.

All that differs between the two is in here: the driver, the write lock, and what an outage looks like.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError, SQLAlchemyError

from core.errors import StoreUnavailable, refuse

HEAD = "0002"
"""The newest migration."""
CONNECTIONS = 12
"""As many as the server works on requests at once: each keeps its own, and none is opened for one request."""
_LOCK = 0x6C61_6265_6C6D_656E
"""Number of PostgreSQL's advisory lock that stands for "somebody writes decisions"."""
_ALIVE_S = 1.0
"""A connection used within this time is taken to be open still."""
_GONE = "The decision store cannot be reached. Nothing was stored; trying again may help."
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Connections to one decision store. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Open the database at a SQLAlchemy URL, and carry its tables to the newest version.

        Raises InputError for a database that this version cannot use, StoreUnavailable where it is down.
        """
        self.url = _url(url)
        self.dialect = self.url.get_backend_name()
        sqlite = self.dialect == "sqlite"
        self._engine = _sqlite_engine(self.url) if sqlite else _postgres_engine(self.url)
        # PostgreSQL shows each statement what was committed before it, in a transaction or not: reading
        # without one sees the same, and asks the server once instead of three times.
        alone = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None}
        self._reads = self._engine if sqlite else _postgres_engine(self.url, **alone)
        # Threads of one process wait for each other here, not each with a connection in its hands.
        self._one_writer = threading.Lock()
        with self.reading() as connection:
            ready = _version(connection) == HEAD
        if not ready:
            with self.writing() as connection:
                _migrate(connection)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()
        self._reads.dispose()

    @contextmanager
    def reading(self, *, streams: bool = False) -> Iterator[Connection]:
        """A connection to read with. streams: results come in pieces, which needs a transaction."""
        engine = self._engine if streams else self._reads
        with self._outage_told(), engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the store's only write lock from its start."""
        writes = self._engine.execution_options(labelmend_writes=True)
        with self._outage_told(), self._one_writer, writes.begin() as connection:
            if self.dialect == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection

    def add_rows(self, connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows, each with every column, into a table.

        pg8000 sends each row of a plain insert on its own: 20,000 events took 17 s so, and 0.7 s like this.
        """
        if self.dialect != "postgresql":
            connection.execute(insert(table), rows)
            return
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        made = f"SELECT {columns} FROM json_populate_recordset(NULL::{table.name}, CAST(:rows AS json))"
        connection.execute(
            text(f"INSERT INTO {table.name} ({columns}) {made}"), {"rows": json.dumps(list(rows))}
        )

    @contextmanager
    def _outage_told(self) -> Iterator[None]:
        """Turn an outage of the database into StoreUnavailable with a sentence that says what to do."""
        try:
            yield
        except DBAPIError as error:
            sentence = _outage(error)
            if sentence is None:
                raise
            if error.connection_invalidated:
                self.close()  # the other pool's connections are broken too
            raise StoreUnavailable(sentence) from error
        except (OSError, self._engine.dialect.loaded_dbapi.InterfaceError) as error:
            # pg8000 lets a broken connection through as it is, and the pool would hand it out again.
            self.close()
            raise StoreUnavailable(_GONE) from error


def _url(given: str) -> URL:
    """The URL with the driver that Labelmend brings."""
    try:
        url = make_url(given)
    except SQLAlchemyError:
        url = make_url("unknown://")
    name = url.get_backend_name()
    if name == "sqlite":
        return url
    if name in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+pg8000")
    raise refuse(
        f"decisions cannot be kept in {url.render_as_string()}",
        expected="a URL such as postgresql://user@host/labelmend or sqlite:////data/labelmend.db",
        mend="unset LABELMEND_DATABASE_URL to keep them in the workspace",
    )


def _migrate(connection: Connection) -> None:
    """Bring the tables to HEAD, in the transaction that is open: all steps are taken, or none is."""
    found = _version(connection)
    if found == HEAD:
        return
    # Not loaded before it is needed: nearly every start finds the tables as they should be.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise refuse(
            f"the decision store has schema {found}",
            expected=f"schema {HEAD} or an older one",
            mend="open it with the version of Labelmend that made it, or a newer one",
        )
    if found is not None:
        command.stamp(config, found)
    command.upgrade(config, HEAD)


def _version(connection: Connection) -> str | None:
    """The migration that the tables are at; None for an empty database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return connection.scalar(text("SELECT version_num FROM alembic_version"))
    # The first version of Labelmend kept its own number.
    return "0001" if "decisions" in tables else None


def _outage(error: DBAPIError) -> str | None:
    """What is wrong with the database, None for an error that is no outage."""
    words = str(error.orig).lower()
    if "readonly" in words or "read-only" in words:
        return "The decision store is read-only. Nothing was stored; make it writable again."
    if "disk is full" in words or "53100" in words or "no space left" in words:
        return "The disk of the decision store is full. Nothing was stored; free some space."
    if isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated:
        return _GONE
    if any(code in words for code in ("57p01", "57p02", "57p03", "08006", "08003")):
        return "The decision store is restarting. Nothing was stored; trying again may help."
    return None


def _postgres_engine(url: URL, **options: Any) -> Engine:
    """A connection that PostgreSQL closed in a restart is replaced, not handed out.

    One that was used a moment ago is not asked whether it lives: asking costs as much as reading.
    """
    engine = create_engine(url, pool_size=CONNECTIONS, max_overflow=CONNECTIONS, **options)

    @event.listens_for(engine, "checkin")
    def checkin(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", math.inf) < _ALIVE_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except (engine.dialect.loaded_dbapi.Error, OSError) as error:
            raise DisconnectionError from error  # the pool opens another one

    return engine


def _sqlite_engine(url: URL) -> Engine:
    """synchronous=FULL makes an acknowledged decision survive a power cut, not only a killed process.

    Measured on 2 cores and a virtual disk: 0.7 ms for one decision against 0.4 ms with NORMAL.
    A connection keeps 256 kB of pages, not the usual 2 MB: there are many, and the system keeps the file too.
    """
    engine = create_engine(url, pool_size=CONNECTIONS)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin a transaction itself, too late
        for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "cache_size=-256"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("labelmend_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
