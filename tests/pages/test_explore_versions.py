"""Two versions of the labels, on the Classes view of Explore."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.predictions import Predictions
from core.review.decisions import Action
from core.workspace import Workspace
from pages.parts import session
from tests.conftest import make_dataset
from tests.core.label_sets import PROBS, moods
from tests.core.reviewed import said
from tests.pages.conftest import Open, likely, save, words
from tests.pages.test_overview import param

LABELS = [0, 1] * 15
WRONG = {1, 4, 9, 16}


@pytest.fixture
def mended(workspace: Workspace) -> Iterator[str]:
    """30 rows, four of them wrong, of which three are changed, one kept, and a fifth excluded."""
    name = "mended"
    if name not in workspace.names():
        save(workspace, make_dataset(LABELS, name=name), likely(LABELS, WRONG))
        dataset = workspace.open(name).dataset
        session.store().record(
            [said(dataset, row, "ann", ("dog", "cat")[LABELS[row]]) for row in (1, 4, 9)]
            + [said(dataset, 16, "ann", Action.KEEP), said(dataset, 20, "ann", Action.EXCLUDE)]
        )
    yield name


def test_versions__as_imported_and_as_corrected(open_page: Open, mended: str) -> None:
    app = open_page("explore", ds=mended, view="classes")
    text = words(app)
    assert "3 labels differ, 10.3% of the 29 rows in both. 1 row is not there any more." in text
    assert "in 86.2% (69.4%-94.5%) before and 96.6% (82.8%-99.4%) after" in text
    assert "It met 3 labels only after, 0 only before." in text
    assert "Labels estimated wrong (confident joint, 95% bootstrap interval): " in text
    counts = next(d.value for d in app.dataframe if "came" in d.value).set_index("label")
    assert counts.loc["cat"].to_dict() == {"before": 15, "after": 15, "came": 2, "left": 1}
    rates = next(d.value for d in app.dataframe if "recall_after" in d.value).set_index("label")
    # 14 rows are predicted cat and not excluded: 12 of them are given it, 14 after r1 and r9 became cats
    assert rates.loc["cat", "precision_before"].startswith("86% (")
    assert rates.loc["cat", "precision_after"] == "100% (78%-100%)"
    assert rates.loc["cat", "recall_after"].startswith("93% (")
    assert any(b.label == "Review these 3" for b in app.button)


def test_versions__a_cell_leads_to_its_queue(open_page: Open, mended: str) -> None:
    change = "before=given&after=now&from=dog&to=cat"
    app = open_page("explore", ds=mended, view="classes", change=change)
    assert "2 rows: label changed from dog to cat (as imported → as corrected now)." in words(app)
    next(b for b in app.button if b.label == "Review these 2").click().run()
    assert param(app, "change") == change
    app = open_page("issues", ds=mended, change=change, sort="row")
    assert "**2 rows** match" in words(app)
    assert list(app.dataframe[0].value.index) == ["r1", "r9"]
    assert app.button(key="off_change").label.startswith("Label changed from dog to cat")
    app = open_page("issues", ds=mended, change="before=given&after=now&kind=only_before")
    assert list(app.dataframe[0].value.index) == ["r20"]


def test_versions__the_policy_decides_where_annotators_differ(open_page: Open, workspace: Workspace) -> None:
    save(workspace, make_dataset(LABELS, name="differ"), likely(LABELS, WRONG))
    dataset = workspace.open("differ").dataset
    session.store().record([said(dataset, 1, "ann", Action.KEEP), said(dataset, 1, "bob", "cat")])
    app = open_page("explore", ds="differ", view="classes")
    assert app.selectbox(key="url_policy").label == "1 row on which annotators differ"
    assert "0 labels differ, 0.0% of the 30 rows in both." in words(app)
    app = open_page("explore", ds="differ", view="classes", policy="latest")
    assert "1 label differs, 3.3% of the 30 rows in both." in words(app)
    app = open_page("explore", ds="differ", view="classes", policy="crowdlab")
    assert not app.exception


def test_versions__of_earlier_days_and_of_another_data_set(
    open_page: Open, mended: str, workspace: Workspace
) -> None:
    day = next(iter(session.store().events(mended))).decided_at[:10]
    app = open_page("explore", ds=mended, view="classes", x_before="until", x_before_day=day)
    assert "0 labels differ, 0.0% of the 29 rows in both." in words(app)
    app = open_page("explore", ds=mended, view="classes", x_after="given@pets")
    assert "0 labels differ, 0.0% of the 30 rows in both. 10 rows are new." in words(app)
    app = open_page("explore", ds=mended, view="classes", x_after="given@no-labels")
    assert "0 labels differ" not in words(app)


def test_versions__without_decisions_and_without_predictions(open_page: Open) -> None:
    app = open_page("explore", ds="no-predictions", view="classes")
    assert "0 labels differ, 0.0% of the 40 rows in both." in words(app)
    assert "There are no probabilities of a model to hold against either version." in words(app)
    assert "until" not in [str(option) for option in app.selectbox(key="url_x_before").options]


def test_versions__of_rows_with_several_labels(open_page: Open, workspace: Workspace) -> None:
    save(workspace, moods(), Predictions("m", PROBS))
    dataset = workspace.open("moods").dataset
    session.store().record([said(dataset, 1, "ann", "joy|love")])
    app = open_page("explore", ds="moods", view="classes")
    assert "1 label differs, 16.7% of the 6 rows in both." in words(app)
    counts = next(d.value for d in app.dataframe if "came" in d.value).set_index("label")
    assert counts.loc["sad"].to_dict() == {"before": 1, "after": 0, "came": 0, "left": 1}
    app = open_page("issues", ds="moods", change="kind=gained&to=joy")
    assert list(app.dataframe[0].value.index) == ["r1"]


def test_versions__are_not_shown_in_a_blind_review(
    open_page: Open, mended: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.team.Team.sees_all", lambda *_: False)
    app = open_page("explore", ds=mended, view="classes")
    assert "What others decided is not shown in a blind review." in words(app)
    assert "labels differ" not in words(app)
    app = open_page("issues", ds=mended, change="before=given&after=now")
    assert "what others decided is not shown in a blind review" in app.warning[0].value
