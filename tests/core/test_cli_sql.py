"""A table from the command line: audited, decided, written back as a script, and read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli import main
from core.review.decisions import Action, Decision
from core.review.store import Store
from core.settings import Settings
from core.sql_sources import SqlSource
from core.workspace import Workspace
from tests.core.exporters.test_sql_table import apply
from tests.postgres import Postgres

from .sql_databases import database, rows, run

SECRET = "hush-4711"
PETS = [(f"a {label} that says {sound}, number {i}", label)
        for i, (label, sound) in enumerate([("cat", "meow"), ("dog", "woof")] * 6)]  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def pets(request: pytest.FixtureRequest, tmp_path: Path) -> SqlSource:
    """Twelve rows, the first with a label that is wrong. The URL holds a word that nobody may see."""
    if request.param == "sqlite":
        (tmp_path / SECRET).mkdir()
        source = database(tmp_path / SECRET / "a.db", PETS)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.database().replace("labelmend@", f"labelmend:{SECRET}@")  # any password will do here
        source = SqlSource("team", url)
        run(source, "CREATE TABLE pets (id serial PRIMARY KEY, text text, label text)")
        run(source, *(f"INSERT INTO pets (text, label) VALUES ('{t}', '{label}')" for t, label in PETS))
    run(source, "UPDATE pets SET label = 'dog' WHERE id = 1")
    return source


@pytest.fixture
def root(tmp_path: Path, pets: SqlSource, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("LABELMEND_SQL_SOURCES", json.dumps({"team": pets.url}))
    return tmp_path / "w"


def said(capsys: pytest.CaptureFixture[str], *args: object, code: int = 0) -> str:
    """What a command says on both streams, which never holds the secret."""
    got = main([str(a) for a in args])
    heard = capsys.readouterr()
    assert got == code, heard.err
    assert SECRET not in heard.out + heard.err
    return heard.out + heard.err


def audit(capsys: pytest.CaptureFixture[str], *more: object) -> str:
    return said(capsys, "audit", "--table", "pets", "--no-model", "--checks", "near_duplicates", *more)


def test_audit__decided_exported_applied_and_audited_again(
    root: Path, pets: SqlSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "pets: 12 rows, 2 classes" in audit(capsys, "--sql", "team", "--out", tmp_path / "found")
    workspace = Workspace(Settings(root, (), "", "ann"))
    assert list(workspace.open("pets").dataset.row_ids[:3]) == ["1", "2", "3"]
    store = Store(workspace.database_url)
    store.record([Decision("pets", "1", Action.RELABEL, "ann", "dog", "op1", "cat")])
    store.close()
    assert "1 label changed" in said(capsys, "export", "pets", "--out", tmp_path / "out.sql")
    assert "1 label changed" in said(capsys, "export", "pets", "--out", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == '1,"a cat that says meow, number 0",cat'
    said(capsys, "decisions", "pets", "--out", tmp_path / "d.jsonl")
    said(capsys, "report", "pets", "--out", tmp_path / "report")
    before = rows(pets, "SELECT id, text FROM pets ORDER BY id")
    apply(pets, tmp_path / "out.sql")
    assert rows(pets, "SELECT label FROM pets ORDER BY id") == [(label,) for _, label in PETS]
    assert rows(pets, "SELECT id, text FROM pets ORDER BY id") == before
    # The same table is a new version of the same data set, whether named or given as a URL.
    again = audit(capsys, "--sql", pets.url)
    assert "pets: decisions on 1 of 1 decided rows carry over" in again
    assert workspace.names() == ["pets"]
    assert workspace.open("pets").dataset.given_labels().tolist() == [label for _, label in PETS]
    assert "1 decision in the data already" in said(capsys, "export", "pets", "--out", tmp_path / "again.sql")
    assert "UPDATE" not in (tmp_path / "again.sql").read_text()
    secret, urls = SECRET.encode(), (b"sqlite:///", b"postgresql://")
    written = [p for p in tmp_path.rglob("*") if p.is_file() and SECRET not in str(p)]
    assert len(written) > 15
    assert [p for p in written if secret in p.read_bytes() or any(u in p.read_bytes() for u in urls)] == []


def test_apply__a_decisions_file_to_a_table(
    root: Path, pets: SqlSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.csv").write_text("row_id,action,given_label,label\n1,relabel,dog,cat\n")
    table = ("--sql", "team", "--table", "pets")
    assert "Would change 1 label" in said(capsys, "apply", tmp_path / "d.csv", *table, "--check")
    said(capsys, "apply", tmp_path / "d.csv", *table, "--out", tmp_path / "fix.sql")
    apply(pets, tmp_path / "fix.sql")
    assert rows(pets, "SELECT label FROM pets WHERE id = 1") == [("cat",)]
    assert "1 decision in the data already" in said(capsys, "apply", tmp_path / "d.csv", *table, "--check")
    run(pets, "UPDATE pets SET label = 'fox' WHERE id = 1")
    assert "the given label is 'fox'" in said(capsys, "apply", tmp_path / "d.csv", *table, "--check", code=1)
    assert not (root / "tables").exists()  # nothing is kept of what was only read


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--sql", "nope", "--table", "pets"], "no database of that name. Expected: one of: team"),
        (["--sql", "team", "--table", "nope"], "called 'nope' in 'team'. Expected: one of pets"),
        (["--sql", f"postgresql://a:{SECRET}@127.0.0.1:1/x", "--table", "t"], "'database' cannot be reached"),
        (["--sql", f"mysql://a:{SECRET}@h/x", "--table", "t"], "for 'database' is not installed"),
        (["--sql", f"://{SECRET}", "--table", "t"], "the URL of 'database' is none"),
    ],
)
def test_audit__what_is_wrong_is_one_message(
    root: Path, capsys: pytest.CaptureFixture[str], options: list[str], expected: str
) -> None:
    heard = said(capsys, "audit", *options, code=1)
    assert heard.startswith("labelmend: ") and expected in heard
    assert Workspace(Settings(root, (), "", "ann")).names() == []


@pytest.mark.parametrize(
    "options", [[], ["--sql", "team"], ["--table", "pets"], ["x.csv", "--sql", "team", "--table", "pets"]]
)
def test_audit__a_file_or_a_table(capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    for command in (["audit"], ["apply", "d.jsonl"]):
        with pytest.raises(SystemExit) as raised:
            main([*command, *options])
        assert raised.value.code == 2
        assert "give DATA, or both --sql and --table" in capsys.readouterr().err


def test_audit__two_tables_of_one_name_are_two_data_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path / "w"))
    one, other = (database(tmp_path / f"{name}.db", PETS) for name in ("a", "b"))
    assert "pets: 12 rows" in audit(capsys, "--sql", one.url)
    assert "pets-2: 12 rows" in audit(capsys, "--sql", other.url)
    run(one, "DELETE FROM pets WHERE id > 10")
    assert "pets: 10 rows" in audit(capsys, "--sql", one.url)
    assert Workspace(Settings(tmp_path / "w", (), "", "ann")).names() == ["pets", "pets-2"]
