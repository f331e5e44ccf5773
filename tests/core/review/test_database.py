from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from core.errors import InputError, StoreUnavailable
from core.review.database import HEAD, Database
from core.review.decisions import Action, Decision
from core.review.store import Store
from core.review.tables import metadata
from tests.postgres import Postgres

FIRST_VERSION = """
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version VALUES (1);
CREATE TABLE decisions (
    seq BIGINT NOT NULL PRIMARY KEY, op_id VARCHAR(64) NOT NULL UNIQUE, dataset TEXT NOT NULL,
    row_id TEXT NOT NULL, action VARCHAR(16) NOT NULL, annotator TEXT NOT NULL, given_label TEXT NOT NULL,
    label TEXT, undoes VARCHAR(64), shown TEXT NOT NULL, decided_at VARCHAR(32) NOT NULL
);
CREATE INDEX decisions_dataset_seq ON decisions (dataset, seq);
INSERT INTO decisions VALUES (1, 'op1', 'd', 'r1', 'relabel', 'ann', 'cat', 'dog', NULL, 's', '2026-01-01');
"""


def test_database__carries_the_first_version_forward(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FIRST_VERSION)
    connection.close()
    for _ in range(2):
        store = Store(f"sqlite:///{path}")
        expected = Decision("d", "r1", Action.RELABEL, "ann", "cat", "op1", "dog", None, "s", "2026-01-01", 1)
        assert store.events("d") == [expected]
        store.close()


def test_database__migrations_lead_to_the_tables_of_the_code(store_url: str) -> None:
    database = Database(store_url)
    engine = create_engine(database.url)
    found = inspect(engine)
    for table in metadata.sorted_tables:
        columns = {c["name"]: c for c in found.get_columns(table.name)}
        assert columns.keys() == {c.name for c in table.columns}
        assert {n: c["nullable"] for n, c in columns.items()} == {c.name: c.nullable for c in table.columns}
        assert {i["name"] for i in found.get_indexes(table.name)} >= {i.name for i in table.indexes}
        assert found.get_pk_constraint(table.name)["constrained_columns"] == [
            c.name for c in table.primary_key.columns
        ]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD
    engine.dispose()
    database.close()


def test_database__refuses_a_newer_schema_and_leaves_it(store_url: str) -> None:
    database = Database(store_url)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InputError, match="schema 9999"):
        Database(store_url)
    with database.reading() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"
    database.close()


@pytest.mark.parametrize("url", ["mysql://user:hush@host/db", "nonsense"])
def test_database__refuses_a_database_it_was_not_tried_on(url: str) -> None:
    with pytest.raises(InputError, match=r"sqlite:") as raised:
        Database(url)
    assert "hush" not in str(raised.value)


def test_writing__a_read_only_file_is_told_and_can_be_read(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'd.db'}")
    store.record([Decision("d", "r1", Action.KEEP, "ann", "cat", "op1")])
    store.close()
    store = Store(f"sqlite:///file:{tmp_path / 'd.db'}?mode=ro&uri=true")
    with pytest.raises(StoreUnavailable, match="read-only"):
        store.record([Decision("d", "r2", Action.KEEP, "ann", "cat", "op2")])
    assert [e.op_id for e in store.events("d")] == ["op1"]
    store.close()


def test_writing__a_full_disk_stores_nothing_and_recovers(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'd.db'}")
    big = [Decision("d", f"r{i}", Action.KEEP, "ann", "x" * 4000, f"op{i}") for i in range(500)]
    with store.database.writing() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages + 20}"))
    with pytest.raises(StoreUnavailable, match="disk of the decision store is full"):
        store.record(big)
    assert store.events("d") == []
    with store.database.writing() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    assert {r.refused for r in store.record(big)} == {""}
    store.close()


def test_reading__a_server_that_is_gone_is_told_and_comes_back() -> None:
    server = Postgres()
    try:
        server.start()
        store = Store(server.database())
        store.record([Decision("d", "r1", Action.KEEP, "ann", "cat", "op1")])
        server.kill()
        with pytest.raises(StoreUnavailable):
            store.record([Decision("d", "r2", Action.KEEP, "ann", "cat", "op2")])
        server.start()
        assert store.record([Decision("d", "r2", Action.KEEP, "ann", "cat", "op2")])[0].seq == 2
        assert [e.op_id for e in store.events("d")] == ["op1", "op2"]
        store.close()
    finally:
        server.stop()
