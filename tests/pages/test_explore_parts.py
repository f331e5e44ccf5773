"""Clusters and Classes of the Explore page, each on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.audits import current_audit
from core.clustering import find_clusters, stored_clusters
from core.dataset import Dataset
from core.model_store import add_model
from core.predictions import Predictions
from core.progress import Progress
from core.review.queue import Filters, Space, select
from core.workspace import Workspace
from pages.parts import charts, explore_charts, explore_clusters, session
from tests.conftest import make_dataset
from tests.core.label_sets import PROBS, moods
from tests.pages.conftest import HOSTILE, likely, save, words
from tests.pages.test_overview import param

PAGE = """
import streamlit as st
from pages.parts import explore_classes, explore_clusters, session

def explore():
    project = session.require_project()
    part = explore_classes if st.query_params.get("view") == "classes" else explore_clusters
    part.show(project, session.audit(project))

others = [st.Page(f"{name}.py") for name in ("issues", "review", "load")]
st.navigation([st.Page(explore, default=True), *others], position="hidden").run()
"""
Opened = Callable[..., AppTest]


@pytest.fixture
def explore(workspace: Workspace, tmp_path: Path) -> Opened:
    (tmp_path / "page.py").write_text(PAGE)
    for other in ("issues", "review", "load"):
        (tmp_path / f"{other}.py").write_text(f"import streamlit as st\nst.title('{other}')\n")

    def opened(view: str, /, **params: str) -> AppTest:
        app = AppTest.from_file(str(tmp_path / "page.py"), default_timeout=60)
        for name, value in {"view": view, **params}.items():
            app.query_params[name] = value
        return ran(app.run())

    return opened


def ran(app: AppTest) -> AppTest:
    assert not app.exception, [e.message for e in app.exception]
    return app


def clustered(open_: Opened, **params: str) -> AppTest:
    """The Clusters part once the clusters are there."""
    app = open_("clusters", **params)
    for _ in range(3):
        by = "hdbscan " if params.get("x_by") == "hdbscan" or ":" in params.get("cluster", "") else ""
        job = session.jobs().get(f"{by}clusters of {params['ds']}")
        assert job is None or job.wait(60)
        ran(app.run())
        if app.dataframe:
            return app
    raise AssertionError(words(app))


def click(app: AppTest, label: str) -> AppTest:
    return ran(next(b for b in app.button if b.label == label).click().run())


def left(app: AppTest) -> dict[str, str]:
    """The query parameters as a click on a link left them."""
    names = ("ds", "find", "given", "sug", "cut", "cluster")
    found = {name: param(app, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def queued(workspace: Workspace, app: AppTest) -> np.ndarray:
    """The rows of the queue that the address stands for."""
    found = left(app)
    project = workspace.open(found["ds"])
    results = current_audit(workspace, project).results
    space = Space(clusters=stored_clusters(workspace, project))
    return select(project.dataset, results, {}, Filters.from_query(found), space)


@pytest.fixture
def groups(workspace: Workspace) -> str:
    """A data set of 96 rows in three groups of 48, 32 and 16; 6 labels of the last group look wrong."""
    if "groups" not in workspace.names():
        rng = np.random.default_rng(0)
        labels, group = [0, 1] * 48, np.repeat([0, 1, 2], [48, 32, 16])
        embeddings = (np.eye(3, 8)[group] + 0.05 * rng.normal(size=(96, 8))).astype(np.float32)
        predictions = replace(likely(labels, set(range(82, 88))), embeddings=embeddings)
        save(workspace, make_dataset(labels, name="groups"), predictions)
    return "groups"


def with_splits(name: str, labels: list[int]) -> Dataset:
    dataset = make_dataset(labels, name=name)
    dataset.table["split"] = pd.array(["train", "train", "train", "test"] * (len(labels) // 4), dtype="str")
    return replace(dataset, columns=replace(dataset.columns, split="split"))


def test_clusters__worst_first_with_the_first_one_open(
    explore: Opened, workspace: Workspace, groups: str
) -> None:
    app = clustered(explore, ds=groups)
    clusters = stored_clusters(workspace, workspace.open(groups))
    assert clusters is not None
    table = app.dataframe[0].value
    assert table["rows"].sum() == 96
    assert table["flagged"].sum() == 6
    assert sorted(table["cluster"]) == list(range(1, clusters.max() + 2))
    assert set(np.flatnonzero(clusters == table["cluster"][0] - 1)) <= set(range(80, 96))
    said = words(app)
    assert f"{clusters.max() + 1} clusters by k-means of the embeddings' directions" in said
    assert "the square root of half the rows" in said
    first = table.iloc[0]
    assert f"Cluster {first['cluster']}, {first['rows']} rows: {first['purity']:.0%} of" in said
    assert f"; {first['flagged']} flagged, {first['flagged_share']:.0%} (" in said
    assert "the most typical one, then those with the lowest scores" in said


def test_clusters__a_cluster_in_the_address_opens_and_leads_to_its_rows(
    explore: Opened, workspace: Workspace, groups: str
) -> None:
    app = clustered(explore, ds=groups, cluster="2")
    clusters = stored_clusters(workspace, workspace.open(groups))
    assert clusters is not None
    rows = np.flatnonzero(clusters == 1)
    assert f"Cluster 2, {len(rows)} rows: " in words(app)
    texts = {t.value for t in app.text if t.value.startswith("text ")}
    assert len(texts) == min(12, len(rows)) > 1
    assert texts <= {f"text {row}" for row in rows}
    click(app, f"Review these {len(rows)}")
    assert app.title[0].value == "review"
    assert left(app) == {"ds": groups, "find": "label_issues", "cut": "1.0", "cluster": "2"}
    assert np.array_equal(np.sort(queued(workspace, app)), rows)


def test_clusters__by_density_with_the_rows_in_none(
    explore: Opened, workspace: Workspace, groups: str
) -> None:
    app = clustered(explore, ds=groups, x_by="hdbscan")
    found = stored_clusters(workspace, workspace.open(groups), "hdbscan")
    assert found is not None and found.max() >= 1
    said = words(app)
    assert f"{found.max() + 1} clusters by HDBSCAN of the embeddings' directions" in said
    none = int((found < 0).sum())
    assert f"{none} row" in said and "in none." in said
    assert "rows a cluster: of the sizes 5, 10, 20 the largest whose validity" in said
    assert "If you had to keep fewer rows" not in [e.label for e in app.expander]
    table = app.dataframe[0].value
    assert table["rows"].sum() == 96 and table["cluster"].isna().sum() == (none > 0)
    app = clustered(explore, ds=groups, cluster="hdbscan:2")
    click(app, f"Review these {(found == 1).sum()}")
    assert left(app)["cluster"] == "hdbscan:2"


def test_clusters__rows_in_none_are_a_queue(explore: Opened, workspace: Workspace) -> None:
    rng = np.random.default_rng(1)
    embeddings = np.eye(2, 8)[np.arange(90) % 2] + 0.03 * rng.normal(size=(90, 8))
    embeddings[:12] = rng.normal(size=(12, 8))
    labels = [0, 1] * 45
    predictions = replace(likely(labels, {4}), embeddings=embeddings.astype(np.float32))
    save(workspace, make_dataset(labels, name="stray"), predictions)
    app = clustered(explore, ds="stray", cluster="hdbscan:none")
    found = stored_clusters(workspace, workspace.open("stray"), "hdbscan")
    assert found is not None and (found < 0).sum() > 4
    assert f"In no cluster, {(found < 0).sum()} rows: " in words(app)
    click(app, f"Review these {(found < 0).sum()}")
    assert left(app) == {"ds": "stray", "find": "label_issues", "cut": "1.0", "cluster": "hdbscan:none"}


def test_clusters__reviews_the_flagged_ones_alone(explore: Opened, workspace: Workspace, groups: str) -> None:
    app = clustered(explore, ds=groups)
    line = app.dataframe[0].value.iloc[0]
    click(app, f"Review its {line['flagged']} flagged")
    assert left(app) == {"ds": groups, "find": "label_issues", "cluster": str(line["cluster"])}
    clusters = stored_clusters(workspace, workspace.open(groups))
    assert clusters is not None
    inside = np.flatnonzero(clusters == line["cluster"] - 1)
    queue = queued(workspace, app)
    assert set(queue) <= set(inside)
    assert len(queue) == line["flagged"] > 1


def test_clusters__an_unknown_one_is_named(explore: Opened) -> None:
    app = clustered(explore, ds="pets", cluster="99")
    assert app.warning[0].value == "There is no cluster 99 in this data set."
    assert app.dataframe


def test_clusters__without_embeddings_says_what_is_missing(explore: Opened) -> None:
    assert "this data set has none" in words(explore("clusters", ds="no-predictions"))


def test_clusters__cancelled_measuring_is_not_started_again_by_itself(
    explore: Opened, workspace: Workspace
) -> None:
    find_clusters(workspace, workspace.open("long"), Progress())

    def stop(progress: Progress) -> None:
        progress.cancel()
        progress.report(0)

    assert session.jobs().start("clusters of long", stop).wait(10)
    app = explore("clusters", ds="long")
    assert "Cancelled. Nothing changed." in words(app)
    click(app, "Measure the clusters")
    job = session.jobs().get("clusters of long")
    assert job is not None
    assert job.wait(60)
    assert len(ran(app.run()).dataframe[0].value) == len(np.unique(_clusters(workspace, "long")))


def _clusters(workspace: Workspace, name: str) -> np.ndarray:
    found = stored_clusters(workspace, workspace.open(name))
    assert found is not None
    return found


@pytest.mark.parametrize("dataset", ["one-row", "no-labels", "clean", "not-analysed", "hostile"])
def test_clusters__edge_cases_do_not_break(explore: Opened, dataset: str) -> None:
    app = clustered(explore, ds=dataset)
    for value in [m.value for m in app.markdown] + [b.label for b in app.button]:
        assert "<b>cat" not in value
        assert "www.evil" not in value.replace("\\", "")


def test_clusters__not_analysed_reviews_every_row_without_a_cut(explore: Opened) -> None:
    app = clustered(explore, ds="not-analysed", cluster="1")
    assert "Label errors has not run, so that the largest come first." in words(app)
    count = int(app.dataframe[0].value["rows"][0])
    click(app, f"Review these {count}")
    assert left(app) == {"ds": "not-analysed", "cluster": "1"}


def test_clusters__splits_that_are_spread_unlike_the_others_are_named(
    explore: Opened, workspace: Workspace
) -> None:
    rng = np.random.default_rng(0)
    group = np.arange(400) // 200
    dataset = make_dataset([0, 1] * 200, name="drifting")
    dataset.table["split"] = pd.array(
        np.where(rng.random(400) < np.where(group, 0.6, 0.2), "test", "train"), "str"
    )
    dataset = replace(dataset, columns=replace(dataset.columns, split="split"))
    embeddings = np.eye(2, 8, dtype=np.float32)[group] + 0.01 * rng.normal(size=(400, 8)).astype("f4")
    save(workspace, dataset, replace(likely([0, 1] * 200, {3}), embeddings=embeddings))
    app = clustered(explore, ds="drifting")
    table = app.dataframe[0].value
    named = table["splits"].to_numpy() != ""
    assert named.any()
    assert table["splits"][named].str.match(r"(test|train) \d+%, overall \d+%").all()
    for is_named in (True, False):
        for number in table["cluster"][named == is_named][:1]:
            said = words(explore("clusters", ds="drifting", cluster=str(number)))
            assert ("adjusted over the clusters" in said) is is_named


def test_clusters__keep_fewer_shows_a_budget_that_sums_up(explore: Opened, workspace: Workspace) -> None:
    app = clustered(explore, ds="pets")
    assert len(app.dataframe) == 1
    app.session_state["keep_pets"] = True
    ran(app.run())
    budget = app.dataframe[1].value
    assert budget["kept"].sum() == 20
    assert (budget["kept"] <= budget["rows"]).all()
    assert "20 of 40 rows kept. Flagged: " in words(app)
    assert not app.warning
    ran(app.slider(key="url_x_keep").set_value(25).run())
    assert app.dataframe[1].value["kept"].sum() == 10
    assert param(app, "x_keep") == "25"


def test_clusters__keeping_the_hardest_rows_of_doubtful_labels_is_warned_of(explore: Opened) -> None:
    app = clustered(explore, ds="pets", x_rows="hard")
    app.session_state["keep_pets"] = True
    ran(app.run())
    assert app.warning[0].value.startswith("10% of the labels look wrong and are not reviewed")
    clean = clustered(explore, ds="clean", x_rows="hard")
    clean.session_state["keep_clean"] = True
    assert not ran(clean.run()).warning


@pytest.mark.parametrize(
    ("text", "value"), [(None, 50), ("25", 25), ("3", 5), ("99", 95), ("²5", 50), ("-5", 50), ("100", 50)]
)
def test_per_cent__any_text_gives_a_step_of_the_slider(text: str | None, value: int) -> None:
    assert explore_clusters._per_cent(text) == value


def three(name: str) -> tuple[Dataset, Predictions]:
    """60 rows of three classes: row 0 is predicted as b, rows 1 and 2 as c; row 3, where a and b are near,
    keeps its class."""
    classes = ("a", "b", "c")
    labels = [0] * 20 + [1] * 20 + [2] * 20
    probs = np.full((60, 3), 0.02, dtype=np.float32)
    probs[np.arange(60), labels] = 0.96
    probs[0] = [0.02, 0.96, 0.02]
    probs[1] = probs[2] = [0.02, 0.02, 0.96]
    probs[3] = [0.51, 0.47, 0.02]
    return make_dataset(labels, classes, name), Predictions("three", probs)


def test_classes__a_cell_counts_the_queue_that_it_opens(explore: Opened, workspace: Workspace) -> None:
    save(workspace, *three("cells"))
    app = explore("classes", ds="cells", given="a", sug="c")
    said = words(app)
    assert "2 rows labelled a, predicted c." in said
    button = next(b for b in app.button if b.label.startswith("Review these"))
    count = int(button.label.split()[-1])
    ran(button.click().run())
    assert app.title[0].value == "review"
    assert left(app) == {"ds": "cells", "find": "label_issues", "given": "a", "sug": "c", "cut": "1.0"}
    queue = queued(workspace, app)
    assert len(queue) == count
    assert set(queue) == {1, 2}
    table = current_audit(workspace, workspace.open("cells")).results["label_issues"].table
    flagged = int(table["flagged"].iloc[queue].sum())
    assert f"2 rows labelled a have c suggested, {flagged} flagged." in said


@pytest.mark.parametrize("seed", range(2))
def test_classes__every_cell_counts_its_queue(explore: Opened, workspace: Workspace, seed: int) -> None:
    """Also where the ranking asks nearest rows, so that suggested and predicted differ."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 90)
    probs = rng.dirichlet(np.ones(3) / 2, 90).astype(np.float32)
    probs[np.arange(90), labels] += 1
    probs[rng.choice(90, 30)] = rng.dirichlet(np.ones(3) / 2, 30).astype(np.float32)
    probs /= probs.sum(axis=1, keepdims=True)
    embeddings = (np.eye(3, 6)[labels] + 0.4 * rng.normal(size=(90, 6))).astype(np.float32)
    name = f"random-{seed}"
    dataset = make_dataset(labels.tolist(), ("a", "b", "c"), name)
    save(workspace, dataset, Predictions("random", probs, embeddings))
    app = explore("classes", ds=name)
    (toggle,) = [t for t in app.toggle if t.key == "table_predicted_matrix"]
    ran(toggle.set_value(True).run())
    cells = next(d.value for d in app.dataframe if list(d.value.columns) == ["given", "predicted", "rows"])
    apart = probs.argmax(axis=1) != labels
    assert cells["rows"].sum() == apart.sum()
    for given, told, count in cells.itertuples(index=False):
        app = explore("classes", ds=name, given=given, sug=told)
        assert f"labelled {given}, predicted {told}." in words(app)
        button = next(b for b in app.button if b.label.startswith("Review these"))
        shown = int(button.label.split()[-1])
        if shown:
            ran(button.click().run())
            assert len(queued(workspace, app)) == shown
        assert count > 0


