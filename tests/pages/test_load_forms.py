"""Load data: annotators' columns, a record for each answer, soft labels, and a folder of splits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.review.decisions import Action, Decision
from core.workspace import Workspace, shared_workspace
from pages.parts import session
from tests.core.image_layouts import put
from tests.pages.conftest import Open, words


@pytest.fixture
def root(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABELMEND_DATA_ROOTS", str(tmp_path))
    shared_workspace.cache_clear()
    return tmp_path


def at(open_page: Open, path: Path) -> AppTest:
    app = open_page("load")
    app.button_group(key="l_way").set_value("Path on this machine").run()
    app.text_input(key="l_path").set_value(str(path)).run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def said(app: AppTest) -> str:
    return "\n".join([words(app), *(str(i.value) for i in app.info)]).replace("\\", "")


def box(app: AppTest, key: str):  # type: ignore[no-untyped-def]
    return next(s for s in [*app.selectbox, *app.multiselect] if str(s.key).startswith(key))


def analyse(app: AppTest, rows: int):  # type: ignore[no-untyped-def]
    return next(b for b in app.button if b.label == f"Analyse {rows} rows")


def store(app: AppTest, workspace: Workspace, rows: int):  # type: ignore[no-untyped-def]
    before = set(workspace.names())
    analyse(app, rows).click().run()
    assert not app.exception, [e.message for e in app.exception]
    (name,) = set(workspace.names()) - before
    return workspace.open(name)


def test_load__annotators_as_columns_are_proposed_and_confirmed(
    open_page: Open, root: Path, workspace: Workspace
) -> None:
    rows = "".join(f"{root.name} {i},cat,{'dog' if i == 1 else 'cat'},dog\n" for i in range(6))
    path = put(root, {"crowd.csv": "text,ann_1,ann_2,ann_3\n" + rows}) / "crowd.csv"
    app = at(open_page, path)
    assert "Columns ann_1, ann_2, ann_3 look like the labels of one annotator each" in said(app)
    assert "several annotators" not in said(app)  # nothing is done before somebody says so
    box(app, "l_form_").set_value("wide").run()
    assert box(app, "l_answers_wide_").value == ["ann_1", "ann_2", "ann_3"]
    assert "the given label is what most of them say" in said(app)
    assert box(app, "l_label_").value == "label"
    box(app, "l_consensus_").set_value("dawid_skene").run()
    assert "what Dawid-Skene makes of their answers" in said(app)
    box(app, "l_consensus_").set_value("majority").run()
    project = store(app, workspace, 6)
    assert project.dataset.given_labels().tolist() == ["cat", "dog", "cat", "cat", "cat", "cat"]
    assert project.source.format == "label_form"
    decided = Decision(
        project.name, project.dataset.row_ids[0], Action.RELABEL, "ann", "cat", root.name, "dog"
    )
    session.store().record([decided])
    card = open_page("issues", ds=project.name, row=str(project.dataset.row_ids[0]))
    assert "The given label has 67% of the votes." in words(card)
    app = open_page("export", ds=project.name)
    assert "1 row gets another label: every answer that gave the old one gives the new one." in words(app)
    next(b for b in app.button if b.label == "Write 1 change").click().run()
    assert "0 unexpected" in words(app)
    written = (workspace.exports(project.name) / "crowd.corrected.csv").read_text()
    assert written == path.read_text().replace("0,cat,cat,dog", "0,dog,dog,dog")


def test_load__a_record_for_each_answer(open_page: Open, root: Path, workspace: Workspace) -> None:
    rows = "".join(f"{i},{root.name} {i},{who},{'xy'[i % 2]}\n" for i in range(5) for who in ("bo", "eve"))
    path = put(root, {"long.csv": "id,text,worker,label\n" + rows}) / "long.csv"
    app = at(open_page, path)
    assert "id repeats, and worker looks like who labelled it" in said(app)
    assert "ids that occur more than once" in said(app) and analyse(app, 10).disabled
    box(app, "l_form_").set_value("long").run()
    assert [box(app, key).value for key in ("l_item_", "l_annotator_", "l_answer_")] == [
        "id",
        "worker",
        "label",
    ]
    project = store(app, workspace, 5)
    assert project.dataset.given_labels().tolist() == ["x", "y", "x", "y", "x"]
    assert project.dataset.row_ids.tolist() == ["0", "1", "2", "3", "4"]


def test_load__soft_labels(open_page: Open, root: Path, workspace: Workspace) -> None:
    rows = [{"text": f"{root.name} {i}", "soft_label": {"cat": 0.75, "dog": 0.25}} for i in range(5)]
    path = put(root, {"soft.jsonl": "\n".join(json.dumps(r) for r in rows)}) / "soft.jsonl"
    app = at(open_page, path)
    assert "soft_label looks like soft labels" in said(app)
    box(app, "l_form_").set_value("soft").run()
    assert "looks like" not in said(app)
    assert "the given label is that of the largest share" in said(app)
    assert store(app, workspace, 5).dataset.given_labels().tolist() == ["cat"] * 5


def test_load__what_cannot_be_is_said_and_nothing_is_stored(open_page: Open, root: Path) -> None:
    path = put(root, {"plain.csv": f"text,label\n{root.name},cat\nb,dog\n"}) / "plain.csv"
    app = at(open_page, path)
    assert "look like" not in said(app) and not analyse(app, 2).disabled
    box(app, "l_form_").set_value("soft").run()
    assert not app.exception and "choose the columns of shares" in said(app)
    box(app, "l_answers_soft_").set_value(["label"]).run()
    assert "the first cell holds no shares" in said(app)
    assert not [b for b in app.button if b.label.startswith("Analyse")]


def test_load__a_folder_of_splits(open_page: Open, root: Path, workspace: Workspace) -> None:
    files = {f"news/{s}.csv": f"text,label\n{root.name} {s},cat\n{s},dog\n" for s in ("train", "test")}
    app = at(open_page, put(root, files) / "news")
    assert box(app, "l_split_").value == "split"
    dataset = store(app, workspace, 4).dataset
    assert dataset.splits.tolist() == ["test", "test", "train", "train"]


def test_load__several_files_are_one_data_set(open_page: Open, root: Path, workspace: Workspace) -> None:
    app = open_page("load")
    app.button_group(key="l_way").set_value("Upload several files").run()
    files = [
        (f"{split}.csv", f"text,label\n{root.name} {split},cat\n{split},dog\n".encode(), "text/csv")
        for split in ("train", "test")
    ]
    app.file_uploader(key="l_files").set_value(files).run()
    dataset = store(app, workspace, 4).dataset
    assert dataset.name.startswith("splits")
    assert dataset.splits.tolist() == ["test", "test", "train", "train"]
    assert dataset.given_labels().tolist() == ["cat", "dog"] * 2
