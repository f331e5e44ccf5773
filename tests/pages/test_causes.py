from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.predictions import Predictions
from core.progress import Progress
from core.review.decisions import Action, Decision
from core.slices import find_causes
from core.workspace import Project, Workspace
from pages.parts import causes, models, session
from tests.conftest import make_dataset
from tests.pages.conftest import HOSTILE, Open, save, words

Causes = Callable[[str], AppTest]


@pytest.fixture
def open_causes(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> Causes:
    """The tab, drawn on a page that has a part to spare."""
    monkeypatch.setattr(models, "table", lambda project: causes.show(project, session.audit(project)))
    return lambda name: open_page("evidence", ds=name, tab="numbers")


def shop(workspace: Workspace, name: str, classes: tuple[str, ...] = ("shirt", "t-shirt")) -> Project:
    """200 rows of two shops; what shop_b calls shirts are mostly the other class; prices say nothing."""
    rng = np.random.default_rng(0)
    true, source = rng.integers(0, 2, 200), rng.choice(["shop_a", "shop_b"], 200)
    given = np.where((true == 1) & (source == "shop_b"), 0, true)
    dataset = make_dataset(given.tolist(), classes, name)
    table = dataset.table.assign(source=pd.array(source, dtype="str"), price=rng.normal(size=200))
    probs = np.full((200, 2), 0.05, dtype=np.float32)
    probs[np.arange(200), true] = 0.95
    embeddings = (np.eye(2)[true] + rng.normal(0, 0.1, (200, 2))).astype(np.float32)
    save(workspace, replace(dataset, table=table), Predictions("m", probs, embeddings))
    return workspace.open(name)


def look(workspace: Workspace, project: Project) -> None:
    from core.audits import current_audit

    find_causes(workspace, project, current_audit(workspace, project), Progress())


def test_causes__looks_beside_the_page_and_then_shows(open_causes: Causes, workspace: Workspace) -> None:
    project = shop(workspace, "clothes")
    app = open_causes("clothes")
    assert "Look for causes in 200 rows" in words(app)
    app.button(key="causes_clothes").click().run()
    job = session.jobs().get("causes of clothes")
    assert job is not None and job.wait(60) and job.state == "done", job and job.error
    app.run()
    assert not app.exception
    said = words(app)
    assert "Where do errors pile up?" in said
    assert "rows labelled shirt with source = shop_b, " in said and "look like t-shirt" in said
    assert "Exact hypergeometric tests of" in said.replace("\\", "")
    assert "foretelling" not in said and "Traceback" not in said
    assert project.name == "clothes"


def test_causes__button_opens_the_queue_of_the_finding(open_causes: Causes, workspace: Workspace) -> None:
    project = shop(workspace, "clothes-2")
    look(workspace, project)
    app = open_causes("clothes-2")
    button = app.button(key="cause_0")
    assert button.label.startswith("Review these ")
    asked: list[dict[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(causes.st, "switch_page", lambda _, query_params: asked.append(query_params))
        button.click().run()
    assert asked == [
        {
            "ds": "clothes-2",
            "find": "label_issues",
            "given": "shirt",
            "sug": "t-shirt",
            "where": "source=shop_b",
        }
    ]


def test_causes__hostile_names_are_shown_as_they_are(open_causes: Causes, workspace: Workspace) -> None:
    look(workspace, shop(workspace, "hostile-2", HOSTILE))
    app = open_causes("hostile-2")
    assert any(" ".join(HOSTILE[0].split()) in text.value for text in app.text)
    assert all("<b>" not in m.value for m in app.markdown)


@pytest.mark.parametrize("name", ["clean", "one-row", "no-predictions", "no-labels"])
def test_causes__where_there_is_nothing_to_find(open_causes: Causes, workspace: Workspace, name: str) -> None:
    look(workspace, workspace.open(name))
    said = words(open_causes(name))
    assert "In no slice of the data are there more errors than chance allows." in said
    assert "Does the order of the rows tell anything?" in said


def correct(project: Project) -> None:
    """Every row is read; what shop_b calls shirts and is not gets its label, as the model has it."""
    probs = project.predictions.pred_probs
    assert probs is not None
    events = []
    for i, (row_id, given) in enumerate(
        zip(project.dataset.row_ids, project.dataset.given_labels(), strict=True)
    ):
        true = project.dataset.classes[int(probs[i].argmax())]
        action = Action.KEEP if true == given else Action.RELABEL
        label = None if true == given else true
        events.append(Decision(project.name, row_id, action, "ann", given, f"{project.name}{i}", label))
    assert not [r for r in session.store().record(events) if r.refused]


def test_causes__of_corrections_propose_a_guideline_that_is_saved_as_a_rule(
    open_causes: Causes, workspace: Workspace
) -> None:
    project = shop(workspace, "clothes-3")
    correct(project)
    app = open_causes("clothes-3")
    said = words(app).replace("\\", "")
    assert "What do the corrections have in common?" in said
    assert "rows labelled shirt with source = shop_b, " in said and " are t-shirt; " in said
    assert "Guideline: where source is shop_b, ask whether shirt is not t-shirt: " in said
    assert "Over 200 rows that were read one by one, " in said
    assert session.desk().rules("clothes-3") == ()
    app.button(key="save_rule_0").click().run()
    assert not app.exception
    (rule,) = session.desk().rules("clothes-3")
    assert rule.filters == {
        "find": "label_issues", "given": "shirt", "sug": "t-shirt", "where": "source=shop_b"
    }  # fmt: skip
    assert (rule.given, rule.fix, rule.by) == ("shirt", "t-shirt", "ann")
    assert rule.evidence.startswith("Of ") and "Saved as a rule." in words(app)


def test_causes__of_few_corrections_say_that_they_are_too_few(
    open_causes: Causes, workspace: Workspace
) -> None:
    project = shop(workspace, "clothes-4")
    given = str(project.dataset.given_labels()[0])
    session.store().record([Decision("clothes-4", "r0", Action.EXCLUDE, "ann", given, "only")])
    assert "1 of 1 row read one by one is wrong: too few" in words(open_causes("clothes-4"))
