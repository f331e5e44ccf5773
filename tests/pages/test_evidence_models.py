from __future__ import annotations

from dataclasses import replace

import pytest

from core.audit import run_audit
from core.benchmark_review import REST, bench, rows_of
from core.model_store import add_model
from core.review.decisions import Decision
from core.workspace import Workspace
from pages.parts import session
from tests.core.benchmarks import model, noisy, stored, verdict
from tests.pages.conftest import Open, words


def read(workspace: Workspace, name: str, rows: int) -> list[Decision]:
    """Verdicts on the first rows of the benchmark queue of the test split."""
    dataset = workspace.open(name).dataset
    turn = bench(workspace, workspace.open(name)).turn
    some = rows_of(dataset, "test").nonzero()[0]
    return [verdict(dataset, int(p)) for p in some[turn[some].argsort(kind="stable")][:rows]]


def test_models__before_a_review_says_how_many_rows_it_takes(open_page: Open, workspace: Workspace) -> None:
    stored(workspace, noisy())
    app = open_page("evidence", ds="bench", tab="models")
    said = words(app)
    assert (
        "Nothing is known of corrected labels: it takes at least 50 rows read, 10 of them rows that" in said
    )
    assert "none is read yet." in said
    assert "rows more bring it to ± 1 point (a guess until more is read)." in said
    assert app.dataframe[0].value["model"].tolist() == ["good", "fair", "poor"]
    assert not app.get("plotly_chart")
    [link] = [x for x in app.get("page_link") if "benchmark" in x.proto.label]
    assert "sort=benchmark" in link.proto.query_string and "split=test" in link.proto.query_string


def test_models__after_a_review_says_who_is_best_and_how_firm_that_is(
    open_page: Open, workspace: Workspace
) -> None:
    stored(workspace, noisy(name="read"))
    open_page("evidence", ds="read")
    assert not [r for r in session.store().record(read(workspace, "read", 200)) if r.refused]
    app = open_page("evidence", ds="read", tab="models")
    said = words(app)
    assert "After correction good " in said and "good stays first in" in said
    assert "200 of 300 rows are read" in said
    assert "of the given labels are wrong." in said and "Of the 200 rows read, good alone is right on" in said
    assert len(app.get("plotly_chart")) == 1
    models, pairs = (frame.value for frame in app.dataframe)
    assert models["rank now"].tolist() == [1, 2, 3] and len(pairs) == 3
    app.selectbox(key="url_test").set_value("*").run()
    assert not app.exception
    assert "of 600 rows are read" in words(app)


def test_models__an_owner_chooses_how_often_the_rest_is_read(open_page: Open, workspace: Workspace) -> None:
    stored(workspace, noisy(name="rest"))
    app = open_page("evidence", ds="rest", tab="models")
    app.selectbox(key="rest_rest_0.1").set_value(0.5).run()
    assert not app.exception
    assert workspace.recall("rest", REST) == 0.5
    assert app.selectbox(key="rest_rest_0.5").value == 0.5


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pets", "This project has one model. With two or more, they are compared on corrected labels."),
        ("no-predictions", "This project has no model."),
        ("one-row", "All labels are of one class"),
        ("no-labels", "There are no labels to compare models on."),
    ],
)
def test_models__small_data_a_plain_word(open_page: Open, name: str, sentence: str) -> None:
    assert sentence in words(open_page("evidence", ds=name, tab="models"))


def test_models__names_are_data(open_page: Open, workspace: Workspace) -> None:
    stored(workspace, noisy(name="names"), ("good", "fair"))
    bad = "<b>x</b> :red[y] $z$"
    add_model(workspace, "names", replace(model("poor", 600), model=bad))
    session.store().record(read(workspace, "names", 200))
    app = open_page("evidence", ds="names", tab="models")
    assert bad in app.dataframe[0].value["model"].tolist()
    assert not [m for m in app.markdown if bad in m.value]


def test_issues__the_order_is_offered_where_there_are_two_models(
    open_page: Open, workspace: Workspace
) -> None:
    stored(workspace, noisy(name="order"))
    project = workspace.open("order")
    run_audit(project.dataset, project.predictions, workspace.cache_dir, ["label_issues"])
    app = open_page("issues", ds="order", sort="benchmark", split="test")
    assert "**300 rows** match" in words(app)
    assert "Benchmark" in app.selectbox(key="url_sort").options
    assert "Benchmark" not in open_page("issues", ds="pets").selectbox(key="url_sort").options
