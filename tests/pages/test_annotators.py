from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.audit import run_audit
from core.loading import Prepared
from core.predictions import Predictions
from core.source import Source
from core.workspace import Workspace
from pages.parts import annotators, causes, models, session
from tests.conftest import make_dataset
from tests.pages.conftest import HOSTILE, Open, words

Causes = Callable[[str], AppTest]


@pytest.fixture
def open_causes(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> Causes:
    """The tab, drawn on a page that has a part to spare."""
    monkeypatch.setattr(models, "table", lambda project: causes.show(project, session.audit(project)))
    return lambda name: open_page("evidence", ds=name, tab="numbers")


def crowd(workspace: Workspace, name: str, people: tuple[str, ...] = ("lea", "tom", "ida")) -> None:
    """60 rows of which one is given another label than all three annotators gave, and one ties."""
    labels = np.array([0, 1] * 30)
    votes = np.stack([labels] * 3)
    votes[2, ::5] = 1 - votes[2, ::5]
    dataset = make_dataset(labels.tolist(), name=name)
    labels[3] = 1 - labels[3]
    frame = dataset.table.copy()
    for person, codes in zip(people, votes, strict=True):
        frame[person] = pd.array([dataset.classes[c] for c in codes], dtype="str")
    frame.loc["r7", list(people)] = ["cat", "dog", None]
    dataset = replace(dataset, table=frame, labels=labels.astype(np.int32), annotators=people)
    layout = {"annotators": {"label": {person: person for person in people}}}
    source = Source(workspace.root / f"{name}.csv", "csv", "0" * 64, 1, layout)
    workspace.save(Prepared(dataset, Predictions(), source, ()))
    run_audit(dataset, Predictions(), workspace.cache_dir)


def test_annotators__who_differs_and_the_queue(open_causes: Causes, workspace: Workspace) -> None:
    crowd(workspace, "crowd")
    app = open_causes("crowd")
    said = words(app)
    assert "Who differs from the other annotators?" in said and "Consensus: Majority." in said
    assert "3 of 3 answers are the consensus: " in said
    assert "Answers that tie: 1 row, ambiguous and not called errors." in said
    button = app.button(key="review_votes")
    assert button.label == "Review 1 row labelled other than the consensus"
    asked: list[dict[str, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(annotators.st, "switch_page", lambda _, query_params: asked.append(query_params))
        button.click().run()
    assert asked == [{"ds": "crowd", "find": "annotator_votes"}]


def test_annotators__hostile_names_are_shown_as_they_are(open_causes: Causes, workspace: Workspace) -> None:
    crowd(workspace, "hostile-crowd", (*HOSTILE, "ida"))
    app = open_causes("hostile-crowd")
    assert "Who differs from the other annotators?" in words(app)
    assert all("<b>" not in m.value for m in app.markdown)


def test_annotators__nothing_without_votes(open_causes: Causes) -> None:
    assert "annotators" not in words(open_causes("pets"))
