"""Tables read as they were at one moment, in chunks, types kept."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from core.cells import is_missing
from core.errors import InputError
from core.progress import Cancelled, Progress
from core.reading import read_table
from core.settings import Settings
from core.sql_snapshot import ROWS, read_into, take_snapshot
from core.sql_sources import SqlSource
from core.workspace import Workspace
from tests.postgres import Postgres

from .sql_databases import database, run, snapshot

ROOT = Path(__file__).parents[2]


def cells(frame: pd.DataFrame) -> list[list[object]]:
    return [[None if is_missing(cell) else cell for cell in row] for row in frame.values.tolist()]


def test_take_snapshot__sqlite_keeps_what_the_values_are(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db")
    run(
        source,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, flag BOOLEAN, odd BOOLEAN, n, x REAL, d DECIMAL(9,2),"
        " day DATE, b BLOB, mixed, blank)",
        "INSERT INTO t VALUES (2, 1, 2, 9007199254740993, 0.1, 2.5, '2026-02-30', x'00ff', 'a', NULL)",
        "INSERT INTO t VALUES (1, 0, 1, NULL, NULL, 3, NULL, NULL, 5, NULL)",
    )
    raw = read_table(snapshot(source, "t", tmp_path))
    sha = "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8"
    assert cells(raw.frame) == [
        [1, False, 1, None, None, 3.0, None, None, "5", None],
        [
            2,
            True,
            2,
            9007199254740993,
            0.1,
            2.5,
            "2026-02-30",
            f'{{"bytes": 2, "sha256": "{sha}"}}',
            "a",
            None,
        ],
    ]
    kinds = {name: str(kind) for name, kind in raw.frame.dtypes.items()}
    assert kinds == {
        "id": "int64", "flag": "bool", "odd": "int64", "n": "Int64", "x": "float64", "d": "float64",
        "day": "str", "b": "str", "mixed": "str", "blank": "object",
    }  # fmt: skip
    assert [(p.column, p.found) for p in raw.problems] == [("b", "bytes, told by their number and sha256")]
    assert raw.source.layout["id_column"] == "id" and raw.source.layout["aside"] == ["b"]


def test_take_snapshot__sqlite_whole_numbers_no_float_can_hold_stay_exact(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db")
    run(source, "CREATE TABLE t (id INTEGER PRIMARY KEY, n)")
    run(source, "INSERT INTO t VALUES (1, 9007199254740993), (2, 0.5)")
    assert read_table(snapshot(source, "t", tmp_path)).frame["n"].tolist() == ["9007199254740993", "0.5"]


def test_take_snapshot__postgresql_types(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    run(
        source,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TABLE t (id bigint PRIMARY KEY, name varchar(9), label mood, flag boolean, n smallint,"
        " x real, d numeric(30, 2), b bytea, at timestamptz, u uuid, j jsonb, a int[], c char(4))",
        "INSERT INTO t VALUES (2, 'é\n''', 'ok', true, 7, 0.1, 12345678901234567890.12, '\\x00ff',"
        """ 'infinity', '6f9619ff-8b86-d011-b42d-00cf4fc964ff', '{"a": 1}', '{1,2}', 'ab')""",
        "INSERT INTO t (id) VALUES (1)",
    )
    raw = read_table(snapshot(source, "t", tmp_path))
    sha = "06eb7d6a69ee19e5fbdf749018d3d2abfa04bcbd1365db312eb86dc7169389b8"
    assert cells(raw.frame) == [
        [1, *[None] * 12],
        [2, "é\n'", "ok", True, 7, 0.1, "12345678901234567890.12", f'{{"bytes": 2, "sha256": "{sha}"}}',
         "infinity", "6f9619ff-8b86-d011-b42d-00cf4fc964ff", '{"a": 1}', "{1,2}", "ab"],
    ]  # fmt: skip
    assert str(raw.frame["flag"].dtype) == "boolean" and str(raw.frame["n"].dtype) == "Int64"
    about = raw.source.layout["sql"]
    assert about == {
        "source": "team", "dialect": "postgresql", "schema": "public", "table": "t",
        "primary_key": ("id",), "digested": ("b",),
    }  # fmt: skip


def test_take_snapshot__odd_names_come_back(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db")
    run(source, """CREATE TABLE "a'b ""c%:x/../é" ("the ""key"" %s" TEXT PRIMARY KEY, ":label" TEXT)""")
    run(source, """INSERT INTO "a'b ""c%:x/../é" VALUES ('1', 'cat')""")
    path = snapshot(source, """a'b "c%:x/../é""", tmp_path)
    assert path.name == "a_b_c_x_é.table" and path.parent.parent == tmp_path / "tables"
    raw = read_table(path)
    assert list(raw.frame) == ['the "key" %s', ":label"] and cells(raw.frame) == [["1", "cat"]]


def test_take_snapshot__odd_names_come_back_from_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    run(source, 'CREATE TABLE "100%s :x" ("a%" int PRIMARY KEY, "B:c" text, "%(d)s" uuid)')
    run(source, "INSERT INTO \"100%s :x\" VALUES (1, 'cat')")
    raw = read_table(snapshot(source, "100%s :x", tmp_path))
    assert list(raw.frame) == ["a%", "B:c", "%(d)s"] and cells(raw.frame) == [[1, "cat", None]]


