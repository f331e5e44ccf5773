from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.dataset import Columns
from core.errors import InputError
from core.evidence.validation import Outcome
from core.loading import Prepared
from core.predictions import Predictions
from core.review import items
from core.review.decisions import Action, Decision
from core.review.people import NotPermitted, Role
from core.review.queue import Filters
from core.review.votes import FIRST, SECOND, Round, vote_event
from core.settings import Settings
from core.source import Source
from core.targets import Targets
from core.team import Team
from core.votes import apply, cards, open_round, outcomes, rows_to_ask, steps
from core.workspace import Workspace
from tests.conftest import make_dataset
from tests.core.test_bulk import CLASSES, team_of

# row:      r0 r1 r2 r3  r4 r5 r6 r7
LABELS = [0, 0, 0, 1, -1, 2, 2, 1]
SUGGESTED = [1, 1, 2, 0, 1, -1, 0, 0]
FLAGGED = [1, 1, 1, 1, 1, 1, 1, 0]

Make = Callable[..., Team]


@pytest.fixture
def make_team(tmp_path: Path, store_url: str) -> Iterator[Make]:
    """Makes a team over the rows above; everybody has the role."""
    made: list[Team] = []

    def make(role: Role = Role.ADJUDICATOR) -> Team:
        workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), store_url, "ann"))
        dataset = make_dataset(LABELS, CLASSES)
        dataset = replace(
            dataset,
            table=dataset.table.assign(text=[f"text {i}" for i in range(8)]),
            columns=Columns("label", content=("text",), kind="text"),
        )
        if "pets" not in workspace.names():
            source = Source(tmp_path / "p.csv", "csv", "0" * 64, 0)
            workspace.save(Prepared(dataset, Predictions(), source, ()))
        made.append(team_of(workspace, SUGGESTED, FLAGGED, role))
        return made[-1]

    yield make
    for team in made:
        team.store.close()


@pytest.fixture
def team(make_team: Make) -> Team:
    return make_team()


def opened(team: Team, **more: object) -> Round:
    receipt = open_round(team, "lea", "pets", Filters(), readers=2, **more)  # type: ignore[arg-type]
    return team.desk.rounds("pets")[receipt.op_id]


def vote(team: Team, of: Round, who: str, row: str, label: str) -> None:
    """A vote as the browser sends it: by the place of the label on the screen, or both or neither."""
    [shown] = of.shown([row], who)
    chose = label if label in ("both", "neither") else (FIRST, SECOND)[shown.index(label)]
    [receipt] = team.record(who, [vote_event("pets", "", of.id, row, shown, chose)])
    assert receipt.refused == ""


def now(team: Team, of: Round) -> Round:
    return team.desk.rounds("pets")[of.id]


def test_open_round__asks_about_the_flagged_rows_that_have_another_label_suggested(team: Team) -> None:
    # r4 has no label, r5 no suggestion, r7 is not flagged.
    assert sorted(rows_to_ask(team, "lea", "pets", Filters())) == ["r0", "r1", "r2", "r3", "r6"]
    found = opened(team, queue="Wrong labels")
    assert sorted(found.rows) == ["r0", "r1", "r2", "r3", "r6"] and found.flagged == 5
    assert (found.rows["r3"].given, found.rows["r3"].suggested) == ("dog", "cat")
    some = opened(team, most=2)
    assert len(some.rows) == 2 and some.flagged == 5
    assert list(some.rows) == list(found.rows)[:2]  # the first of the same random order


def test_open_round__by_those_who_may_over_what_there_is(make_team: Make) -> None:
    with pytest.raises(NotPermitted):
        open_round(make_team(Role.ANNOTATOR), "ann", "pets", Filters())
    team = make_team()
    with pytest.raises(InputError, match="no row of this queue has a suggestion"):
        open_round(team, "lea", "pets", Filters(sug="fish", given="dog"))
    with pytest.raises(InputError, match="1 to 99"):
        open_round(team, "lea", "pets", Filters(), readers=0)


def test_open_round__of_numbers_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(Settings(tmp_path / "ws", (tmp_path,), "", "ann"))
    dataset = replace(make_dataset([0, 1], ("1", "2"), "pets"), targets=Targets(0))
    workspace.save(Prepared(dataset, Predictions(), Source(tmp_path / "p.csv", "csv", "0" * 64, 0), ()))
    team = team_of(workspace, [1, 0], [1, 1], Role.OWNER)
    with pytest.raises(InputError, match="Labels here are numbers"):
        open_round(team, "lea", "pets", Filters())
    team.store.close()


def test_cards__tell_nothing_of_which_label_is_given(team: Team) -> None:
    of = opened(team)
    found = {card["row_id"]: card for card in cards(team, "ann", "pets", of, list(of.rows))}
    assert found["r0"]["content"] == {"kind": "text", "text": "text 0", "more": 0}
    assert all(set(card) == {"row_id", "choices", "content"} for card in found.values())
    assert all(
        sorted(card["choices"]) == sorted((of.rows[row].given, of.rows[row].suggested))
        for row, card in found.items()
    )
    shown = {tuple(cards(team, who, "pets", of, ["r0"])[0]["choices"]) for who in "abcdefgh"}
    assert shown == {("cat", "dog"), ("dog", "cat")}
    assert cards(team, "ann", "pets", of, ["gone"]) == []


