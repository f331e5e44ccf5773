from __future__ import annotations

from itertools import groupby

import pandas as pd
import pytest

from core.review.decisions import Action, Decision
from core.review.people import Role
from core.review.store import Store
from core.workspace import Workspace
from pages.parts import session
from pages.parts.filters import ORDERS
from tests.core.test_picture_likeness import drawn, encoded, pictures
from tests.pages.conftest import HOSTILE, Open, likely, save, words
from tests.pages.test_overview import param


def listed(app) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    return app.dataframe[0].value


def test_issues__lists_the_flagged_rows_worst_first_and_opens_the_first(open_page: Open) -> None:
    app = open_page("issues", ds="pets")
    assert "**4 rows** match" in words(app)
    assert listed(app)["row"].tolist() == [5, 10, 17, 2]
    assert list(listed(app).columns) == [
        "row",
        "preview",
        "given",
        "suggested",
        "score",
        "why",
        "state",
        "reviewer",
    ]
    assert app.subheader[0].value == "Row 5"
    assert "text 4" in [t.value for t in app.text]


def test_issues__row_in_the_address_opens_its_card_also_when_it_is_not_listed(open_page: Open) -> None:
    assert open_page("issues", ds="pets", row="r9").subheader[0].value == "Row 10"
    app = open_page("issues", ds="pets", row="r0")
    assert app.subheader[0].value == "Row 1"
    assert "No check flags this row." in words(app) or "Near-duplicates" in words(app)


def test_issues__unknown_row_is_named(open_page: Open) -> None:
    app = open_page("issues", ds="pets", row="r99")
    assert app.warning[0].value == "Row r99 is not in this project."


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"given": "dog"}, 2),
        ({"given": "dog", "sug": "cat"}, 2),
        ({"given": "dog", "sug": "dog"}, 0),
        ({"cut": "0.95"}, 40),
        ({"q": "text 16"}, 1),
        ({"state": "decided"}, 0),
        ({"state": "undecided"}, 4),
        ({"find": "near_duplicates", "q": "no such text"}, 0),
    ],
)
def test_issues__filters_of_the_address(open_page: Open, params: dict[str, str], count: int) -> None:
    app = open_page("issues", ds="pets", **params)
    rows = "row" if count == 1 else "rows"
    assert f"**{count} {rows}** match" in words(app)
    assert bool(app.dataframe) == bool(count)


def test_issues__an_empty_result_counts_the_filters_and_clears_them(open_page: Open) -> None:
    app = open_page("issues", ds="pets", given="dog", sug="dog", row="r1")
    assert "No rows match these 2 filters." in words(app)
    next(b for b in app.button if b.label == "Clear filters").click().run()
    assert "**4 rows** match" in words(app)
    assert [param(app, n) for n in ("given", "sug", "row")] == [None, None, None]


def test_issues__a_filter_widget_writes_the_address_and_starts_at_the_first_page(open_page: Open) -> None:
    app = open_page("issues", ds="long", cut="1", page="2")
    app.selectbox(key="url_given").set_value("dog").run()
    assert param(app, "given") == "dog"
    assert param(app, "page") is None
    assert param(app, "cut") == "1"
    app.selectbox(key="url_given").set_value("").run()
    assert param(app, "given") is None


def test_issues__the_address_wins_over_the_widget(open_page: Open) -> None:
    app = open_page("issues", ds="pets", given="dog")
    assert app.selectbox(key="url_given").value == "dog"
    app.query_params["given"] = "cat"
    app.run()
    assert app.selectbox(key="url_given").value == "cat"
    assert set(listed(app)["given"]) == {"cat"}


def test_issues__a_hundred_rows_a_page(open_page: Open) -> None:
    app = open_page("issues", ds="long", cut="1", sort="row")
    assert listed(app)["row"].tolist() == list(range(1, 101))
    app = open_page("issues", ds="long", cut="1", sort="row", page="3")
    assert listed(app)["row"].tolist() == list(range(201, 301))
    assert "201 to 300 of 300" in words(app)
    assert listed(open_page("issues", ds="long", cut="1", sort="row", page="99"))["row"].tolist()[0] == 201


def test_issues__a_filter_that_means_nothing_is_named(open_page: Open) -> None:
    app = open_page("issues", ds="pets", cut="five")
    assert "is not a score" in app.warning[0].value.replace("\\", "")
    assert "**4 rows** match" in words(app)


def test_issues__shows_decision_annotator_and_history(open_page: Open, workspace: Workspace) -> None:
    store = Store(workspace.database_url)
    store.record([Decision("pets", "r4", Action.RELABEL, "Bea", "cat", "issues-1", label="dog")])
    try:
        app = open_page("issues", ds="pets")
        assert listed(app)["state"].tolist()[0] == "changed to dog"
        assert listed(app)["reviewer"].tolist()[0] == "Bea"
        said = words(app)
        assert "Decision: changed to dog, by Bea" in said
        assert "Bea: relabel to dog" in said
    finally:
        undo = Decision("pets", "r4", Action.UNDO, "Bea", "cat", "issues-2", undoes="issues-1")
        assert store.record([undo])[0].refused == ""
        store.close()


