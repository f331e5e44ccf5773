from __future__ import annotations

import pandas as pd
import pytest

from core.review.decisions import Action, Decision
from core.review.store import Store
from core.workspace import Workspace
from tests.pages.conftest import HOSTILE, Open, words
from tests.pages.test_overview import param


def listed(app) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    return app.dataframe[0].value


def test_issues__lists_the_flagged_rows_worst_first_and_opens_the_first(open_page: Open) -> None:
    app = open_page("issues", ds="pets")
    assert "**4 rows** match" in words(app)
    assert listed(app)["row"].tolist() == [2, 5, 10, 17]
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
    assert app.subheader[0].value == "Row 2"
    assert "text 1" in [t.value for t in app.text]


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
    store.record([Decision("pets", "r1", Action.RELABEL, "Bea", "dog", "issues-1", label="cat")])
    try:
        app = open_page("issues", ds="pets")
        assert listed(app)["state"].tolist()[0] == "changed to cat"
        assert listed(app)["reviewer"].tolist()[0] == "Bea"
        said = words(app)
        assert "Decision: changed to cat, by Bea" in said
        assert "Bea: relabel to cat" in said
    finally:
        undo = Decision("pets", "r1", Action.UNDO, "Bea", "dog", "issues-2", undoes="issues-1")
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