def test_classes__rates_calibration_splits(explore: Opened, workspace: Workspace) -> None:
    labels = [0, 1] * 40
    save(workspace, with_splits("split-pets", labels), likely(labels, {1, 4, 9, 16}))
    app = explore("classes", ds="split-pets")
    rates = next(d.value for d in app.dataframe if "f1" in d.value)
    assert rates["rows"].tolist() == [40, 40]
    assert set(rates["recall"].round(3)) == {0.95}
    assert set(rates["recall_interval"]) == {"83%-99%"}
    assert "agreement is not truth" in words(app)
    assert "Expected calibration error" in words(app)
    (splits,) = [t.value for t in app.table if "Split" in t.value]
    assert splits["Split"].tolist() == ["test", "train"]
    assert splits["Labels compared"].tolist() == ["20", "60"]


def test_classes__models_are_compared_on_the_rows_where_they_differ(
    explore: Opened, workspace: Workspace
) -> None:
    labels = [0, 1] * 30
    save(workspace, make_dataset(labels, name="two-models"), likely(labels, {1, 4, 9, 16}))
    add_model(workspace, "two-models", replace(likely(labels, {1}), model="*other*", embeddings=None))
    (table,) = [t.value for t in explore("classes", ds="two-models").table if "Model" in t.value]
    assert table.values.tolist() == [
        ["test model", "93.3%", "84.1%-97.4%", "in use", "", ""],
        [r"\*other\*", "98.3%", "91.1%-99.7%", "3", "0", "0.250"],
    ]


