"""The button that trains a baseline where a data set has labels and no predictions."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from core.baseline import train_and_audit
from core.model_store import models
from core.predictions import Predictions
from core.progress import Progress
from core.review.decisions import Action, Decision
from core.workspace import Workspace
from pages.parts import session
from tests.core.models.fake_model import planted
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
    save(workspace, named("trained-again"), Predictions(), analyse=False)
    train_and_audit(workspace, "trained-again", Progress())
    assert "Train again" not in words(open_page("overview", ds="trained-again"))
    session.store().record([Decision("trained-again", "r3", Action.RELABEL, "ann", "cat", "again-1", "dog")])
    page = open_page("overview", ds="trained-again")
    assert "Train again with 1 row reviewed" in words(page)
    page.button(key="retrain_trained-again").click().run()
    job = session.jobs().get("trained-again")
    assert job is not None and job.wait(60)
    assert (job.state, job.error) == ("done", "")
    assert workspace.open("trained-again").predictions.model == "baseline: TF-IDF of words, corrected labels"


def test_overview__offers_it_after_an_analysis_without_predictions(
    workspace: Workspace, open_page: Open
) -> None:
    save(workspace, named("unpredicted", (4,)), Predictions())
    assert "Train a baseline and analyse 200 rows" in words(open_page("overview", ds="unpredicted"))


def test_overview__offers_none_where_nothing_can_be_learned(open_page: Open) -> None:
    assert "Train a baseline" not in words(open_page("overview", ds="no-labels"))


def test_overview__offers_installed_pretrained_models(
    workspace: Workspace, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = planted(monkeypatch)
    save(workspace, named("pretrained", (5,)), Predictions(), analyse=False)
    page = open_page("overview", ds="pretrained")
    choice = page.selectbox(key="features_pretrained")
    assert choice.options == [
        "TF-IDF of words: built in",
        "character n-grams: built in",
        "fake (pytest): slow",
    ]
    assert choice.value == 0
    choice.set_value(2).run()
    page.button(key="baseline_pretrained").click().run()
    job = session.jobs().get("pretrained")
    assert job is not None and job.wait(60)
    assert (job.state, job.error) == ("done", "")
    assert workspace.open("pretrained").predictions.model == "baseline: fake (pytest)"
    assert fake.opened == [("pytest", False)]  # nothing may be downloaded from here


def test_models__a_pretrained_model_can_stand_beside(
    workspace: Workspace, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted(monkeypatch)
    mine = Predictions("mine", np.tile(np.float32([0.8, 0.2]), (200, 1)))
    save(workspace, named("beside", (6,)), mine)
    page = open_page("overview", ds="beside")
    page.session_state["models_beside"] = True
    page.run()
    page.selectbox(key="features_beside_beside").set_value(2).run()
    page.button(key="beside_beside").click().run()
    job = session.jobs().get("beside")
    assert job is not None and job.wait(60)
    assert (job.state, job.error) == ("done", "")
    assert [m.name for m in models(workspace, "beside")] == ["mine", "baseline: fake (pytest)"]


def test_overview__built_in_features_alone_need_no_choice(
    workspace: Workspace, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.pretrained.pretrained", lambda: {})
    save(workspace, named("no-choice", (7,)), Predictions(), analyse=False)
    page = open_page("overview", ds="no-choice")
    assert [b.key for b in page.button if b.key == "baseline_no-choice"] == ["baseline_no-choice"]
    assert not [s.key for s in page.selectbox if s.key.startswith("features")]


def test_pages__load_no_trainer_before_somebody_trains() -> None:
    """The first page does not wait for it."""
    code = """
import sys, pages.parts.work, pages.parts.load_steps, pages.parts.models
from core.pretrained import offered
offered("text"), offered("image")
raise SystemExit(bool({"scipy", "torch", "onnxruntime", "sentence_transformers", "timm"} & set(sys.modules)))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=FRAME.parents[1], timeout=60)


def test_overview__says_where_a_baseline_is_too_weak(workspace: Workspace, open_page: Open) -> None:
    dataset = named("weak")
    labels = np.random.default_rng(0).permutation(dataset.labels)
    save(workspace, replace(dataset, labels=labels), Predictions(), analyse=False)
    train_and_audit(workspace, "weak", Progress())
    assert "Out of sample it agrees with" in " ".join(
        w.value for w in open_page("overview", ds="weak").warning
    )
    save(workspace, named("strong"), Predictions(), analyse=False)
    train_and_audit(workspace, "strong", Progress())
    assert not open_page("overview", ds="strong").warning
