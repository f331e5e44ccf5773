"""Databases opened to be read: what is listed, what is refused, and that no message tells a URL."""

from __future__ import annotations

import socket
import sqlite3
import threading
import traceback
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import InputError
from core.progress import Progress
from core.settings import Settings, read_settings
from core.sql_snapshot import take_snapshot
from core.sql_sources import SqlSource, named_source, reading, source_or_url, table_names
from tests.postgres import Postgres, binaries

from .sql_databases import database, rows, run, snapshot

SECRET = "hush-4711"
HOST = "db.internal.example"


def test_table_names__tables_and_views_by_reflection(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", [("a", "cat")])
    run(source, "CREATE VIEW cats AS SELECT * FROM pets", 'CREATE TABLE "odd ""name; --" (x)')
    assert [str(t) for t in table_names(source)] == ["cats", 'odd "name; --', "pets"]


def test_table_names__default_schema_first(postgres: Postgres) -> None:
    source = SqlSource("team", postgres.database())
    run(source, "CREATE SCHEMA alpha", "CREATE TABLE alpha.one (a int)", "CREATE TABLE zulu (a int)")
    run(source, "CREATE VIEW public.seen AS SELECT 1 AS a")
    assert [str(t) for t in table_names(source)] == ["seen", "zulu", "alpha.one"]


@pytest.mark.parametrize("table", ["pets; DROP TABLE pets; --", '"pets"', "main.pets' OR 1=1", "PETS", ""])
def test_take_snapshot__a_name_that_the_database_does_not_list_is_refused(tmp_path: Path, table: str) -> None:
    source = database(tmp_path / "a.db", [("a", "cat")])
    with pytest.raises(InputError, match=r"no table or view is called .* Expected: one of pets\."):
        snapshot(source, table, tmp_path)
    assert rows(source, "SELECT count(*) FROM pets") == [(1,)]
    assert [p for p in (tmp_path / "tables").rglob("*") if p.is_file()] == []


def test_reading__cannot_write(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", [("a", "cat")])
    with reading(source) as connection, pytest.raises(Exception, match="readonly database"):
        connection.exec_driver_sql("DELETE FROM pets")


def test_reading__cannot_write_to_postgresql(postgres: Postgres) -> None:
    source = SqlSource("team", postgres.database())
    run(source, "CREATE TABLE pets (id int)")
    with reading(source) as connection, pytest.raises(Exception, match="read-only transaction"):
        connection.exec_driver_sql("DELETE FROM pets")


def test_reading__makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file of 'team' does not exist"):
        table_names(SqlSource("team", f"sqlite:///{tmp_path / 'none.db'}"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql://bob:{SECRET}@127.0.0.1:1/{HOST}", "'team' cannot be reached"),
        (f"postgresql://bob:{SECRET}@{HOST}:po/db", "the URL of 'team' is none"),
        (f"bob:{SECRET}@{HOST}", "the URL of 'team' is none"),
        (f"mssql+nodriver://bob:{SECRET}@{HOST}/db", "SQLAlchemy knows no database of the kind of 'team'"),
        (f"mysql+mysqlconnector://bob:{SECRET}@{HOST}/db", "the driver mysql for 'team' is not installed"),
        (f"postgresql+asyncpg://bob:{SECRET}@{HOST}/db", "the driver asyncpg for 'team' is not installed"),
        (f"sqlite+aiosqlite:////{SECRET}/{HOST}.db", "the file of 'team' does not exist"),
        (f"postgresql://bob:{SECRET}@127.0.0.1:1/db?{HOST}=1", "has options that its driver does not take"),
        (f"sqlite:////{SECRET}/{HOST}.db", "the file of 'team' does not exist"),
        ("sqlite://", "the file of 'team' does not exist"),
    ],
)
def test_table_names__what_fails_is_told_without_the_url(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        table_names(SqlSource("team", url))
    assert_tells_nothing(raised.value)


def assert_tells_nothing(error: InputError) -> None:
    """Not in what people read, nor in a traceback that ends in a log."""
    whole = "".join(traceback.format_exception(error)) + repr(error.problems)
    assert SECRET not in whole and HOST not in whole and "127.0.0.1" not in whole


def test_table_names__wrong_password_and_missing_rights(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    run(
        source,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "CREATE TABLE pets (id int PRIMARY KEY)",
        "INSERT INTO pets VALUES (1)",
    )
    other = SqlSource("team", source.url.replace("labelmend@", "reader@"))
    with pytest.raises(InputError, match="the user of 'team' may not read this table"):
        snapshot(other, "pets", tmp_path)
    nobody = SqlSource("team", source.url.replace("labelmend@", f"nobody-here:{SECRET}@"))
    with pytest.raises(InputError, match="'team' refuses this user or password") as raised:
        table_names(nobody)
    assert_tells_nothing(raised.value)
    nowhere = SqlSource("team", f"{source.url}{SECRET}")
    with pytest.raises(InputError, match="the server of 'team' has no database of that name") as raised:
        table_names(nowhere)
    assert_tells_nothing(raised.value)
    run(source, "DROP OWNED BY reader", "DROP ROLE reader")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"\0" * 50, b"E\0\0\0\4"])
def test_table_names__a_server_that_is_none(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answer, args=(server, answer), daemon=True).start()
        url = f"postgresql://bob:{SECRET}@127.0.0.1:{server.getsockname()[1]}/{HOST}"
        with pytest.raises(InputError, match="'team' cannot be reached") as raised:
            table_names(SqlSource("team", url))
    assert_tells_nothing(raised.value)


def _answer(server: socket.socket, answer: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(100)
        connection.sendall(answer)


def test_take_snapshot__a_server_that_dies_while_it_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    if binaries() is None:
        pytest.skip("no PostgreSQL server on this machine")
    server = Postgres()
    try:
        server.start()
        source = SqlSource("team", server.database())
        run(source, "CREATE TABLE pets (id int PRIMARY KEY, text text)")
        run(source, "INSERT INTO pets SELECT i, repeat('x', 500) FROM generate_series(1, 20000) AS n(i)")
        killed = []

        def kill(_fraction: float, message: str) -> None:
            if message.startswith("Reading rows") and not killed:
                killed.append(server.kill())

        with pytest.raises(InputError, match="'team' cannot be reached") as raised:
            take_snapshot(source, "pets", tmp_path / "t", Progress(kill))
    finally:
        server.stop()
    assert killed and list((tmp_path / "t").iterdir()) == []
    assert_tells_nothing(raised.value)
    assert "Traceback" not in capfd.readouterr().err and caplog.records == []


def test_table_names__no_database_and_a_locked_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "no.db").write_text("no database " * 100)
    with pytest.raises(InputError, match="the file of 'team' is no SQLite database"):
        table_names(SqlSource("team", f"sqlite:///{tmp_path / 'no.db'}"))
    source = database(tmp_path / "a.db", [("a", "cat")])
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        monkeypatch.setattr("core.sql_sources.PATIENCE_MS", 1)
        with pytest.raises(InputError, match="'team' is locked by another program"):
            table_names(source)


def test_take_snapshot__text_that_is_not_utf8(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db")
    run(source, "INSERT INTO pets VALUES (1, CAST(X'FF41' AS TEXT), 'cat')")
    with pytest.raises(InputError, match="text in 'team' is not UTF-8"):
        snapshot(source, "pets", tmp_path)


def test_named_source__only_names_of_the_operator(tmp_path: Path) -> None:
    sources = {"team": f"postgresql://bob:{SECRET}@{HOST}/db"}
    assert named_source(sources, "team").url == sources["team"]
    for given in (f"postgresql://bob:{SECRET}@{HOST}/db", f"sqlite:///{tmp_path}", "nope", ""):
        with pytest.raises(InputError, match=r"no database of that name. Expected: one of: team\.") as raised:
            named_source(sources, given)
        assert_tells_nothing(raised.value)
    assert source_or_url(sources, f"sqlite:///{tmp_path}") == SqlSource("database", f"sqlite:///{tmp_path}")
    with pytest.raises(InputError, match="no database of that name"):
        source_or_url(sources, f"sqlite:{SECRET}")


def test_settings__urls_are_in_no_text_of_them() -> None:
    text = f'{{"team": "postgresql://bob:{SECRET}@{HOST}/db"}}'
    settings = read_settings({"LABELMEND_SQL_SOURCES": text})
    assert settings.sql_sources == {"team": f"postgresql://bob:{SECRET}@{HOST}/db"}
    source = named_source(settings.sql_sources, "team")
    assert SECRET not in repr(settings) + str(settings) + repr(source) and HOST not in repr(settings)
    assert isinstance(settings, Settings)
    assert read_settings({}).sql_sources == {}


@pytest.mark.parametrize(
    "text", [f'{{"team": "{SECRET}"', f'["{SECRET}"]', f'{{"{SECRET}": 1}}', f'{{"": "{SECRET}"}}', SECRET]
)
def test_settings__what_is_no_object_of_urls_is_not_quoted(text: str) -> None:
    with pytest.raises(InputError, match="LABELMEND_SQL_SOURCES cannot be read") as raised:
        read_settings({"LABELMEND_SQL_SOURCES": text})
    assert SECRET not in str(raised.value)


def test_key__one_table_is_one_key_under_any_user(tmp_path: Path) -> None:
    url = "postgresql://{}host/db"
    one, other = (SqlSource("a", url.format(who)).key(b"k", "t") for who in ("bob:x@", "eve:y@"))
    assert one == other and len(one) == 16
    assert SqlSource("b", "postgresql://host/db2").key(b"k", "t") != one
    assert SqlSource("b", "postgresql://host/db").key(b"k", "u") != one
    assert SqlSource("b", "postgresql://host/db").key(b"other", "t") != one


def test_take_snapshot__leaves_no_url_in_the_file(tmp_path: Path) -> None:
    path = take_snapshot(database(tmp_path / f"{SECRET}.db", [("a", "cat")]), "pets", tmp_path / "t")
    assert SECRET.encode() not in path.read_bytes() and b"sqlite:///" not in path.read_bytes()