def test_classes__several_labels_have_rates_and_no_matrix(explore: Opened, workspace: Workspace) -> None:
    dataset = moods("several-explored")
    save(workspace, dataset, Predictions("moody", PROBS))
    app = explore("classes", ds="several-explored")
    rates = next(d.value for d in app.dataframe if "f1" in d.value)
    assert set(rates["class"]) == set(dataset.names)
    assert "there is no matrix of given and predicted" in words(app)
    assert "Which class is predicted as which?" not in words(app)


@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        ("no-labels", "This data set has no labels"),
        ("no-predictions", "this data set has none"),
        ("one-row", "The predicted class is the given label in the 1 row."),
        ("clean", "The predicted class is the given label in all 40 rows."),
        ("not-analysed", "Click a count to see its rows."),
        ("hostile", "Click a count to see its rows."),
    ],
)
def test_classes__edge_cases_say_what_is_the_matter(explore: Opened, dataset: str, sentence: str) -> None:
    assert sentence in words(explore("classes", ds=dataset))


def test_classes__hostile_names_stay_text(explore: Opened) -> None:
    app = explore("classes", ds="hostile", given=HOSTILE[1], sug=HOSTILE[0])
    assert "labelled **dog**" in words(app)
    for value in [m.value for m in app.markdown] + [b.label for b in app.button]:
        assert "<b>cat" not in value
        assert "www.evil" not in value.replace("\\", "")