def test_issues__hostile_labels_and_text_stay_text(open_page: Open) -> None:
    app = open_page("issues", ds="hostile")
    assert set(listed(app)["given"]) <= set(HOSTILE)
    for value in [m.value for m in app.markdown] + [b.label for b in app.button]:
        assert "<b>cat" not in value
        assert "![i](" not in value
        assert "www.evil" not in value.replace("\\", "")


@pytest.mark.parametrize("dataset", ["one-row", "no-predictions", "no-labels", "clean"])
def test_issues__edge_cases_do_not_break(open_page: Open, dataset: str) -> None:
    assert open_page("issues", ds=dataset).title[0].value == "Issues"


def test_issues__not_analysed_offers_the_analysis(open_page: Open) -> None:
    assert "Analyse 42 rows" in words(open_page("issues", ds="not-analysed"))


def test_issues__nothing_flagged_says_how_near_and_shows_all(open_page: Open) -> None:
    app = open_page("issues", ds="clean")
    assert "Label errors: no rows found. Lowest score: 0.90." in words(app)
    next(b for b in app.button if b.label.startswith("Show all 40 rows")).click().run()
    assert "**40 rows** match" in words(app)
    assert param(app, "cut") == "1.0"


def orders(app) -> list[str]:  # type: ignore[no-untyped-def]
    return app.selectbox(key="url_sort").options


def test_issues__offers_the_orders_that_the_data_set_can_have(open_page: Open) -> None:
    near, benchmark = ORDERS["near"][0], ORDERS["benchmark"][0]  # that one takes a second model
    names = [name for name, _ in ORDERS.values() if name not in (near, benchmark)]
    assert orders(open_page("issues", ds="pets")) == names
    assert near in orders(open_page("issues", ds="pets", like="r1"))
    unchecked = {"Class by class", "Most errors per minute"}
    assert orders(open_page("issues", ds="no-labels")) == [n for n in names if n not in unchecked]
    without = open_page("issues", ds="no-predictions")
    unchecked = {"Cluster by cluster", "Most errors per minute"}
    assert orders(without) == [n for n in names if n not in unchecked]
    help_text = without.selectbox(key="url_sort").help
    assert "**Most errors per minute**: not for this data set: its labels have not been checked." in help_text
    assert "**Cluster by cluster**: not for this data set: it has no embeddings." in help_text
    assert "**Random audit**: Every row that the filters leave" in help_text
    assert near not in help_text and benchmark not in help_text


def test_issues__an_order_is_chosen_and_explained(open_page: Open) -> None:
    app = open_page("issues", ds="pets")
    assert "**Most informative.**" not in words(app)
    app.selectbox(key="url_sort").set_value("informative").run()
    assert param(app, "sort") == "informative"
    assert "**Most informative.** Of these rows, those that the checks disagree about" in words(app)
    assert sorted(listed(app)["row"]) == [2, 5, 10, 17]


def test_issues__random_audit_is_over_every_row_that_the_filters_leave(open_page: Open) -> None:
    app = open_page("issues", ds="pets", sort="random")
    assert "**40 rows** match" in words(app)
    assert "flagged or not" in words(app)
    every = listed(app)["row"].tolist()
    assert every != sorted(every)
    cats = listed(open_page("issues", ds="pets", sort="random", given="cat"))["row"].tolist()
    assert cats == [row for row in every if row % 2 == 1]


def test_issues__clear_filters_keeps_the_order(open_page: Open) -> None:
    app = open_page("issues", ds="pets", given="dog", sort="random")
    next(b for b in app.button if b.label == "Clear filters").click().run()
    assert [param(app, n) for n in ("given", "sort")] == [None, "random"]


def test_issues__nothing_flagged_offers_an_audit(open_page: Open) -> None:
    app = open_page("issues", ds="clean")
    next(b for b in app.button if b.label == "Audit random rows").click().run()
    assert "**40 rows** match" in words(app)
    assert param(app, "sort") == "random"


def test_issues__clusters_are_found_beside_the_page(open_page: Open) -> None:
    app = open_page("issues", ds="long", sort="cluster")
    if not app.dataframe:  # on a fast machine they are there before the page is drawn
        assert "Putting 300 rows into clusters." in words(app)
    job = session.jobs().get("clusters of long")
    assert job is not None
    assert job.wait(60)
    assert job.state == "done"
    app.run()
    assert "**Cluster by cluster.**" in words(app)
    assert listed(app).columns[1] == "cluster"
    found = listed(app)["cluster"].tolist()
    assert len(list(groupby(found))) == len(set(found))


def test_issues__cancelled_clusters_are_not_started_again_by_themselves(open_page: Open) -> None:
    def stop(progress) -> None:  # type: ignore[no-untyped-def]
        progress.cancel()
        progress.report(0)

    assert session.jobs().start("clusters of clean", stop).wait(10)
    app = open_page("issues", ds="clean", sort="cluster")
    assert "Cancelled. Nothing changed." in words(app)
    again = next(b for b in app.button if b.label == "Find the clusters")
    assert session.jobs().get("clusters of clean").state == "cancelled"  # type: ignore[union-attr]
    again.click().run()
    assert session.jobs().get("clusters of clean").wait(60)  # type: ignore[union-attr]
    app.run()
    assert "no rows found" in words(app)


