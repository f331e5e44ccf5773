"""The button that trains a baseline where a data set has labels and no predictions."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from core.baseline import train_and_audit
from core.predictions import Predictions
from core.progress import Progress
from core.review.decisions import Action, Decision
from core.workspace import Workspace
from pages.parts import session
from tests.core.test_baseline import texts
from tests.pages.conftest import FRAME, Open, save, words


def named(name: str, wrong: tuple[int, ...] = (3, 50)):
    return replace(texts(200, wrong), name=name)


def test_overview__trains_a_baseline_and_shows_what_it_found(workspace: Workspace, open_page: Open) -> None:
    save(workspace, named("to-train"), Predictions(), analyse=False)
    page = open_page("overview", ds="to-train")
    page.button(key="baseline_to-train").click().run()
    assert not page.exception
    job = session.jobs().get("to-train")
    assert job is not None
    assert job.wait(60)
    assert (job.state, job.error) == ("done", "")
    assert workspace.open("to-train").predictions.model == "baseline: TF-IDF of words"
    page = open_page("overview", ds="to-train")
    assert "Train a baseline" not in words(page)
    assert "labels not checked" not in words(page)


def test_overview__trains_again_with_what_review_decided(workspace: Workspace, open_page: Open) -> None:
    save(workspace, named("again"), Predictions(), analyse=False)
    train_and_audit(workspace, "again", Progress())
    assert "Train again" not in words(open_page("overview", ds="again"))
    session.store().record([Decision("again", "r3", Action.RELABEL, "ann", "cat", "again-1", "dog")])
    page = open_page("overview", ds="again")
    assert "Train again with 1 row reviewed" in words(page)
    page.button(key="retrain_again").click().run()
    job = session.jobs().get("again")
    assert job is not None and job.wait(60)
    assert (job.state, job.error) == ("done", "")
    assert workspace.open("again").predictions.model == "baseline: TF-IDF of words, corrected labels"


def test_overview__offers_it_after_an_analysis_without_predictions(
    workspace: Workspace, open_page: Open
) -> None:
    save(workspace, named("analysed", (4,)), Predictions())
    assert "Train a baseline and analyse 200 rows" in words(open_page("overview", ds="analysed"))


def test_overview__offers_none_where_nothing_can_be_learned(open_page: Open) -> None:
    assert "Train a baseline" not in words(open_page("overview", ds="no-labels"))


def test_pages__load_no_trainer_before_somebody_trains() -> None:
    """The first page does not wait for it."""
    code = "import sys, pages.parts.work, pages.parts.load_steps; raise SystemExit('scipy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=FRAME.parents[1], timeout=60)