def test_classes__not_analysed_cannot_list_a_cell(explore: Opened) -> None:
    app = explore("classes", ds="not-analysed", given="dog", sug="cat")
    assert "1 row labelled dog, predicted cat." in words(app)
    assert "Label errors has not run on this data set" in words(app)


@pytest.mark.parametrize("theme", [charts._LIGHT, charts._DARK])
def test_figures__are_valid_plotly_and_free_of_tags(theme: charts.Colours) -> None:
    import json

    import plotly.graph_objects as go

    from core.class_report import calibration
    from core.overview import confusion_of

    names = ("<b>x</b>", "2020-01-01", "c")
    confusion = confusion_of(np.array([0, 0, 1]), np.array([1, 1, 0]), names)
    matrix = explore_charts.predicted_matrix(confusion, theme)
    found = calibration(np.linspace(0.5, 1, 90), np.arange(90) % 3 > 0)
    assert found is not None
    for figure in (matrix, explore_charts.reliability(found.bins, theme)):
        go.Figure(figure)
        assert "<b>" not in json.dumps(figure)
    points = matrix["data"][1]
    assert list(zip(points["x"], points["y"], strict=True)) == confusion.cells
    assert points["hovertext"][0] == "labelled &lt;b&gt;x&lt;/b&gt;, predicted 2020-01-01: 2 rows"
