from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from core import retraining_impact
from core.model_store import add_model
from core.predictions import Predictions
from core.review.decisions import Action, Decision
from core.workspace import Workspace
from pages.parts import evidence_retraining, session
from tests.core.test_baseline import texts
from tests.core.test_retraining_impact import DRAWN, LEAST, ROWS, WRONG, say
from tests.pages.conftest import Open, save, words


def named(decision: Decision, name: str) -> Decision:
    return replace(decision, dataset=name, op_id=f"{name} {decision.op_id}")


def reviewed(workspace: Workspace, name: str, corrected: bool = True) -> None:
    save(workspace, replace(texts(ROWS, WRONG), name=name), Predictions(), analyse=False)
    events = [say(p, "audit") for p in DRAWN]
    events += [say(p, "ranked") for p in range(ROWS) if p not in DRAWN] if corrected else []
    assert not [r for r in session.store().record([named(e, name) for e in events]) if r.refused]


def test_retraining__from_random_rows_to_the_measured_gain(
    open_page: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewed(workspace, "gain")
    monkeypatch.setattr(evidence_retraining, "measure", partial(retraining_impact.measure, seeds=2))
    app = open_page("evidence", ds="gain", tab="retraining")
    assert "160 random rows read without a suggestion can be test rows; it takes 100." in words(app)
    app.number_input(key=f"freeze_gain_0_{len(DRAWN)}").set_value(LEAST).run()
    app.button(key="freeze_it_gain").click().run()
    assert not app.exception
    assert "100 test rows frozen on " in words(app)
    app.button(key="measure_gain").click().run()
    job = session.jobs().get("impact of gain")
    assert job is not None and job.wait(60) and job.state == "done", job and job.error
    app = open_page("evidence", ds="gain", tab="retraining")
    said = words(app)
    assert "Retraining on your corrections: +" in said and "on 100 frozen rows; the same number of" in said
    assert "Improved: the gain is above zero, and above that of random edits." in said
    assert "Gains under 1 point are mostly invisible with 800 test rows." in said
    assert len(app.get("plotly_chart")) == 1 and not app.warning
    row = next(p for p in WRONG if p not in DRAWN)
    session.store().record([named(say(row, "ranked", action=Action.EXCLUDE), "gain")])
    stale = open_page("evidence", ds="gain", tab="retraining")
    assert "Decisions or rows have changed since this was measured." in [w.value for w in stale.warning]


def test_retraining__without_a_correction_there_is_nothing_to_measure(
    open_page: Open, workspace: Workspace
) -> None:
    reviewed(workspace, "none", corrected=False)
    app = open_page("evidence", ds="none", tab="retraining")
    app.number_input(key=f"freeze_none_0_{len(DRAWN)}").set_value(len(DRAWN)).run()
    app.button(key="freeze_it_none").click().run()
    assert "No decision changes a label outside of the test rows" in words(app)
    assert not [b for b in app.button if b.key == "measure_none"]


def test_retraining__two_models_from_elsewhere(open_page: Open, workspace: Workspace) -> None:
    reviewed(workspace, "else")
    said = np.eye(2, dtype=np.float32)
    add_model(workspace, "else", Predictions("<b>old</b>", said[texts(ROWS, WRONG).labels]))
    add_model(workspace, "else", Predictions("new", said[np.arange(ROWS) % 2]))
    app = open_page("evidence", ds="else", tab="retraining")
    app.button(key="freeze_it_else").click().run()
    assert "Choose two models to compare them on the frozen rows." in words(app)
    app.selectbox(key="elsewhere_given_else_2").set_value(0).run()
    app.selectbox(key="elsewhere_corrected_else_2").set_value(1).run()
    assert not app.exception
    assert "to 100.0%: +" in words(app) and "There is no control arm" in words(app)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pets", "No test rows are frozen. 0 random rows read without a suggestion can be test rows"),
        ("one-row", "No model can be trained here: all labels are the same class"),
        ("no-labels", "No model can be trained here: there are no labels to learn from."),
    ],
)
def test_retraining__small_data_a_plain_word(open_page: Open, name: str, sentence: str) -> None:
    assert sentence in words(open_page("evidence", ds=name, tab="retraining"))
