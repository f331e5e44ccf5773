"""A page that needs the result of long work: progress while it runs, the result, the error, the cancelled."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.workspace import Workspace
from pages.parts import waiting
from tests.pages.conftest import words

GO = threading.Event()


def page() -> None:
    import streamlit as st

    from core.errors import InputError, refuse
    from core.progress import Progress
    from pages.parts.waiting import result_of
    from tests.pages import test_waiting

    how = st.query_params["how"]

    def make(progress: Progress) -> str:
        progress.report(0.4, "Reading rows")
        while how == "slow" and not test_waiting.GO.wait(0.02):
            progress.report(0.5, "Reading rows")
        if how == "refused":
            raise refuse("no such thing")
        if how == "broken":
            raise ValueError("secret")
        return "the result"

    try:
        st.text(result_of("Reading x.csv", how, make))
    except InputError as error:
        st.text(f"refused: {error}")


@pytest.fixture(autouse=True)
def nothing_started(workspace: Workspace) -> Iterator[None]:
    GO.clear()
    waiting._started.clear()
    yield
    GO.set()


def run(how: str, patience: float, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(waiting, "SOON_S", patience)
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params["how"] = how
    return app.run()


def test_result_of__shows_progress_and_ends_the_page_until_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = run("slow", 0.3, monkeypatch)
    assert "the result" not in words(app)
    assert [b.label for b in app.button] == ["Cancel"]
    GO.set()
    monkeypatch.setattr(waiting, "SOON_S", 60)
    assert "the result" in words(app.run())


def test_result_of__cancelled_goes_on_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    app = run("slow", 0.3, monkeypatch)
    monkeypatch.setattr(waiting, "SOON_S", 60)
    app.button[0].click().run()
    assert "Cancelled. Nothing is stored" in words(app)
    assert "Cancelled" in words(app.run())  # and stays so
    GO.set()
    app.button[0].click().run()
    assert "the result" in words(app)


def test_result_of__refused_and_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "refused: no such thing" in words(run("refused", 60, monkeypatch))
    app = run("broken", 60, monkeypatch)
    assert "the log has it" in app.error[0].value and "ValueError" in app.error[0].value
    assert "secret" not in words(app)
    assert [b.label for b in app.button] == ["Try again"]
