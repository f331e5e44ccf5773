from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.settings import Settings
from core.workspace import Workspace, shared_workspace
from pages.parts import sign_in
from tests.conftest import make_dataset
from tests.pages.conftest import FRAME, likely, save, words

ROOT = Path(__file__).parents[2]
Visit = Callable[..., AppTest]


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Opens a page in a new tab of a workspace where nobody has given a name."""
    labels = [0, 1] * 20
    save(Workspace(Settings(tmp_path, (tmp_path,), "", "")), make_dataset(labels), likely(labels, {1, 4}))
    monkeypatch.setenv("LABELMEND_WORKSPACE", str(tmp_path))
    monkeypatch.delenv("LABELMEND_ANNOTATOR", raising=False)
    monkeypatch.setattr(sign_in, "os_user", lambda: "os user")
    shared_workspace.cache_clear()

    def opened(page: str) -> AppTest:
        app = AppTest.from_file(str(FRAME), default_timeout=60)
        app.query_params["ds"] = "pets"
        app.run()
        if page != "overview":
            app.switch_page(f"{page}.py")
            app.query_params["ds"] = "pets"
            app.run()
        assert not app.exception, [e.message for e in app.exception]
        return app

    yield opened
    shared_workspace.cache_clear()


def name_field(app: AppTest) -> list[str]:
    return [field.value for field in app.text_input if field.label == "Your name"]


def surface(app: AppTest) -> bool:
    return bool(app.get("bidi_component"))


def test_name__is_asked_where_somebody_decides_and_not_before(visit: Visit, tmp_path: Path) -> None:
    first = visit("overview")
    assert name_field(first) == []
    assert "You are" not in words(first)
    app = visit("review")
    assert (name_field(app), surface(app)) == (["os user"], False)
    next(f for f in app.text_input if f.label == "Your name").set_value("  Ana\n")
    next(b for b in app.button if b.label == "Start reviewing").click().run()
    assert (name_field(app), surface(app)) == ([], True)
    assert json.loads((tmp_path / "annotator.json").read_text()) == {"name": "Ana"}


def test_name__chosen_last_is_the_next_tabs_and_each_tab_keeps_its_own(visit: Visit) -> None:
    app = visit("review")
    next(b for b in app.button if b.label == "Start reviewing").click().run()
    other = visit("review")
    assert surface(other)
    next(f for f in other.text_input if f.label.startswith("Your name,")).set_value("Bo").run()
    assert [f.value for f in other.text_input if f.label.startswith("Your name,")] == ["Bo"]
    app.run()
    assert [f.value for f in app.text_input if f.label.startswith("Your name,")] == ["os user"]
    third = visit("overview")
    assert [f.value for f in third.text_input if f.label.startswith("Your name,")] == ["Bo"]


def test_name__an_empty_one_is_refused(visit: Visit) -> None:
    app = visit("review")
    next(f for f in app.text_input if f.label == "Your name").set_value(" \u200b ")
    next(b for b in app.button if b.label == "Start reviewing").click().run()
    assert "no name was given" in words(app)
    assert not surface(app)


def test_name__asked_in_each_tab_where_a_network_is_let_in(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABELMEND_LET_ANYONE_ON_THE_NETWORK_IN", "1")
    app = visit("review")
    next(b for b in app.button if b.label == "Start reviewing").click().run()
    assert surface(app)
    assert not surface(visit("review"))


def test_first_screen__does_not_load_the_database() -> None:
    code = "import sys, pages.parts.sidebar; raise SystemExit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0
