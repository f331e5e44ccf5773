"""A table that is stored already is linked, whoever loads it, and only where it is the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.dataset import Columns
from core.errors import InputError
from core.loading import Plan, Prepared, prepare, read_table
from core.predictions import Predictions
from core.settings import Settings
from core.workspace import Workspace

Load = Callable[..., Prepared]
COLUMNS = Columns("id", "label", None, ("text",), "text")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(Settings(tmp_path / "w", (tmp_path,), "", "ann"))


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(name: str, rows: str, columns: Columns = COLUMNS) -> Prepared:
        (tmp_path / "t.csv").write_text(f"id,text,note,label\n{rows}")
        return prepare(read_table(tmp_path / "t.csv"), Plan(name, columns))

    return loaded


ROWS = "a,one,x,cat\nb,two,y,dog\n"


def same_file(workspace: Workspace, one: str, other: str) -> bool:
    file, twin = (workspace.folder(name) / "table.arrow" for name in (one, other))
    return file.samefile(twin)


def test_save__links_the_table_of_the_same_bytes(workspace: Workspace, load: Load) -> None:
    workspace.save(load("first", ROWS))
    workspace.save(load("second", ROWS))
    assert same_file(workspace, "first", "second")
    first, second = workspace.open("first").dataset, workspace.open("second").dataset
    assert first.fingerprint == second.fingerprint
    assert first.table.equals(second.table)


def test_save__keeps_a_column_called_as_the_stored_row_ids(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,__row_id__,label\na,one,cat\nb,two,dog\n")
    plan = Plan("odd", Columns("id", "label", None, ("__row_id__",), "text"))
    workspace.save(prepare(read_table(tmp_path / "t.csv"), plan))
    table = workspace.open("odd").dataset.table
    assert table.to_dict("index") == {
        "a": {"id": "a", "__row_id__": "one", "label": "cat"},
        "b": {"id": "b", "__row_id__": "two", "label": "dog"},
    }


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        (ROWS.replace("one", "uno"), COLUMNS),
        (ROWS, Columns("id", "label", None, ("note",), "text")),
        (ROWS, Columns(None, "label", None, ("text",), "text")),
    ],
)
def test_save__writes_another_table_or_other_columns(
    workspace: Workspace, load: Load, rows: str, columns: Columns
) -> None:
    workspace.save(load("first", ROWS))
    prepared = load("second", rows, columns)
    workspace.save(prepared)
    assert not same_file(workspace, "first", "second")
    assert prepared.dataset is not None
    fresh = load("third", rows, columns).dataset
    assert fresh is not None
    assert workspace.open("second").dataset.fingerprint == fresh.fingerprint


def test_save__new_predictions_keep_the_table(workspace: Workspace, load: Load) -> None:
    workspace.save(load("first", ROWS))
    before = (workspace.folder("first") / "table.arrow").stat().st_ino
    opened = workspace.open("first")
    probs = np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32)
    workspace.save(Prepared(opened.dataset, Predictions("baseline", probs), opened.source, ()))
    assert (workspace.folder("first") / "table.arrow").stat().st_ino == before
    assert workspace.open("first").dataset.table["text"].tolist() == ["one", "two"]


def test_save__a_data_set_that_goes_away_meanwhile(
    workspace: Workspace, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.save(load("first", ROWS))
    prepared = load("second", ROWS)
    (workspace.folder("first") / "table.arrow").unlink()
    workspace.save(prepared)
    assert workspace.open("second").dataset.table["text"].tolist() == ["one", "two"]


def test_save__two_at_once_replace_the_same_data_set(
    workspace: Workspace, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.save(load("t", ROWS))
    first, second = load("t", ROWS.replace("one", "first")), load("t", ROWS.replace("one", "second"))
    rename, others = os.rename, []

    def renamed(source: Path, target: Path) -> None:
        rename(source, target)
        if not others:  # the first has moved the old folder away, and the second comes in between
            others.append(threading.Thread(target=workspace.save, args=(second,)))
            others[0].start()
            others[0].join(1.0)

    monkeypatch.setattr(os, "rename", renamed)
    workspace.save(first)
    others[0].join()
    assert workspace.open("t").dataset.table["text"].tolist() == ["second", "two"]
    assert [p.name for p in workspace.folder("t").parent.glob(".[no]*")] == []


def test_save__deletes_what_a_killed_process_left_a_day_ago(workspace: Workspace, load: Load) -> None:
    workspace.save(load("t", ROWS))
    for name, age in ((".new-killed", 25 * 3_600), (".new-writing", 60)):
        left = workspace.folder("t").with_name(name)
        left.mkdir()
        (left / "table.arrow").write_bytes(b"half")
        os.utime(left, (time.time() - age,) * 2)
    workspace.save(load("t", ROWS))
    assert [p.name for p in workspace.folder("t").parent.glob(".new-*")] == [".new-writing"]


@pytest.mark.parametrize("left", [0, 100, -1])
def test_save__stores_a_damaged_table_anew(workspace: Workspace, load: Load, left: int) -> None:
    """As of a workspace whose copying was broken off. Nothing else is kept from being loaded either."""
    workspace.save(load("t", ROWS))
    table = workspace.folder("t") / "table.arrow"
    table.write_bytes(table.read_bytes()[:left])
    with pytest.raises(InputError, match=r"the table stored for data set 't' is damaged.* load the data set"):
        workspace.open("t")
    other = load("other", ROWS)
    for part in ("ids", "table"):
        assert other.dataset is not None
        other.dataset.part(part)
    workspace.save(other)
    workspace.save(load("t", ROWS))
    for name in ("other", "t"):
        assert workspace.open(name).dataset.table["text"].tolist() == ["one", "two"]
