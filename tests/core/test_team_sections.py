"""What the report says of votes, spot checks, causes, models and people: each number is the review's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import gates
from core.audit import run_audit
from core.bulk import Wish
from core.evidence.reading import Reading
from core.evidence.sections import Section
from core.loading import Prepared
from core.model_store import add_model
from core.predictions import Predictions
from core.report_files import papers_of_export
from core.review.decisions import Action, Decision
from core.review.queue import Filters
from core.review.votes import FIRST, SECOND, vote_event
from core.settings import Settings
from core.source import Source
from core.team import Team, shared_team
from core.team_sections import TEAM_SECTIONS, team_sections
from core.votes import open_round
from core.workspace import Workspace
from tests.conftest import make_dataset

ROWS = 240


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two classes; in shop b every other label is wrong, which both models see."""
    rng = np.random.default_rng(0)
    truth, shop_b = np.arange(ROWS) % 2, np.arange(ROWS) % 3 == 0
    given = np.where(shop_b & (np.arange(ROWS) % 4 < 2), 1 - truth, truth)
    dataset = make_dataset(given.tolist(), name="pets")
    frame = dataset.table.assign(shop=np.where(shop_b, "b", "a"))
    dataset = replace(dataset, table=frame)
    space = Workspace(Settings(tmp_path, (tmp_path,), "", "ann"))
    probs = np.eye(2, dtype=np.float32)[truth] * 0.8 + 0.1
    source = Source(tmp_path / "pets.csv", "csv", "0" * 64, 0)
    space.save(Prepared(dataset, Predictions("first", probs), source, ()))
    other = np.where(rng.random(ROWS) < 0.1, 1 - truth, truth)
    add_model(space, "pets", Predictions("second", np.eye(2, dtype=np.float32)[other] * 0.8 + 0.1))
    project = space.open("pets")
    run_audit(project.dataset, project.predictions, space.cache_dir)
    return space


def read(team: Team, rows: range) -> None:
    """The truth, said of these rows one by one."""
    dataset = team.desk.project("pets").dataset
    events = []
    for row in rows:
        right, given = dataset.classes[row % 2], str(dataset.given_labels()[row])
        action = Action.KEEP if right == given else Action.RELABEL
        label = None if action is Action.KEEP else right
        shown = json.dumps({"find": "label_issues"})
        events.append(Decision("pets", f"r{row}", action, "ann", given, f"read {row}", label, shown=shown))
    assert not [r for r in team.record("ann", events) if r.refused]


def said(workspace: Workspace) -> dict[str, Section]:
    team, project = shared_team(workspace), workspace.open("pets")
    reading = Reading(project, team.desk.results(project), team.store)
    return {section.key: section for section in team_sections(workspace, reading)}


def text(section: Section) -> str:
    return " ".join(one.text for one in section.said)


def test_sections__without_evidence_only_the_models_have_something_to_say(workspace: Workspace) -> None:
    found = said(workspace)
    assert list(found) == ["models"]
    assert "Nothing is known of corrected labels" in text(found["models"])


def test_sections__each_has_the_numbers_of_its_part(workspace: Workspace) -> None:
    team = shared_team(workspace)
    receipt = open_round(team, "ann", "pets", Filters(find="label_issues"), readers=1)
    of = team.desk.rounds("pets")[receipt.op_id]
    rows = list(of.rows)[:4]
    for row in rows:
        [shown] = of.shown([row], "bea")
        chose = (FIRST, SECOND)[shown.index(of.rows[row].suggested)]
        assert not team.record("bea", [vote_event("pets", "", of.id, row, shown, chose)])[0].refused
    wish = Wish("pets", Filters(find="label_issues"), Action.RELABEL)
    gates.open_check(team, "ann", wish, 0.05, 0.95, "shop b")
    read(team, range(0, 200))
    found = said(workspace)
    assert list(found) == ["validation", "batches", "causes", "models"]
    assert "4 of the 4 labels checked are errors: 100.0%" in text(found["validation"])
    assert found["validation"].tables[0].rows[1] == ("correctable", 4)
    [check] = gates.checks_of(team, "pets")
    assert text(found["batches"]) == f"shop b: {gates.state_in_words(check)}"
    assert "fixes checked blind, 0 wrong" in text(found["batches"])
    assert "shop is b" in text(found["causes"]) and "Guideline: " in text(found["causes"])
    [models] = [table for table in found["models"].tables if table.title == "Models"]
    assert models.rows[0][0] == "first" and models.rows[0][1] == f"{1 - 40 / ROWS:.1%}"
    for section in found.values():
        assert section.methods and all(one.text for one in section.said)


def test_report__has_every_section_and_names_nobody(workspace: Workspace, tmp_path: Path) -> None:
    team = shared_team(workspace)
    read(team, range(0, 200))
    papers_of_export(workspace, team.store, "pets", tmp_path / "papers")
    report = (tmp_path / "papers" / "report.html").read_text(encoding="utf-8")
    assert "What do the corrections have in common?" in report and "shop is b" in report
    assert "Which model is best on corrected labels?" in report
    assert "reviewer is" not in report
    assert len(TEAM_SECTIONS) == 6
