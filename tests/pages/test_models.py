"""Several models side by side: compared on Evidence, changed on Overview."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from streamlit.testing.v1 import AppTest

from core.audit import run_audit
from core.model_store import add_model, models
from core.predictions import Predictions
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.core.test_baseline import texts
from tests.pages.conftest import HOSTILE, Open, likely, save, words

LABELS = [0, 1] * 24  # as many as no other data set here: results are found by content


def with_two(workspace: Workspace, name: str) -> None:
    """A data set with "test model" in use, which doubts 4 of 48 labels, and "other", which doubts 2."""
    dataset = make_dataset(LABELS, name=name)
    save(workspace, dataset, likely(LABELS, {1, 4, 9, 16}))
    other = replace(likely(LABELS, {3, 8}), model="other", embeddings=None)
    add_model(workspace, name, other)


def opened(open_page: Open, name: str) -> AppTest:
    app = open_page("overview", ds=name)
    app.session_state[f"models_{name}"] = True
    app.run()
    assert not app.exception, [e.message for e in app.exception]
    return app


def in_use(workspace: Workspace, name: str) -> str:
    return workspace.open(name).predictions.model


def test_evidence__compares_the_models(open_page: Open, workspace: Workspace) -> None:
    with_two(workspace, "two")
    table = next(t.value for t in open_page("evidence", ds="two", tab="numbers").table if "In use" in t.value)
    assert table.values.tolist() == [
        ["test model", "yes", "91.7%", "80.4%-96.7%", "48"],
        ["other", "", "95.8%", "86.0%-98.8%", "48"],
    ]


def test_evidence__without_predictions(open_page: Open) -> None:
    assert "There are no predictions." in words(open_page("evidence", ds="no-predictions", tab="numbers"))


def test_overview__changes_the_model_in_use(open_page: Open, workspace: Workspace) -> None:
    with_two(workspace, "two-change")
    project = workspace.open("two-change")
    # A model without embeddings of its own is used with those of the data set.
    other = replace(models(workspace, "two-change")[1].predictions, embeddings=project.predictions.embeddings)
    run_audit(project.dataset, other, workspace.cache_dir, ["label_issues"])
    app = opened(open_page, "two-change")
    assert app.title[0].value == "4 of 48 labels look wrong"
    (choice,) = [r for r in app.radio if r.label == "Model in use"]
    assert choice.value == 0
    use = app.button(key="use_it_two-change")
    assert use.disabled
    choice.set_value(1).run()
    app.button(key="use_it_two-change").click().run()
    assert not app.exception, [e.message for e in app.exception]
    assert in_use(workspace, "two-change") == "other"
    assert app.title[0].value == "2 of 48 labels look wrong"
    assert "Probabilities: other" in words(app)
    job = session.jobs().get("two-change")
    assert job is None or job.wait(60)


def test_overview__a_model_that_was_not_analysed_is(open_page: Open, workspace: Workspace) -> None:
    dataset = make_dataset([0, 1] * 23, name="two-fresh")
    save(workspace, dataset, likely([0, 1] * 23, {1, 4}))
    add_model(workspace, "two-fresh", replace(likely([0, 1] * 23, {5, 8, 11}), model="other"))
    app = opened(open_page, "two-fresh")
    next(r for r in app.radio if r.label == "Model in use").set_value(1).run()
    app.button(key="use_it_two-fresh").click().run()
    job = session.jobs().get("two-fresh")
    assert job is not None and job.wait(60) and (job.state, job.error) == ("done", "")
    assert open_page("overview", ds="two-fresh").title[0].value == "3 of 46 labels look wrong"


def test_overview__adds_the_mean_of_models(open_page: Open, workspace: Workspace) -> None:
    with_two(workspace, "two-mean")
    app = opened(open_page, "two-mean")
    assert app.button(key="add_mean_two-mean").disabled
    next(p for p in app.get("button_group") if p.label == "Mean of several").set_value(
        ["test model", "other"]
    ).run()
    app.button(key="add_mean_two-mean").click().run()
    assert not app.exception, [e.message for e in app.exception]
    names = [m.name for m in models(workspace, "two-mean")]
    assert names == ["test model", "mean of test model, other", "other"]
    assert in_use(workspace, "two-mean") == "test model"


def test_overview__trains_a_baseline_beside(open_page: Open, workspace: Workspace) -> None:
    dataset = replace(texts(200, (7, 60)), name="two-beside")
    brought = Predictions("mine", np.tile(np.array([[0.6, 0.4]], np.float32), (200, 1)))
    save(workspace, dataset, brought)
    app = opened(open_page, "two-beside")
    app.button(key="beside_two-beside").click().run()
    job = session.jobs().get("two-beside")
    assert job is not None and job.wait(60) and (job.state, job.error) == ("done", "")
    found = models(workspace, "two-beside")
    assert [m.name for m in found] == ["mine", "baseline: TF-IDF of words"]
    assert in_use(workspace, "two-beside") == "mine"
    app = opened(open_page, "two-beside")
    assert not [b for b in app.button if b.key == "beside_two-beside"]


def test_overview__names_are_shown_as_they_are(open_page: Open, workspace: Workspace) -> None:
    """A model is named after a file that somebody else may have named."""
    dataset = make_dataset(LABELS, name="two-evil")
    save(workspace, dataset, replace(likely(LABELS, {1}), model=HOSTILE[0]))
    add_model(workspace, "two-evil", replace(likely(LABELS, {3}), model=HOSTILE[1], embeddings=None))
    app = opened(open_page, "two-evil")
    shown = next(r for r in app.radio if r.label == "Model in use").options
    assert shown == [session.escape(name) for name in HOSTILE]
    table = next(
        t.value for t in open_page("evidence", ds="two-evil", tab="numbers").table if "In use" in t.value
    )
    assert table["Model"].tolist() == [session.escape(name) for name in HOSTILE]


def test_overview__a_model_of_other_rows_is_named_and_not_offered(
    open_page: Open, workspace: Workspace
) -> None:
    with_two(workspace, "two-grown")
    more = [*LABELS, 0, 1]
    save(workspace, make_dataset(more, name="two-grown"), replace(likely(more, {1}), model="new"))
    app = opened(open_page, "two-grown")
    assert next(r for r in app.radio if r.label == "Model in use").options == ["new"]
    assert "other: made for other rows or classes" in words(app)


def test_overview__offers_the_model_of_before_where_the_data_came_again_without_one(
    open_page: Open, workspace: Workspace
) -> None:
    dataset = make_dataset([0, 1] * 26, name="two-again")
    save(workspace, dataset, likely([0, 1] * 26, {1, 4, 6}))
    save(workspace, dataset, Predictions())
    app = opened(open_page, "two-again")
    assert "labels not checked" in app.title[0].value
    (choice,) = [r for r in app.radio if r.label == "Model in use"]
    assert choice.value is None and app.button(key="use_it_two-again").disabled
    choice.set_value(0).run()
    app.button(key="use_it_two-again").click().run()
    assert not app.exception
    job = session.jobs().get("two-again")
    assert job is None or job.wait(60)
    assert open_page("overview", ds="two-again").title[0].value == "3 of 52 labels look wrong"


def test_overview__no_models_without_predictions(open_page: Open) -> None:
    app = opened(open_page, "no-predictions")
    assert not [r for r in app.radio if r.label == "Model in use"]