def test_take_snapshot__rows_in_the_order_of_the_key(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db")
    run(source, "CREATE TABLE t (a INTEGER, b TEXT, label TEXT, PRIMARY KEY (b, a))")
    run(source, "INSERT INTO t VALUES (2, 'y', 'p'), (1, 'y', 'q'), (9, 'x', 'r')")
    raw = read_table(snapshot(source, "t", tmp_path))
    assert cells(raw.frame) == [[9, "x", "r"], [1, "y", "q"], [2, "y", "p"]]
    assert "id_column" not in raw.source.layout
    assert [p.found for p in raw.problems] == [
        "the primary key has several columns (b, a): none of them is the id"
    ]


def test_take_snapshot__without_a_key_says_what_that_means(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", [("a", "cat")])
    run(source, "CREATE VIEW seen AS SELECT text, label FROM pets")
    raw = read_table(snapshot(source, "seen", tmp_path))
    assert cells(raw.frame) == [["a", "cat"]]
    (said,) = raw.problems
    assert said.severity == "notice" and "no primary key" in said.found and "another order" in said.found


def test_read_into__a_table_is_one_with_its_schema_or_without(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    run(source, "CREATE SCHEMA other", "CREATE TABLE pets (id int)", "INSERT INTO pets VALUES (1)")
    run(source, "CREATE TABLE other.pets (id int)", "INSERT INTO other.pets VALUES (1)")
    workspace = Workspace(Settings(tmp_path, (), "", "ann"))
    one, same, other = (read_into(workspace, source, t) for t in ("pets", "public.pets", "other.pets"))
    assert one == same and one.name == "pets.table"
    assert other.name == "other_pets.table" and other.parent.parent != one.parent.parent


def test_take_snapshot__an_empty_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the table pets of 'team' has no rows"):
        snapshot(database(tmp_path / "a.db"), "pets", tmp_path)


def test_take_snapshot__the_same_content_is_kept_once(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", [("a", "cat"), ("b", "dog")])
    first = snapshot(source, "pets", tmp_path)
    stamp = first.stat().st_mtime_ns
    assert snapshot(source, "pets", tmp_path) == first and first.stat().st_mtime_ns == stamp
    run(source, "UPDATE pets SET label = 'dog' WHERE id = 1")
    other = snapshot(source, "pets", tmp_path)
    assert other.parent != first.parent and other.name == first.name
    assert read_table(first).frame["label"].tolist() == ["cat", "dog"]
    assert sorted(p.name for p in (tmp_path / "tables").iterdir()) == sorted(
        p.parent.name for p in (first, other)
    )


@pytest.mark.parametrize("moment", ["Looking at the columns", f"Reading rows: {ROWS:,} of"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_take_snapshot__one_state_under_a_writer(
    kind: str, moment: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Rows are counted, or the first are read, when somebody else changes, adds and deletes rows."""
    many = 3 * ROWS
    if kind == "sqlite":
        source = database(tmp_path / "a.db")
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    else:
        source = SqlSource("team", request.getfixturevalue("postgres").database())
        run(source, "CREATE TABLE pets (id bigint PRIMARY KEY, text text, label text)")
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {many})"
    run(source, f"INSERT INTO pets {numbers} SELECT i, 'old', 'cat' FROM n")
    written = []

    def write(_fraction: float, message: str) -> None:
        if message.startswith(moment) and not written:
            run(
                source,
                "UPDATE pets SET label = 'dog', text = 'new'",
                f"DELETE FROM pets WHERE id = {many}",
                f"INSERT INTO pets VALUES ({many + 1}, 'new', 'dog')",
            )
            written.append(True)

    frame = read_table(take_snapshot(source, "pets", tmp_path / "t", Progress(write))).frame
    assert written == [True]
    assert frame["id"].tolist() == list(range(1, many + 1))
    assert set(frame["label"]) == {"cat"} and set(frame["text"]) == {"old"}
    again = read_table(take_snapshot(source, "pets", tmp_path / "t")).frame
    assert set(again["label"]) == {"dog"} and again["id"].tolist()[-1] == many + 1


def test_take_snapshot__cancel_leaves_nothing(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", [(f"t{i}", "cat") for i in range(3 * ROWS)])
    heard = []
    progress = Progress(lambda fraction, message: heard.append(message))

    def stop(fraction: float, message: str) -> None:
        heard.append(message)
        if "Reading rows" in message:
            progress.cancel()

    progress._on_report = stop
    with pytest.raises(Cancelled):
        take_snapshot(source, "pets", tmp_path / "t", progress)
    assert heard[-1] == f"Reading rows: {ROWS:,} of {3 * ROWS:,}"
    assert list((tmp_path / "t").iterdir()) == []


READER = """
import resource, sys
from pathlib import Path
from core.sql_snapshot import take_snapshot
from core.sql_sources import SqlSource

url, folder = sys.argv[1:]
take_snapshot(SqlSource("team", url), "small", Path(folder))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
path = take_snapshot(SqlSource("team", url), "pets", Path(folder))
print(path.stat().st_size, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_take_snapshot__memory_is_bounded(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """200,000 rows of 300 characters are 60 MB: the reader grows by a fraction of that."""
    if kind == "sqlite":
        source = database(tmp_path / "a.db")
        text = "printf('%0300d', i)"
    else:
        source = SqlSource("team", request.getfixturevalue("postgres").database())
        run(source, "CREATE TABLE pets (id bigint PRIMARY KEY, text text, label text)")
        text = "lpad(i::text, 300, '0')"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
    run(source, f"INSERT INTO pets {numbers} SELECT i, {text}, 'cat' FROM n")
    run(source, "CREATE TABLE small (id INTEGER PRIMARY KEY, text TEXT)", "INSERT INTO small VALUES (1, 'a')")
    command = [sys.executable, "-c", READER, source.url, str(tmp_path / "t")]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    size, grown = map(int, made.stdout.split())
    assert size > 60e6 and grown < 25e6
