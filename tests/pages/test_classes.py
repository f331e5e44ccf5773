from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from core.review.decisions import Action
from core.review.store import shared_store
from core.workspace import Workspace
from pages.parts import session
from tests.pages.conftest import Open, words


def press(app: AppTest, label: str) -> AppTest:
    [button] = [b for b in app.button if b.label == label]
    button.click().run()
    assert not app.exception
    return app


def test_classes__add_rename_and_undo(open_page: Open, workspace: Workspace) -> None:
    app = open_page("team", ds="no-predictions", tab="classes")
    assert app.dataframe[0].value.values.tolist() == [["cat", 20, 0], ["dog", 20, 0]]
    app.text_input(key="class_add_0").set_value(" Cat").run()
    assert "'Cat' differs from the class 'cat' only in case or spaces." in words(app)
    app.text_input(key="class_add_0").set_value("  gold   fish ").run()
    press(app, "Add gold fish")
    assert app.dataframe[0].value["class"].tolist() == ["cat", "dog", "gold fish"]
    app.button_group(key="class_kind").set_value("rename").run()
    app.selectbox(key="class_rename_1_old").set_value("dog")
    app.text_input(key="class_rename_1").set_value("hound").run()
    assert "20 rows given and 0 decisions get the new name." in words(app)
    assert "20 label cells will differ from your file." in words(app)
    press(app, "Rename dog to hound")
    assert app.dataframe[0].value["class"].tolist() == ["cat", "hound", "gold fish"]
    assert app.dataframe[0].value["in the data as"].tolist() == ["", "dog", ""]
    events = shared_store(workspace.database_url).events("no-predictions")
    assert [e.details for e in events] == [
        {"add": "gold fish", "given": 0, "decided": 0},
        {"rename": "dog", "to": "hound", "given": 20, "decided": 0},
    ]
    undo = next(b for b in app.button if b.key == f"undo_{events[1].op_id}")
    undo.click().run()
    assert app.dataframe[0].value["class"].tolist() == ["cat", "dog", "gold fish"]
    assert "class dog renamed to hound, undone" in words(app)
    assert shared_store(workspace.database_url).events("no-predictions")[-1].action is Action.UNDO


def test_classes__hostile_names_are_shown_as_they_are(open_page: Open) -> None:
    app = open_page("team", ds="one-row", tab="classes")
    app.text_input(key="class_add_0").set_value("**b** <i>:red[x]").run()
    assert any(b.label == f"Add {session.escape('**b** <i>:red[x]')}" for b in app.button)


def test_classes__an_annotator_can_only_look(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.review.people import Role

    monkeypatch.setattr(session, "role", lambda: Role.ANNOTATOR)
    app = open_page("team", ds="pets", tab="classes")
    assert "An adjudicator or an owner can add, rename and merge classes." in words(app)
    assert [box.key for box in app.text_input if str(box.key).startswith("class_")] == []