def test_issues__clusters_without_embeddings_say_so_and_offer_another_order(open_page: Open) -> None:
    app = open_page("issues", ds="no-predictions", sort="cluster")
    assert "Cluster by cluster needs embeddings, and this data set has none." in words(app)
    assert app.selectbox(key="url_sort").value == "cluster"
    next(b for b in app.button if b.label == "Show worst first").click().run()
    assert param(app, "sort") is None


def test_issues__a_view_is_saved_opened_and_removed(open_page: Open) -> None:
    app = open_page("issues", ds="pets", given="dog")
    app.text_input(key="view_name").set_value("Dogs :red[now]")
    app.button(key="view_save").click().run()
    app = open_page("issues", ds="pets", q="text")
    app.button(key="view_open_0").click().run()
    assert (param(app, "given"), param(app, "q")) == ("dog", None)
    app.button(key="view_off_0").click().run()
    assert not [b for b in open_page("issues", ds="pets").button if b.key == "view_open_0"]


def test_issues__a_view_needs_a_name(open_page: Open) -> None:
    app = open_page("issues", ds="pets", given="dog")
    app.button(key="view_save").click().run()
    assert "a view needs a name" in app.warning[0].value


def test_issues__says_how_many_rows_each_choice_leaves(open_page: Open) -> None:
    app = open_page("issues", ds="pets")
    assert app.selectbox(key="url_given").options == ["any", "cat · 2", "dog · 2"]
    assert "undecided · 4" in app.selectbox(key="url_state").options
    app = open_page("issues", ds="pets", given="cat")
    assert app.selectbox(key="url_sug").options == ["any", "dog · 2", "cat · 0"]


def test_issues__rows_like_a_pasted_text(open_page: Open) -> None:
    app = open_page("issues", ds="pets")
    app.text_area(key="about_text").set_value("text 7").run()
    app.button(key="about_find").click().run()
    assert not app.exception
    assert (param(app, "about"), param(app, "sort")) == ("text:text 7", "near")
    assert app.button(key="off_about").label.startswith("Like the text “text 7”")
    assert app.dataframe[0].value.index[0] == "r7"


@pytest.fixture
def shapes(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    if "shapes" not in workspace.names():
        dataset = pictures(tmp_path_factory.mktemp("shapes") / "pictures")
        save(workspace, dataset, likely(dataset.labels.tolist(), {1, 4}))
    return "shapes"


def test_issues__rows_like_an_uploaded_picture(open_page: Open, workspace: Workspace, shapes: str) -> None:
    app = open_page("issues", ds=shapes)
    copy = encoded(drawn(7).crop((2, 3, 94, 95)), "JPEG", quality=50).getvalue()
    app.file_uploader(key="about_picture").upload("mine.jpg", copy, "image/jpeg").run()
    app.button(key="picture_find").click().run()
    about = param(app, "about")
    assert about is not None and about.startswith("picture:") and param(app, "sort") == "near"
    job = session.jobs().get(f"likeness {about.removeprefix('picture:')} of shapes")
    assert job is not None and job.wait(60) and job.state == "done", job
    app = open_page("issues", ds=shapes, about=about, sort="near")
    assert app.button(key="off_about").label == "Like an uploaded picture"
    rows = list(app.dataframe[0].value.index)
    assert rows[0] == "r7" and len(rows) == 40
    said = words(app)
    assert "not by the embeddings of this data set" in said and "no model here made them" in said
    assert "Choose a given label to see the 100 nearest of that class." in said
    app = open_page("issues", ds=shapes, about=about, sort="near", given="dog")
    assert list(app.dataframe[0].value.index) == [row for row in rows if int(row[1:]) % 2]
    assert "The 100 nearest of the rows labelled dog." in words(app)


def test_issues__an_upload_that_is_no_picture(open_page: Open, shapes: str) -> None:
    app = open_page("issues", ds=shapes)
    app.file_uploader(key="about_picture").upload("<b>odd</b>.png", b"<svg/>", "image/png").run()
    app.button(key="picture_find").click().run()
    assert not app.exception
    assert "not a picture of a known format" in app.error[0].value and "<b>" not in app.error[0].value
    assert param(app, "about") is None


def test_issues__a_picture_that_is_not_kept_any_more(open_page: Open, shapes: str) -> None:
    app = open_page("issues", ds=shapes, about="picture:" + "0" * 32, sort="near")
    assert "is not kept any more" in app.warning[0].value
    app.button(key="picture_off").click().run()
    assert (param(app, "about"), param(app, "sort")) == (None, None)
    app = open_page("issues", ds="pets", about="picture:" + "0" * 32)
    assert "these rows have none" in app.warning[0].value


def test_issues__who_may_not_load_data_is_offered_no_upload(
    open_page: Open, shapes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "can", lambda least: least < Role.OWNER)
    assert not open_page("issues", ds=shapes).get("file_uploader")
