"""Databases that the operator names, opened to be read.

A URL may hold a password and says where a database is, so that it stands in no message, log or file: what a
driver says quotes it in part, and is told in our own words.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from core.errors import InputError, refuse

GIVEN = "database"
"""The name of a source whose URL was given on the command line."""
PATIENCE_MS = 30_000
"""How long SQLite waits for who writes."""
_EXAMPLE = "a SQLAlchemy URL such as postgresql://user:password@host/database or sqlite:////data/labels.db"
_QUIET = "labelmend_tables"
# Of a connection that breaks the pool would log what the driver says, beside the error that we tell.
logging.getLogger(f"{NullPool.__module__}.{NullPool.__name__}.{_QUIET}").setLevel(logging.CRITICAL + 1)
_SNAPSHOT = {"postgresql": "REPEATABLE READ", "mysql": "REPEATABLE READ", "mariadb": "REPEATABLE READ"}
"""The isolation level at which a transaction sees one state of the database; elsewhere SERIALIZABLE."""


@dataclass(frozen=True)
class SqlSource:
    """A database under the name that people see."""

    name: str
    url: str = field(repr=False)

    def key(self, secret: bytes, table: str) -> str:
        """Digest of database and table, the same under every user and password; tells nothing of the URL."""
        url = _url(self)
        database = url.database or ""
        if url.get_backend_name() == "sqlite":
            database = str(Path(database).resolve())
        parts = [url.get_backend_name(), url.host or "", str(url.port or ""), database, table]
        return hmac.new(secret, "\0".join(parts).encode(), hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True)
class TableName:
    """A table or view. schema: None where the dialect has none."""

    schema: str | None
    name: str
    default: bool = True

    def __str__(self) -> str:
        return self.name if self.default else f"{self.schema}.{self.name}"


def named_source(sources: Mapping[str, str], name: str) -> SqlSource:
    """The source of that name. Raises InputError where the operator named none so."""
    if name in sources:
        return SqlSource(name, sources[name])
    # What was given is not said: it may be a URL that lacks a character.
    known = ", ".join(sorted(sources)) or "LABELMEND_SQL_SOURCES names none"
    raise refuse("no database of that name", expected=f"one of: {known}")


def source_or_url(sources: Mapping[str, str], given: str) -> SqlSource:
    """The source of that name, or of a URL: for the command line only, where the operator is who types."""
    return SqlSource(GIVEN, given) if "://" in given else named_source(sources, given)


def table_names(source: SqlSource) -> list[TableName]:
    """The tables and views that the database shows, those of its default schema first."""
    with reading(source) as connection, told(source, connection.engine):
        return listed(connection)


def listed(connection: Connection) -> list[TableName]:
    """The tables and views of an open database, by reflection."""
    found = inspect(connection)
    default = None if connection.dialect.name == "sqlite" else found.default_schema_name
    schemas = [default]
    if connection.dialect.name == "postgresql":
        schemas += [s for s in found.get_schema_names() if s not in (default, "information_schema")]
    return [
        TableName(schema, name, schema == default)
        for schema in schemas
        for name in sorted({*found.get_table_names(schema), *found.get_view_names(schema)})
    ]


def table_named(connection: Connection, given: str, source: SqlSource) -> TableName:
    """The one table that is called so, with or without its schema. Raises InputError where it is not one."""
    tables = listed(connection)
    found = [t for t in tables if str(t) == given] or [t for t in tables if f"{t.schema}.{t.name}" == given]
    if len(found) == 1:
        return found[0]
    some = ", ".join(map(str, tables[:20])) + (" and more" if len(tables) > 20 else "")
    what = "several tables are" if found else "no table or view is"
    wrong = f"{what} called {given!r} in {source.name!r}"
    raise refuse(wrong, expected=f"one of {some}" if some else "a database with tables")


@contextmanager
def reading(source: SqlSource) -> Iterator[Connection]:
    """A connection in a transaction that reads one state of the database, and is rolled back.

    Raises InputError where there is no driver, no database, or no way in. Wrap what is asked of it in `told`.
    """
    engine = _engine(source)
    try:
        with told(source, engine):
            connection = _connected(source, engine)
            connection.begin()
            if engine.dialect.name == "postgresql":
                # What is cast to text must say the same to every session.
                connection.exec_driver_sql("SET LOCAL datestyle = 'ISO, YMD'")
        try:
            yield connection
        finally:
            with told(source, engine):
                connection.close()
    finally:
        engine.dispose()


@contextmanager
def told(source: SqlSource, engine: Engine) -> Iterator[None]:
    """Turn what the database or its driver says into an InputError that quotes none of it."""
    driver_error = getattr(engine.dialect.loaded_dbapi, "Error", SQLAlchemyError)
    try:
        yield
    # "from None" here and below: a chained error would take the address to wherever it is printed.
    except UnicodeDecodeError:
        raise _not_utf8(source) from None
    except (SQLAlchemyError, driver_error, OSError) as error:
        raise _in_words(source, error) from None


def _url(source: SqlSource) -> URL:
    try:
        return make_url(source.url)
    except (SQLAlchemyError, ValueError):
        raise refuse(f"the URL of {source.name!r} is none", expected=_EXAMPLE) from None


def _engine(source: SqlSource) -> Engine:
    url = _url(source)
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+pg8000")  # the driver that Labelmend brings
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _check_file(url, source)
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True, pool_logging_name=_QUIET)
    except NoSuchModuleError:
        wrong = f"SQLAlchemy knows no database of the kind of {source.name!r}"
        raise refuse(wrong, expected=_EXAMPLE) from None
    except ImportError as error:
        found = f"the driver {error.name} for {source.name!r} is not installed"
        raise refuse(found, mend="install it beside Labelmend, or name another one in its URL") from None
    except (SQLAlchemyError, TypeError, ValueError):
        raise _strange(source) from None
    if engine.dialect.is_async:
        raise refuse(f"the driver of {source.name!r} is asynchronous", mend="name another one in its URL")
    return _sqlite(engine) if sqlite else engine.execution_options(**_options(engine))


def _connected(source: SqlSource, engine: Engine) -> Connection:
    try:
        return engine.connect()
    except (TypeError, ValueError):  # what a driver says to an option that it does not know
        raise _strange(source) from None


def _options(engine: Engine) -> dict[str, Any]:
    options = {"isolation_level": _SNAPSHOT.get(engine.dialect.name, "SERIALIZABLE")}
    return {**options, "postgresql_readonly": True} if engine.dialect.name == "postgresql" else options


def _check_file(url: URL, source: SqlSource) -> None:
    """Raises InputError where there is no such file: SQLite would make an empty one."""
    name = url.database or ""
    if not name or name == ":memory:" or not (name.startswith("file:") or Path(name).is_file()):
        mend = "check the path in its URL: sqlite:////absolute/path has four strokes"
        raise refuse(f"the file of {source.name!r} does not exist", mend=mend)


def _sqlite(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin no transaction for what only reads
        for pragma in ("query_only=ON", "trusted_schema=OFF", f"busy_timeout={PATIENCE_MS}"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _strange(source: SqlSource) -> InputError:
    return refuse(f"the URL of {source.name!r} has options that its driver does not take")


def _not_utf8(source: SqlSource) -> InputError:
    return refuse(f"text in {source.name!r} is not UTF-8", mend="mend it in the database")


def _in_words(source: SqlSource, error: Exception) -> InputError:
    """What went wrong, by the standard's five characters or SQLite's name for it."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    code, name = _state(cause), repr(source.name)
    if code.startswith("28"):
        return refuse(f"{name} refuses this user or password", mend="check them in its URL")
    if code == "3D000":
        return refuse(f"the server of {name} has no database of that name", mend="check the name in its URL")
    if code == "42501":
        return refuse(f"the user of {name} may not read this table", mend="grant SELECT on it")
    if code == "SQLITE_NOTADB":
        return refuse(f"the file of {name} is no SQLite database", mend="check the path in its URL")
    if code == "SQLITE_BUSY":
        return refuse(f"{name} is locked by another program", mend="try again when it has finished")
    if "Could not decode to UTF-8" in str(cause):
        return _not_utf8(source)
    if not code or code.startswith(("08", "57P")) or code == "SQLITE_CANTOPEN":
        mend = "check that it runs, and host, port and options in its URL"
        return refuse(f"{name} cannot be reached", mend=mend)
    return refuse(f"{name} does not answer as it should ({code})", mend="look into the log of the database")


def _state(error: Exception) -> str:
    """SQLSTATE, or SQLite's name of the error; "" where the driver tells neither."""
    for attribute in ("sqlite_errorname", "sqlstate", "pgcode"):
        if isinstance(code := getattr(error, attribute, None), str):
            return code
    said = error.args[0] if error.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""
