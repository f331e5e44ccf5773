from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from core.data_map import draw_map
from core.predictions import Predictions
from core.progress import Progress
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.core.methods.identities import planted
from tests.pages.conftest import HOSTILE, Open, save, words
from tests.pages.test_overview import param


@pytest.fixture
def drawn(workspace: Workspace) -> Iterator[Workspace]:
    for name in ("pets", "hostile", "one-row", "no-labels", "not-analysed"):
        draw_map(workspace, workspace.open(name), "near", Progress())
    yield workspace


def chart(app) -> dict:  # type: ignore[no-untyped-def, type-arg]
    return json.loads(app.get("plotly_chart")[0].proto.spec)


def test_explore__draws_every_row_and_colours_the_flagged(open_page: Open, drawn: Workspace) -> None:
    app = open_page("explore", ds="pets")
    traces = chart(app)["data"]
    assert [(t["name"], len(t["x"])) for t in traces] == [("not flagged", 36), ("flagged", 4)]
    assert traces[1]["text"][0].startswith("row 2<br>labelled dog<br>looks like cat<br>text 1")


@pytest.mark.parametrize(
    ("colour", "names"),
    [
        ("given", ["cat", "dog"]),
        ("suggested", ["none", "cat", "dog"]),
        ("decision", ["undecided"]),
        ("gone", ["not flagged", "flagged"]),
    ],
)
def test_explore__colours(open_page: Open, drawn: Workspace, colour: str, names: list[str]) -> None:
    app = open_page("explore", ds="pets", x_colour=colour)
    assert [t["name"] for t in chart(app)["data"]] == names


def test_explore__an_area_is_a_queue(open_page: Open, drawn: Workspace) -> None:
    app = open_page("explore", ds="pets", area="near:-1,-1 1,1")
    assert app.subheader[0].value == "40 rows chosen"
    assert "4 of them flagged. Labelled cat 20, dog 20." in words(app)
    app.button(key="area_flagged").click().run()
    app = open_page("issues", ds="pets", area="near:-1,-1 1,1")
    assert "**4 rows** match" in words(app)
    assert any(b.label == "An area of the map" for b in app.button)


def test_explore__an_area_without_rows(open_page: Open, drawn: Workspace) -> None:
    app = open_page("explore", ds="pets", area="near:5,5 6,6")
    assert app.subheader[0].value == "0 rows chosen"


@pytest.mark.parametrize("name", ["one-row", "no-labels", "not-analysed"])
def test_explore__odd_data_sets(open_page: Open, drawn: Workspace, name: str) -> None:
    assert chart(open_page("explore", ds=name))["data"]


def test_explore__without_embeddings_says_so(open_page: Open) -> None:
    app = open_page("explore", ds="no-predictions")
    assert "A map needs embeddings, and this data set has none." in words(app)
    assert any(b.label.startswith("Train a baseline") for b in app.button)


def test_explore__names_are_shown_as_they_are(open_page: Open, drawn: Workspace) -> None:
    traces = chart(open_page("explore", ds="hostile", x_colour="given"))["data"]
    assert all("<b>" not in t["name"] for t in traces)
    assert HOSTILE[0][:3] == "<b>"


def test_explore__the_row_of_the_address_has_its_card(open_page: Open, drawn: Workspace) -> None:
    app = open_page("explore", ds="pets", row="r9")
    assert app.subheader[0].value == "Row 10"


def test_issues__a_place_can_be_taken_off(open_page: Open, drawn: Workspace) -> None:
    app = open_page("issues", ds="pets", where="label=cat", like="r1")
    app.button(key="off_where").click().run()
    assert (param(app, "where"), param(app, "like")) == (None, "r1")


def test_explore_classes__classes_that_may_be_one_are_merged_or_kept_apart(
    open_page: Open, workspace: Workspace
) -> None:
    people = planted(0.8, people=24, each=6, splits=1, wrong=0)
    names = tuple(f"person {code}" for code in range(25))
    save(
        workspace,
        make_dataset(people.labels.tolist(), names, "people"),
        Predictions("m", None, people.embeddings),
    )
    app = open_page("explore", ds="people", view="classes")
    assert "3 rows of classes that look like a larger one." in words(app)
    app.button(key="judge_different_class_0").click().run()
    said = words(app)
    assert "0 rows of classes that look like a larger one." in said and "are not the same." in said
    next(b for b in app.button if b.label == "Undo").click().run()
    assert "3 rows of classes that look like a larger one." in words(app)
    app.button(key="merge_0").click().run()
    assert len(session.desk().classes("people").names) == 24
    assert "All of them are settled." in words(app)
