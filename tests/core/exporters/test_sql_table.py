"""SQL scripts, run by the databases' own programs: only decided labels change, whatever the labels hold."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.corrections import Corrections
from core.dataset import Dataset
from core.errors import InputError
from core.export_check import verify_export
from core.exporting import write_export
from core.importers._sql import SqlTable
from core.progress import Cancelled, Progress
from core.reading import read_table
from core.review.decisions import Action
from core.source import Source
from core.sql_snapshot import take_snapshot
from core.sql_sources import SqlSource
from tests.core.sql_databases import database, rows, run, snapshot
from tests.postgres import Postgres, binaries

from .conftest import load, plan

ALL = "SELECT id, text, label FROM pets ORDER BY id"
PETS = [("one", "cat"), ("two", "dog"), ("three", None), ("four", "cat")]


def script(corrections: Corrections, out: Path) -> str:
    """The script of an export that was read back without a fault."""
    summary = write_export(corrections, out, "sql_table")
    checked = verify_export(corrections, summary)
    assert checked.ok, checked.examples
    assert checked.changed == sum(change.writes_label for change in corrections.changes)
    return out.read_text(encoding="utf-8")


def read(source: SqlSource, tmp_path: Path, table: str = "pets") -> tuple[Dataset, Source]:
    return load(snapshot(source, table, tmp_path), "sql_table")


def apply(source: SqlSource, path: Path, must: bool = True) -> str:
    """Run a script as its header says. Returns what the program says."""
    if source.url.startswith("postgresql"):
        psql = str(Path(binaries() or "") / "psql")
        command = [psql, "-X", "-v", "ON_ERROR_STOP=1", "-f", str(path), source.url]
        made = subprocess.run(command, capture_output=True, text=True)
        assert not must or made.returncode == 0, made.stderr
        return made.stderr
    try:
        with closing(sqlite3.connect(source.url.removeprefix("sqlite:///"))) as connection:
            connection.executescript(path.read_text(encoding="utf-8"))
    except sqlite3.Error as error:
        assert not must, error
        return str(error)
    return ""


@pytest.fixture(params=["sqlite", "postgresql"])
def pets(request: pytest.FixtureRequest, tmp_path: Path) -> SqlSource:
    """The same four rows in both databases."""
    if request.param == "sqlite":
        return database(tmp_path / "a.db", PETS)
    source = SqlSource("team", request.getfixturevalue("postgres").database())
    run(source, "CREATE TABLE pets (id bigint PRIMARY KEY, text text, label text)")
    values = ["(1, 'one', 'cat')", "(2, 'two', 'dog')", "(3, 'three', NULL)", "(4, 'four', 'cat')"]
    run(source, f"INSERT INTO pets VALUES {', '.join(values)}")
    return source


def test_write__sqlite_script(tmp_path: Path) -> None:
    loaded = read(database(tmp_path / "a.db", PETS), tmp_path)
    text = script(plan(loaded, {0: "dog", 2: "cat", 3: Action.EXCLUDE}), tmp_path / "out.sql")
    assert text == (
        "-- Labels corrected with Labelmend, for sqlite.\n"
        '-- Table "pets" of "team": 2 labels change, 1 rows are deleted, of 4 rows that were read.\n'
        "-- If a row has another label by then than when it was read, nothing is changed at all.\n"
        "-- Run it as a whole: sqlite3 -bail DATABASE < THIS_FILE\n"
        "BEGIN IMMEDIATE;\n"
        "CREATE TEMPORARY TABLE labelmend_check (missing INTEGER"
        " CONSTRAINT rows_were_changed_since_they_were_read CHECK (missing = 0));\n"
        """UPDATE "pets" SET "label"='dog' WHERE "pets"."id" = 1 AND "pets"."label" = 'cat';\n"""
        """UPDATE "pets" SET "label"='cat' WHERE "pets"."id" = 3 AND "pets"."label" IS NULL;\n"""
        """DELETE FROM "pets" WHERE "pets"."id" = 4 AND "pets"."label" = 'cat';\n"""
        "INSERT OR ROLLBACK INTO labelmend_check (missing) SELECT 2 - (SELECT count(*) AS count_1  "
        """FROM "pets"  WHERE "pets"."id" = 1 AND "pets"."label" = 'dog' OR "pets"."id" = 3 AND """
        """"pets"."label" = 'cat' OR "pets"."id" = 4) AS anon_1;\n"""
        "DROP TABLE labelmend_check;\n"
        "COMMIT;\n"
    )


def test_write__without_decisions_no_statement(pets: SqlSource, tmp_path: Path) -> None:
    text = script(plan(read(pets, tmp_path)), tmp_path / "out.sql")
    assert all(line.startswith("-- ") for line in text.splitlines())
    before = rows(pets, ALL)
    apply(pets, tmp_path / "out.sql")
    assert rows(pets, ALL) == before


def test_write__changes_the_decided_labels_and_nothing_else(pets: SqlSource, tmp_path: Path) -> None:
    loaded = read(pets, tmp_path)
    script(plan(loaded, {0: "dog", 1: Action.KEEP, 2: "cat", 3: Action.EXCLUDE}), tmp_path / "out.sql")
    apply(pets, tmp_path / "out.sql")
    assert rows(pets, ALL) == [(1, "one", "dog"), (2, "two", "dog"), (3, "three", "cat")]
    again = read(pets, tmp_path)[0]
    assert again.given_labels().tolist() == ["dog", "dog", "cat"]


@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE pets SET label = 'fox' WHERE id = 1",
        "UPDATE pets SET label = NULL WHERE id = 1",
        "UPDATE pets SET label = 'fox' WHERE id = 3",
        "UPDATE pets SET label = 'fox' WHERE id = 4",
        "DELETE FROM pets WHERE id = 1",
    ],
)
def test_write__a_row_that_was_changed_meanwhile_stops_all(
    pets: SqlSource, tmp_path: Path, meanwhile: str
) -> None:
    script(plan(read(pets, tmp_path), {0: "dog", 2: "cat", 3: Action.EXCLUDE}), tmp_path / "out.sql")
    run(pets, meanwhile)
    before = rows(pets, ALL)
    said = apply(pets, tmp_path / "out.sql", must=False)
    assert "rows_were_changed_since_they_were_read" in said
    assert rows(pets, ALL) == before


def test_write__where_conflicts_are_skipped_the_other_rows_change(pets: SqlSource, tmp_path: Path) -> None:
    choices: dict[int, Any] = {0: "dog", 2: "cat", 3: Action.EXCLUDE}
    text = script(plan(read(pets, tmp_path), choices, conflicts="skip"), tmp_path / "out.sql")
    assert "labelmend_check" not in text and "is left as it is" in text
    run(pets, "UPDATE pets SET label = 'fox' WHERE id = 1", "UPDATE pets SET label = 'fox' WHERE id = 4")
    apply(pets, tmp_path / "out.sql")
    assert rows(pets, ALL) == [(1, "one", "fox"), (2, "two", "dog"), (3, "three", "cat"), (4, "four", "fox")]


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="no sqlite3 program")
@pytest.mark.parametrize("options", [[], ["-bail"]])
def test_write__the_sqlite_program_changes_nothing_after_a_failed_check(
    tmp_path: Path, options: list[str]
) -> None:
    source = database(tmp_path / "a.db", [(str(i), "cat") for i in range(250)] + [("x", "dog")])
    choices: dict[int, Any] = dict.fromkeys(range(250), "dog")
    script(plan(read(source, tmp_path), choices), tmp_path / "out.sql")
    run(source, "UPDATE pets SET label = 'fox' WHERE id = 7")
    before = rows(source, ALL)
    command = ["sqlite3", *options, str(tmp_path / "a.db")]
    with (tmp_path / "out.sql").open() as handle:
        made = subprocess.run(command, stdin=handle, capture_output=True, text=True)
    assert "rows_were_changed_since_they_were_read" in made.stderr
    assert rows(source, ALL) == before
    run(source, "UPDATE pets SET label = 'cat' WHERE id = 7")
    with (tmp_path / "out.sql").open() as handle:
        assert subprocess.run(command, stdin=handle, capture_output=True, check=True).stderr == b""
    assert rows(source, "SELECT DISTINCT label FROM pets") == [("dog",)]


def test_write__psql_without_its_stop_changes_nothing_after_a_failed_check(
    postgres: Postgres, tmp_path: Path
) -> None:
    source = SqlSource("team", postgres.database())
    run(source, "CREATE TABLE pets (id int PRIMARY KEY, text text, label text)")
    run(source, "INSERT INTO pets SELECT i, 'a', 'cat' FROM generate_series(1, 150) AS n(i)")
    run(source, "INSERT INTO pets VALUES (151, 'b', 'dog')")
    script(plan(read(source, tmp_path), dict.fromkeys(range(150), "dog")), tmp_path / "out.sql")
    run(source, "UPDATE pets SET label = 'fox' WHERE id = 7")
    command = [str(Path(binaries() or "") / "psql"), "-X", "-f", str(tmp_path / "out.sql"), source.url]
    assert "rows_were_changed" in subprocess.run(command, capture_output=True, text=True).stderr
    assert rows(source, "SELECT count(*) FROM pets WHERE label = 'dog'") == [(1,)]


HOSTILE = [
    "it's", "''", "\\", "\\'", "a\\nb", "'; DROP TABLE pets; --", "%s %(x)s %%", ":label :'label' ::text",
    "a\r\nb\rc\n", "\t\x07\x1a\x7f", "$$ $1 $tag$", "é ü 漢 🙂", "\u2028\u0085\u200b\ufeff", "-- no",
    "/* no */", "\\. \\q \\i x", "?1 @a ${x} {x}", '"', "NULL", " a ", "x" * 3000, "\x01" * 1200,
]  # fmt: skip
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30)
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def round_trip(source: SqlSource, folder: Path, labels: list[str], keys: list[str]) -> None:
    """Each label comes into the database, is read, is decided for another row, and is there, exactly."""
    texts = "bytea" if source.url.startswith("postgresql") else "blob"
    encoded = [(k.encode().hex(), label.encode().hex()) for k, label in zip(keys, labels, strict=True)]
    statements = ["DROP TABLE IF EXISTS odd", "CREATE TABLE odd (id text PRIMARY KEY, label text)"]
    for key, label in encoded:
        if texts == "bytea":
            values = f"convert_from('\\x{key}', 'UTF8'), convert_from('\\x{label}', 'UTF8')"
        else:
            values = f"CAST(X'{key}' AS TEXT), CAST(X'{label}' AS TEXT)"
        statements.append(f"INSERT INTO odd VALUES ({values})")
    run(source, *statements)
    dataset, found = load(take_snapshot(source, "odd", folder), "sql_table")
    held = dataset.table["id"].tolist()
    assert sorted(held) == sorted(keys)
    given = dataset.given_labels().tolist()
    assert given == [dict(zip(keys, labels, strict=True))[key] for key in held]
    choices: dict[int, Any] = {i: given[i - 1] for i in range(len(given)) if given[i - 1] != given[i]}
    script(plan((dataset, found), choices), folder / "out.sql")
    apply(source, folder / "out.sql")
    after, _ = load(take_snapshot(source, "odd", folder), "sql_table")
    assert after.table["id"].tolist() == held
    assert after.given_labels().tolist() == [given[i - 1] for i in range(len(given))]


def test_write__hostile_labels_and_keys_in_sqlite(tmp_path: Path) -> None:
    labels = [*HOSTILE, "a\0b", "\0"]
    round_trip(database(tmp_path / "a.db"), tmp_path / "t", labels, [f"{label}!" for label in labels])


def test_write__hostile_labels_and_keys_in_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    round_trip(source, tmp_path / "t", HOSTILE, [f"{label}!" for label in HOSTILE])


@SLOW
@example(["\0", "'"])
@given(st.lists(TEXT, min_size=2, max_size=6))
def test_write__any_labels_in_sqlite(tmp_path: Path, labels: list[str]) -> None:
    (tmp_path / "a.db").unlink(missing_ok=True)
    round_trip(database(tmp_path / "a.db"), tmp_path / "t", labels, [f"{i}{k}" for i, k in enumerate(labels)])


@SLOW
@given(labels=st.lists(TEXT.filter(lambda text: "\0" not in text), min_size=2, max_size=6))
def test_write__any_labels_in_postgresql(postgres: Postgres, tmp_path: Path, labels: list[str]) -> None:
    shared = tmp_path / "url"
    if not shared.exists():
        shared.write_text(postgres.database())
    source = SqlSource("team", shared.read_text())
    round_trip(source, tmp_path / "t", labels, [f"{i}{k}" for i, k in enumerate(labels)])


def test_write__nul_is_refused_for_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    run(source, "CREATE TABLE pets (id int PRIMARY KEY, label text)")
    run(source, "INSERT INTO pets VALUES (1, 'cat'), (2, 'dog')")
    dataset, found = read(source, tmp_path)
    odd = replace(dataset, classes=("cat", "dog", "a\0b"), tokens=("cat", "dog", "a\0b"))
    with pytest.raises(InputError, match="PostgreSQL cannot hold the character NUL"):
        write_export(plan((odd, found), {0: "a\0b"}), tmp_path / "out.sql")
    assert not (tmp_path / "out.sql").exists()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_write__numbers_booleans_and_composite_keys(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        source = database(tmp_path / "a.db")
    else:
        source = SqlSource("team", request.getfixturevalue("postgres").database())
    run(source, "CREATE TABLE n (a integer, b text, label integer, PRIMARY KEY (b, a))")
    run(source, "INSERT INTO n VALUES (-1, 'x', 3), (2, 'x', 5), (3, 'y', NULL)")
    run(source, "CREATE TABLE f (id integer PRIMARY KEY, label boolean)")
    run(source, "INSERT INTO f VALUES (1, true), (2, false), (3, NULL)")
    script(plan(read(source, tmp_path, "n"), {0: "5", 2: "3"}), tmp_path / "n.sql")
    script(plan(read(source, tmp_path, "f"), {0: "False", 2: "True"}), tmp_path / "f.sql")
    apply(source, tmp_path / "n.sql")
    apply(source, tmp_path / "f.sql")
    assert rows(source, "SELECT a, label FROM n ORDER BY a") == [(-1, 5), (2, 5), (3, 3)]
    assert rows(source, "SELECT id, label FROM f ORDER BY id") == [(1, False), (2, False), (3, True)]


def test_write__keys_that_postgresql_alone_knows(postgres: Postgres, tmp_path: Path) -> None:
    source = SqlSource("team", postgres.database())
    database_name = source.url.rsplit("/", 1)[1]
    run(source, f"ALTER DATABASE {database_name} SET datestyle = 'SQL, DMY'")
    run(
        source,
        'CREATE SCHEMA "Odd s"',
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        'CREATE TABLE "Odd s"."T" (u uuid, d date, n numeric(20, 3), at timestamptz, label mood,'
        " PRIMARY KEY (u, d, n, at))",
        """INSERT INTO "Odd s"."T" VALUES
           ('6f9619ff-8b86-d011-b42d-00cf4fc964ff', '2026-01-02', 1.5, '2026-01-02 03:04:05.678+02', 'sad'),
           ('6f9619ff-8b86-d011-b42d-00cf4fc964fe', 'infinity', 2, '2026-01-02 03:04:05+02', 'ok')""",
    )
    loaded = read(source, tmp_path, "Odd s.T")
    run(source, f"ALTER DATABASE {database_name} SET datestyle = 'SQL, MDY'")
    assert loaded[0].table["d"].tolist() == ["infinity", "2026-01-02"]
    script(plan(loaded, {0: "sad", 1: "ok"}), tmp_path / "out.sql")
    apply(source, tmp_path / "out.sql")
    assert rows(source, 'SELECT label::text FROM "Odd s"."T" ORDER BY n') == [("ok",), ("sad",)]


def test_write__rows_of_other_splits_stay(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db")
    run(source, "CREATE TABLE s (id INTEGER PRIMARY KEY, label TEXT, split TEXT)")
    run(source, "INSERT INTO s VALUES (1, 'cat', 'train'), (2, 'dog', 'test'), (3, 'cat', 'train')")
    loaded = load(snapshot(source, "s", tmp_path), "sql_table", split="split")
    corrections = plan(loaded, {0: "dog", 1: "cat", 2: Action.EXCLUDE}, splits=("train",))
    script(corrections, tmp_path / "out.sql")
    apply(source, tmp_path / "out.sql")
    assert rows(source, "SELECT id, label FROM s ORDER BY id") == [(1, "dog"), (2, "dog")]


def refused(tmp_path: Path, corrections: Corrections, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_export(corrections, tmp_path / "out.sql", "sql_table")
    assert not (tmp_path / "out.sql").exists()


def test_write__without_a_key_other_formats_only(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", PETS)
    run(source, "CREATE VIEW seen AS SELECT text, label FROM pets")
    corrections = plan(read(source, tmp_path, "seen"), {0: "dog"})
    refused(tmp_path, corrections, "no primary key, so that no statement could name a row")
    summary = write_export(corrections, tmp_path / "out.csv")
    assert (summary.format, summary.path.read_text()) == (
        "csv", "text,label\none,dog\ntwo,dog\nthree,\nfour,cat\n",
    )  # fmt: skip


def test_write__options_that_need_columns_are_refused(tmp_path: Path) -> None:
    loaded = read(database(tmp_path / "a.db", PETS), tmp_path)
    refused(tmp_path, plan(loaded, {3: Action.EXCLUDE}, excluded="mark"), "no room for added columns")
    refused(tmp_path, plan(loaded, {0: "dog"}, add=("given_label",)), "no room for added columns")


@pytest.mark.parametrize(
    ("create", "values", "said"),
    [
        (
            "(label TEXT PRIMARY KEY, text TEXT)",
            "('a', 'b'), ('c', 'd')",
            "labels are part of the primary key",
        ),
        (
            "(id TEXT PRIMARY KEY, label TEXT)",
            "(NULL, 'b'), ('c', 'd')",
            "row 1: no primary key: the value is",
        ),
        ("(id BLOB PRIMARY KEY, label TEXT)", "(x'00', 'b'), ('c', 'd')", "column id: a column of type"),
    ],
)
def test_write__keys_that_no_statement_could_use(tmp_path: Path, create: str, values: str, said: str) -> None:
    source = database(tmp_path / "a.db")
    run(source, f"CREATE TABLE t {create}", f"INSERT INTO t VALUES {values}")
    dataset, found = read(source, tmp_path, "t")
    refused(tmp_path, plan((dataset, found), {0: dataset.classes[1 - int(dataset.labels[0])]}), said)


def forged(folder: Path, about: SqlTable, names: tuple[str, str] = ("id", "label")) -> tuple[Dataset, Source]:
    """What somebody uploads who has no database at all."""
    table = pa.table([pa.array(["1", "2"]), pa.array(["cat", "dog"])], names=list(names))
    with pa.ipc.new_file(str(folder / "f.table"), table.schema.with_metadata(about.metadata())) as writer:
        writer.write_table(table)
    assert read_table(folder / "f.table").source.format == "sql_table"
    return load(folder / "f.table", "sql_table", names[1])


@pytest.mark.parametrize("dialect", ["mysql", "mssql", "../x", ""])
def test_write__a_dialect_that_was_not_tried_is_refused(tmp_path: Path, dialect: str) -> None:
    loaded = forged(tmp_path, SqlTable("s", dialect, None, "t", ("id",)))
    refused(tmp_path, plan(loaded, {0: "dog"}), "no SQL script is written for")


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", ["a\nDROP TABLE x;", "a\r-- b", "\0", "a\x1ab"])
def test_write__names_end_no_comment_and_no_line(tmp_path: Path, dialect: str, name: str) -> None:
    for about in (
        SqlTable("s", dialect, name, "t", ("id",)),
        SqlTable("s", dialect, None, name, ("id",)),
    ):
        refused(tmp_path, plan(forged(tmp_path, about), {0: "dog"}), "characters that no script should hold")
    loaded = forged(tmp_path, SqlTable(name, dialect, "main", 'x" OR 1=1 --', ("id",)))
    text = script(plan(loaded, {0: "dog"}), tmp_path / "out.sql")
    assert [line for line in text.splitlines() if "DROP TABLE x" in line] == [
        line for line in text.splitlines() if line.startswith("-- Table") and "DROP" in line
    ]


def test_write__a_source_that_was_changed_is_refused(tmp_path: Path) -> None:
    loaded = read(database(tmp_path / "a.db", PETS), tmp_path)
    loaded[1].path.write_bytes(loaded[1].path.read_bytes().replace(b"cat", b"cow"))
    refused(tmp_path, plan(loaded, {0: "dog"}), "has changed since it was loaded")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("""SET "label"='dog'""", """SET "label"='cow'""", "found 'cow' instead of 'dog'"),
        ("""."id" = 1 AND""", """."id" = 4 AND""", "found 'cat' instead of 'dog'"),
        ("UPDATE", "-- UPDATE", "found 'cat' instead of 'dog'"),
        ("""UPDATE "pets" SET""", """DELETE FROM "pets"; --""", "found 0 rows and the columns"),
    ],
)
def test_verify__sees_a_script_that_does_something_else(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    corrections = plan(read(database(tmp_path / "a.db", PETS), tmp_path), {0: "dog"})
    summary = write_export(corrections, tmp_path / "out.sql")
    summary.path.write_text(summary.path.read_text().replace(old, new, 1))
    assert said in verify_export(corrections, summary).examples[0]


def test_write__says_how_far_it_is_and_stops(tmp_path: Path) -> None:
    source = database(tmp_path / "a.db", [(str(i), "cat") for i in range(300)] + [("x", "dog")])
    corrections = plan(read(source, tmp_path), dict.fromkeys(range(300), "dog"))
    heard: list[float] = []
    write_export(corrections, tmp_path / "out.sql", None, Progress(lambda f, _: heard.append(round(f, 2))))
    assert heard == [0.0, 0.57, 0.7, 0.82, 1.0]  # of the summary too; one more for each 100 rows checked
    before = sorted(tmp_path.iterdir())
    progress = Progress(lambda f, _: progress.cancel() if f > 0.6 else None)
    with pytest.raises(Cancelled):
        write_export(corrections, tmp_path / "other.sql", None, progress)
    assert sorted(tmp_path.iterdir()) == before
