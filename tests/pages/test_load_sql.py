"""Load data: a table of a database that the operator named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.review.decisions import Action, Decision
from core.workspace import Workspace, shared_workspace
from pages.parts import load_sql, session
from tests.core.sql_databases import database, run
from tests.pages.conftest import Open, words

SECRET = "hush-4711"
WAY = "A table of a database"


@pytest.fixture
def source(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database called team with a table of 40 berries, in a path that nobody may see; one that is gone."""
    (tmp_path / SECRET).mkdir()
    path = tmp_path / SECRET / "a.db"
    team = database(path, [(f"text number {i}", "cat") for i in range(3)])
    run(team, "CREATE TABLE berries (id INTEGER PRIMARY KEY, text TEXT, label TEXT)")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 39)"
    named = "CASE WHEN i % 2 THEN 'pear' ELSE 'apple' END"
    run(
        team,
        f"INSERT INTO berries {numbers} SELECT i + 1, '{tmp_path.name} text number ' || i, {named} FROM n",
    )
    gone = f"postgresql://bob:{SECRET}@127.0.0.1:1/db"
    monkeypatch.setenv("LABELMEND_SQL_SOURCES", json.dumps({"team": team.url, "gone": gone}))
    shared_workspace.cache_clear()
    load_sql._snapshots.clear()
    load_sql._tables.clear()
    return path


def seen(app: AppTest) -> str:
    """All that a page shows, which never holds the secret."""
    assert not app.exception, [e.message for e in app.exception]
    shown = words(app) + str([list(box.options) for box in app.selectbox])
    shown += str([t.value for t in app.dataframe])
    assert SECRET not in shown and "127.0.0.1" not in shown and "sqlite:" not in shown
    return shown.replace("\\", "")


def choose(open_page: Open, name: str = "team", table: str | None = "berries") -> AppTest:
    app = open_page("load")
    app.button_group(key="l_way").set_value(WAY).run()
    app.selectbox(key="l_sql_source").set_value(name).run()
    if table is not None:
        app.selectbox(key=f"l_sql_table_{name}").set_value(table).run()
    return app


def read(app: AppTest) -> AppTest:
    app.button(key="l_sql_read").click().run()
    job = session.jobs().get("table berries of team")
    assert job is not None and job.wait(60)
    return app.run()


def test_load__offers_tables_only_where_the_operator_named_databases(open_page: Open) -> None:
    assert WAY not in open_page("load").button_group(key="l_way").options


def test_load__a_table_is_chosen_read_and_analysed(
    open_page: Open, source: Path, workspace: Workspace
) -> None:
    app = choose(open_page)
    assert app.selectbox(key="l_sql_source").options == ["gone", "team"]
    assert app.selectbox(key="l_sql_table_team").options == ["berries", "pets"]
    assert "Match the columns" not in seen(app)  # nothing is read before somebody says so
    read(app)
    assert "berries.table: 40 rows, 3 columns" in seen(app) and "Later changes in the database" in seen(app)
    before = set(shared_workspace().names())
    next(b for b in app.button if b.label == "Analyse 40 rows").click().run()
    (name,) = set(shared_workspace().names()) - before
    project = shared_workspace().open(name)
    assert (name, project.source.format) == ("berries", "sql_table")
    assert list(project.dataset.row_ids[:2]) == ["1", "2"]
    export = open_page("export", ds=name)
    assert "Nothing changed yet. The script has no statement." in seen(export)
    assert export.selectbox(key="x_format").value == "sql_table"
    session.store().record([Decision(name, "1", Action.EXCLUDE, "ann", "apple", "op-berries")])
    export = open_page("export", ds=name)
    assert "1 row is deleted when the script is run. The script touches no other cell." in seen(export)
    next(b for b in export.button if b.label == "Write 1 change").click().run()
    assert "1 excluded row to be deleted by the script" in seen(export) + str(
        [s.value for s in export.success]
    )
    folder = shared_workspace().root
    written = sorted(p.name for p in (folder / "exports" / name).iterdir())
    assert "berries.corrected.sql" in written and len(written) == 4
    stored = [p for p in (folder / "datasets" / name).rglob("*") if p.is_file()]
    stored += list((folder / "exports" / name).iterdir())
    stored += [p for p in (folder / "tables").rglob("*") if p.is_file()]
    assert stored and all(SECRET.encode() not in p.read_bytes() for p in stored)


def test_load__reading_again_is_a_new_version(open_page: Open, source: Path) -> None:
    app = read(choose(open_page))
    assert "berries.table: 40 rows" in seen(app)
    run(database_of(source), "DELETE FROM berries WHERE id > 30")
    assert "berries.table: 40 rows" in seen(app.run())
    assert app.button(key="l_sql_read").label == "Read it again"
    assert "berries.table: 30 rows" in seen(read(app))


def database_of(path: Path):  # type: ignore[no-untyped-def]
    from core.sql_sources import SqlSource

    return SqlSource("team", f"sqlite:///{path}")


def test_load__a_database_that_does_not_answer_is_told(open_page: Open, source: Path) -> None:
    assert "'gone' cannot be reached" in seen(choose(open_page, "gone", None))


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        ("DROP TABLE berries", "no table or view is called 'berries' in 'team'"),
        ("DELETE FROM berries", "the table berries of 'team' has no rows"),
    ],
)
def test_load__a_table_that_cannot_be_read_is_told(
    open_page: Open, source: Path, meanwhile: str, said: str
) -> None:
    app = choose(open_page)
    run(database_of(source), meanwhile)
    assert said in "\n".join(e.value for e in read(app).error).replace("\\", "")
    assert "Match the columns" not in seen(app)


def test_load__reading_is_cancelled(open_page: Open, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import core.sql_snapshot

    taken: Callable[..., Path] = core.sql_snapshot.take_snapshot

    def slowly(*args: object) -> Path:
        session.jobs().get("table berries of team").cancel()  # type: ignore[union-attr]
        return taken(*args)

    monkeypatch.setattr(core.sql_snapshot, "take_snapshot", slowly)
    app = read(choose(open_page))
    assert "Cancelled. Nothing was kept." in seen(app)
    assert "Match the columns" not in seen(app)
