from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.decision_files import read_patch
from core.loading import Prepared
from core.predictions import Predictions
from core.reading import read_table
from core.review.decisions import Action, Decision
from core.review.store import shared_store
from core.workspace import Workspace, shared_workspace
from tests.conftest import make_dataset
from tests.pages.conftest import Open, save, words


def verdict(dataset: str, row: int, who: str, given: str, label: str | None) -> Decision:
    action = Action.KEEP if label is None else Action.RELABEL
    return Decision(dataset, f"r{row}", action, who, given, f"{dataset}-{row}-{who}", label)


def test_export__asks_for_a_policy_where_annotators_differ(open_page: Open, workspace: Workspace) -> None:
    store, data = shared_store(workspace.database_url), "not-analysed"
    store.record([verdict(data, 2, "ann", "cat", "dog")])
    app = open_page("export", ds=data)
    assert [box.label for box in app.selectbox if box.key == "url_policy"] == []
    assert "1 of 126 cells change." in words(app)
    store.record([verdict(data, 0, who, "cat", label) for who, label in (("ann", "dog"), ("bob", None))])
    store.record([verdict(data, 0, "cyd", "cat", "dog")])
    app = open_page("export", ds=data)
    box = app.selectbox(key="url_policy")
    assert box.label == "1 row on which annotators differ"
    assert box.options[0] == "Agreed only: Rows on which annotators differ stay as given."
    assert "1 row on which annotators differ stays as given." in words(app)
    table = app.dataframe[0].value
    assert table[["row", "decided by", "how"]].values.tolist() == [[3, "ann", "1 annotator"]]
    app = open_page("export", ds=data, policy="majority")
    table = app.dataframe[0].value
    assert table[["row", "decided by", "how"]].values.tolist() == [
        [1, "cyd", "2 of 3 annotators"],
        [3, "ann", "1 annotator"],
    ]
    assert "stays as given" not in words(app)
    assert open_page("export", ds=data, policy="nonsense").selectbox(key="url_policy").value == "agreed"


def test_export__offers_the_decisions_as_a_patch(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path))  # one without other tests' decisions
    shared_workspace.cache_clear()
    workspace = shared_workspace()
    save(workspace, make_dataset([0, 1] * 20), Predictions(), analyse=False)
    shared_store(workspace.database_url).record([verdict("pets", 2, "ann", "cat", "dog")])
    app = open_page("export", ds="pets")
    next(b for b in app.button if b.label == "Make a patch of the decisions").click().run()
    assert not app.exception
    assert [box.value.replace("\\", "") for box in app.success] == ["pets.decisions.jsonl: 1 event in force"]
    assert any("/pets.decisions.jsonl?token=" in link.proto.url for link in app.get("link_button"))
    patch = read_patch(workspace.exports("pets") / "pets.decisions.jsonl")
    assert list(patch.keys) == ["r2"]
    assert [(d.row_id, d.label) for d in patch.events] == [("r2", "dog")]


def test_export__writes_the_papers_for_the_record(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path))
    shared_workspace.cache_clear()
    workspace = shared_workspace()
    save(workspace, make_dataset([0, 1] * 20), Predictions(), analyse=False)
    path = tmp_path / "pets.csv"
    path.write_text(
        "id,text,label\n" + "".join(f"r{i},text {i},{'dog' if i % 2 else 'cat'}\n" for i in range(40))
    )
    prepared = Prepared(workspace.open("pets").dataset, Predictions(), read_table(path).source, ())
    workspace.save(prepared)
    shared_store(workspace.database_url).record([verdict("pets", 2, "ann@x.org", "cat", "dog")])
    app = open_page("export", ds="pets")
    app.button(key="x_record").click().run()
    assert not app.exception
    assert downloads(app) == ["README.md", "report.html"]
    assert "No Croissant metadata: they describe the written file." in words(app)
    next(b for b in app.button if b.label == "Write 1 change").click().run()
    app.toggle(key="x_names").set_value(True)
    app.button(key="x_record").click().run()
    assert not app.exception
    written = [f"pets.corrected.{end}" for end in ("csv", "changes.csv", "changes.json", "summary.json")]
    assert downloads(app) == [*written, "README.md", "metadata.json", "report.html"]
    assert [box.value.replace("\\", "")[:20] for box in app.success] == ["pets.corrected.csv: "]
    next(b for b in app.button if b.label == "Make a patch of the decisions").click().run()
    kept = downloads(app)
    assert kept == [*written, "pets.decisions.jsonl", "README.md", "metadata.json", "report.html"]
    app.button_group(key="x_excluded").set_value("mark").run()  # the file would be another one now
    assert downloads(app) == ["pets.decisions.jsonl"]
    app.button_group(key="x_excluded").set_value("drop").run()
    assert downloads(app) == kept
    card = (workspace.exports("pets") / "README.md").read_text(encoding="utf-8")
    assert "1 row of 40 decided by 1 annotator; 1 label changed." in card
    assert "| `ann@x.org` | 1 |" in card
    assert "`pets.corrected.csv`" in card


def test_export__what_was_written_goes_with_the_next_decision(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path))
    shared_workspace.cache_clear()
    workspace = shared_workspace()
    save(workspace, make_dataset([0, 1] * 20), Predictions(), analyse=False)
    store = shared_store(workspace.database_url)
    store.record([verdict("pets", 2, "ann", "cat", "dog")])
    app = open_page("export", ds="pets")
    next(b for b in app.button if b.label == "Make a patch of the decisions").click().run()
    assert downloads(app) == ["pets.decisions.jsonl"]
    store.record([verdict("pets", 4, "ann", "cat", "dog")])
    assert downloads(app.run()) == []


def downloads(app: AppTest) -> list[str]:
    """The files that the page offers."""
    return [link.proto.url.split("?")[0].rsplit("/", 1)[1] for link in app.get("link_button")]


def test_export__splits_are_asked_for_only_where_there_are_some(open_page: Open) -> None:
    assert [m.label for m in open_page("export", ds="pets").multiselect] == []