def test_cards__of_a_table_and_of_a_picture(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    of = opened(team)
    dataset = team.desk.project("pets").dataset
    columns = replace(dataset.columns, content=("sex", "age", "size"))
    project = replace(team.desk.project("pets"), dataset=replace(dataset, columns=columns))
    monkeypatch.setattr(team.desk, "project", lambda name: project)
    field = {"name": "age", "value": "3", "usual": "1 to 2", "note": "unusual for dog", "unusual": True}
    usual = {"name": "sex", "value": "m", "usual": "", "note": "", "unusual": False}
    table = {"kind": "tabular", "fields": [field, usual], "more": 0}  # the most unusual for its label first
    monkeypatch.setattr(items, "content", lambda board, place: table)
    [card] = cards(team, "ann", "pets", of, ["r0"])
    assert card["content"] == {"kind": "tabular", "fields": [["sex", "m"], ["age", "3"]]}
    picture = {"kind": "image", "full": "a", "thumb": "b", "size": [9, 9], "name": "dog/1.png", "boxes": None}
    monkeypatch.setattr(items, "content", lambda board, place: picture)
    [card] = cards(team, "ann", "pets", of, ["r0"])
    assert card["content"] == {"kind": "image", "full": "a", "size": [9, 9], "box": None}
    words = {
        "kind": "text",
        "text": "a b",
        "more": 0,
        "words": [["a", "cat"], ["b", ""]],
        "at": 0,
        "span": [0, 1],
    }
    monkeypatch.setattr(items, "content", lambda board, place: words)
    [card] = cards(team, "ann", "pets", of, ["r0"])
    assert card["content"] == {"kind": "text", "words": ["a", "b"], "at": 0}


def test_record__a_vote_of_a_browser(team: Team) -> None:
    of = opened(team)
    vote(team, of, "ann", "r0", "dog")
    vote(team, of, "ann", "r0", "cat")
    assert now(team, of).counts("r0") == {"given": 1}
    [wrong] = team.record("ann", [vote_event("pets", "", of.id, "r0", ("cat", "cow"), FIRST)])
    assert "other labels now" in wrong.refused
    forged = replace(of.event, op_id="forged", annotator="ann")
    assert "on one row of a round" in team.record("ann", [forged])[0].refused
    assert team.store.standings("pets") == {}


def test_apply__each_outcome_becomes_its_decision_and_decided_rows_stay(team: Team) -> None:
    of = opened(team)
    wanted = {
        "r0": ("dog", "dog"), "r1": ("both", "both"), "r2": ("neither", "neither"), "r3": ("cat", "dog"),
        "r6": ("fish", "fish"),
    }  # fmt: skip
    for row, said in wanted.items():
        for who, label in zip(("ann", "bob"), said, strict=True):
            vote(team, of, who, row, label)
    of = now(team, of)
    assert dict(sorted(outcomes(of).items())) == {
        "r0": Outcome.CORRECTABLE, "r1": Outcome.MULTI_LABEL, "r2": Outcome.NEITHER,
        "r3": Outcome.NON_AGREEMENT, "r6": Outcome.RIGHT,
    }  # fmt: skip
    team.record("eve", [Decision("pets", "r1", Action.KEEP, "eve", "cat", "eve1")])
    told = {
        step.action: (sorted(row for row, *_ in step.members), step.decided)
        for step in steps(team, "pets", of)
    }
    assert told == {
        Action.RELABEL: (["r0"], 0), Action.AMBIGUOUS: (["r3"], 1), Action.NEEDS_REVIEW: (["r2"], 0)
    }  # fmt: skip
    receipts = apply(team, "lea", "pets", of)
    assert [r.refused for r in receipts] == ["", "", ""]
    standings = team.store.standings("pets")
    found = {row: (s.settled.action, s.settled.label) for row, s in standings.items() if s.settled}
    assert found == {
        "r0": (Action.RELABEL, "dog"), "r1": (Action.KEEP, None), "r2": (Action.NEEDS_REVIEW, None),
        "r3": (Action.AMBIGUOUS, None),
    }  # fmt: skip
    assert standings["r0"].settled.reason == "validated by 2 votes"  # type: ignore[union-attr]
    assert apply(team, "lea", "pets", of) == []
    assert [s.action for s in steps(team, "pets", of, keep=True) if s.members] == [Action.KEEP]
    apply(team, "lea", "pets", of, keep=True)
    assert team.store.standings("pets")["r6"].settled.action is Action.KEEP  # type: ignore[union-attr]


def test_apply__a_row_that_is_labelled_anew_is_left_alone(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = opened(team)
    for who in ("ann", "bob"):
        vote(team, of, who, "r0", "dog")
    of = now(team, of)
    dataset = team.desk.project("pets").dataset
    labels = np.where(np.arange(8) == 0, 2, dataset.labels)
    project = replace(team.desk.project("pets"), dataset=replace(dataset, labels=labels))
    monkeypatch.setattr(team.desk, "project", lambda name: project)
    [step] = steps(team, "pets", of)
    assert (step.members, step.gone) == ((), 1)
    assert apply(team, "lea", "pets", of) == []
