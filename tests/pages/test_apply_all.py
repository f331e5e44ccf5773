from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.review.claims import Claims
from core.review.decisions import Action, Decision
from core.review.people import Role
from core.review.store import Store
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.pages.conftest import HOSTILE, Open, likely, save, words

Make = Callable[..., str]


@pytest.fixture
def make(workspace: Workspace) -> Make:
    """Puts a data set of the test's own into the workspace, and returns its name: cat, dog, cat, dog, ...

    Results are found by content: no other data set of these tests has as many rows.
    """

    def made(n: int, wrong: set[int], classes: tuple[str, ...] = ("cat", "dog")) -> str:
        name = f"own-{uuid.uuid4().hex[:8]}"
        labels = [i % 2 for i in range(n)]
        save(workspace, make_dataset(labels, classes, name), likely(labels, wrong))
        return name

    return made


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    made = Store(workspace.database_url)
    yield made
    made.close()


def press(app: AppTest, label: str) -> AppTest:
    next(b for b in app.button if b.label == label).click()
    app.run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def opened(app: AppTest, verdict: tuple[Action, str | None] | None = None, number: str = "") -> AppTest:
    """The dialog with these entries. A run of the test framework is of the whole page: it opens it anew."""
    if verdict is not None:
        app.selectbox(key="apply_all_verdict").set_value(verdict)
    if number:
        app.text_input(key="apply_all_number").set_value(number)
    return press(app, next(b.label for b in app.button if b.label.startswith("Apply to all")))


def button(app: AppTest, label: str) -> bool:
    """Whether the button is there and can be pressed."""
    return any(b.label == label and not b.disabled for b in app.button)


def in_force(store: Store, name: str) -> dict[str, tuple[str, str | None]]:
    return {r: (str(d.action), d.label) for r, d in store.in_force(name).items()}


def test_apply_all__previewed_applied_and_undone(open_page: Open, make: Make, store: Store) -> None:
    name = make(61, {1, 4, 9, 16})
    app = press(open_page("issues", ds=name), "Apply to all 4")
    assert "**Change 4 rows to the label suggested for each.**" in words(app)
    assert "All of them:" in words(app)
    examples = app.dataframe[-1].value
    assert {r["row"]: (r["given"], r["new"]) for _, r in examples.iterrows()} == {
        2: ("dog", "cat"),
        5: ("cat", "dog"),
        10: ("dog", "cat"),
        17: ("cat", "dog"),
    }
    assert store.events(name) == []
    app = press(app, "Change 4 rows")
    assert in_force(store, name) == {
        "r1": ("relabel", "cat"),
        "r4": ("relabel", "dog"),
        "r9": ("relabel", "cat"),
        "r16": ("relabel", "dog"),
    }
    assert len(store.events(name)) == 1
    assert "Your last step: 4 rows changed." in words(app)
    app = press(app, "Undo")
    assert in_force(store, name) == {}
    assert "Your last step" not in words(app)


def test_apply_all__counts_what_is_left_alone(open_page: Open, make: Make, store: Store) -> None:
    name = make(63, {1, 4, 9, 16, 20})
    store.record([Decision(name, "r1", Action.KEEP, "bob", "dog", "1")])
    Claims(store.database).take(name, "bob", ["r9"])
    app = press(open_page("issues", ds=name), "Apply to all 5")
    assert "**Change 3 rows from cat to dog.**" in words(app)
    assert "1 already decided: left alone.\n1 held by others: left alone." in words(app)
    app = opened(app, (Action.RELABEL, "cat"))
    assert "**No row would change.**" in words(app)
    assert "3 already labelled cat: left alone." in words(app)
    assert not button(app, "Change 0 rows")
    app = press(opened(app, (Action.EXCLUDE, None)), "Exclude 3 rows")
    assert in_force(store, name) == {
        "r1": ("keep", None),
        "r4": ("exclude", None),
        "r16": ("exclude", None),
        "r20": ("exclude", None),
    }


def test_apply_all__decided_between_preview_and_click(open_page: Open, make: Make, store: Store) -> None:
    name = make(65, {1, 4, 9})
    app = press(open_page("issues", ds=name), "Apply to all 3")
    store.record([Decision(name, "r4", Action.KEEP, "bob", "cat", f"bob-{name}")])
    app = press(app, "Change 3 rows")
    assert in_force(store, name) == {
        "r4": ("keep", None),
        "r1": ("relabel", "cat"),
        "r9": ("relabel", "cat"),
    }
    (toast,) = app.toast
    assert toast.value.replace("\\", "") == (
        "2 rows changed. 1 already decided, 1 of them since you looked: left alone."
    )


def test_apply_all__back_stores_nothing(open_page: Open, make: Make, store: Store) -> None:
    name = make(67, {1, 4})
    app = press(press(open_page("issues", ds=name), "Apply to all 2"), "Back")
    assert store.events(name) == []
    assert not button(app, "Change 2 rows")


def test_apply_all__above_a_thousand_rows_the_number_is_typed(
    open_page: Open, make: Make, store: Store
) -> None:
    name = make(1001, {1})
    app = press(open_page("issues", ds=name, cut="1"), "Apply to all 1,001")
    app = opened(app, (Action.KEEP, None))
    assert "24 random examples:" in words(app)
    assert not button(app, "Keep 1,001 rows")
    assert not button(opened(app, number="1000"), "Keep 1,001 rows")
    app = press(opened(app, number="1,001"), "Keep 1,001 rows")
    assert len(in_force(store, name)) == 1001


def test_apply_all__a_viewer_is_not_offered_it(
    open_page: Open, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make(69, {1, 4})
    monkeypatch.setattr(session, "role", lambda: Role.VIEWER)
    app = open_page("issues", ds=name)
    assert "**2 rows** match" in words(app)
    assert not [b.label for b in app.button if "Apply" in b.label]


def test_apply_all__shows_hostile_labels_as_they_are(open_page: Open, make: Make, store: Store) -> None:
    name = make(71, {4}, HOSTILE)
    app = press(open_page("issues", ds=name), "Apply to all 1")
    (said,) = [m.value for m in app.markdown if "Change 1 row" in m.value]
    assert said == f"**Change 1 row from {session.escape(HOSTILE[0])} to {session.escape(HOSTILE[1])}.**"
    app = press(app, "Change 1 row")
    assert in_force(store, name) == {"r4": ("relabel", HOSTILE[1])}
